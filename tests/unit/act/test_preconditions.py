"""What speaks against beginning a move, asked of hand-made objects."""

from dataclasses import replace
from typing import Any

import pytest

from services.act.core.live import Live
from services.act.core.moving.marks import MARK
from services.act.core.moving.ownership import manager_of, why_not_ours_to_scale
from services.act.core.moving.preconditions import objection_to
from services.act.core.steps import Context
from shared.model.application import WorkloadKind, WorkloadRef
from shared.model.names import ClusterName
from shared.model.policy import FleetPolicy
from tests.support.builders import NOW, later
from tests.support.objects_act import (
    a_decision,
    a_deployment,
    a_foreign_cluster,
    a_move,
    a_node,
    a_pod,
    a_pod_of_set,
    a_scaler,
    a_stateful_set,
    an_insight_of,
    an_offloading,
    managed,
)

STRATEGY = ("spec", "strategy", "type")
PARTITION = ("spec", "updateStrategy", "rollingUpdate", "partition")
REPLICAS = ("spec", "replicas")
SET = WorkloadRef(kind=WorkloadKind.STATEFUL_SET, name="render")
SET_AT_METRO = tuple(a_pod_of_set(f"render-{n}", "metro") for n in range(3))
OF_SET = a_move("metro", "edge-north", workload=SET)
LOST = (a_foreign_cluster("metro", "Error"), a_foreign_cluster("edge-north"))


def live(**changes: Any) -> Live:
    """Return a StatefulSet that stands healthy on metro."""
    return replace(
        Live(
            home=ClusterName("home"),
            workload=a_stateful_set("render"),
            pods=SET_AT_METRO,
            nodes=(a_node("metro", "metro"), a_node("edge-north", "edge-north")),
            foreign_clusters=(a_foreign_cluster("metro"), a_foreign_cluster("edge-north")),
            offloading=an_offloading("metro", "edge-north"),
        ),
        **changes,
    )


def context(*, seconds: float = 1.0, allow_double_run: bool = False) -> Context:
    """Return what a move is judged by, so many seconds after its decision."""
    policy = FleetPolicy(allow_double_run=allow_double_run)
    return Context(
        now=later(seconds),
        decision=a_decision().id,
        deadline_at=later(120),
        insight=an_insight_of(at=NOW, stands_on="metro", policy=policy),
    )


def objection(seen: Live, **changes: Any) -> str:
    """Return what speaks against the move of a StatefulSet, or nothing."""
    found = objection_to(OF_SET, seen, context(**changes))
    return found.reason if found else ""


def a_set(strategy: dict[str, Any]) -> dict[str, Any]:
    return a_stateful_set("render", updateStrategy=strategy)


def test_a_healthy_stateful_set_without_volumes_may_move() -> None:
    assert objection(live()) == ""


@pytest.mark.parametrize(
    ("workload", "reason"),
    [
        (a_set({"type": "OnDelete"}), "only when a person deletes them (OnDelete)"),
        (
            a_set({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}),
            "StatefulSet render takes away 2 pods at once (maxUnavailable)",
        ),
        (
            a_set({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}),
            "takes away 2 pods at once",
        ),
        (
            a_set({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
            "StatefulSet render is held at partition 2 by its owner",
        ),
        (
            managed(a_stateful_set("render"), "argocd", "Apply", *PARTITION),
            "the partition of StatefulSet render is applied by argocd",
        ),
        (
            managed(a_stateful_set("render"), "argocd", "Apply", *REPLICAS),
            "the replicas of render are applied by argocd",
        ),
        (
            a_stateful_set("render", volumeClaimTemplates=[{"metadata": {"name": "data"}}]),
            "bound by the volume claim template data",
        ),
    ],
)
def test_a_stateful_set_that_cannot_be_exchanged_pod_by_pod_is_refused(
    workload: dict[str, Any], reason: str
) -> None:
    assert reason in objection(live(workload=workload))


def test_replicas_kept_by_an_autoscaler_are_not_ours_to_change() -> None:
    kept = live(scalers=(a_scaler("Deployment", "render"), a_scaler("StatefulSet", "render")))

    assert objection(kept) == ("the replicas of render are kept by HorizontalPodAutoscaler by-load")
    assert objection(live(scalers=(a_scaler("Deployment", "render"),))) == ""


def test_who_wrote_the_replicas_once_does_not_keep_them() -> None:
    once = managed(a_stateful_set("render"), "kubectl-client-side-apply", "Update", *REPLICAS)

    assert objection(live(workload=once)) == ""


def test_a_partition_left_by_a_move_that_failed_is_no_owner_s() -> None:
    left = a_set({"type": "RollingUpdate", "rollingUpdate": {"partition": 3}})
    left["metadata"]["annotations"] = {
        MARK: '{"decision":"d","component":"render","source":"metro","target":"home",'
        '"previous":null,"startedAt":"2026-11-24T07:00:00Z","back":false,"strategy":false,'
        '"replicas":3}'
    }

    assert objection(live(workload=left)) == ""


@pytest.mark.parametrize("allow_double_run", [False, True])
def test_a_stateful_set_leaves_a_lost_cluster_only_where_a_double_run_is_allowed(
    allow_double_run: bool,
) -> None:
    told = objection(live(foreign_clusters=LOST), allow_double_run=allow_double_run)

    assert (told == "") is allow_double_run
    assert allow_double_run or "the fleet's policy does not allow a double run" in told


@pytest.mark.parametrize(
    ("managers", "reason"),
    [
        ((("helm", "Update"), ("argocd", "Apply")), "argocd has Deployment render delete its pods"),
        ((("helm", "Update"),), "let its strategy be RollingUpdate instead of Recreate"),
        ((("crossloop-act", "Apply"),), ""),
    ],
)
def test_a_deployment_somebody_has_recreated_is_refused_with_what_to_do(
    managers: tuple[tuple[str, str], ...], reason: str
) -> None:
    workload = a_deployment("render", strategy={"type": "Recreate"})
    for manager, operation in managers:
        workload = managed(workload, manager, operation, *STRATEGY)
    pods = tuple(a_pod(f"render-{n}", "metro") for n in range(3))
    found = objection_to(
        a_move("metro", "edge-north"), live(workload=workload, pods=pods), context()
    )

    assert reason in (found.reason if found else "")
    assert bool(found) is bool(reason)


def test_a_pool_that_takes_no_pods_is_refused() -> None:
    found = objection_to(replace(OF_SET, pool="gpu"), live(), context())

    assert found is not None
    assert (found.reason, found.passing) == ("edge-north has no virtual node gpu", False)


def back_since(name: str) -> dict[str, Any]:
    """Return a virtual node that is Ready again since NOW."""
    node = a_node(name, name)
    node["metadata"]["creationTimestamp"] = later(-900).isoformat()
    node["status"]["conditions"][0]["lastTransitionTime"] = NOW.isoformat()
    return node


@pytest.mark.parametrize("cluster", ["metro", "edge-north"])
def test_a_move_from_or_to_a_cluster_that_just_came_back_waits(cluster: str) -> None:
    other = "metro" if cluster == "edge-north" else "edge-north"
    nodes = (back_since(cluster), a_node(other, other))
    found = objection_to(OF_SET, live(nodes=nodes), context(seconds=14))

    assert found is not None
    assert found.passing
    assert objection_to(OF_SET, live(nodes=nodes), context(seconds=15)) is None


def test_a_target_whose_virtual_kubelet_is_silent_is_waited_for() -> None:
    lease = {"metadata": {"name": "edge-north"}, "spec": {"renewTime": NOW.isoformat()}}

    found = objection_to(OF_SET, live(leases=(lease,)), context(seconds=41))

    assert found is not None
    assert (found.reason, found.passing) == (
        "the virtual kubelet of edge-north is silent since 41 s",
        True,
    )


def test_fields_nobody_is_recorded_for_have_no_manager() -> None:
    assert manager_of(a_deployment("render"), *STRATEGY) == ""
    assert why_not_ours_to_scale({**a_deployment("render"), "kind": "Deployment"}, ()) == ""


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
def test_the_kind_of_a_workload_counts_where_it_is_told(kind: str) -> None:
    workload = {**a_stateful_set("render"), "kind": kind}

    told = why_not_ours_to_scale(workload, (a_scaler("StatefulSet", "render"),))

    assert bool(told) is (kind == "StatefulSet")
