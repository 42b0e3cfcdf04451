"""How Act reaches the clusters of Sites: by the Secrets they name, and only if they lead there."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from services.act.adapters import fleet as adapter
from services.act.adapters.fleet import FleetCluster
from services.act.core.objects import (
    NAMESPACE,
    SECRET,
    Manner,
    Object,
    Query,
    Ref,
    Write,
    name_of,
)
from services.act.ports import UnreachableError
from shared.errors import PermanentError, TransientError
from shared.model.names import ClusterName
from shared.runtime.kubeconfig import Kubeconfig, connect_by
from shared.runtime.probes import Readiness
from simulator.kubernetes import Fault
from simulator.kubernetes.server import ApiServer
from tests.contract import test_act_kubernetes as suite
from tests.support.fakes_act import FakeClusterApi
from tests.support.objects_act import Json

HOME, EDGE = ClusterName("home"), ClusterName("edge")
KUBECONFIG = Ref(kind=SECRET, namespace="crossloop", name="edge-kubeconfig")
IDENTITY = "/api/v1/namespaces/liqo/configmaps/liqo-clusterid-configmap"
THERE = Ref(kind=NAMESPACE, name="default", cluster=EDGE)
WHOSE = r"the kubeconfig of Site edge \(Secret crossloop/edge-kubeconfig, key value\)"


@dataclass(slots=True)
class Fleet:
    """Home in memory, edge on an API server, and the way there that Site edge names."""

    home: FakeClusterApi
    edge: ApiServer
    sites: dict[ClusterName, Object] = field(default_factory=dict)
    seconds: float = 0.0
    calls: list[str] = field(default_factory=list)
    """The paths of all calls to edge."""
    api: FleetCluster = field(init=False)

    def __post_init__(self) -> None:
        self.api = FleetCluster(self.home, sites=lambda: self.sites, clock=lambda: self.seconds)
        where = {"namespace": KUBECONFIG.namespace, "name": KUBECONFIG.name}
        self.sites[HOME] = {"metadata": {"name": HOME}, "spec": {"home": True}}
        self.sites[EDGE] = {"metadata": {"name": EDGE}, "spec": {"kubeconfigSecret": where}}
        self.put(a_kubeconfig(self.edge.url))
        self.edge.faults.add(Fault(meets=self._note))

    def put(self, config: Any) -> None:
        """Put a kubeconfig into the Secret."""
        value = base64.b64encode(json.dumps(config).encode()).decode()
        self.home.put(KUBECONFIG, {"metadata": {"name": KUBECONFIG.name}, "data": {"value": value}})

    def _note(self, _: str, path: str) -> bool:
        self.calls.append(path)
        return False

    def fail(self, **how: Any) -> None:
        """Have the next call to edge go wrong."""
        self.edge.faults.add(Fault(meets=lambda _, path: "default" in path, times=1, **how))


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    """Two clusters; Liqo is installed on edge."""
    async with ApiServer() as edge:
        async with connect_by(Kubeconfig(server=edge.url)) as api:
            for name in ("liqo", "default"):
                await api.apply(f"/api/v1/namespaces/{name}", a_namespace(name), manager="test")
            await api.apply(IDENTITY, an_identity("edge"), manager="test")
        fleet = Fleet(home=FakeClusterApi(), edge=edge)
        yield fleet
        await fleet.api.close()


def a_namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def an_identity(name: str) -> Object:
    metadata = {"name": "liqo-clusterid-configmap", "namespace": "liqo"}
    data = {"CLUSTER_ID": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def a_kubeconfig(server: str, *, user: Json | None = None, **cluster: Any) -> Json:
    return {
        "clusters": [{"name": "it", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "it", "user": user or {"token": "secret"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }


def applied(name: str, **metadata: Any) -> Write:
    """Return the write that makes a namespace on edge."""
    ref = Ref(kind=NAMESPACE, name=name, cluster=EDGE)
    return Write(ref=ref, manner=Manner.APPLY, body={"metadata": metadata}, purpose="try")


async def test_each_call_goes_to_the_cluster_that_is_named(fleet: Fleet) -> None:
    await fleet.api.write(applied("xr", labels={"of": "edge"}))
    await fleet.api.write(replace(applied("xr"), ref=Ref(kind=NAMESPACE, name="xr", cluster=HOME)))
    listed = await fleet.api.list(Query(kind=NAMESPACE, selector="of=edge", cluster=EDGE))

    assert [name_of(obj) for obj in listed] == ["xr"]
    assert [write.ref.cluster for write in fleet.home.writes] == [HOME]
    assert await fleet.api.get(Ref(kind=NAMESPACE, name="none", cluster=EDGE)) is None
    assert await fleet.api.get(KUBECONFIG) is not None


async def test_what_is_gone_needs_no_deletion(fleet: Fleet) -> None:
    ref = Ref(kind=NAMESPACE, name="none", cluster=EDGE)
    body = {"preconditions": {"uid": "1"}}
    gone = Write(ref=ref, manner=Manner.DELETE, body=body, purpose="try")

    assert await fleet.api.write(gone) == {}


async def test_a_way_that_leads_to_another_cluster_is_refused(fleet: Fleet) -> None:
    async with connect_by(Kubeconfig(server=fleet.edge.url)) as api:
        await api.apply(IDENTITY, an_identity("metro"), manager="test")
    fleet.calls.clear()

    with pytest.raises(PermanentError, match=f"{WHOSE} leads to cluster metro: correct spec"):
        await fleet.api.write(applied("xr"))

    assert fleet.calls == [IDENTITY]


async def test_a_cluster_that_has_no_liqo_yet_is_waited_for(fleet: Fleet) -> None:
    async with connect_by(Kubeconfig(server=fleet.edge.url)) as api:
        await api.delete(IDENTITY)

    told = f"{WHOSE} leads to a cluster without ConfigMap liqo/"
    with pytest.raises(TransientError, match=told):
        await fleet.api.get(THERE)


USELESS: dict[str, tuple[Any, str]] = {
    "no kubeconfig": ("{nothing", "has no context named"),
    "no such context": ({"current-context": "it"}, "it has no context named it"),
    "no address": (a_kubeconfig("ftp://edge"), "its server ftp://edge is not"),
    "a program": (
        a_kubeconfig("https://edge.invalid", user={"exec": {"command": "id"}}),
        r"it asks for a program \(exec\), which is not run",
    ),
    "a provider": (
        a_kubeconfig("https://edge.invalid", user={"auth-provider": {"name": "oidc"}}),
        r"it asks for a program \(auth-provider\)",
    ),
    "a file of ours": (
        a_kubeconfig("https://edge.invalid", user={"tokenFile": "/var/run/secrets/token"}),
        r"it names a file \(tokenFile\)",
    ),
    "a key that is none": (
        a_kubeconfig("https://edge.invalid", **{"certificate-authority-data": "%"}),
        "its certificate-authority-data is not base64 of PEM",
    ),
    "an authority that is none": (
        a_kubeconfig("https://edge.invalid", **{"certificate-authority-data": "eA=="}),
        "its certificates cannot be used",
    ),
    "a certificate that is none": (
        a_kubeconfig("https://edge.invalid", user={"client-certificate-data": "eA=="}),
        "its certificates cannot be used",
    ),
}


@pytest.mark.parametrize("config", USELESS)
async def test_a_kubeconfig_of_no_use_is_refused_with_what_is_wrong(
    fleet: Fleet, config: str
) -> None:
    content, reason = USELESS[config]
    fleet.put(content)

    with pytest.raises(PermanentError, match=f"{WHOSE} cannot be used: .*{reason}"):
        await fleet.api.get(THERE)


async def test_a_kubeconfig_that_is_no_yaml_is_refused(fleet: Fleet) -> None:
    text = base64.b64encode(b"a: [").decode()
    fleet.home.put(KUBECONFIG, {"metadata": {"name": "it"}, "data": {"value": text}})

    with pytest.raises(PermanentError, match=f"{WHOSE} cannot be used: it is not YAML"):
        await fleet.api.get(THERE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "there is no such Secret"),
        ({"other": "eA=="}, "the Secret has no such key"),
        ({"value": "%"}, "it is not text in base64"),
    ],
)
async def test_a_secret_without_a_kubeconfig_is_refused(
    fleet: Fleet, data: Json | None, reason: str
) -> None:
    fleet.home.objects.pop(KUBECONFIG)
    if data is not None:
        fleet.home.put(KUBECONFIG, {"metadata": {"name": KUBECONFIG.name}, "data": data})

    with pytest.raises(PermanentError, match=f"{WHOSE} cannot be used: {reason}"):
        await fleet.api.get(THERE)


async def test_a_site_without_a_kubeconfig_has_no_way_in(fleet: Fleet) -> None:
    fleet.sites[EDGE] = {"metadata": {"name": EDGE}, "spec": {}}

    with pytest.raises(PermanentError, match="there is no way into edge"):
        await fleet.api.get(THERE)


async def test_a_server_that_does_not_speak_tls_as_said_is_refused(fleet: Fleet) -> None:
    fleet.put(a_kubeconfig(fleet.edge.url.replace("http:", "https:")))

    with pytest.raises(PermanentError, match=f"{WHOSE} does not fit the server"):
        await fleet.api.get(THERE)


async def test_a_client_certificate_is_shown_and_not_left_in_a_file(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = base64.b64encode(b"not a certificate").decode()
    user = {"client-certificate-data": data, "client-key-data": data}
    fleet.put(a_kubeconfig(fleet.edge.url, user=user))

    with pytest.raises(PermanentError, match="its certificates cannot be used"):
        await fleet.api.get(THERE)

    assert left_in(tmp_path) == []


def left_in(folder: Path) -> list[Path]:
    return [*folder.iterdir()]


async def test_a_site_that_names_another_secret_is_reached_by_that_one(fleet: Fleet) -> None:
    await fleet.api.get(THERE)
    other = {"namespace": "crossloop", "name": "other"}
    fleet.sites[EDGE] = {"metadata": {"name": EDGE}, "spec": {"kubeconfigSecret": other}}

    with pytest.raises(PermanentError, match=r"\(Secret crossloop/other, key value\) cannot be"):
        await fleet.api.get(THERE)


async def test_a_site_that_is_gone_is_not_reached_any_more(fleet: Fleet) -> None:
    async with adapter.connect(fleet.home, sites=lambda: fleet.sites) as api:
        await api.get(THERE)
        del fleet.sites[EDGE]
        with pytest.raises(PermanentError, match="there is no way into edge"):
            await api.get(THERE)


async def test_a_kubeconfig_that_nobody_knows_is_refused(fleet: Fleet) -> None:
    fault = Fault(meets=lambda *_: True, status=401, reason="Unauthorized", times=1)
    fleet.edge.faults.add(fault)

    with pytest.raises(PermanentError, match=f"{WHOSE} is not accepted: 401 Unauthorized"):
        await fleet.api.get(THERE)


async def test_many_calls_at_once_open_one_way(fleet: Fleet) -> None:
    await asyncio.gather(*(fleet.api.get(THERE) for _ in range(9)))
    fleet.put(a_kubeconfig(fleet.edge.url, user={"token": "new"}))
    for _ in range(2):
        fleet.fail(status=401, reason="Unauthorized")
    await asyncio.gather(*(fleet.api.get(THERE) for _ in range(9)))

    assert fleet.calls.count(IDENTITY) == 2


async def test_a_renewed_secret_is_read_again_when_the_old_one_is_not_accepted(
    fleet: Fleet,
) -> None:
    await fleet.api.get(THERE)
    fleet.put(a_kubeconfig(fleet.edge.url, user={"token": "new"}))
    fleet.fail(status=401, reason="Unauthorized")

    assert await fleet.api.get(THERE) is not None


async def test_a_secret_that_is_not_accepted_any_more_is_told(fleet: Fleet) -> None:
    await fleet.api.get(THERE)
    fleet.fail(status=401, reason="Unauthorized")

    with pytest.raises(PermanentError, match=f"{WHOSE} is not accepted any more: 401"):
        await fleet.api.get(THERE)


async def test_a_changed_secret_is_noticed_within_half_a_minute(fleet: Fleet) -> None:
    await fleet.api.get(THERE)
    fleet.put(a_kubeconfig("ftp://edge"))

    fleet.seconds += adapter.CHECK_SECONDS - 1
    assert await fleet.api.get(THERE) is not None
    fleet.seconds += 1
    with pytest.raises(PermanentError, match="cannot be used"):
        await fleet.api.get(THERE)


async def test_a_way_is_opened_once_and_proven_each_time_it_is_opened(fleet: Fleet) -> None:
    for _ in range(3):
        await fleet.api.get(THERE)
    fleet.seconds += adapter.IDLE_SECONDS + 1
    await fleet.api.get(THERE)

    assert fleet.calls.count(IDENTITY) == 2


async def test_a_cluster_that_cannot_be_reached_is_left_alone_for_longer_and_longer(
    fleet: Fleet,
) -> None:
    fault = fleet.edge.faults.add(Fault(meets=lambda *_: True, drop=True))
    asked: list[float] = []
    while fleet.seconds < 60:
        calls = len(fleet.calls)
        with pytest.raises(TransientError, match="edge does not answer"):
            await fleet.api.get(THERE)
        if len(fleet.calls) > calls:
            asked.append(fleet.seconds)
        fleet.seconds += 0.5

    assert asked == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5]
    fleet.edge.faults.remove(fault)
    fleet.seconds += adapter.LONGEST_PAUSE_SECONDS
    assert await fleet.api.get(THERE) is not None


async def test_a_failure_beyond_is_none_of_home(fleet: Fleet) -> None:
    fleet.fail(status=503, reason="ServiceUnavailable")

    with pytest.raises(TransientError) as failure:
        await fleet.api.get(THERE)

    assert not isinstance(failure.value, UnreachableError)
    assert await fleet.api.get(KUBECONFIG) is not None
    assert await fleet.api.get(THERE) is not None


# ---- what holds of the management cluster holds of the others


@dataclass(frozen=True, slots=True)
class Beyond:
    """Edge, as if it were the only cluster."""

    fleet: FleetCluster

    async def get(self, ref: Ref) -> Object | None:
        return await self.fleet.get(replace(ref, cluster=EDGE))

    async def list(self, query: Query) -> tuple[Object, ...]:
        return await self.fleet.list(replace(query, cluster=EDGE))

    async def write(self, write: Write) -> Object:
        return await self.fleet.write(replace(write, ref=replace(write.ref, cluster=EDGE)))


@pytest.fixture
async def server(fleet: Fleet) -> AsyncIterator[suite.Server]:
    """Edge, as the suite of the management cluster sees it."""
    async with connect_by(Kubeconfig(server=fleet.edge.url)) as api:
        await suite.install_kinds(api)
        seen = suite.Server(
            cluster=Beyond(fleet.api), api=api, readiness=Readiness(), space="beyond"
        )
        await seen.create(NAMESPACE, "beyond")
        yield seen


test_conflicts = suite.test_an_affinity_of_another_manager_is_a_conflict_that_names_it
test_preconditions = suite.test_a_workload_that_changed_meanwhile_is_not_written
test_scale = suite.test_replicas_are_written_through_scale_if_they_are_as_they_were
test_applying = suite.test_a_second_move_replaces_the_first_and_goes_back_to_it
test_merging = suite.test_status_and_ledger_leave_each_other_alone
