"""How the controllers of Cluster API write: conditions, status, owners and finalizers."""

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.controllers.cluster_api.kinds import CLUSTER_LABEL, resource_of
from simulator.controllers.loop import Time
from simulator.controllers.writing import owned_by, ref_of, set_status
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.objects import Object, condition_of, dig, labels_of, name_of, uid_of

MANAGER = "manager"
"""The field manager of all of Cluster API's controllers: the name of their binaries."""


@dataclass(frozen=True, slots=True)
class Told:
    """A condition as a controller tells it; `status`: True, False or Unknown."""

    kind: str
    status: bool | None
    reason: str
    message: str = ""

    @property
    def word(self) -> str:
        """Return the status as objects write it."""
        return "Unknown" if self.status is None else str(self.status)


def conditions(obj: Object, told: Iterable[Told], at: str) -> list[Object]:
    """Return the object's conditions with these told anew, in the order they were first told in.

    What keeps its status keeps its time. `observedGeneration` is in each.
    """
    result = {c["type"]: c for c in dig(obj, "status", "conditions") or ()}
    for each in told:
        since = _since(obj, each, at)
        result[each.kind] = {
            "type": each.kind,
            "status": each.word,
            "reason": each.reason,
            "message": each.message,
            "lastTransitionTime": since,
            "observedGeneration": obj["metadata"]["generation"],
        }
    return list(result.values())


def severe_conditions(obj: Object, told: Iterable[Told], at: str) -> list[Object]:
    """Return conditions in the style of v1beta1, with a severity where something is missing."""
    result = {c["type"]: c for c in dig(obj, "status", "conditions") or ()}
    for each in told:
        condition = {
            "type": each.kind,
            "status": each.word,
            "lastTransitionTime": _since(obj, each, at),
        }
        if not each.status:
            condition |= {"reason": each.reason, "severity": "Info"}
            condition |= {"message": each.message} if each.message else {}
        result[each.kind] = condition
    return list(result.values())


def tell(api: Api, obj: Object, told: Iterable[Told], **status: object) -> Object:
    """Write conditions, other fields of the status, and the generation they are about."""
    known = {**(obj.get("status") or {}), **status}
    known["conditions"] = conditions(obj, told, api.now())
    known["observedGeneration"] = obj["metadata"]["generation"]
    known = {name: value for name, value in known.items() if value is not None}
    return write_status(api, obj, known)


def tell_paused(api: Api, obj: Object) -> None:
    """Write that an object is paused, and nothing else: what it says besides is of before."""
    known = {**(obj.get("status") or {})}
    told = [Told("Paused", True, "Paused", "Cluster spec.paused is set to true")]
    known["conditions"] = conditions(obj, told, api.now())
    write_status(api, obj, known)


def write_status(api: Api, obj: Object, status: Object) -> Object:
    """Write a status, if it is another one: a write that changes nothing costs its checks, too."""
    if status == obj.get("status"):
        return obj
    return set_status(api, resource_of(api, obj), obj, status, manager=MANAGER)


def set_fields(api: Api, obj: Object, **fields: object) -> Object:
    """Write fields of the spec of an object."""
    if fields.items() <= obj["spec"].items():
        return obj

    def change(live: Object) -> Object:
        return {**live, "spec": {**live["spec"], **fields}}

    return api.patch(ref_of(resource_of(api, obj), obj), change, Writer(manager=MANAGER))


def adopt(
    api: Api, obj: Object, cluster: Object, *, controls: bool = False, finalizer: str = ""
) -> Object:
    """Make an object belong to its Cluster, and hold it with a finalizer.

    `controls`: it is one of the two parts a Cluster refers to.
    """
    reference = owned_by(cluster)
    if not controls:
        reference = {k: reference[k] for k in ("apiVersion", "kind", "name", "uid")}
    owners = list(obj["metadata"].get("ownerReferences") or ())
    if not any(known["uid"] == uid_of(cluster) for known in owners):
        owners.append(reference)
    labels = {**labels_of(obj), CLUSTER_LABEL: name_of(cluster)}
    changed: Object = {"ownerReferences": owners, "labels": labels}
    if finalizer:
        changed["finalizers"] = _with(obj, finalizer)
    return _set_metadata(api, obj, changed)


def hold(api: Api, obj: Object, finalizer: str) -> Object:
    """Keep an object from ending before its controller is done with it."""
    return _set_metadata(api, obj, {"finalizers": _with(obj, finalizer)})


def release(api: Api, obj: Object, finalizer: str) -> None:
    """Let go of an object."""
    kept = [name for name in obj["metadata"].get("finalizers") or () if name != finalizer]
    _set_metadata(api, obj, {"finalizers": kept})


class Timers:
    """What is under way, and until when, in simulated seconds."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self._due: dict[tuple[str, str], float] = {}

    def left(self, obj: Object, what: str, seconds: float) -> float:
        """Return the seconds until something is done; begin it, if it is not under way."""
        return self.left_until(obj, what, self.time.seconds() + seconds)

    def left_until(self, obj: Object, what: str, at: float) -> float:
        """Return the seconds until something is done that was to end at an instant when begun."""
        due = self._due.setdefault((uid_of(obj), what), at)
        return max(0.0, due - self.time.seconds())

    def knows(self, obj: Object, what: str) -> bool:
        """Tell whether something was ever begun."""
        return (uid_of(obj), what) in self._due


def _since(obj: Object, told: Told, at: str) -> str:
    old = condition_of(obj, told.kind)
    return str(old["lastTransitionTime"]) if old.get("status") == told.word else at


def _with(obj: Object, finalizer: str) -> list[str]:
    known = list(obj["metadata"].get("finalizers") or ())
    return known if finalizer in known else [*known, finalizer]


def _set_metadata(api: Api, obj: Object, fields: Object) -> Object:
    if fields.items() <= obj["metadata"].items():
        return obj

    def change(live: Object) -> Object:
        metadata = {k: v for k, v in {**live["metadata"], **fields}.items() if v}
        return {**live, "metadata": metadata}

    return api.patch(ref_of(resource_of(api, obj), obj), change, Writer(manager=MANAGER))


def listed(kind: str, objects: Iterable[Object]) -> str:
    """Return a line that names objects, as messages do; empty if there are none."""
    names = ", ".join(map(name_of, objects))
    return f"* {kind}: {names}" if names else ""
