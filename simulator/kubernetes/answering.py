"""Requests and their answers: what each method does at each kind of path."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import yaml
from aiohttp import web

from simulator.kubernetes.api import Api, Ref, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.discovery import discovered
from simulator.kubernetes.disruptions import check_disruption
from simulator.kubernetes.objects import Object, dig
from simulator.kubernetes.patches import PatchError, json_patch, merge, strategic
from simulator.kubernetes.query import Place, is_true, list_query, place_of
from simulator.kubernetes.refusals import (
    does_not_fit,
    must_name_manager,
    unsupported_media,
)
from simulator.kubernetes.resources import ACCESS_REVIEWS, PODS
from simulator.kubernetes.status import NoSuchPathError, bad_request, not_allowed, success
from simulator.kubernetes.watching import Watch, listed, version_of, watched

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
PATCHES = (JSON_PATCH, MERGE, STRATEGIC, APPLY)
WATCH_SECONDS = 1800.0
"""How long a watch lasts that does not say."""


async def answered(api: Api, request: web.Request) -> web.StreamResponse:
    """Answer a request. StatusError: it is refused."""
    known = discovered(request.path, api.registry) if request.method == "GET" else None
    if isinstance(known, str):
        return web.Response(text=known)
    if known is not None:
        return in_json(known)
    place = place_of(request.path, api.registry)
    act = _METHODS.get((request.method, bool(place.name)))
    if act is None:
        raise not_allowed()
    return await act(api, place, request)


def in_json(body: Object, status: int = 200) -> web.Response:
    """Return an answer with a body."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


async def _get(api: Api, place: Place, _: web.Request) -> web.StreamResponse:
    ref = _ref(place)
    match place.subresource:
        case "" | "status":
            return _shown(place, api.get(ref))
        case "scale":
            return in_json(api.scale(ref))
        case _:
            raise NoSuchPathError


async def _list(api: Api, place: Place, request: web.Request) -> web.StreamResponse:
    query = list_query(place.resource, request.query)
    if not is_true(request.query, "watch"):
        return in_json(listed(api, place.resource, place.namespace, query))
    watch = Watch(
        resource=place.resource,
        namespace=place.namespace,
        matches=query.matches,
        version=version_of(query.version),
        wants_bookmarks=is_true(request.query, "allowWatchBookmarks"),
        seconds=float(request.query.get("timeoutSeconds") or WATCH_SECONDS),
    )
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    async for line in watched(api, watch):
        if line:
            await response.write(line)
    return response


async def _create(api: Api, place: Place, request: web.Request) -> web.StreamResponse:
    body = await _body(request)
    _check_body(place, body)
    if place.resource == ACCESS_REVIEWS:
        answer = {**body, "kind": ACCESS_REVIEWS.kind, "status": {"allowed": True}}
        return _shown(place, answer, 201)
    created = api.create(place.resource, place.namespace, body, _writer(place, request))
    return _shown(place, created, 201)


async def _post_part(api: Api, place: Place, request: web.Request) -> web.StreamResponse:
    if place.resource != PODS or place.subresource != "eviction":
        raise not_allowed()
    check_disruption(api, api.get(_ref(place)))
    pod = api.delete(_ref(place), _deletion(await _body(request), request.query))
    return in_json(success(PODS, place.name, pod["metadata"]["uid"]), 201)


async def _replace(api: Api, place: Place, request: web.Request) -> web.StreamResponse:
    body = await _body(request)
    _check_body(place, body)
    return _written(api, place, api.replace(_ref(place), body, _writer(place, request)))


async def _patch(api: Api, place: Place, request: web.Request) -> web.StreamResponse:
    body, by, ref = await _body(request), _writer(place, request), _ref(place)
    if request.content_type == APPLY:
        if not request.query.get("fieldManager"):
            raise must_name_manager()
        _check_body(place, body)
        is_new = api.store.get(place.resource.key, ref.key) is None
        result = api.apply(ref, body, by, force=is_true(request.query, "force"))
        return _written(api, place, result, 201 if is_new else 200)
    return _written(api, place, api.patch(ref, _change(place, request.content_type, body), by))


async def _delete(api: Api, place: Place, request: web.Request) -> web.StreamResponse:
    ref, how = _ref(place), _deletion(await _body(request), request.query)
    left = api.delete(ref, how, dry_run=_is_dry(request))
    if place.resource == PODS or api.store.get(place.resource.key, ref.key):
        return _shown(place, left)
    return in_json(success(place.resource, place.name, left["metadata"]["uid"]))


async def _delete_all(api: Api, place: Place, request: web.Request) -> web.StreamResponse:
    how, query = (
        _deletion(await _body(request), request.query),
        list_query(place.resource, request.query),
    )
    answer = listed(api, place.resource, place.namespace, query)
    for item in answer["items"]:
        metadata = item["metadata"]
        namespace = metadata.get("namespace", "")
        ref = Ref(resource=place.resource, name=metadata["name"], namespace=namespace)
        api.delete(ref, how, dry_run=_is_dry(request))
    return in_json(answer)


_METHODS: Mapping[
    tuple[str, bool], Callable[[Api, Place, web.Request], Awaitable[web.StreamResponse]]
] = {
    ("GET", False): _list,
    ("GET", True): _get,
    ("POST", False): _create,
    ("POST", True): _post_part,
    ("PUT", True): _replace,
    ("PATCH", True): _patch,
    ("DELETE", True): _delete,
    ("DELETE", False): _delete_all,
}


def _ref(place: Place) -> Ref:
    return Ref(resource=place.resource, name=place.name, namespace=place.namespace)


def _writer(place: Place, request: web.Request) -> Writer:
    resource, part = place.resource, place.subresource
    if part and not {"status": resource.has_status, "scale": resource.scale}.get(part):
        raise NoSuchPathError
    agent = request.headers.get("User-Agent", "").partition("/")[0]
    manager = request.query.get("fieldManager") or agent or "unknown"
    return Writer(manager=manager, subresource=part, dry_run=_is_dry(request))


def _is_dry(request: web.Request) -> bool:
    return "All" in request.query.getall("dryRun", [])


async def _body(request: web.Request) -> Any:
    text = await request.read()
    try:
        return orjson.loads(text or b"{}")
    except orjson.JSONDecodeError as error:
        if "yaml" not in request.content_type:
            raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise bad_request(f"error decoding YAML: {error}") from error


def _check_body(place: Place, body: Any) -> None:
    """Refuse a body that is not an object of the kind, namespace and name of the path."""
    kind = "Scale" if place.subresource == "scale" else place.resource.kind
    if not isinstance(body, dict) or body.get("kind", kind) != kind:
        raise bad_request(f"the object provided is unrecognized (must be of type {kind})")
    namespace, name = dig(body, "metadata", "namespace"), dig(body, "metadata", "name")
    if place.name and name not in (None, place.name):
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({place.name})"
        )
    if place.namespace and namespace not in (None, "", place.namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def _change(place: Place, media: str, body: Any) -> Callable[[Object], Object]:
    """Return what a patch does to an object."""
    wanted = list if media == JSON_PATCH else dict
    if media in PATCHES and not isinstance(body, wanted):
        raise bad_request(f"error decoding patch: it is not a JSON {wanted.__name__}")
    match media:
        case "application/merge-patch+json":
            return lambda obj: merge(obj, body)
        case "application/strategic-merge-patch+json" if not place.resource.is_custom:
            return lambda obj: strategic(obj, body)
        case "application/json-patch+json":
            return lambda obj: _patched(obj, body)
        case _:
            raise unsupported_media([m for m in PATCHES if m != STRATEGIC])


def _patched(obj: Object, body: Any) -> Object:
    try:
        result: Object = json_patch(obj, body)
    except PatchError as error:
        raise does_not_fit() from error
    return result


def _deletion(body: Any, query: Mapping[str, str]) -> Deletion:
    grace = query.get("gracePeriodSeconds", dig(body, "gracePeriodSeconds"))
    if grace is None:
        grace = dig(body, "deleteOptions", "gracePeriodSeconds")
    return Deletion(
        grace_seconds=None if grace is None else int(grace),
        uid=dig(body, "preconditions", "uid"),
        version=dig(body, "preconditions", "resourceVersion"),
    )


def _written(api: Api, place: Place, obj: Object, status: int = 200) -> web.Response:
    if place.subresource == "scale":
        return in_json(api.scale(_ref(place)), status)
    return _shown(place, obj, status)


def _shown(place: Place, obj: Object, status: int = 200) -> web.Response:
    return in_json({**obj, "apiVersion": place.resource.api_version}, status)
