"""Lists and watches: objects as they are now or were, and their changes from a version on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import orjson

from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, name_of, namespace_of
from simulator.kubernetes.query import ListQuery, read_token, token_at
from simulator.kubernetes.resources import Resource
from simulator.kubernetes.selectors import Matches
from simulator.kubernetes.status import StatusError, bad_request, expired
from simulator.kubernetes.store import Change, ForgottenError

BOOKMARK_SECONDS = 60.0


def listed(api: Api, resource: Resource, namespace: str, query: ListQuery) -> Object:
    """Return a list, or the next page of one. StatusError: the page's version is forgotten."""
    version, after = api.store.version, ("", "")
    if query.token:
        version, after = read_token(query.token)
    try:
        found = api.store.all_at(resource.key, namespace, version)
    except ForgottenError as error:
        raise expired(
            "The provided continue parameter is too old to display a consistent list result. You "
            "can start a new list without the continue parameter, or use the continue token in "
            "this response to retrieve the remainder of the results. Continuing with the provided "
            "token results in an inconsistent list - objects that were created, modified, or "
            "deleted between the time the first chunk was returned and now may show up in the "
            "list."
        ) from error
    found = tuple(obj for obj in found if _key(obj) > after and query.matches(obj))
    metadata: Object = {"resourceVersion": str(version)}
    page = found[: query.limit] if query.limit else found
    if len(page) < len(found):
        metadata["continue"] = token_at(version, _key(page[-1]))
        if not query.is_selective:
            metadata["remainingItemCount"] = len(found) - len(page)
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": [_as_item(resource, obj) for obj in page],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A watch. `version` is where it goes on from; None: from the objects as they are now."""

    resource: Resource
    namespace: str
    matches: Matches
    version: int | None
    wants_bookmarks: bool
    seconds: float


def version_of(text: str) -> int | None:
    """Read the parameter resourceVersion of a watch."""
    if text in ("", "0"):
        return None
    if not text.isdigit():
        raise bad_request(f"Invalid resource version: {text}")
    return int(text)


async def watched(api: Api, watch: Watch) -> AsyncIterator[bytes]:
    """Yield the lines of a watch until its time is over or its version is forgotten.

    Some are empty: changes that do not concern it. Bookmarks come every minute and at the end.
    """
    version = api.store.version if watch.version is None else watch.version
    for line in _present(api, watch) if watch.version is None else ():
        yield line
    now = asyncio.get_running_loop().time
    ends_at = now() + watch.seconds
    bookmark_at = min(ends_at, now() + BOOKMARK_SECONDS)
    while now() < ends_at:
        try:
            changes = api.store.since(version)
        except ForgottenError:
            yield _line("ERROR", _too_old(version, api.store.version).body)
            return
        for change in changes:
            version = change.version
            yield _of_change(watch, change)
        if not changes:
            await _changed(api, version, bookmark_at - now())
        if now() >= bookmark_at:
            yield _bookmark(watch, version)
            bookmark_at = min(ends_at, now() + BOOKMARK_SECONDS)


async def _changed(api: Api, version: int, seconds: float) -> None:
    """Wait for changes after a version, but not longer than that."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(seconds, 0)):
            await api.store.changed(version)


def _present(api: Api, watch: Watch) -> list[bytes]:
    found = api.store.all(watch.resource.key, watch.namespace)
    return [_line("ADDED", _versioned(watch.resource, o)) for o in found if watch.matches(o)]


def _of_change(watch: Watch, change: Change) -> bytes:
    """Return how a change looks to a watch: what no longer matches is deleted to it."""
    last = change.last
    if change.kind != watch.resource.key or watch.namespace not in ("", namespace_of(last)):
        return b""
    was = change.before is not None and watch.matches(change.before)
    is_now = change.after is not None and watch.matches(change.after)
    match was, is_now:
        case False, False:
            return b""
        case False, True:
            kind = "ADDED"
        case True, True:
            kind = "MODIFIED"
        case _:
            kind = "DELETED"
    return _line(kind, _versioned(watch.resource, last))


def _bookmark(watch: Watch, version: int) -> bytes:
    if not watch.wants_bookmarks:
        return b""
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    kind, api_version = watch.resource.kind, watch.resource.api_version
    return _line("BOOKMARK", {"kind": kind, "apiVersion": api_version, "metadata": metadata})


def _line(kind: str, obj: Object) -> bytes:
    return orjson.dumps({"type": kind, "object": obj}) + b"\n"


def _too_old(version: int, current: int) -> StatusError:
    return expired(f"too old resource version: {version} ({current})")


def _key(obj: Object) -> tuple[str, str]:
    return namespace_of(obj), name_of(obj)


def _as_item(resource: Resource, obj: Object) -> Object:
    """Return an object as lists show it: those of built-in kinds do not repeat their kind."""
    if resource.is_custom:
        return _versioned(resource, obj)
    return {name: value for name, value in obj.items() if name not in ("apiVersion", "kind")}


def _versioned(resource: Resource, obj: Object) -> Object:
    return {**obj, "apiVersion": resource.api_version}
