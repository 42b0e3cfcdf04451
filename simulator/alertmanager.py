"""A receiver of alerts: the part of Alertmanager's v2 API that posts and reads them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import JSONDecodeError
from typing import Any

from aiohttp import web

from shared.runtime.clock import Clock

RESOLVE_TIMEOUT = timedelta(minutes=5)
"""After this an alert that came without `endsAt` is taken for resolved."""
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

LabelSet = tuple[tuple[str, str], ...]


class BadAlertError(Exception):
    """An alert that cannot be stored; the text is Alertmanager's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. Its identity is its whole label set."""

    labels: LabelSet
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    generator_url: str = ""
    posts: int = 1
    """How often it was posted."""

    def is_firing(self, at: datetime) -> bool:
        """Tell whether it is not resolved."""
        return self.ends_at > at


class Alertmanager:
    """Keeps all alerts ever posted, one per label set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alerts: dict[LabelSet, Alert] = {}

    def application(self) -> web.Application:
        """Return the HTTP application."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/api/v2/alerts", self._get),
                web.post("/api/v2/alerts", self._post),
                web.get("/-/ready", _ok),
                web.get("/-/healthy", _ok),
            ]
        )
        return application

    def state(self) -> list[dict[str, Any]]:
        """Return all alerts ever received, resolved ones too, oldest first."""
        now = self._clock()
        return [
            {
                "labels": dict(alert.labels),
                "annotations": dict(alert.annotations),
                "startsAt": alert.starts_at.isoformat(),
                "endsAt": alert.ends_at.isoformat(),
                "firing": alert.is_firing(now),
                "posts": alert.posts,
            }
            for alert in sorted(self._alerts.values(), key=lambda a: (a.starts_at, a.labels))
        ]

    def take(self, body: Any) -> None:
        """Store the alerts of one post.

        BadAlertError: some of them are bad; the good ones are stored all the same.
        """
        if not isinstance(body, list) or not all(isinstance(alert, dict) for alert in body):
            raise BadAlertError('parsing alerts body from "" failed: a list of alerts is needed')
        faults = []
        for posted in body:
            try:
                self._store(_parsed(posted, self._clock()))
            except BadAlertError as error:
                faults.append(str(error))
        if faults:
            raise BadAlertError("; ".join(faults))

    def _store(self, new: Alert) -> None:
        """Merge as Alertmanager does: the earliest start, and an end that only ever grows.

        An end that is not in the future resolves at once.
        """
        now, old = self._clock(), self._alerts.get(new.labels)
        if old is None:
            self._alerts[new.labels] = new
            return
        fires_on = old.is_firing(now)
        self._alerts[new.labels] = Alert(
            labels=new.labels,
            annotations=new.annotations,
            starts_at=min(old.starts_at, new.starts_at) if fires_on else new.starts_at,
            ends_at=max(old.ends_at, new.ends_at) if new.is_firing(now) else new.ends_at,
            updated_at=now,
            generator_url=new.generator_url,
            posts=old.posts + 1,
        )

    async def _post(self, request: web.Request) -> web.Response:
        try:
            self.take(await request.json())
        except JSONDecodeError as error:
            return web.json_response({"code": 400, "message": str(error)}, status=400)
        except BadAlertError as error:
            return web.json_response(str(error), status=400)
        return web.Response()

    async def _get(self, _: web.Request) -> web.Response:
        now = self._clock()
        firing = (alert for alert in self._alerts.values() if alert.is_firing(now))
        return web.json_response([_gettable(alert) for alert in firing])


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="OK")


def _parsed(posted: Mapping[str, Any], now: datetime) -> Alert:
    labels = {k: v for k, v in _texts(posted, "labels").items() if v}
    for name in labels:
        if not _LABEL_NAME.fullmatch(name):
            raise BadAlertError(f'invalid label set: invalid name "{name}"')
    if not labels:
        raise BadAlertError("at least one label pair required")
    starts_at, ends_at = _instant(posted, "startsAt"), _instant(posted, "endsAt")
    # as the real one does: without a start it starts when it ends, even in the future
    starts_at = starts_at or ends_at or now
    ends_at = ends_at or now + RESOLVE_TIMEOUT
    if ends_at < starts_at:
        raise BadAlertError("start time must be before end time")
    return Alert(
        labels=tuple(sorted(labels.items())),
        annotations=_texts(posted, "annotations"),
        starts_at=starts_at,
        ends_at=ends_at,
        updated_at=now,
        generator_url=str(posted.get("generatorURL", "")),
    )


def _texts(posted: Mapping[str, Any], name: str) -> dict[str, str]:
    texts = posted.get(name, {})
    if not isinstance(texts, dict) or not all(isinstance(v, str) for v in texts.values()):
        raise BadAlertError(f"parsing alerts body failed: Alert.{name} of type string is needed")
    return texts


def _instant(posted: Mapping[str, Any], name: str) -> datetime | None:
    text = posted.get(name)
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise BadAlertError(f"parsing {name} date-time failed: {text}") from error
    if instant.tzinfo is None:
        raise BadAlertError(f"parsing {name} date-time failed: {text} has no time zone")
    return instant


def _gettable(alert: Alert) -> dict[str, Any]:
    fingerprint = hashlib.sha256(repr(alert.labels).encode()).hexdigest()[:16]
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": alert.starts_at.isoformat(),
        "endsAt": alert.ends_at.isoformat(),
        "updatedAt": alert.updated_at.isoformat(),
        "generatorURL": alert.generator_url,
        "fingerprint": fingerprint,
        "receivers": [{"name": "simulator"}],
        "status": {"state": "active", "inhibitedBy": [], "silencedBy": [], "mutedBy": []},
    }
