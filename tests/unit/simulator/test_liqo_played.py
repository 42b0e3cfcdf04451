"""Liqo as the simulator plays it on an API server: losses, leases, namespaces, and their traps."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.model.quantities import parse_quantity
from shared.runtime.clock import now
from shared.runtime.kubernetes import connect
from simulator.controllers import running
from simulator.controllers.kubelet import GONE, START, STOP
from simulator.controllers.nodes import UNAVAILABLE
from simulator.controllers.providers import READINESS, REAL_NODES, STATE
from simulator.events import ClusterEvent, Event, ProviderEvent
from simulator.kubernetes import ApiServer, write_kubeconfig
from simulator.kubernetes.api import Ref, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    condition_of,
    dig,
    is_going,
    is_true,
    labels_of,
    name_of,
)
from simulator.kubernetes.resources import (
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    Resource,
)
from simulator.kubernetes.status import StatusError
from simulator.liqo import Liqo
from simulator.start import install_kinds
from simulator.world import World
from tests.support.worlds import a_world_of

BY = Writer(manager="test")
DESIRED, CURRENT = ("spec", "desiredMapping"), ("status", "currentMapping")
SPEED = 200.0
"""Of the controllers; Liqo's own time stands where a test puts it."""


@dataclass(slots=True)
class Played:
    """A fleet with Liqo, whose simulated time a test moves on."""

    server: ApiServer
    world: World
    seconds: float = 0.0

    def kind(self, plural: str, group: str = "offloading.liqo.io") -> Resource:
        """Return a resource of Liqo's."""
        return next(r for r in self.server.api.registry.of_group(group) if r.plural == plural)

    def node(self, cluster: str = "metro") -> Object:
        """Return a virtual node."""
        return self.server.api.get(Ref(resource=NODES, name=cluster))

    def pods(self) -> tuple[Object, ...]:
        """Return the pods of the namespace."""
        return self.server.api.store.all(PODS.key, "xr")

    def hint(self, name: str) -> str:
        """Return what the kubelets are told of metro."""
        return annotations_of(self.node()).get(name, "")

    def offloading(self) -> Ref:
        """Return which NamespaceOffloading it is about."""
        kind = self.kind("namespaceoffloadings")
        return Ref(resource=kind, name="offloading", namespace="xr")

    def mapped(self, *path: str) -> Object:
        """Return what the NamespaceMap of metro says at a path, as far as it is there."""
        kind = self.kind("namespacemaps")
        found = self.server.api.store.get(kind.key, ("liqo-tenant-metro", "metro"))
        return dig(found, *path) or {}

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait until something is the case."""
        async with asyncio.timeout(8):
            while not is_so():
                await self.server.api.store.changed(self.server.api.store.version)

    def advance(self, seconds: float) -> None:
        """Move the world on."""
        self.seconds += seconds
        for _ in self.world.steps_to(self.seconds):
            pass


@pytest.fixture
async def played(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Played]:
    """A peered fleet with an empty namespace, to which happens what the test says."""
    world = a_world_of(getattr(request, "param", ()))
    async with ApiServer() as server, running(server.api, speed=SPEED):
        write_kubeconfig(tmp_path / "kubeconfig", server.url)
        async with connect(str(tmp_path / "kubeconfig")) as api:
            fleet = Played(server, world)
            liqo = Liqo(api, world, seconds=lambda: fleet.seconds, clock=now)
            await install_kinds(api, ())
            await liqo.peer()
            server.api.create(NAMESPACES, "", {"metadata": {"name": "xr"}}, BY)
            playing = asyncio.create_task(liqo.run())
            yield fleet
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)


def happen(*events: Event) -> pytest.MarkDecorator:
    """Have these happen in a test."""
    return pytest.mark.parametrize("played", [events], indirect=True, ids=[events[0].kind])


def stretch(fleet: Played, *clusters: str, **spec: str) -> None:
    """Offload the namespace to some clusters, anew or otherwise than before."""
    term = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": list(clusters)}
    spec |= {"clusterSelector": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}}  # type: ignore[dict-item]
    api, ref = fleet.server.api, fleet.offloading()
    if api.store.get(ref.resource.key, ref.key) is None:
        api.create(ref.resource, "xr", {"metadata": {"name": ref.name}, "spec": spec}, BY)
    else:
        api.patch(ref, lambda live: {**live, "spec": {**live["spec"], **spec}}, BY)


async def stretched(fleet: Played, *clusters: str) -> None:
    """Offload the namespace and wait until it is there."""
    stretch(fleet, *clusters)
    await fleet.until(lambda: phase_of(fleet) == "Ready")


def phase_of(fleet: Played) -> str:
    """Return how far the namespace is."""
    status = fleet.server.api.get(fleet.offloading()).get("status") or {}
    return str(status.get("offloadingPhase", ""))


def deploy(fleet: Played, cluster: str, replicas: int = 2) -> None:
    """Create a workload that may run at one provider only."""
    term = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": [cluster]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [term]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    container = {"name": "main", "image": "x.invalid/x:1", "resources": {"requests": {"cpu": "1"}}}
    metadata = {"labels": {"app": "web"}, "annotations": {START: "2", STOP: "1"}}
    template = {"metadata": metadata, "spec": {"containers": [container], "affinity": affinity}}
    selector = {"matchLabels": {"app": "web"}}
    spec = {"replicas": replicas, "selector": selector, "template": template}
    fleet.server.api.create(DEPLOYMENTS, "xr", {"metadata": {"name": "web"}, "spec": spec}, BY)


def ready(fleet: Played) -> int:
    """Return how many pods are."""
    return sum(is_true(pod, "Ready") for pod in fleet.pods())


def says_api(fleet: Played) -> str:
    """Return what the ForeignCluster of metro says of its API server."""
    kind = fleet.kind("foreignclusters", "core.liqo.io")
    found = fleet.server.api.get(Ref(resource=kind, name="metro"))
    return str(condition_of(found, "APIServerStatus")["status"])


LOSS = (
    ClusterEvent(at=10, kind="cluster-dies", cluster="metro"),
    ClusterEvent(at=100, kind="cluster-returns", cluster="metro"),
)


@happen(*LOSS)
async def test_a_lost_provider_is_a_black_hole_first_and_stale_afterwards(played: Played) -> None:
    await stretched(played, "metro")
    deploy(played, "metro")
    await played.until(lambda: ready(played) == 2)
    played.advance(14)
    await played.until(lambda: says_api(played) == "Error" and played.hint(STATE))
    assert (is_true(played.node(), "Ready"), ready(played)) == (True, 2)
    assert phase_of(played) == "Ready"
    scale(played, 3)
    await played.until(lambda: any("FailedReflection" in event for event in told(played)))
    played.advance(58)
    await played.until(lambda: ready(played) == 0)
    assert condition_of(played.node(), "Ready")["status"] == "Unknown"
    assert {labels_of(pod).get(UNAVAILABLE) for pod in played.pods()} == {"true"}
    scale(played, 0)
    played.advance(29)
    await played.until(lambda: not played.hint(STATE))
    assert (played.hint(GONE), says_api(played)) == ("true", "Error")
    assert [is_going(pod) for pod in played.pods()] == [True] * 3
    played.advance(72)
    await played.until(lambda: is_true(played.node(), "Ready") and played.hint(READINESS))
    assert (played.hint(READINESS), says_api(played)) == ("true", "Established")
    assert len(played.pods()) == 3, "they run twice until the kubelet is well again"
    played.advance(2)
    await played.until(lambda: not played.pods())
    assert played.hint(READINESS) == "false"
    played.advance(15)
    await played.until(lambda: not played.hint(READINESS))


def scale(fleet: Played, replicas: int) -> None:
    """Give the workload another size."""
    ref = Ref(resource=DEPLOYMENTS, name="web", namespace="xr")
    fleet.server.api.patch(ref, lambda d: {**d, "spec": {**d["spec"], "replicas": replicas}}, BY)


def told(fleet: Played) -> list[str]:
    """Return the reasons of all Events."""
    return [event["reason"] for event in fleet.server.api.store.all(EVENTS.key, "xr")]


def renewed(fleet: Played) -> str:
    """Return when the Lease of metro was renewed."""
    found = fleet.server.api.store.get(LEASES.key, ("kube-node-lease", "metro"))
    return str(found["spec"]["renewTime"]) if found else ""


@happen(
    ProviderEvent(at=10, kind="kubelet-dies", cluster="metro"),
    ProviderEvent(at=90, kind="kubelet-returns", cluster="metro"),
)
async def test_a_dead_virtual_kubelet_shows_only_in_a_lease_that_is_not_renewed(
    played: Played,
) -> None:
    await played.until(lambda: renewed(played))
    await stretched(played, "metro")
    deploy(played, "metro")
    await played.until(lambda: ready(played) == 2)
    before = renewed(played)
    played.advance(10)
    await played.until(lambda: played.hint(GONE))
    played.advance(54)
    scale(played, 3)
    await asyncio.sleep(0.3)
    assert (says_api(played), renewed(played)) == ("Established", before)
    assert (is_true(played.node(), "Ready"), ready(played)) == (True, 2)
    assert "FailedReflection" not in told(played)
    played.advance(2)
    await played.until(lambda: ready(played) == 0)
    played.advance(26)
    await played.until(lambda: ready(played) == 3)
    await played.until(lambda: renewed(played) > before)


@happen(
    ProviderEvent(at=10, kind="tenant-cordoned", cluster="metro"),
    ProviderEvent(at=20, kind="tenant-uncordoned", cluster="metro"),
    ProviderEvent(at=30, kind="provider-full", cluster="metro"),
    ProviderEvent(at=40, kind="provider-free", cluster="metro"),
)
async def test_a_provider_that_takes_nothing_new_looks_well(played: Played) -> None:
    await stretched(played, "metro")
    played.advance(10)
    await played.until(lambda: played.hint(STATE) == "cordoned")
    deploy(played, "metro", replicas=1)
    await played.until(lambda: "FailedReflection" in told(played))
    assert (says_api(played), is_true(played.node(), "Ready")) == ("Established", True)
    played.advance(10)
    await played.until(lambda: ready(played) == 1)
    played.advance(10)
    await played.until(lambda: "Insufficient cpu" in played.hint(REAL_NODES))
    scale(played, 2)
    await played.until(lambda: "FailedScheduling" in told(played))
    assert ready(played) == 1
    played.advance(10)
    await played.until(lambda: ready(played) == 2)


async def test_a_quota_may_promise_room_that_is_not_there(played: Played) -> None:
    await stretched(played, "metro")
    real = json.loads(played.hint(REAL_NODES))
    most = max(node["cpu"] for node in real.values())
    assert is_quota_larger(played, most)
    deploy(played, "metro", replicas=1)
    template = {"requests": {"cpu": str(int(most) + 1)}}
    ref = Ref(resource=DEPLOYMENTS, name="web", namespace="xr")

    def larger(live: Object) -> Object:
        pod = live["spec"]["template"]["spec"]
        container = {**pod["containers"][0], "resources": template}
        spec = {**live["spec"]["template"], "spec": {**pod, "containers": [container]}}
        return {**live, "spec": {**live["spec"], "template": spec}}

    played.server.api.patch(ref, larger, BY)
    await played.until(lambda: "FailedScheduling" in told(played))
    (waiting,) = (p for p in played.pods() if not is_true(p, "PodScheduled"))
    assert waiting["spec"]["nodeName"] == "metro"
    assert condition_of(waiting, "PodScheduled")["reason"] == "Unschedulable"


def is_quota_larger(fleet: Played, cores: float) -> bool:
    """Tell whether the virtual node promises more than so many cores."""
    return parse_quantity(fleet.node()["status"]["allocatable"]["cpu"]) > cores


async def test_a_narrowed_selector_takes_the_pods_at_once_and_widening_heals_nothing(
    played: Played,
) -> None:
    await stretched(played, "metro", "cloud")
    await played.until(lambda: played.mapped(*DESIRED) == {"xr": "xr-home"})
    deploy(played, "metro")
    await played.until(lambda: ready(played) == 2)
    first = {name_of(pod) for pod in played.pods()}
    stretch(played, "cloud")
    await played.until(lambda: len(played.pods()) == 4)
    await played.until(lambda: len(lost(played)) == 2)
    assert {name_of(pod) for pod in lost(played)} == first
    assert {pod["status"]["reason"] for pod in lost(played)} == {"OffloadingAborted"}
    await played.until(lambda: not played.mapped(*DESIRED))
    stretch(played, "metro", "cloud")
    await played.until(lambda: played.mapped(*DESIRED))
    await asyncio.sleep(0.3)
    assert ready(played) == 0
    new = [pod for pod in played.pods() if pod not in lost(played)]
    assert [pod["spec"].get("nodeName") for pod in new] == [None, None]


def lost(fleet: Played) -> list[Object]:
    """Return the pods that failed."""
    return [pod for pod in fleet.pods() if pod["status"]["phase"] == "Failed"]


async def test_a_deleted_offloading_takes_its_namespace_from_the_providers(played: Played) -> None:
    await stretched(played, "metro")
    mapped = {"xr": {"phase": "Accepted", "remoteNamespace": "xr-home"}}
    await played.until(lambda: played.mapped(*CURRENT) == mapped)
    api, space = played.server.api, Ref(resource=NAMESPACES, name="xr")
    assert labels_of(api.get(space))["liqo.io/scheduling-enabled"] == "true"
    api.delete(played.offloading(), Deletion())
    await played.until(lambda: phase_of(played) == "Terminating")
    await played.until(lambda: not played.mapped(*CURRENT))
    played.advance(6)
    ref = played.offloading()
    await played.until(lambda: api.store.get(ref.resource.key, ref.key) is None)
    assert "liqo.io/scheduling-enabled" not in labels_of(api.get(space))


async def test_a_namespace_offloading_keeps_its_name_and_its_mapping(played: Played) -> None:
    api, ref = played.server.api, played.offloading()
    with pytest.raises(StatusError, match="name must match offloading"):
        api.create(ref.resource, "xr", {"metadata": {"name": "mine"}, "spec": {}}, BY)
    with pytest.raises(StatusError, match="cannot be empty when using the SelectedName"):
        stretch(played, "metro", namespaceMappingStrategy="SelectedName")
    await stretched(played, "metro")
    with pytest.raises(StatusError, match="NamespaceMappingStrategy value cannot be modified"):
        stretch(played, "metro", namespaceMappingStrategy="EnforceSameName")
    with pytest.raises(StatusError, match="RemoteNamespaceName value cannot be modified"):
        stretch(played, "metro", remoteNamespaceName="other")


async def test_a_local_namespace_is_not_labelled(played: Played) -> None:
    stretch(played, "metro", podOffloadingStrategy="Local")
    await played.until(lambda: phase_of(played) == "Ready")
    space = played.server.api.get(Ref(resource=NAMESPACES, name="xr"))
    assert "liqo.io/scheduling-enabled" not in labels_of(space)
