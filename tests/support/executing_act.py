"""Act's executor over the cluster in memory, until a plan ends."""

from collections.abc import Callable

from services.act.board import Board
from services.act.core.admission import Admitted, admit
from services.act.core.ledger import Ledger
from services.act.core.ledger_json import ledger_json, read_ledger
from services.act.core.objects import APPLICATION, Ref, is_going
from services.act.executor import Executor
from services.act.outbox import Outbox
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.model.policy import FleetPolicy
from shared.runtime.following import Listed
from tests.support.builders import FLEET, NOW
from tests.support.fakes_act import FakeClusterApi, KilledError, a_ground
from tests.support.objects_act import an_insight_of

APPLICATION_REF = Ref(kind=APPLICATION, namespace="xr", name="arena")
Latency = Callable[[str], float | None]
"""What visitors get, by the cluster on which render stands."""
PAUSE = Control(fleet=FLEET, paused=True, by="ann", reason="demo", at=NOW)


def good(_: str) -> float | None:
    """Return a latency within the budget, wherever it stands."""
    return 12.0


def bad_at_home(cluster: str) -> float | None:
    """Return a latency worse than before where the move leads."""
    return 30.0 if cluster == "home" else 21.0


def admitted(api: FakeClusterApi, decision: Decision) -> FakeClusterApi:
    """Return the cluster with the decision's plan in the ledger."""
    admission = admit(decision, None, now=api.at, paused=False, policy=FleetPolicy())
    assert isinstance(admission, Admitted)
    obj = dict(api.objects[APPLICATION_REF])
    obj["status"] = {"plan": ledger_json(admission.ledger)}
    api.put(APPLICATION_REF, obj)
    return api


def seen(api: FakeClusterApi, latency: Latency) -> Insight:
    """Return what the loop would see of the cluster now."""
    staying = [pod for pod in api.pods() if not is_going(pod)]
    clusters = {api.cluster_of(pod) for pod in staying}
    stands_on = clusters.pop() if len(clusters) == 1 else "nowhere"
    return an_insight_of(
        at=api.at, stands_on=stands_on, latency_ms=latency(stands_on), interval_seconds=2.0
    )


def awake(api: FakeClusterApi, control: Control | None = None) -> Executor:
    """Return an Act that has just started."""
    board = Board(fleet=FLEET, sites_listed=True, control=control)
    board.hear(Listed(objects=(api.objects[APPLICATION_REF],)))
    return Executor(api=api, board=board, outbox=Outbox(board), now=api.now, ground=a_ground())


def ledger_in(api: FakeClusterApi) -> Ledger:
    """Return the ledger as Kubernetes has it."""
    ledger = read_ledger(api.objects[APPLICATION_REF])
    assert ledger is not None
    return ledger


async def go_on(
    api: FakeClusterApi,
    until: Callable[[FakeClusterApi], bool],
    *,
    latency: Latency = good,
    control: Control | None = None,
    passes: int = 400,
) -> None:
    """Let Act and the cluster go on until something holds; a killed Act is started again."""
    executor = awake(api, control)
    for _ in range(passes):
        executor.board.insight = seen(api, latency)
        try:
            await executor.advance_all()
        except* KilledError:
            executor = awake(api, control)
        if until(api):
            return
        api.tick()
    raise AssertionError(f"still {ledger_in(api)}")


async def carry_out(api: FakeClusterApi, latency: Latency = good) -> Ledger:
    """Let Act and the cluster go on until the plan ends, and return the ledger."""
    await go_on(api, lambda api: not ledger_in(api).is_under_way, latency=latency)
    return ledger_in(api)
