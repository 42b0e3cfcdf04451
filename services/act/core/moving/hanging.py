"""Why a copy does not start where it was put: the ways of Pending on a virtual node."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.act.core.objects import Object, condition, dig, name_of

ACCEPTANCE = timedelta(seconds=10)
"""A provider that took a pod says so, by its host's address, well within this time."""
REFUSED = "FailedReflection"
"""The reason of the event by which Liqo tells, on the pod, that its provider did not take it."""
_CORDONED = ("user is cordoned", "user is drained")
_NO_QUOTA = ("exceeded quota", "quota exceeded", "insufficient")
_SILENT = (
    "connection refused",
    "connection reset",
    "no such host",
    "no route to host",
    "network is unreachable",
    "i/o timeout",
    "deadline exceeded",
    "tls handshake timeout",
    "service unavailable",
)


class Pending(StrEnum):
    """The ways of Pending on a virtual node, told apart as Liqo 1.2 shows them."""

    STARTING = "starting"
    """Taken by the provider. It starts, or the provider's scheduler is dead: they look alike."""
    NO_ROOM = "no_room"
    """The provider's scheduler, or its quota, has no room."""
    CORDONED = "cordoned"
    """The provider takes nothing new from this consumer."""
    UNREACHABLE = "unreachable"
    """The provider's API does not answer, while its virtual node still looks ready."""
    NOT_OFFLOADED = "not_offloaded"
    """The namespace is not stretched there."""
    NOT_ACCEPTED = "not_accepted"
    """The provider did not take it within the time of acceptance, and nothing says why."""


_SENTENCES = {
    Pending.STARTING: "{} was taken by the provider and does not start: its scheduler may be dead",
    Pending.NO_ROOM: "{} finds no room there",
    Pending.CORDONED: "{} was turned down: the provider has cordoned this consumer",
    Pending.UNREACHABLE: "{} cannot be handed over: the provider's API does not answer",
    Pending.NOT_OFFLOADED: "{} hangs: its namespace is not offloaded there",
    Pending.NOT_ACCEPTED: "{} was not accepted by the provider",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hanging:
    """A pod that is Pending on a virtual node, the way it is, and the sentence to tell."""

    way: Pending
    reason: str

    @property
    def is_hopeless(self) -> bool:
        """Tell whether it will not start by itself soon: all but one that was taken."""
        return self.way is not Pending.STARTING


def hanging(pod: Object, events: Iterable[Object], now: datetime) -> Hanging | None:
    """Tell in which way a pod bound to a virtual node is Pending; None: not, or not yet known."""
    if not dig(pod, "spec", "nodeName") or dig(pod, "status", "phase") != "Pending":
        return None
    scheduled = condition(pod, "PodScheduled", "status", "conditions")
    if "OffloadingBackOff" in (dig(pod, "status", "reason"), scheduled.get("reason")):
        return _told(Pending.NOT_OFFLOADED, pod)
    if (scheduled.get("status"), scheduled.get("reason")) == ("False", "Unschedulable"):
        return _told(Pending.NO_ROOM, pod, str(scheduled.get("message") or "unschedulable"))
    if dig(pod, "status", "hostIP"):
        return _told(Pending.STARTING, pod)
    return _not_taken(pod, events, now)


def is_unaccepted(pod: Object) -> bool:
    """Tell whether a pod was put on a node that has not said yet that it took it."""
    pending = dig(pod, "status", "phase") == "Pending"
    return pending and bool(dig(pod, "spec", "nodeName")) and not dig(pod, "status", "hostIP")


def _not_taken(pod: Object, events: Iterable[Object], now: datetime) -> Hanging | None:
    said = [text for event in events if (text := _message_about(pod, event))]
    for message in reversed(said):
        way = _way_of(message)
        if way is not Pending.NOT_ACCEPTED:
            return _told(way, pod, message)
    bound = condition(pod, "PodScheduled", "status", "conditions").get("lastTransitionTime")
    since = bound or dig(pod, "metadata", "creationTimestamp")
    if since and now - datetime.fromisoformat(since) > ACCEPTANCE:
        return _told(Pending.NOT_ACCEPTED, pod, said[-1] if said else "")
    return None


def _message_about(pod: Object, event: Object) -> str:
    """Return what an event says of this very pod, not of one that had its name before."""
    about, uid = event.get("involvedObject") or {}, dig(pod, "metadata", "uid")
    if event.get("reason") != REFUSED or about.get("name") != name_of(pod):
        return ""
    if about.get("uid") and uid and about["uid"] != uid:
        return ""
    return " ".join(str(event.get("message") or "").split())


def _way_of(message: str) -> Pending:
    lower = message.lower()
    for way, signs in (
        (Pending.CORDONED, _CORDONED),
        (Pending.NO_ROOM, _NO_QUOTA),
        (Pending.UNREACHABLE, _SILENT),
    ):
        if any(sign in lower for sign in signs):
            return way
    return Pending.NOT_ACCEPTED


def _told(way: Pending, pod: Object, said: str = "") -> Hanging:
    sentence = _SENTENCES[way].format(name_of(pod))
    return Hanging(way=way, reason=f"{sentence}: {said}" if said else sentence)
