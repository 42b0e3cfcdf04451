"""Two clusters in memory on which Liqo is played in small, and Act that peers them."""

import base64
import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.act.core.fleet import further_reads_of, next_of_fleet, reads_of
from services.act.core.ledger import Entry
from services.act.core.live import CLUSTER_LABEL
from services.act.core.objects import (
    CONFIG_MAP,
    FOREIGN_CLUSTER,
    NODE,
    SECRET,
    Kind,
    Object,
    Query,
    Ref,
    Write,
    dig,
)
from services.act.core.peering.kinds import (
    CONFIGURATION,
    CONNECTION,
    GATEWAY_CLIENT,
    GATEWAY_RESOURCE,
    GATEWAY_SERVER,
    NETWORK,
    PUBLIC_KEY,
    REPLICATED,
    RESOURCE_SLICE,
    TENANT,
    VIRTUAL_NODE,
)
from services.act.core.peering.manifests import IDENTITY_TYPE
from services.act.core.seen import Grounds
from services.act.core.steps import Context, HandOver, Progress, Step, Wait
from services.act.reading import read_seen
from shared.errors import PermanentError, TransientError
from shared.messages.outcome import Status
from shared.model.names import ClusterName, DecisionId
from shared.model.plan import Peer, Unpeer
from tests.support.builders import NOW, later
from tests.support.fakes_act import FakeClusterApi, KilledError
from tests.support.objects_act import Json, an_insight_of

HOME, EDGE, HERE = ClusterName("home"), ClusterName("edge"), ClusterName("")
AT = {HOME: HERE, EDGE: EDGE}
"""By which the API servers are addressed: Act runs at home."""
PEER, UNPEER = Peer(consumer=HOME, provider=EDGE), Unpeer(consumer=HOME, provider=EDGE)
TENANT_EDGE, TENANT_HOME = "liqo-tenant-edge", "liqo-tenant-home"


DECISION = DecisionId("20261124T070000000Z__capacity")


class TwoClusters(FakeClusterApi):
    """Home and edge, with Liqo; `tick` brings on what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: dict[ClusterName, str] = {}
        """Clusters that do not answer, and why."""
        self.closed: dict[ClusterName, str] = {}
        """Clusters with no way into them, and why."""
        self.verdict = "Accepted"
        """What edge says to what home asks for; empty: nothing."""
        self.orphans: set[str] = set()
        """Nodes that somebody's virtual kubelet keeps."""
        for name, at in AT.items():
            cluster_id = Ref(
                kind=CONFIG_MAP, namespace="liqo", name="liqo-clusterid-configmap", cluster=at
            )
            self.put(cluster_id, _named("liqo-clusterid-configmap", data={"CLUSTER_ID": name}))
            for number, cidr in enumerate(("pod-cidr", "external-cidr")):
                ref = Ref(kind=NETWORK, namespace="liqo", name=cidr, cluster=at)
                status = {"cidr": f"10.{number}{len(name)}.0.0/16"}
                self.put(ref, _named(cidr, status=status))
        config = json.dumps({"clusters": [{"cluster": {"server": "https://edge.invalid:6443"}}]})
        secret = _named("edge-kubeconfig", data={"value": _encoded(config)})
        self.put(Ref(kind=SECRET, namespace="crossloop", name="edge-kubeconfig"), secret)

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None."""
        self._enter(ref.cluster)
        return await super().get(ref)

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that match."""
        self._enter(query.cluster)
        return await super().list(query)

    async def write(self, write: Write) -> Object:
        """Carry the write out."""
        self._enter(write.ref.cluster)
        return await super().write(write)

    def _enter(self, cluster: ClusterName) -> None:
        if cluster in self.silent:
            raise TransientError(self.silent[cluster])
        if cluster in self.closed:
            raise PermanentError(self.closed[cluster])

    def of(self, kind: Kind, at: ClusterName) -> dict[Ref, Json]:
        """Return the objects of a kind on one cluster."""
        return {r: o for r, o in self.objects.items() if r.kind == kind and r.cluster == at}

    def names(self) -> set[str]:
        """Return what there is of a peering, on both clusters."""
        return {
            f"{ref}"
            for ref, obj in self.objects.items()
            if dig(obj, "metadata", "labels", CLUSTER_LABEL) and ref.kind != FOREIGN_CLUSTER
        }

    def tick(self) -> None:
        """Play Liqo and Kubernetes on both clusters."""
        for at in AT.values():
            self._fill_tokens(at)
            self._open_gateways(at)
        self._connect()
        self._grant()
        self._clear()

    def _fill_tokens(self, at: ClusterName) -> None:
        for ref, secret in self.of(SECRET, at).items():
            if secret.get("type") == "kubernetes.io/service-account-token":
                self._tell(ref, data={"token": _encoded("token"), "ca.crt": _encoded("CA")})

    def _open_gateways(self, at: ClusterName) -> None:
        for ref, configuration in self.of(CONFIGURATION, at).items():
            self._tell(ref, status={"remote": dig(configuration, "spec", "remote")})
        for kind in (GATEWAY_SERVER, GATEWAY_CLIENT):
            for ref, gateway in self.of(kind, at).items():
                name = f"{ref.name}-{kind.name.lower()}-keys"
                key = Ref(kind=SECRET, namespace=ref.namespace, name=name, cluster=at)
                labels = {
                    CLUSTER_LABEL: dig(gateway, "metadata", "labels", CLUSTER_LABEL),
                    GATEWAY_RESOURCE: "true",
                }
                if key not in self.objects:
                    public = _encoded(f"key of {ref}")
                    self.put(key, _named(name, labels=labels, data={"publicKey": public}))
                status: Json = {"secretRef": {"name": name, "namespace": ref.namespace}}
                if kind is GATEWAY_SERVER:
                    status["endpoint"] = {"addresses": ["192.0.2.1"], "port": 51840}
                self._tell(ref, status=status)

    def _connect(self) -> None:
        """Have both ends of the tunnel connected, once each knows the key of the other."""
        keys = [
            [k for k in self.of(PUBLIC_KEY, at).values() if _label(k, GATEWAY_RESOURCE) == "true"]
            for at in AT.values()
        ]
        gateways = [
            {**self.of(GATEWAY_CLIENT, at), **self.of(GATEWAY_SERVER, at)} for at in (HERE, EDGE)
        ]
        for at, ends in zip((HERE, EDGE), gateways, strict=True):
            for ref in self.of(CONNECTION, at):
                if not ends:
                    del self.objects[ref]
            for end, gateway in ends.items():
                connection = Ref(
                    kind=CONNECTION, namespace=end.namespace, name=end.name, cluster=at
                )
                value = "Connected" if all(keys) and all(gateways) else "Connecting"
                labels = {CLUSTER_LABEL: _label(gateway, CLUSTER_LABEL)}
                if connection not in self.objects:
                    self.put(connection, _named(end.name, labels=labels, namespace=end.namespace))
                self._tell(connection, status={"value": value})

    def _grant(self) -> None:
        """Have edge accept what home asks for, and home make a virtual node of it."""
        may_enter = any(_label(s, IDENTITY_TYPE) for s in self.of(SECRET, HERE).values())
        tenants = self.of(TENANT, EDGE)
        for ref, asked in self.of(RESOURCE_SLICE, HERE).items():
            if not may_enter or not tenants or dig(asked, "status") or not self.verdict:
                continue
            told = [
                {"type": of, "status": self.verdict, "message": "too much"}
                for of in ("Authentication", "Resources")
            ]
            self._tell(ref, status={"conditions": told})
            copy = Ref(kind=RESOURCE_SLICE, namespace=TENANT_HOME, name=ref.name, cluster=EDGE)
            labels = {CLUSTER_LABEL: HOME, REPLICATED: "true"}
            self.put(copy, _named(ref.name, labels=labels, namespace=TENANT_HOME))
            if self.verdict == "Accepted":
                self._make_node(ref)

    def _make_node(self, asked: Ref) -> None:
        node = Ref(kind=VIRTUAL_NODE, namespace=asked.namespace, name=asked.name)
        self.put(node, _named(asked.name, labels={CLUSTER_LABEL: EDGE}, namespace=asked.namespace))
        labels = {CLUSTER_LABEL: EDGE, "liqo.io/type": "virtual-node"}
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.put(Ref(kind=NODE, name=asked.name), _named(asked.name, labels=labels, status=ready))
        told = {"conditions": [{"type": "APIServerStatus", "status": "Established"}]}
        self.put(Ref(kind=FOREIGN_CLUSTER, name=EDGE), _named(EDGE, status=told))

    def _clear(self) -> None:
        """Take away what belonged to what is gone: a node with its slice, keys with gateways."""
        asked = {ref.name for ref in self.of(RESOURCE_SLICE, HERE)}
        for kind, at in ((RESOURCE_SLICE, EDGE), (VIRTUAL_NODE, HERE), (NODE, HERE)):
            for ref, obj in self.of(kind, at).items():
                is_kept = kind == NODE and ref.name in self.orphans
                is_own = kind == RESOURCE_SLICE and not _label(obj, REPLICATED)
                if ref.name not in asked and not is_kept and not is_own:
                    del self.objects[ref]
        for at in AT.values():
            gateways = {r.name for k in (GATEWAY_CLIENT, GATEWAY_SERVER) for r in self.of(k, at)}
            for ref, secret in self.of(SECRET, at).items():
                if _label(secret, GATEWAY_RESOURCE) and ref.name.partition("-")[0] not in gateways:
                    del self.objects[ref]

    def _tell(self, ref: Ref, **said: Json) -> None:
        obj = self.objects[ref]
        if any(obj.get(key) != value for key, value in said.items()):
            self.put(ref, {**obj, **said})


_peered: dict[Ref, Json] = {}
"""What there is of two clusters that are peered: made once."""


@dataclass(slots=True)
class Act:
    """Act, with what its ledger keeps of one action: it looks, takes a step, and looks again."""

    api: TwoClusters = field(default_factory=TwoClusters)
    entry: Entry = field(default_factory=lambda: Entry(action=PEER))
    wishes: Json = field(default_factory=dict)
    """Further fields of what edge says of the peering."""
    spec: Json = field(default_factory=dict)
    """Further fields of the Site of edge."""
    waited_for: list[str] = field(default_factory=list)
    decision: DecisionId = DECISION
    began_at: datetime = NOW

    @property
    def grounds(self) -> Grounds:
        """What is declared."""
        way = {"kubeconfigSecret": {"namespace": "crossloop", "name": "edge-kubeconfig"}}
        wish = {"consumer": HOME, "milliseconds": 5, **self.wishes}
        edge = {"peerings": [wish], **way, **self.spec}
        sites: dict[ClusterName, Object] = {
            HOME: {"metadata": {"name": HOME}, "spec": {"home": True}},
            EDGE: {"metadata": {"name": EDGE}, "spec": {k: v for k, v in edge.items() if v}},
        }
        return Grounds(home=HOME, namespace="crossloop", sites=sites)

    async def peered(self) -> "Act":
        """Have them peered, and forget how."""
        if not _peered:
            await self.go_on()
            assert self.entry.status is Status.SUCCEEDED
            _peered.update(self.api.objects)
        self.api = TwoClusters()
        for ref, obj in _peered.items():
            self.api.objects[ref] = deepcopy(obj)
        return self

    def order(self, action: Peer | Unpeer) -> None:
        """Begin an action anew."""
        self.entry, self.waited_for = Entry(action=action), []
        self.decision = DecisionId(f"{self.decision}+")
        self.began_at = self.api.at

    async def look(self, grounds: Grounds | None = None) -> None:
        """Look at the clusters once, and do what comes next."""
        action, grounds = self.entry.action, grounds or self.grounds
        assert isinstance(action, Peer | Unpeer)
        seen = await read_seen(self.api, reads_of(action, grounds))
        seen = seen.plus(await read_seen(self.api, further_reads_of(action, seen)))
        context = Context(
            now=self.api.at,
            decision=self.decision,
            deadline_at=later(120, self.began_at),
            insight=an_insight_of(at=NOW),
        )
        match next_of_fleet(action, self.entry, seen, grounds, context):
            case Progress() as progress:
                self.entry = progress.entry
            case Step() as step:
                await self._take(step)
            case Wait() as wait:
                self.waited_for.append(wait.reason)
            case HandOver():
                raise AssertionError("there is nothing to hand over")

    async def _take(self, step: Step) -> None:
        try:
            await self.api.write(step.write)
        except TransientError:
            return
        except PermanentError as error:
            assert step.otherwise, "a step of a peering says what becomes of it when it is denied"
            entry = step.otherwise.entry
            told = f"could not {step.write.purpose}: {error}"
            self.entry = replace(entry, warnings=(*entry.warnings, told))

    async def go_on(self, until: Callable[[], bool] = lambda: False, *, passes: int = 200) -> Entry:
        """Go on until the action has ended, or as told. One second lies between two looks."""
        for _ in range(passes):
            if self.entry.status.is_final or until():
                return self.entry
            try:
                await self.look()
            except KilledError:
                self.api.killed_at = None
            self.api.tick()
            self.api.at = later(1, self.api.at)
        raise AssertionError(f"no end: {self.entry.message} {self.waited_for[-3:]}")


def _named(name: str, *, labels: Json | None = None, namespace: str = "", **fields: Json) -> Json:
    place = {"namespace": namespace} if namespace else {}
    return {"metadata": {"name": name, "labels": labels or {}, **place}, **fields}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _label(obj: Object, name: str) -> str:
    return str(dig(obj, "metadata", "labels", name) or "")
