"""A move from metro, made of hand-made objects, and its next step."""

import json
from dataclasses import replace
from typing import Any

from services.act.core.ledger import Entry
from services.act.core.live import Live
from services.act.core.moving.marks import MARK
from services.act.core.moving.move import next_of_move
from services.act.core.steps import Context, Next, Progress
from shared.messages.insight import Insight
from shared.messages.outcome import Status
from shared.model.names import ClusterName
from shared.model.plan import Move
from tests.support.builders import NOW, later
from tests.support.objects_act import (
    AN_EXPECTATION,
    a_decision,
    a_deployment,
    a_foreign_cluster,
    a_move,
    a_node,
    a_pod,
    an_insight_of,
    an_offloading,
    pinned_to,
)

HOME = ClusterName("home")
NODES = (a_node("metro", "metro"), a_node("edge-north", "edge-north"))
PEERS = (a_foreign_cluster("metro"), a_foreign_cluster("edge-north"))
AT_METRO = tuple(a_pod(f"render-{n}", "metro") for n in range(3))
AT_HOME = tuple(a_pod(f"render-h{n}", "home-node-1") for n in range(3))
RUNNING = Entry(action=a_move(), status=Status.RUNNING, started_at=NOW)
SERVING = replace(RUNNING, serving_at=NOW)
GOING_BACK = replace(RUNNING, back_at=NOW, message="worse")


def live(**changes: Any) -> Live:
    """Return healthy objects before a move from metro."""
    return replace(
        Live(
            home=HOME,
            workload=a_deployment("render"),
            pods=AT_METRO,
            nodes=NODES,
            foreign_clusters=PEERS,
            offloading=an_offloading("metro", "edge-north"),
        ),
        **changes,
    )


def marked(cluster: str = "home", *, back: bool = False, **spec: Any) -> dict[str, Any]:
    """Return the Deployment as the move left it."""
    deployment = a_deployment("render", cluster=cluster, **spec)
    mark = {
        "decision": a_decision().id,
        "component": "render",
        "source": "metro",
        "target": "home",
        "previous": pinned_to("metro")["nodeAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]["nodeSelectorTerms"],
        "startedAt": NOW.isoformat(),
        "back": back,
        "strategy": False,
    }
    deployment["metadata"]["annotations"] = {MARK: json.dumps(mark)}
    return deployment


def step(
    entry: Entry | None = None,
    *,
    live: Live,
    seconds: float = 1.0,
    insight: Insight | None = None,
    move: Move | None = None,
) -> Next:
    """Return what comes next, so many seconds after the decision."""
    move = move or a_move()
    context = Context(
        now=later(seconds),
        decision=a_decision().id,
        deadline_at=later(120),
        insight=insight or an_insight_of(at=NOW, stands_on="metro"),
        expectations=(AN_EXPECTATION,),
    )
    return next_of_move(move, entry or Entry(action=move), live, context)


def progress(following: Next) -> Entry:
    """Return the entry of what has to be progress."""
    assert isinstance(following, Progress), following
    return following.entry


def pending(**status: Any) -> Live:
    """Return a move to edge-north whose first copy does not start."""
    pod = a_pod("render-e0", "edge-north", ready=False, **status)
    deployment = marked("edge-north")
    mark = json.loads(deployment["metadata"]["annotations"][MARK])
    deployment["metadata"]["annotations"][MARK] = json.dumps({**mark, "target": "edge-north"})
    return live(workload=deployment, pods=(*AT_METRO, pod))


DONE = live(workload=marked(), pods=AT_HOME)
