"""CustomResourceDefinitions: what they serve, and what the API server says of them."""

from collections.abc import Iterator

from jsonschema.exceptions import SchemaError

from simulator.kubernetes.objects import Object, dig
from simulator.kubernetes.resources import CRDS, Resource, ScalePaths
from simulator.kubernetes.schema import Schema
from simulator.kubernetes.status import Cause, StatusError, invalid


def resources_of(crd: Object) -> tuple[Resource, ...]:
    """Return the resources a definition serves, one per served version."""
    return tuple(_resources(crd))


def _resources(crd: Object) -> Iterator[Resource]:
    spec = crd["spec"]
    names = spec["names"]
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        subresources = version.get("subresources") or {}
        yield Resource(
            group=spec["group"],
            version=version["name"],
            plural=names["plural"],
            kind=names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            has_status="status" in subresources,
            has_generation=True,
            scale=_scale(subresources.get("scale")),
            schema=Schema(dig(version, "schema", "openAPIV3Schema") or {}),
        )


def check(crd: Object) -> None:
    """Refuse a definition that cannot be served."""
    name, spec = crd["metadata"]["name"], crd.get("spec") or {}
    try:
        wanted = f"{spec['names']['plural']}.{spec['group']}"
        resources_of(crd)
    except (KeyError, TypeError, SchemaError) as error:
        raise _refusal(name, "spec", f"Invalid value: it cannot be served: {error}") from error
    if name != wanted:
        words = 'must be spec.names.plural+"."+spec.group'
        raise _refusal(name, "metadata.name", f'Invalid value: "{name}": {words}')


def established(crd: Object, at: str) -> Object:
    """Return a definition with the status that says it is served."""
    names = {**crd["spec"]["names"]}
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    stored = [v["name"] for v in crd["spec"]["versions"] if v.get("storage")]
    conditions = [
        _condition("NamesAccepted", "NoConflicts", "no conflicts found", at),
        _condition(
            "Established", "InitialNamesAccepted", "the initial names have been accepted", at
        ),
    ]
    status = {"acceptedNames": names, "conditions": conditions, "storedVersions": stored}
    spec = {"conversion": {"strategy": "None"}, **crd["spec"], "names": names}
    old = dig(crd, "status", "conditions")
    return {**crd, "spec": spec, "status": {**status, "conditions": old or conditions}}


def _scale(paths: Object | None) -> ScalePaths | None:
    if paths is None:
        return None
    selector = paths.get("labelSelectorPath")
    return ScalePaths(
        replicas=_path(paths["specReplicasPath"]),
        status_replicas=_path(paths["statusReplicasPath"]),
        selector=_path(selector) if selector else None,
    )


def _path(text: str) -> tuple[str, ...]:
    return tuple(text.strip(".").split("."))


def _condition(kind: str, reason: str, message: str, at: str) -> Object:
    return {
        "type": kind,
        "status": "True",
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }


def _refusal(name: str, field: str, message: str) -> StatusError:
    return invalid(CRDS, name, [Cause(reason="FieldValueInvalid", field=field, message=message)])
