"""Alerts as Alertmanager takes them: labels that never vary, what is posted, and how it ends."""

from dataclasses import dataclass, replace
from datetime import datetime

LAST_WORDS = 3
"""How often the end of an alert is posted: an Alertmanager may miss one."""
INFO = "info"
"""The severity of what nobody has to do anything about."""

Labels = tuple[tuple[str, str], ...]
"""Sorted pairs. They are the identity of an alert: no value that varies stands in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, in Alertmanager's words."""

    labels: Labels
    summary: str
    description: str = ""
    starts_at: datetime
    ends_at: datetime


def labels_of(**labels: str) -> Labels:
    """Return labels in their order; those without a value are left out, as Alertmanager does."""
    return tuple(sorted((name, str(text)) for name, text in labels.items() if text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An alert that is over, to be posted so a few times more."""

    alert: Alert
    posts_left: int = LAST_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was posted last: what Act remembers of its alerts."""

    firing: tuple[Alert, ...] = ()
    endings: tuple[Ending, ...] = ()


def next_post(
    due: tuple[Alert, ...], closed: tuple[Alert, ...], posted: Posted, *, now: datetime
) -> tuple[tuple[Alert, ...], Posted]:
    """Return what to post, and what to remember: all that fire, and the ends of those that did.

    An alert whose severity changed is another one: the old one ends in the same post. One that
    fires on has the start it was first posted with.
    `closed`: alerts known to be over whether or not they were posted before, as after a restart.
    """
    due = tuple(_continued(alert, posted) for alert in due)
    firing = {alert.labels for alert in due}
    known = {ending.alert.labels: ending for ending in posted.endings}
    for alert in (*posted.firing, *closed):
        known.setdefault(alert.labels, Ending(alert=replace(alert, ends_at=now)))
    over = [
        ending
        for labels, ending in sorted(known.items())
        if labels not in firing and ending.posts_left > 0
    ]
    left = tuple(replace(ending, posts_left=ending.posts_left - 1) for ending in over)
    return (*due, *(e.alert for e in over)), Posted(firing=due, endings=left)


def with_held(posted: Posted, held: tuple[Alert, ...]) -> Posted:
    """Return what was posted, an earlier Act's alerts too: those that fire no more are ended."""
    known = {alert.labels for alert in posted.firing}
    earlier = tuple(alert for alert in held if alert.labels not in known)
    return replace(posted, firing=(*posted.firing, *earlier))


def _continued(alert: Alert, posted: Posted) -> Alert:
    earlier = (a.starts_at for a in posted.firing if a.labels == alert.labels)
    return replace(alert, starts_at=min((alert.starts_at, *earlier)))
