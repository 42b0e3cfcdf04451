"""Know all objects of a kind at any time: list, then watch, for ever, whatever breaks meanwhile."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from shared.errors import TransientError
from shared.runtime.kubernetes import ApiError, KubernetesApi, Object

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
"""Also the pause after a kind was found not to be installed, or not to be ours to read."""
_GONE = 410
_MANY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """All objects there are: they replace what was known."""

    objects: tuple[Object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One object as it is now, or as it was when it went."""

    object: Object
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """From now on, what is known is true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """From now on, what is known may be out of date. Keep it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """The kind was never listed, is not installed, or is not ours to read."""

    reason: str


News = Listed | Changed | Fresh | Late | Absent


def pause_after(failures: int) -> float:
    """Return seconds to wait after that many failures in a row: doubling, with jitter."""
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures, _MANY))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


async def follow(
    api: KubernetesApi,
    path: str,
    *,
    labels: str = "",
    fields: str = "",
    pause: Callable[[int], float] = pause_after,
) -> AsyncGenerator[News, None]:
    """Yield a list, then every change, for ever; a new list after a gap.

    Between them, each once when it changes, how far to believe it. A watch that the server ends
    is taken up where it was; one that breaks makes it late until it is taken up again.
    """
    turns = _Turns(api=api, path=path, labels=labels, fields=fields)
    standing: News | None = None
    while True:
        try:
            async with aclosing(turns.next()) as turn:
                async for news in turn:
                    if news != standing:
                        yield news
                    if isinstance(news, Fresh):
                        standing = news
        except (TransientError, ApiError) as error:
            news = turns.failed(error)
            if type(news) is not type(standing):
                yield news
                standing = news
        await asyncio.sleep(pause(turns.failures))


@dataclass(slots=True, kw_only=True)
class _Turns:
    """How far the following of one list came; a turn is a list, where one is needed, and a watch.

    `since`: the resource version known; empty: it has to be listed. `lost`: it was refused after it
    had been listed, so that nothing is known any more.
    """

    api: KubernetesApi
    path: str
    labels: str
    fields: str
    since: str = ""
    listed: bool = False
    lost: bool = False
    failures: int = 0

    async def next(self) -> AsyncGenerator[News, None]:
        """Yield what comes until the watch ends."""
        selection = {"labels": self.labels, "fields": self.fields}
        if not self.since:
            objects, self.since = await self.api.list(self.path, **selection)
            self.listed, self.lost = True, False
            yield Listed(objects=objects)
        watch = self.api.watch(self.path, since=self.since, **selection)
        async with aclosing(watch) as events:
            async for event in events:
                news = Fresh() if event is None else self._read(event)
                if news is not None:
                    yield news
        self.failures = 0

    def failed(self, error: TransientError | ApiError) -> Late | Absent:
        """Note a failure, and tell what it makes of what is known."""
        self.failures += 1
        if isinstance(error, ApiError):
            self.since = ""
            if error.status != _GONE:
                self.failures = self.failures if self.listed else _MANY
                self.lost = True
        is_known = self.listed and not self.lost
        return Late(reason=str(error)) if is_known else Absent(reason=str(error))

    def _read(self, event: Object) -> Changed | None:
        subject = event["object"]
        if event["type"] == "ERROR":
            raise _refusal(subject)
        self.since = subject["metadata"]["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return None
        self.failures = 0
        return Changed(object=subject, gone=event["type"] == "DELETED")


def _refusal(status: Object) -> TransientError | ApiError:
    code, message = int(status.get("code") or 0), str(status.get("message") or "no message")
    if 400 <= code < 500:  # noqa: PLR2004 - the client's fault, in HTTP's words
        return ApiError(code, str(status.get("reason") or ""), message)
    return TransientError(f"the watch ended with {code}: {message}")
