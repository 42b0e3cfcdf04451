"""What makes the API server call an object invalid: its names, and the rules people run into."""

import json
import re
from collections.abc import Iterator

from simulator.kubernetes.objects import Object, dig
from simulator.kubernetes.resources import SCALES, Resource
from simulator.kubernetes.selectors import matches_labels
from simulator.kubernetes.status import Cause, invalid

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"^{_LABEL}(\.{_LABEL})*$")
_DNS_LABEL = re.compile(rf"^{_LABEL}$")
_SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_WORDS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet")


def check_scale(name: str, replicas: int) -> None:
    """Refuse a size that cannot be."""
    if replicas < 0:
        words = f"{replicas}: must be greater than or equal to 0"
        raise invalid(SCALES, name, [_wrong("spec.replicas", words)])


def check(resource: Resource, live: Object | None, new: Object) -> None:
    """Refuse an invalid object. `live`: what it is to replace."""
    causes = [*_of_name(resource, new)]
    if resource.schema:
        causes += [
            Cause(reason=reason, field=field, message=message)
            for reason, field, message in resource.schema.problems(new)
        ]
    elif resource.kind in _WORKLOADS:
        causes += _of_workload(live, new)
    elif resource.kind == "Pod":
        causes += _of_pod_spec(new.get("spec") or {}, "spec")
    if causes:
        raise invalid(resource, new["metadata"].get("name", ""), causes)


def _of_name(resource: Resource, obj: Object) -> Iterator[Cause]:
    name = obj["metadata"].get("name", "")
    if not name:
        yield _required("metadata.name", "name or generateName is required")
        return
    is_label = resource.kind in ("Namespace", "Service")
    pattern, words = (_DNS_LABEL, _LABEL_WORDS) if is_label else (_SUBDOMAIN, _SUBDOMAIN_WORDS)
    if not pattern.match(name):
        yield _wrong("metadata.name", f'"{name}": {words}')


def _of_workload(live: Object | None, new: Object) -> Iterator[Cause]:
    spec = new["spec"]
    if spec.get("replicas", 0) < 0:
        words = f"{spec['replicas']}: must be greater than or equal to 0"
        yield _wrong("spec.replicas", words)
    if "selector" not in spec:
        yield _required("spec.selector")
    labels = dig(spec, "template", "metadata", "labels") or {}
    if not matches_labels(spec.get("selector"), labels):
        words = f"{_json(labels or None)}: `selector` does not match template `labels`"
        yield _wrong("spec.template.metadata.labels", words)
    if live and live["spec"]["selector"] != spec.get("selector"):
        yield _wrong("spec.selector", f"{_json(spec.get('selector'))}: field is immutable")
    yield from _of_pod_spec(dig(spec, "template", "spec") or {}, "spec.template.spec")
    yield from _of_strategy(spec)


def _of_strategy(spec: Object) -> Iterator[Cause]:
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling:
        yield Cause(
            reason="FieldValueForbidden",
            field="spec.strategy.rollingUpdate",
            message="Forbidden: may not be specified when strategy `type` is 'Recreate'",
        )
    elif rolling and all(rolling[k] in (0, "0%") for k in ("maxSurge", "maxUnavailable")):
        words = f"{rolling['maxUnavailable']}: may not be 0 when `maxSurge` is 0"
        yield _wrong("spec.strategy.rollingUpdate.maxUnavailable", words)


def _of_pod_spec(spec: Object, path: str) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield _required(f"{path}.containers")
    for index, container in enumerate(spec.get("containers") or ()):
        for name in ("name", "image"):
            if not container.get(name):
                yield _required(f"{path}.containers[{index}].{name}")


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _required(field: str, words: str = "") -> Cause:
    message = f"Required value: {words}" if words else "Required value"
    return Cause(reason="FieldValueRequired", field=field, message=message)


def _wrong(field: str, words: str) -> Cause:
    return Cause(reason="FieldValueInvalid", field=field, message=f"Invalid value: {words}")
