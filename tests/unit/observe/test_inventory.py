from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.observe.core.inventory import read_inventory
from services.observe.core.reader import Listed
from shared.messages.inventory import Freshness, Inventory
from shared.model.application import Autonomy, Limits
from shared.model.names import ClusterName, FleetName
from shared.model.policy import Detector, Detectors, FleetPolicy, Missing
from shared.model.resources import Resources
from tests.support.builders import FLEET
from tests.support.fakes_observe import (
    Raw,
    raw_application,
    raw_foreign_cluster,
    raw_node,
    raw_pod,
    raw_site,
    raw_workload,
    some_lists,
    some_objects,
)


def read(fleet: FleetName = FLEET, **kinds: list[Raw]) -> Inventory:
    return read_inventory(some_lists({**some_objects("metro"), **kinds}), fleet)


def problems_of(spec: dict[str, Any]) -> list[tuple[str, str]]:
    inventory = read(Application=[raw_application(**spec)])
    assert inventory.applications == ()
    assert {p.kind for p in inventory.problems} == {"Application"}
    assert {p.name for p in inventory.problems} == {"xr/arena"}
    return [(p.field, p.message) for p in inventory.problems]


def a_raw_group(**changes: Any) -> Raw:
    return {"group": "visitors", "site": "venue", "path": ["ingest", "render"], **changes}


def test_a_good_fleet_has_no_problem() -> None:
    inventory = read()
    assert inventory.problems == ()
    assert [a.name for a in inventory.applications] == ["xr/arena"]
    assert [s.name for s in inventory.sites] == ["home", "metro"]
    assert {k.state for k in inventory.kinds} == {Freshness.FRESH}
    assert [(n.name, n.cluster, n.virtual) for n in inventory.nodes] == [
        ("home-node-1", "home", False),
        ("liqo-metro", "metro", True),
    ]


def test_a_component_knows_the_replicas_and_requests_of_its_workload() -> None:
    container = {"resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "2Gi", "cpu": 9}}}
    gpu = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    template = {"spec": {"containers": [container, gpu]}}
    workload = raw_workload("ingest", replicas=3, template=template)
    component = read(Deployment=[workload, raw_workload("render")]).applications[0].components[0]
    assert component.requests == Resources(cpu_cores=0.25, memory_bytes=2 * 1024**3, gpus=1.0)
    assert (component.replicas, component.min_replicas, component.max_replicas) == (3, 1, 3)


def test_a_stateful_set_can_run_a_component() -> None:
    workload = {"kind": "StatefulSet", "name": "store"}
    inventory = read(
        Application=[raw_application(components=[{"name": "s", "workload": workload}], flows=[],
                                     users=[a_raw_group(path=["s"])])],
        StatefulSet=[raw_workload("store", volumeClaimTemplates=[{}])],
    )  # fmt: skip
    assert inventory.problems == ()
    assert [(w.name, w.kind, w.uses_local_storage) for w in inventory.workloads] == [
        ("ingest", "Deployment", False),
        ("render", "Deployment", False),
        ("store", "StatefulSet", True),
    ]


def test_a_flow_may_say_how_large_its_packets_are() -> None:
    flow = {"from": "ingest", "to": "render", "mbps": 1}
    for declared, known in (({}, None), ({"packetBytes": 1400}, 1400)):
        application = raw_application(flows=[flow | declared])
        (found,) = read(Application=[application]).applications
        assert found.flows[0].packet_bytes == known


def test_pods_know_their_workload() -> None:
    unhashed = raw_pod("render-77fd9-b", "render", "")
    unhashed["metadata"]["labels"] = None
    ordered = raw_pod("store-0", "", "home-node-1")
    ordered["metadata"]["ownerReferences"] = [{"kind": "StatefulSet", "name": "store"}]
    job = raw_pod("job-1", "", "home-node-1")
    job["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "job"}]
    dashed = raw_pod("a-b-77fd9-x", "a-b", "home-node-1")
    inventory = read(Pod=[unhashed, ordered, job, dashed])
    assert {p.name: p.workload for p in inventory.pods} == {
        "render-77fd9-b": "render",
        "store-0": "store",
        "a-b-77fd9-x": "a-b",
    }


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"phase": "Failed", "reason": "OffloadingAborted"}, "OffloadingAborted"),
        (
            {
                "phase": "Pending",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
                ],
            },
            "Unschedulable",
        ),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
            "CrashLoopBackOff",
        ),
        ({}, ""),
    ],
)
def test_a_pod_that_does_not_run_says_why(status: Raw, reason: str) -> None:
    (pod,) = read(Pod=[raw_pod("ingest-77fd9-a", "ingest", "n", status=status)]).pods
    assert not pod.ready
    assert pod.reason == reason


def test_a_pod_with_a_deletion_time_is_terminating() -> None:
    pod = raw_pod("ingest-77fd9-a", "ingest", "n")
    pod["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z"
    assert read(Pod=[pod]).pods[0].terminating


def test_other_namespaces_are_left_out() -> None:
    other = raw_workload("other")
    other["metadata"]["namespace"] = "elsewhere"
    assert "other" not in {w.name for w in read(Deployment=[other]).workloads}


def test_liqo_says_how_peers_and_namespaces_are() -> None:
    broken = raw_foreign_cluster("metro", "Error")
    broken["status"]["modules"]["networking"] = {
        "conditions": [{"type": "NetworkConnectionStatus", "status": "Established"}]
    }
    yes, no = {"type": "Ready", "status": "True"}, {"type": "Ready", "status": "False"}
    required = {"type": "OffloadingRequired", "status": "True"}
    offloading = {
        "metadata": {"namespace": "xr", "name": "offloading"},
        "status": {
            "offloadingPhase": "Ready",
            "remoteNamespacesConditions": {"b": [required, yes], "a": [yes, no], "c": [required]},
        },
    }
    inventory = read(ForeignCluster=[broken], NamespaceOffloading=[offloading])
    (peer,) = inventory.foreign_clusters
    assert (peer.cluster, peer.api_server, peer.network) == ("metro", "Error", "Established")
    (stretched,) = inventory.offloadings
    assert (stretched.namespace, stretched.phase) == ("xr", "Ready")
    assert stretched.ready_clusters == ("b",)


def test_the_policy_is_the_one_named_as_the_fleet() -> None:
    spec = {
        "guardBandRatio": 0.2,
        "persistence": {"needed": 3, "of": 5},
        "defaultLimits": {"movesPerHour": 2, "cooldownSeconds": 60},
        "missing": [{"signal": "link_jitter_ms", "meaning": "ignore"}],
        "moveTimeoutSeconds": 30,
        "capacityAutonomy": "approve",
        "allowDoubleRun": True,
        "detectors": {"link": "isolation-forest", "cluster": "local-outlier-factor"},
    }
    mine = {"metadata": {"name": "default"}, "spec": spec}
    inventory = read(FleetPolicy=[{"metadata": {"name": "other"}, "spec": {}}, mine])
    policy = inventory.policy
    assert (policy.guard_band_ratio, policy.persistence_needed, policy.persistence_of) == (
        0.2,
        3,
        5,
    )
    assert policy.meaning_of_missing("link_jitter_ms") is Missing.IGNORE
    assert policy.move_timeout == timedelta(seconds=30)
    assert policy.capacity_autonomy is Autonomy.APPROVE
    assert policy.allow_double_run
    assert policy.detectors == Detectors(
        link=Detector.ISOLATION_FOREST, cluster=Detector.LOCAL_OUTLIER_FACTOR
    )
    assert policy.decision_lifetime == FleetPolicy().decision_lifetime
    assert inventory.applications[0].limits == Limits(
        moves_per_hour=2, cooldown=timedelta(minutes=1)
    )


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"persistence": {"needed": 4, "of": 3}}, "spec.persistence.needed"),
        ({"missing": [{"signal": "mood"}]}, "spec.missing[0].signal"),
        ({"guardBandRatio": 1}, "spec.guardBandRatio"),
        ({"soakCycles": 1.5}, "spec.soakCycles"),
        ({"capacityAutonomy": "yolo"}, "spec.capacityAutonomy"),
        ({"detectors": {"node": "oracle"}}, "spec.detectors.node"),
        ({"defaultLimits": {"maintenanceWindows": [{"start": "22:00", "end": "24:30"}]}},
         "spec.defaultLimits.maintenanceWindows[0].end"),
        ({"defaultLimits": {"maintenanceWindows": [{"days": ["Someday"]}]}},
         "spec.defaultLimits.maintenanceWindows[0].days[0]"),
        ({"defaultLimits": {"maintenanceWindows": [{"start": "22:00", "end": "22:00"}]}},
         "spec.defaultLimits.maintenanceWindows[0].end"),
    ],
)  # fmt: skip
def test_a_bad_policy_leaves_the_defaults(spec: Raw, field: str) -> None:
    inventory = read(FleetPolicy=[{"metadata": {"name": "default"}, "spec": spec}])
    assert inventory.policy == FleetPolicy()
    assert [(p.kind, p.field) for p in inventory.problems] == [("FleetPolicy", field)]


def test_limits_of_an_application_fill_up_from_the_policy() -> None:
    window = {"days": ["Sun", "Mon"], "start": "22:00", "end": "24:00"}
    policy = {"metadata": {"name": "default"}, "spec": {"defaultLimits": {"movesPerHour": 2}}}
    application = raw_application(limits={"maintenanceWindows": [window]})
    (found,) = read(Application=[application], FleetPolicy=[policy]).applications
    (only,) = found.limits.windows
    assert (only.days, only.start_minute, only.end_minute) == ((0, 6), 1320, 1440)
    assert found.limits.moves_per_hour == 2


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"components": []}, "spec.components", "is missing"),
        ({"components": "ingest"}, "spec.components", "must be a list"),
        ({"autonomy": "wild"}, "spec.autonomy",
         "must be one of shadow, advise, approve, auto, not wild"),
        ({"users": [a_raw_group(budgetMs=0)]}, "spec.users[0].budgetMs",
         "must be more than 0, not 0"),
        ({"users": [a_raw_group(budgetMs="15")]}, "spec.users[0].budgetMs",
         "must be a number, not '15'"),
        ({"users": [a_raw_group(targetRatio=1.5)]}, "spec.users[0].targetRatio",
         "must be from 0 to 1, not 1.5"),
        ({"users": [a_raw_group(path=[])]}, "spec.users[0].path", "is missing"),
        ({"users": [a_raw_group(path=["ingest", "gone"])]}, "spec.users[0].path[1]",
         "there is no component gone"),
        ({"users": [a_raw_group(path=["ingest", "render", "ingest"])]}, "spec.users[0].path[2]",
         "passes ingest a second time: a path has no cycle"),
        ({"users": [a_raw_group(back=["gone"])]}, "spec.users[0].back[0]",
         "there is no component gone"),
        ({"users": [a_raw_group(site="moon")]}, "spec.users[0].site",
         "no Site says how far it is from user site moon"),
        ({"users": [a_raw_group(siteMetric="x")]}, "spec.users[0].siteMetric",
         "must not be given beside site: give one of them"),
        ({"users": [a_raw_group(), a_raw_group()]}, "spec.users[1].group",
         "visitors is there a second time"),
        ({"flows": [{"from": "ingest", "to": "ingest", "mbps": 1}]}, "spec.flows[0].to",
         "a flow from ingest to itself"),
        ({"flows": [{"from": "ingest", "to": "render", "mbps": 1}] * 2}, "spec.flows[1]",
         "the flow from ingest to render is there a second time"),
        ({"components": [1]}, "spec.components[0]", "must be an object"),
        ({"users": [a_raw_group(path=[1])]}, "spec.users[0].path[0]", "must be a text"),
        ({"autonomy": 1}, "spec.autonomy", "must be a text, not 1"),
        ({"flows": [{"from": "ingest", "to": "gone", "mbps": 1}]}, "spec.flows[0].to",
         "there is no component gone"),
        ({"flows": [{"from": "ingest", "to": "render"}]}, "spec.flows[0].mbps", "is missing"),
        ({"flows": [{"from": "ingest", "to": "render", "mbps": 1, "mbpsMetric": "x"}]},
         "spec.flows[0].mbpsMetric", "must not be given beside mbps: give one of them"),
        ({"flows": [{"from": "ingest", "to": "render", "mbps": float("inf")}]},
         "spec.flows[0].mbps", "must be at least 0, not inf"),
        ({"flows": [{"from": "ingest", "to": "render", "mbps": float("nan")}]},
         "spec.flows[0].mbps", "must be at least 0, not nan"),
        ({"flows": [{"from": "ingest", "to": "render", "mbps": -400}]},
         "spec.flows[0].mbps", "must be at least 0, not -400"),
        ({"flows": [{"from": "ingest", "to": "render", "mbps": 1, "packetBytes": 65508}]},
         "spec.flows[0].packetBytes", "must be from 1 to 65507, not 65508"),
    ],
)  # fmt: skip
def test_a_bad_application_says_where_and_why(spec: Raw, field: str, message: str) -> None:
    assert problems_of(spec) == [(field, message)]


@pytest.mark.parametrize(
    ("component", "field", "message"),
    [
        ({"workload": {"name": "gone"}}, "workload.name",
         "there is no Deployment gone in namespace xr"),
        ({"workload": {"name": "render"}}, "workload.name",
         "Deployment render runs another component already"),
        ({"workload": {"kind": "DaemonSet", "name": "x"}}, "workload.kind",
         "must be one of Deployment, StatefulSet, not DaemonSet"),
        ({"replicas": {"min": 3, "max": 2}}, "replicas.max", "must be at least 3, not 2"),
        ({"placement": {"clusters": {"allow": ["home", "moon"]}}}, "placement.clusters.allow[1]",
         "there is no Site moon"),
        ({"placement": {"clusters": {"allow": ["home"], "forbid": ["home"]}}}, "placement",
         "leaves no Site for ingest: clusters allow home; clusters forbid home"),
        ({"placement": {"regions": {"allow": ["abroad"]}, "owners": {"forbid": ["them"]}}},
         "placement", "leaves no Site for ingest: regions allow abroad; owners forbid them"),
        ({"replicas": {"min": -1}}, "replicas.min", "must be at least 0, not -1"),
        ({"processing": {"milliseconds": float("nan")}}, "processing.milliseconds",
         "must be at least 0, not nan"),
        ({"processing": {"metric": "x", "milliseconds": 1}}, "processing.metric",
         "must not be given beside milliseconds: give one of them"),
        ({"name": "render"}, "name", "render is there a second time"),
    ],
)  # fmt: skip
def test_a_bad_component_says_where_and_why(component: Raw, field: str, message: str) -> None:
    render = {"name": "render", "workload": {"name": "render"}}
    bad = {"name": "ingest", "workload": {"name": "ingest"}, **component}
    spec = {"components": [render, bad], "flows": [], "users": [a_raw_group(path=["render"])]}
    assert problems_of(spec) == [(f"spec.components[1].{field}", message)]


def test_all_that_is_wrong_is_told_at_once() -> None:
    spec = {
        "flows": [{"from": "a", "to": "b", "mbps": 1}],
        "users": [a_raw_group(site="moon")],
    }
    assert [field for field, _ in problems_of(spec)] == [
        "spec.flows[0].from",
        "spec.flows[0].to",
        "spec.users[0].site",
    ]


def test_of_two_applications_with_one_workload_the_older_keeps_it() -> None:
    younger = raw_application("ball")
    younger["metadata"]["creationTimestamp"] = "2026-11-24T06:30:00Z"
    inventory = read(Application=[younger, raw_application()])
    assert [a.name for a in inventory.applications] == ["xr/arena"]
    assert {(p.name, p.message) for p in inventory.problems} == {
        ("xr/ball", "Deployment ingest belongs to Application xr/arena already"),
        ("xr/ball", "Deployment render belongs to Application xr/arena already"),
    }


def test_what_cannot_be_told_is_said_to_be_so() -> None:
    lists = [
        Listed(kind=x.kind, state=Freshness.ABSENT) if x.kind == "Deployment" else x
        for x in some_lists()
    ]
    inventory = read_inventory(lists, FLEET)
    assert inventory.applications == ()
    assert inventory.problems[0].message == (
        "there is no Deployment ingest in namespace xr, as far as can be told:"
        " the list of Deployments is not up to date"
    )


def test_a_site_may_be_a_user_site() -> None:
    (found,) = read(Application=[raw_application(users=[a_raw_group(site="metro")])]).applications
    assert found.users[0].site == "metro"


def test_kinds_that_were_never_listed_are_absent() -> None:
    inventory = read_inventory((), FLEET)
    assert inventory.applications == ()
    assert {(k.state, k.reason) for k in inventory.kinds} == {(Freshness.ABSENT, "not listed yet")}


def test_a_fleet_sees_only_its_own_objects() -> None:
    render = {"name": "render", "workload": {"name": "render"}}
    users = [a_raw_group(path=["render"])]
    theirs = raw_application("theirs", components=[render], flows=[], users=users)
    theirs["metadata"]["labels"] = {"crossloop.dev/fleet": "other"}
    theirs["metadata"]["creationTimestamp"] = "2026-11-24T06:30:00Z"
    site = raw_site("moon", home=True)
    site["metadata"]["labels"] = {"crossloop.dev/fleet": "other"}
    kinds = {"Application": [raw_application(), theirs], "Site": [*some_objects()["Site"], site]}
    assert [a.name for a in read(**kinds).applications] == ["xr/arena"]
    other = read(FleetName("other"), **kinds)
    assert [s.name for s in other.sites] == ["moon"]
    assert [(p.name, p.message) for p in other.problems] == [
        ("xr/theirs", "Deployment render belongs to Application xr/arena already")
    ]


@pytest.mark.parametrize(
    ("phase", "expected"),
    [("running", ("xr/arena",)), ("waiting", ("xr/arena",)), ("succeeded", ()), ("failed", ())],
)
def test_an_application_with_a_plan_that_is_not_finished_is_under_way(
    phase: str, expected: tuple[str, ...]
) -> None:
    application = raw_application()
    application["status"] = {"plan": {"phase": phase}}
    assert read(Application=[application]).under_way == expected


def test_a_workload_whose_requests_cannot_be_read_is_a_problem() -> None:
    inventory = read(Deployment=[raw_workload("ingest", cpu="lots"), raw_workload("render")])
    (problem, missing) = inventory.problems[1], inventory.problems[0]
    assert problem.field == "spec.template.spec.containers[0].resources.requests.cpu"
    assert problem.message == "is no quantity: 'lots'"
    assert missing.message == "there is no Deployment ingest in namespace xr"


@pytest.mark.parametrize(
    ("cpu", "message"),
    [("-1", "must be at least 0, not -1"), ("1e999", "must be at least 0, not inf")],
)
def test_a_workload_whose_requests_cannot_be_is_a_problem_and_harms_no_other(
    cpu: str, message: str
) -> None:
    other = raw_application("other", components=[{"name": "r", "workload": {"name": "render"}}],
                            flows=[], users=[a_raw_group(path=["r"])])  # fmt: skip
    mine = raw_application(components=[{"name": "i", "workload": {"name": "ingest"}}],
                           flows=[], users=[a_raw_group(path=["i"])])  # fmt: skip
    inventory = read(
        Application=[mine, other],
        Deployment=[raw_workload("ingest", cpu=cpu), raw_workload("render")],
    )
    missing, bad = inventory.problems
    assert (missing.kind, missing.name) == ("Application", "xr/arena")
    assert (bad.kind, bad.name, bad.message) == ("Deployment", "xr/ingest", message)
    assert bad.field == "spec.template.spec.containers[0].resources.requests.cpu"
    assert [a.name for a in inventory.applications] == ["xr/other"]


def test_a_pod_that_waits_for_a_container_that_runs_says_nothing() -> None:
    status = {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}
    assert read(Pod=[raw_pod("ingest-77fd9-a", "ingest", "n", status=status)]).pods[0].reason == ""


def test_a_virtual_node_without_a_cluster_is_a_problem() -> None:
    node = raw_node("liqo-x", cluster="x")
    del node["metadata"]["labels"]["liqo.io/remote-cluster-id"]
    inventory = read(Node=[node, raw_node("home-node-1")])
    assert [n.name for n in inventory.nodes] == ["home-node-1"]
    assert [(p.kind, p.field) for p in inventory.problems] == [
        ("Node", "metadata.labels.liqo.io/remote-cluster-id")
    ]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "min", "from", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
FIELDS = ("components", "flows", "users", "autonomy", "limits")


@given(field=st.sampled_from(FIELDS), junk=JUNK)
def test_a_bad_application_never_harms_another(field: str, junk: Any) -> None:
    odd = raw_application("odd", **{field: junk})
    if field != "components":
        odd["spec"]["components"] = [{"name": "odd", "workload": {"name": "odd"}}]
    objects = {**some_objects("metro"), "Application": [raw_application(), odd]}
    inventory = read_inventory(some_lists(objects), FLEET)
    alone = read_inventory(some_lists(some_objects("metro")), FLEET)
    assert alone.applications[0] in inventory.applications
    assert {p.name for p in inventory.problems} <= {"xr/odd"}
    assert any(p.name == "xr/odd" for p in inventory.problems)
    assert all(p.field and p.message for p in inventory.problems)


@given(metadata=JUNK, spec=JUNK, status=JUNK, kind=st.sampled_from(sorted(some_objects())))
def test_no_object_whatever_it_holds_breaks_the_inventory(
    metadata: Any, spec: Any, status: Any, kind: str
) -> None:
    objects = some_objects("metro")
    odd = {"metadata": metadata, "spec": spec, "status": status}
    inventory = read_inventory(some_lists({**objects, kind: [*objects[kind], odd]}), FLEET)
    assert ClusterName("home") in {site.name for site in inventory.sites}
    assert "xr/arena" in {a.name for a in inventory.applications}
