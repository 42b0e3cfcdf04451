"""Refusals of one particular request each, word for word as the real server makes them."""

from collections.abc import Sequence

from simulator.kubernetes.resources import Resource
from simulator.kubernetes.status import Cause, StatusError, cause_of, details_of, forbidden


def must_have_version(resource: Resource, name: str) -> StatusError:
    """Refuse to replace a custom resource without saying which version of it."""
    cause = Cause(
        reason="FieldValueInvalid",
        field="metadata.resourceVersion",
        message="Invalid value: 0: must be specified for an update",
    )
    message = f'{resource.qualified} "{name}" is invalid: {cause.field}: {cause.message}'
    return StatusError(422, "Invalid", message, details_of(resource, name, [cause]))


def must_not_have_version() -> StatusError:
    """Refuse to create an object that says which version it is."""
    return StatusError(500, "", "resourceVersion should not be set on objects to be created")


def other_uid(resource: Resource, name: str, wanted: str, found: str) -> StatusError:
    """Refuse to delete an object that is another one of the same name."""
    message = (
        f'Operation cannot be fulfilled on {resource.kind} "{name}": the UID in the precondition '
        f"({wanted}) does not match the UID in record ({found}). The object might have been "
        "deleted and then recreated"
    )
    details = details_of(resource, name, kind=resource.kind)
    return StatusError(409, "Conflict", message, details)


def does_not_fit() -> StatusError:
    """Refuse a JSON patch that does not fit the object."""
    words = "the server rejected our request due to an error in our request"
    return StatusError(422, "Invalid", words, {})


def must_name_manager() -> StatusError:
    """Refuse an apply of nobody."""
    message = (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: '
        "is required for apply patch"
    )
    cause = Cause(
        reason="FieldValueRequired",
        message="Required value: is required for apply patch",
        field="fieldManager",
    )
    details = {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause_of(cause)]}
    return StatusError(422, "Invalid", message, details)


def namespace_terminating(resource: Resource, name: str, namespace: str) -> StatusError:
    """Refuse to create something in a namespace whose deletion has begun."""
    cause = Cause(
        reason="NamespaceTerminating",
        message=f"namespace {namespace} is being terminated",
        field="metadata.namespace",
    )
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    return forbidden(resource, name, why, cause)


def undeclared(resource: Resource, named: str, path: str) -> StatusError:
    """Refuse to apply a field that the schema does not know; a fault of the server, it says."""
    where = f"{named}; {resource.api_version}, Kind={resource.kind}"
    words = f"failed to create typed patch object ({where}): {path}: field not declared in schema"
    return StatusError(500, "", words)


def unsupported_media(supported: Sequence[str]) -> StatusError:
    """Refuse a body of an unknown kind."""
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        f"{', '.join(supported)}"
    )
    return StatusError(415, "UnsupportedMediaType", message)
