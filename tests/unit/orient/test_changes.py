"""What was done on purpose is seen, named, and forgotten after a while."""

from dataclasses import replace
from datetime import timedelta

from services.orient.core.incidents.changes import LASTS, Changes, follow_changes
from shared.messages.inventory import Freshness, Inventory, KindFreshness, Pod, Workload
from shared.messages.observation import Observation
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.application import WorkloadKind
from shared.model.resources import Resources
from tests.support.builders import ARENA, FLEET, an_application, an_observation, cycle_at, later
from tests.support.objects_act import a_decision, a_move

RENDER = "xr/arena/render"


def observed(*pods: str, replicas: int = 1, seconds: float = 0, **more: object) -> Observation:
    inventory = Inventory(
        applications=(an_application(),),
        workloads=(
            Workload(
                namespace="xr",
                kind=WorkloadKind.DEPLOYMENT,
                name="render",
                replicas=replicas,
                ready_replicas=replicas,
                requests=Resources(cpu_cores=1.0, memory_bytes=1e9),
            ),
        ),
        pods=tuple(
            Pod(namespace="xr", name=name, workload="render", node="metro", ready=True)
            for name in pods
        ),
    )
    return replace(an_observation(at=later(seconds), inventory=inventory), **more)


def followed(*observations: Observation) -> Changes:
    changes = Changes()
    for observation in observations:
        changes = follow_changes(observation, changes)
    return changes


def test_from_a_first_sight_nothing_is_inferred() -> None:
    assert followed(observed("a")).recent == ()


def test_pods_that_were_replaced_are_a_rollout() -> None:
    changes = followed(observed("a"), observed("a", "b", seconds=15), observed("b", seconds=30))
    change = changes.of(RENDER)
    assert change is not None
    assert (change.what, change.at) == ("pods of xr/arena/render were replaced", later(30))
    assert changes.of("xr/arena/ingest") is None


def test_another_number_of_replicas_is_a_scaling() -> None:
    changes = followed(observed("a"), observed("a", "b", replicas=2, seconds=15))
    change = changes.of(RENDER)
    assert change is not None
    assert change.what == "xr/arena/render was scaled from 1 to 2"


def test_a_change_is_forgotten_after_a_while() -> None:
    late = LASTS.total_seconds()
    before, after = observed("a"), observed("b", seconds=15)
    assert followed(before, after, observed("b", seconds=14 + late)).of(RENDER) is not None
    assert followed(before, after, observed("b", seconds=15 + late)).of(RENDER) is None


def test_pods_that_cannot_be_seen_are_not_gone() -> None:
    kinds = (KindFreshness(kind="Pod", state=Freshness.LATE),)
    blind = observed(seconds=15)
    blind = replace(blind, inventory=replace(blind.inventory, kinds=kinds))
    assert followed(observed("a"), blind, observed("a", seconds=30)).recent == ()


def test_what_act_does_is_named_with_its_decision_until_a_while_after_its_end() -> None:
    move = a_move()
    decision = a_decision(move)

    def outcome(status: Status, *, dry_run: bool = False, ended: float | None = None) -> Outcome:
        finished_at = None if ended is None else later(ended)
        return Outcome(
            decision=decision.id,
            cycle=cycle_at(),
            fleet=FLEET,
            application=ARENA,
            at=later(0),
            status=status,
            dry_run=dry_run,
            actions=(ActionResult(action=move, status=status, finished_at=finished_at),),
        )

    def recent(*outcomes: Outcome) -> list[str]:
        return [c.what for c in followed(observed("a", outcomes=outcomes)).recent]

    told = f"decision {decision.id}: move render from metro to home"
    assert recent(outcome(Status.RUNNING)) == [told]
    assert recent(outcome(Status.SUCCEEDED, ended=-60)) == [told]
    assert recent(outcome(Status.SUCCEEDED, ended=-timedelta(minutes=6).total_seconds())) == []
    assert recent(outcome(Status.WAITING)) == []
    assert recent(outcome(Status.RUNNING, dry_run=True)) == []
