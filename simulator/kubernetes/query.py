"""What a request asks for, read from its path and its parameters."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from simulator.kubernetes.resources import Registry, Resource
from simulator.kubernetes.selectors import Matches, field_selector, label_selector
from simulator.kubernetes.status import NoSuchPathError, bad_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a path leads: to a collection, to an object, or to a part of one."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """Which objects are asked for."""

    matches: Matches
    is_selective: bool
    limit: int
    token: str
    version: str


def place_of(path: str, registry: Registry) -> Place:
    """Return where a path leads. NoSuchPathError: nowhere."""
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            raise NoSuchPathError
    namespace = ""
    match rest:
        case ["namespaces", within, plural, *_] if registry.find(group, version, plural):
            namespace, rest = within, rest[2:]
    plural, name, subresource, *more = (*rest, "", "", "")
    resource = registry.find(group, version, plural)
    if resource is None or any(more) or (namespace and not resource.namespaced):
        raise NoSuchPathError
    if name and resource.namespaced and not namespace:
        raise NoSuchPathError
    return Place(resource=resource, namespace=namespace, name=name, subresource=subresource)


def list_query(resource: Resource, query: Mapping[str, str]) -> ListQuery:
    """Read the parameters of a list or a watch. StatusError: they make no sense."""
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    try:
        by_label, by_field = label_selector(labels), field_selector(fields, resource.kind)
        limit = int(query.get("limit") or 0)
    except ValueError as error:
        raise bad_request(str(error)) from error
    return ListQuery(
        matches=lambda obj: by_label(obj) and by_field(obj),
        is_selective=bool(labels or fields),
        limit=limit,
        token=query.get("continue", ""),
        version=query.get("resourceVersion", ""),
    )


def is_true(query: Mapping[str, str], name: str) -> bool:
    """Tell whether a parameter says yes."""
    return query.get(name, "").lower() in ("true", "1")


def token_at(version: int, key: tuple[str, str]) -> str:
    """Return a token to go on from, after that object, with the list as it was at that version."""
    return base64.urlsafe_b64encode(orjson.dumps([version, *key])).decode()


def read_token(token: str) -> tuple[int, tuple[str, str]]:
    """Return version and last object of a token. StatusError: it is not one of ours."""
    try:
        version, namespace, name = orjson.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    return version, (namespace, name)
