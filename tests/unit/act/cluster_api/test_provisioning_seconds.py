"""How long nodes took is counted phase by phase, for those actions that make nodes."""

from prometheus_client import REGISTRY

from services.act import telemetry
from shared.messages.outcome import ActionResult, Phase, Status
from shared.model.plan import CreateCluster, DeleteCluster
from tests.support.builders import NOW, later
from tests.support.objects_cluster_api import METRO

CREATE = CreateCluster(site=METRO, template="small", expected_minutes=10.0)


def seconds(phase: str) -> tuple[float, float]:
    """Return how often a phase was counted, and how long it took in all."""
    name, labels = "crossloop_act_provisioning_seconds", {"phase": phase}
    found = (REGISTRY.get_sample_value(f"{name}_{part}", labels) for part in ("count", "sum"))
    count, total = (value or 0.0 for value in found)
    return count, total


def test_each_machine_counts_under_the_name_of_its_phase() -> None:
    phases = (
        Phase(name="ready of m-1", at=later(20)),
        Phase(name="ready of m-2", at=later(30)),
    )
    count, total = seconds("ready")
    result = ActionResult(action=CREATE, status=Status.SUCCEEDED, started_at=NOW, phases=phases)
    telemetry.action_ended(result)
    assert seconds("ready") == (count + 2, total + 50)


def test_what_makes_no_nodes_or_never_began_is_not_counted() -> None:
    phases, before = (Phase(name="deleted", at=later(20)),), seconds("deleted")
    for action, at in ((DeleteCluster(site=METRO), NOW), (CREATE, None)):
        result = ActionResult(action=action, status=Status.SUCCEEDED, started_at=at, phases=phases)
        telemetry.action_ended(result)
    assert seconds("deleted") == before
