"""What the API server answers when it refuses: `Status` objects, with the words of the real one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.kubernetes.objects import Object
from simulator.kubernetes.resources import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One thing that is wrong with one field."""

    reason: str
    field: str
    message: str


class NoSuchPathError(Exception):
    """A path that leads nowhere: answered without a `Status`."""


class StatusError(Exception):
    """A refusal; `body` is the `Status` object to answer with."""

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            **({"reason": reason} if reason else {}),
            **({} if details is None else {"details": details}),
            "code": code,
        }


def success(resource: Resource, name: str, uid: str) -> Object:
    """Return the `Status` that answers a deletion."""
    details: Object = {"name": name, "kind": resource.plural, "uid": uid}
    if resource.group:
        details["group"] = resource.group
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }


def bad_request(message: str) -> StatusError:
    """Refuse what cannot be understood."""
    return StatusError(400, "BadRequest", message)


def forbidden(resource: Resource, name: str, why: str, cause: Cause | None = None) -> StatusError:
    """Refuse what is not allowed here and now."""
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    causes = (cause,) if cause else ()
    return StatusError(403, "Forbidden", message, details_of(resource, name, causes))


def not_found(resource: Resource, name: str) -> StatusError:
    """Refuse what needs an object that is not there."""
    message = f'{resource.qualified} "{name}" not found'
    return StatusError(404, "NotFound", message, details_of(resource, name))


def not_allowed() -> StatusError:
    """Refuse a method that the path does not know."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message)


def already_exists(resource: Resource, name: str) -> StatusError:
    """Refuse to create what is there."""
    message = f'{resource.qualified} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, details_of(resource, name))


def conflict(resource: Resource, name: str, why: str) -> StatusError:
    """Refuse a write that was made on another state than the present one."""
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return StatusError(409, "Conflict", message, details_of(resource, name))


def modified(resource: Resource, name: str) -> StatusError:
    """Refuse a write based on an older version of the object."""
    why = "the object has been modified; please apply your changes to the latest version"
    return conflict(resource, name, f"{why} and try again")


def apply_conflict(message: str, causes: Sequence[Cause]) -> StatusError:
    """Refuse to take fields that others manage."""
    return StatusError(409, "Conflict", message, {"causes": [cause_of(c) for c in causes]})


def expired(message: str) -> StatusError:
    """Refuse a version that is no longer known."""
    return StatusError(410, "Expired", message)


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> StatusError:
    """Refuse an object whose fields are wrong."""
    wrong = [f"{cause.field}: {cause.message}" for cause in causes]
    text = wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]"
    message = f'{resource.qualified_kind} "{name}" is invalid: {text}'
    details = details_of(resource, name, causes, kind=resource.kind)
    return StatusError(422, "Invalid", message, details)


def internal(message: str) -> StatusError:
    """Refuse for a fault of the server's, or of something it asks."""
    details = {"causes": [{"message": message}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)


def details_of(
    resource: Resource, name: str, causes: Sequence[Cause] = (), *, kind: str = ""
) -> Object:
    """Return what a refusal is about."""
    details: dict[str, Any] = {"name": name}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = kind or resource.plural
    if causes:
        details["causes"] = [cause_of(cause) for cause in causes]
    return details


def cause_of(cause: Cause) -> Object:
    """Return a cause as answers write it."""
    return {"reason": cause.reason, "message": cause.message, "field": cause.field}
