"""A cluster in memory that plays Kubernetes and Liqo just far enough for Act."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime

from services.act.core.moving.workloads import is_serving
from services.act.core.objects import (
    APPLICATION,
    DEPLOYMENT,
    FOREIGN_CLUSTER,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    NODE,
    POD,
    STATEFUL_SET,
    Kind,
    Manner,
    Object,
    Query,
    Ref,
    Write,
    dig,
    name_of,
    version_of,
)
from services.act.core.telling.alerts import Alert
from services.act.grounding import Ground
from services.act.ports import UnreachableError
from shared.errors import PermanentError, TransientError
from shared.model.names import FleetName
from shared.runtime.following import Changed, Listed, News
from tests.support.builders import (
    NOW,
    later,
)
from tests.support.objects_act import (
    READY,
    Json,
    a_deployment,
    a_foreign_cluster,
    a_node,
    a_pod,
    a_pod_of_set,
    a_stateful_set,
    an_application_object,
    an_offloading,
)
from tests.support.patches import copied as deepcopy
from tests.support.patches import merge, remove
from tests.support.stateful_act import StatefulSets, pods_of


class KilledError(Exception):
    """The process ended at once, in the middle of what it did."""


class FakeClusterApi:
    """A `ClusterApi`. Tests set the world up, let it `tick`, and may kill Act at any call."""

    def __init__(self) -> None:
        self.objects: dict[Ref, Json] = {}
        self.writes: list[Write] = []
        self.calls = 0
        self.written_at: list[int] = []
        """The calls that were writes."""
        self.killed_at: int | None = None
        """The call after which the caller is killed."""
        self.refusals: dict[Ref, str] = {}
        """Objects whose writes are refused for good, with the API's sentence."""
        self.silences = 0
        """How many writes still get no answer."""
        self.asked_pause: float | None = None
        """How long the server asks to be left alone then, in seconds."""
        self.at: datetime = NOW
        self.least_ready: int | None = None
        self.stuck: set[str] = set()
        """Clusters where new pods never get ready."""
        self._applied: dict[tuple[Ref, str], Json] = {}
        self._versions = 0
        self._pods = 0
        self._stateful_sets = StatefulSets()
        self._followers: dict[Kind, list[asyncio.Queue[Changed]]] = {}

    def now(self) -> datetime:
        """Return the cluster's instant; a test sets `at`."""
        return self.at

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None."""
        found = deepcopy(self.objects.get(ref))
        self._count()
        return found

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that match."""
        wanted = dict(part.split("=") for part in query.selector.split(",") if part)
        found = tuple(
            deepcopy(obj)
            for ref, obj in sorted(self.objects.items(), key=lambda item: str(item[0]))
            if ref.kind == query.kind
            and ref.cluster == query.cluster
            and query.namespace in ("", ref.namespace)
            and wanted.items() <= (dig(obj, "metadata", "labels") or {}).items()
            and _has_fields(obj, query.fields)
        )
        self._count()
        return found

    async def write(self, write: Write) -> Object:
        """Carry the write out, and maybe kill the caller before it knows."""
        if self.silences:
            self.silences -= 1
            raise UnreachableError("connection refused", retry_after_seconds=self.asked_pause)
        if write.ref in self.refusals:
            raise PermanentError(self.refusals[write.ref])
        known = self.objects.get(write.ref)
        wanted = version_of(write.body)
        if wanted and (known is None or version_of(known) != wanted):
            raise TransientError(f"{write.ref} is not as it was")
        if write.manner is Manner.DELETE:
            self.writes.append(write)
            self._delete(write)
            self._count(is_write=True)
            return known or {}
        obj = deepcopy(known) if known else _blank(write.ref)
        if write.manner is Manner.APPLY:
            key = (write.ref, write.subresource)
            remove(obj, self._applied.get(key, {}))
            owned = {name: value for name, value in write.body.items() if value}
            self._applied[key] = json.loads(json.dumps(owned))
        body = {**write.body, "metadata": {**write.body.get("metadata", {})}}
        body["metadata"].pop("resourceVersion", None)
        merge(obj, json.loads(json.dumps(body)))
        self.writes.append(write)
        self.put(write.ref, obj)
        self._count(is_write=True)
        return deepcopy(self.objects[write.ref])

    def _delete(self, write: Write) -> None:
        """Delete an object as the API does: pods linger on, unless they are given no time."""
        known = self.objects.get(write.ref)
        wanted = dig(write.body, "preconditions", "uid")
        if known is not None and wanted and dig(known, "metadata", "uid") != wanted:
            raise TransientError(f"{write.ref} is not the one meant")
        if (
            known is not None
            and write.ref.kind == POD
            and write.body.get("gracePeriodSeconds") != 0
        ):
            self._terminate(known)
            return
        self.objects.pop(write.ref, None)

    async def follow(self, kind: Kind) -> AsyncIterator[News]:
        """Yield a listing, then the changes."""
        queue: asyncio.Queue[Changed] = asyncio.Queue()
        self._followers.setdefault(kind, []).append(queue)
        listed = tuple(deepcopy(obj) for ref, obj in self.objects.items() if ref.kind == kind)
        yield Listed(objects=listed)
        while True:
            yield await queue.get()

    def put(self, ref: Ref, obj: Json) -> None:
        """Store an object as anybody could, with a new version."""
        known = self.objects.get(ref)
        self._versions += 1
        obj["metadata"]["resourceVersion"] = str(self._versions)
        obj["metadata"].setdefault("uid", str(self._versions))
        if known is None or known.get("spec") != obj.get("spec"):
            obj["metadata"]["generation"] = int(dig(known, "metadata", "generation") or 0) + 1
        self.objects[ref] = obj
        for follower in self._followers.get(ref.kind, ()):
            follower.put_nowait(Changed(object=deepcopy(obj)))

    def written(self, kind: Kind, subresource: str = "") -> tuple[Write, ...]:
        """Return the writes to one kind of object."""
        return tuple(w for w in self.writes if w.ref.kind == kind and w.subresource == subresource)

    def pods(self, cluster: str | None = None) -> tuple[Json, ...]:
        """Return the pods, of one cluster where it is named."""
        pods = [obj for ref, obj in self.objects.items() if ref.kind == POD]
        return tuple(p for p in pods if cluster is None or self.cluster_of(p) == cluster)

    def cluster_of(self, pod: Object) -> str:
        """Return where a pod is bound; empty while it is not."""
        node = self.objects.get(Ref(kind=NODE, name=str(dig(pod, "spec", "nodeName"))))
        return "" if node is None else dig(node, "metadata", "labels")["cluster"]

    def tick(self) -> None:
        """Let the controllers do one thing each, and a second pass."""
        self.at = later(1, self.at)
        for ref in [r for r in self.objects if r.kind == POD]:
            self._tick_pod(ref)
        for ref in [r for r in self.objects if r.kind == DEPLOYMENT]:
            self._tick_deployment(ref)
        for ref in [r for r in self.objects if r.kind == STATEFUL_SET]:
            self._tick_stateful_set(ref)
        for ref in [r for r in self.objects if r.kind == NAMESPACE_OFFLOADING]:
            self._tick_offloading(ref)

    def is_lost(self, cluster: str) -> bool:
        """Tell whether Liqo says that it does not reach a cluster."""
        peer = self.objects.get(Ref(kind=FOREIGN_CLUSTER, name=cluster))
        conditions = dig(peer, "status", "conditions") or ()
        return any(c["status"] == "Error" for c in conditions)

    def lose(self, cluster: str) -> None:
        """Make Liqo say that it does not reach a cluster."""
        ref = Ref(kind=FOREIGN_CLUSTER, name=cluster)
        peer = deepcopy(self.objects[ref])
        peer["status"]["conditions"][0]["status"] = "Error"
        self.put(ref, peer)

    def _tick_pod(self, ref: Ref) -> None:
        pod = deepcopy(self.objects[ref])
        cluster = self.cluster_of(pod)
        if dig(pod, "metadata", "deletionTimestamp"):
            if not self.is_lost(cluster):
                del self.objects[ref]
            return
        if not is_serving(pod) and cluster not in self.stuck and not self.is_lost(cluster):
            pod["status"] = {"phase": "Running", "hostIP": "10.0.0.1", "conditions": [READY]}
            self.put(ref, pod)

    def _tick_deployment(self, ref: Ref) -> None:
        """Roll out with surge 1, unavailable 0."""
        deployment = deepcopy(self.objects[ref])
        template = json.dumps(deployment["spec"]["template"], sort_keys=True)
        digest = f"{sum(map(ord, template)):x}-{len(template)}"
        replicas = deployment["spec"]["replicas"]
        mine = [
            p
            for p in self.pods()
            if name_of(p).startswith(name_of(deployment) + "-")
            and not dig(p, "metadata", "deletionTimestamp")
        ]
        new = [p for p in mine if p["metadata"]["labels"]["pod-template-hash"] == digest]
        old = [p for p in mine if p not in new]
        ready = [p for p in mine if is_serving(p)]
        moves = not deployment["spec"].get("paused")
        unready_old = [p for p in old if not is_serving(p)]
        if moves and (unready_old or (old and len(ready) > replicas)):
            self._terminate((unready_old or old)[0])
        elif len(new) > replicas:
            self._terminate(new[-1])
        if moves and len(new) < replicas and len(mine) < replicas + 1:
            self._make_pod(deployment, digest)
        counts = dict.fromkeys(("replicas",), len(mine))
        counts["updatedReplicas"] = len(new)
        counts["readyReplicas"] = counts["availableReplicas"] = len(ready)
        counts["observedGeneration"] = deployment["metadata"]["generation"]
        if deployment.get("status") != counts:
            self.put(ref, {**deployment, "status": counts})
        self._note_ready(mine)

    def _tick_stateful_set(self, ref: Ref) -> None:
        owner = deepcopy(self.objects[ref])
        pods = pods_of(owner, self.objects)
        status = self._stateful_sets.tick(
            owner, pods, make=self._make_numbered, end=self._terminate
        )
        if owner.get("status") != status:
            self.put(ref, {**owner, "status": status})
        self._note_ready(pods_of(owner, self.objects).values())

    def _note_ready(self, pods: Iterable[Json]) -> None:
        """Keep how few pods served at any time."""
        serving = sum(is_serving(p) for p in pods if not self.is_lost(self.cluster_of(p)))
        self.least_ready = min(serving, self.least_ready if self.least_ready is not None else 99)

    def _make_numbered(self, owner: Json, ordinal: int, revision: str, template: Json) -> None:
        name = f"{name_of(owner)}-{ordinal}"
        node = self._node_for({"spec": {"template": template}})
        pod = a_pod_of_set(name, node, revision, ready=False, at=self.at)
        self.put(Ref(kind=POD, namespace="xr", name=name), pod)

    def _make_pod(self, deployment: Json, digest: str) -> None:
        self._pods += 1
        name = f"{name_of(deployment)}-{digest}-{self._pods}"
        pod = a_pod(name, self._node_for(deployment), ready=False, hash_=digest, at=self.at)
        self.put(Ref(kind=POD, namespace="xr", name=name), pod)

    def _terminate(self, pod: Json) -> None:
        pod["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z"

    def _node_for(self, deployment: Json) -> str:
        affinity = dig(deployment, "spec", "template", "spec", "affinity", "nodeAffinity")
        required = dig(affinity, "requiredDuringSchedulingIgnoredDuringExecution")
        terms = dig(required, "nodeSelectorTerms")
        if not terms or terms[0]["matchExpressions"][0]["operator"] == "NotIn":
            return "home-node-1"
        return str(terms[0]["matchExpressions"][0]["values"][0])

    def _tick_offloading(self, ref: Ref) -> None:
        offloading = deepcopy(self.objects[ref])
        terms = dig(offloading, "spec", "clusterSelector", "nodeSelectorTerms") or []
        clusters = [c for t in terms for e in t["matchExpressions"] for c in e["values"]]
        status = {
            "observedGeneration": offloading["metadata"]["generation"],
            "offloadingPhase": "Ready",
            "remoteNamespacesConditions": {c: [READY] for c in clusters},
        }
        if offloading.get("status") != status:
            self.put(ref, {**offloading, "status": status})

    def _count(self, *, is_write: bool = False) -> None:
        self.calls += 1
        if is_write:
            self.written_at.append(self.calls)
        if self.killed_at == self.calls:
            raise KilledError(f"after call {self.calls}")


class FakeTemplates:
    """`Templates` in memory; there are none unless a test puts some."""

    def __init__(self, **templates: tuple[Object, ...]) -> None:
        self.templates = templates

    def load(self, name: str) -> tuple[Object, ...]:
        """Return the manifests of a template."""
        if name not in self.templates:
            raise PermanentError(f"there is no template {name}")
        return self.templates[name]


def a_ground(**templates: tuple[Object, ...]) -> Ground:
    """Return what is declared of an Act that runs in the namespace crossloop."""
    return Ground(templates=FakeTemplates(**templates), namespace="crossloop")


class FakeAlertSink:
    """An `AlertSink` that keeps what was posted."""

    def __init__(self) -> None:
        self.posts: list[tuple[Alert, ...]] = []
        self.holds: tuple[Alert, ...] = ()
        self.posted = asyncio.Event()

    async def post(self, alerts: tuple[Alert, ...]) -> None:
        """Keep the alerts."""
        self.posts.append(alerts)
        self.posted.set()

    async def held(self, fleet: FleetName) -> tuple[Alert, ...]:
        """Return what a test says was posted before."""
        return tuple(a for a in self.holds if ("fleet", fleet) in a.labels)


def a_world(
    *, replicas: int = 3, stands_on: str = "metro", workload: Kind = DEPLOYMENT
) -> FakeClusterApi:
    """Return a cluster with home, metro and edge-north, and the arena's render on one of them."""
    api = FakeClusterApi()
    api.put(Ref(kind=NAMESPACE, name="xr"), {"metadata": {"name": "xr", "labels": {}}})
    for name, cluster in (
        ("home-node-1", "home"),
        ("metro", "metro"),
        ("edge-north", "edge-north"),
    ):
        api.put(Ref(kind=NODE, name=name), a_node(name, cluster))
    for cluster in ("metro", "edge-north"):
        api.put(Ref(kind=FOREIGN_CLUSTER, name=cluster), a_foreign_cluster(cluster))
    stretched = Ref(kind=NAMESPACE_OFFLOADING, namespace="xr", name="offloading")
    api.put(stretched, an_offloading("metro", "edge-north"))
    make = a_deployment if workload == DEPLOYMENT else a_stateful_set
    made = make("render", replicas=replicas, cluster=stands_on)
    del made["status"]
    api.put(Ref(kind=workload, namespace="xr", name="render"), made)
    api.put(Ref(kind=APPLICATION, namespace="xr", name="arena"), an_application_object())
    for _ in range(3 * replicas + 3):
        api.tick()
    api.at, api.least_ready, api.writes = NOW, None, []
    return api


def _blank(ref: Ref) -> Json:
    place = {"namespace": ref.namespace} if ref.namespace else {}
    return {"metadata": {"name": ref.name, **place}}


def _has_fields(obj: Object, fields: str) -> bool:
    """Tell whether an object is what a field selector asks for."""
    wanted = (part.partition("=") for part in fields.split(",") if part)
    return all(str(dig(obj, *path.split("."))) == value for path, _, value in wanted)
