"""Plays the Deployment controller: one ReplicaSet per template, exchanged step by step."""

from collections.abc import Iterable, Sequence

from simulator.controllers.deployment_status import Progress, status_of
from simulator.controllers.loop import Time
from simulator.controllers.rollout import Limits, Size, limits_of, recreated, rolled, scaled
from simulator.controllers.writing import MANAGER, annotate, owned_by, ref_of, set_spec
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    clone,
    controller_of,
    is_going,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from simulator.kubernetes.preparing import hashed
from simulator.kubernetes.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from simulator.kubernetes.store import Key, Kind

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"


class Deployments:
    """The controller of Deployments."""

    kinds: Sequence[Kind] = (DEPLOYMENTS.key, REPLICA_SETS.key, PODS.key)

    def __init__(self, api: Api, time: Time) -> None:
        self._api = api
        self._progress = Progress(time)

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the Deployment itself, or the one behind a ReplicaSet or pod."""
        namespace = namespace_of(obj)
        if kind == DEPLOYMENTS.key:
            yield namespace, name_of(obj)
            return
        owner = controller_of(obj)
        if kind == PODS.key and owner:
            owned = self._api.store.get(REPLICA_SETS.key, (namespace, owner["name"]))
            owner = owned and controller_of(owned)
        if owner and owner["kind"] == "Deployment":
            yield namespace, owner["name"]

    def reconcile(self, key: Key) -> float | None:
        """Take the next step of the rollout, and tell how far it is."""
        found = self._api.store.get(DEPLOYMENTS.key, key)
        if found is None or is_going(found):
            return None
        sets = self._sets(found)
        new = next((rs for rs in sets if _runs(rs, found)), None)
        old = [rs for rs in sets if rs is not new]
        if found["spec"].get("paused"):
            self._resize(found, sets)
        elif new is None:
            new = self._begin(found, old)
        else:
            self._revise(new, old)
            if not self._resize(found, sets):
                self._step(found, new, old)
        sets = self._sets(found)
        self._forget(found, sets, new)
        current = next((rs for rs in sets if _runs(rs, found)), None)
        return self._tell(found, current, sets)

    def _sets(self, deployment: Object) -> list[Object]:
        """Return its ReplicaSets, the oldest first."""
        found = self._api.store.all(REPLICA_SETS.key, namespace_of(deployment))
        mine = [r for r in found if (controller_of(r) or {}).get("uid") == uid_of(deployment)]
        return sorted((r for r in mine if not is_going(r)), key=_revision)

    def _begin(self, deployment: Object, old: Sequence[Object]) -> Object:
        """Create the ReplicaSet of a template that is new."""
        limits = limits_for(deployment)
        name = f"{name_of(deployment)}-{hashed(deployment['spec']['template'])}"
        size = Size(name=name, wanted=0)
        sizes = tuple(map(_size, old))
        wanted = self._next(deployment, size, sizes)[0].wanted
        body = _replica_set(deployment, name=name, wanted=wanted, limits=limits)
        body["metadata"]["annotations"][REVISION] = str(max(map(_revision, old), default=0) + 1)
        by = Writer(manager=MANAGER)
        return self._api.create(REPLICA_SETS, namespace_of(deployment), body, by)

    def _revise(self, new: Object, old: Sequence[Object]) -> None:
        """Make a template that was used before the newest again."""
        newest = max(map(_revision, old), default=0)
        if _revision(new) <= newest:
            annotate(self._api, REPLICA_SETS, new, {REVISION: str(newest + 1)})

    def _resize(self, deployment: Object, sets: Sequence[Object]) -> bool:
        """Follow a change of the Deployment's size; tell whether there was one."""
        limits = limits_for(deployment)
        active = [rs for rs in sets if rs["spec"]["replicas"]]
        told = [annotations_of(rs) for rs in active]
        if not any(int(a.get(DESIRED, limits.replicas)) != limits.replicas for a in told):
            return False
        before = max(int(a.get(MOST, limits.most)) for a in told)
        self._write(sets, scaled(tuple(map(_size, sets)), limits, most_before=before), limits)
        return True

    def _step(self, deployment: Object, new: Object, old: Sequence[Object]) -> None:
        sizes = self._next(deployment, _size(new), tuple(map(_size, old)))
        self._write([new, *old], sizes, limits_for(deployment))

    def _next(self, deployment: Object, new: Size, old: tuple[Size, ...]) -> tuple[Size, ...]:
        limits = limits_for(deployment)
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            left = self._left(deployment, {size.name for size in old})
            return recreated(new, old, limits.replicas, left=left)
        return rolled(new, old, limits)

    def _left(self, deployment: Object, names: set[str]) -> int:
        """Return how many pods of these ReplicaSets are still there, told to go or not."""
        pods = self._api.store.all(PODS.key, namespace_of(deployment))
        return sum((controller_of(pod) or {}).get("name") in names for pod in pods)

    def _write(self, sets: Sequence[Object], sizes: Sequence[Size], limits: Limits) -> None:
        wanted = {size.name: size.wanted for size in sizes}
        told = {DESIRED: str(limits.replicas), MOST: str(limits.most)}
        for each in sets:
            annotate(self._api, REPLICA_SETS, each, told)
            set_spec(self._api, REPLICA_SETS, each, replicas=wanted[name_of(each)])

    def _forget(self, deployment: Object, sets: Sequence[Object], new: Object | None) -> None:
        """Delete old ReplicaSets beyond the history that is wanted."""
        idle = [
            rs
            for rs in sets
            if (new is None or uid_of(rs) != uid_of(new))
            and not rs["spec"]["replicas"]
            and not (rs.get("status") or {}).get("replicas")
        ]
        excess = len(idle) - int(deployment["spec"]["revisionHistoryLimit"])
        for each in idle[: max(0, excess)]:
            self._api.delete(ref_of(REPLICA_SETS, each), Deletion())

    def _tell(self, deployment: Object, new: Object | None, sets: Sequence[Object]) -> float | None:
        """Write status and revision; return when the rollout counts as failed."""
        late, again = self._progress.judge(deployment, new, sets)
        status = status_of(
            deployment, new, sets, limits_for(deployment), at=self._api.now(), late=late
        )
        told = {REVISION: annotations_of(new)[REVISION]} if new else {}

        def change(live: Object) -> Object:
            metadata = {**live["metadata"], "annotations": {**annotations_of(live), **told}}
            return {**live, "metadata": metadata, "status": status}

        by = Writer(manager=MANAGER, subresource="status")
        self._api.patch(ref_of(DEPLOYMENTS, deployment), change, by)
        return again


def limits_for(deployment: Object) -> Limits:
    """Return what the Deployment's rollout must keep to."""
    spec = deployment["spec"]
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge, unavailable = rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 0)
    if spec["strategy"]["type"] == "Recreate":
        surge, unavailable = 0, "100%"
    return limits_of(int(spec["replicas"]), surge, unavailable)


def _size(replica_set: Object) -> Size:
    status = replica_set.get("status") or {}
    return Size(
        name=name_of(replica_set),
        wanted=int(replica_set["spec"]["replicas"]),
        available=int(status.get("availableReplicas", 0)),
    )


def _revision(replica_set: Object) -> int:
    return int(annotations_of(replica_set).get(REVISION, 0))


def _runs(replica_set: Object, deployment: Object) -> bool:
    """Tell whether a ReplicaSet has the Deployment's present template."""
    template = clone(replica_set["spec"]["template"])
    del template["metadata"]["labels"][HASH_LABEL]
    wanted: Object = deployment["spec"]["template"]
    return bool(template == wanted)


def _replica_set(deployment: Object, *, name: str, wanted: int, limits: Limits) -> Object:
    own = {HASH_LABEL: name.removeprefix(f"{name_of(deployment)}-")}
    spec = deployment["spec"]
    template = clone(spec["template"])
    labels = {**labels_of(template), **own}
    template["metadata"]["labels"] = labels
    selector = clone(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), **own}
    annotations = {DESIRED: str(limits.replicas), MOST: str(limits.most)}
    return {
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owned_by(deployment)],
        },
        "spec": {"replicas": wanted, "selector": selector, "template": template},
    }
