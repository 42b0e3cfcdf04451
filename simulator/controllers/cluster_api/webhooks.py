"""Plays the admission webhooks of Cluster API: what they fill in, and what they refuse."""

import json
import re
from collections.abc import Callable, Iterator, Mapping

from simulator.controllers.cluster_api.kinds import CLUSTER_LABEL, DEPLOYMENT_LABEL
from simulator.kubernetes.objects import Object, annotations_of, clone, dig, name_of, put
from simulator.kubernetes.resources import Resource
from simulator.kubernetes.selectors import matches_labels
from simulator.kubernetes.status import Cause, StatusError, cause_of, details_of
from simulator.kubernetes.webhooks import Review

MIN_SIZE = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size"
MAX_SIZE = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size"
NODE_DELETION_SECONDS = 10
_VERSION = re.compile(r"^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+][-0-9a-zA-Z_.+]*)?$")
IMMUTABLE_TEMPLATES = ("DevMachineTemplate", "OpenStackMachineTemplate")


class ClusterApiWebhooks:
    """The webhooks of all of Cluster API's kinds; other kinds pass."""

    def default(self, review: Review) -> Object:
        """Return the object with what its writer left to Cluster API."""
        fill, schema = _DEFAULTS.get(review.resource.kind), review.resource.schema
        if fill is None or review.subresource or not schema or schema.problems(review.new):
            return review.new
        new = clone(review.new)
        fill(new, review.old)
        return new

    def check(self, review: Review) -> None:
        """Refuse what Cluster API refuses, with a StatusError."""
        if review.resource.kind == "KubeadmControlPlane" and review.subresource == "scale":
            _check_scale(review)
        elif not review.subresource and review.resource.is_custom:
            causes = [*_CHECKS.get(review.resource.kind, _no_causes)(review)]
            if causes:
                raise _denied(review, causes)


def _default_machine_deployment(new: Object, old: Object | None) -> None:
    spec, cluster = new["spec"], new["spec"]["clusterName"]
    if spec.get("replicas") is None:
        spec["replicas"] = _replicas(new, old)
    spec.setdefault("rollout", {}).setdefault("strategy", {"type": "RollingUpdate"})
    if spec["rollout"]["strategy"]["type"] == "RollingUpdate":
        rolling = spec["rollout"]["strategy"].setdefault("rollingUpdate", {})
        rolling.setdefault("maxSurge", 1)
        rolling.setdefault("maxUnavailable", 0)
    names = {CLUSTER_LABEL: cluster}
    if not spec["selector"].get("matchLabels") and not spec["selector"].get("matchExpressions"):
        names[DEPLOYMENT_LABEL] = new["metadata"].get("name", "")
    new["metadata"]["labels"] = {**(new["metadata"].get("labels") or {}), CLUSTER_LABEL: cluster}
    spec["selector"]["matchLabels"] = {**(spec["selector"].get("matchLabels") or {}), **names}
    labels = dig(spec, "template", "metadata", "labels") or {}
    put(spec, ("template", "metadata", "labels"), {**labels, **names})
    _default_machine(spec["template"])


def _default_machine(new: Object, _: Object | None = None) -> None:
    spec = new["spec"]
    spec.setdefault("deletion", {}).setdefault("nodeDeletionTimeoutSeconds", NODE_DELETION_SECONDS)
    _lead_with_v(spec)


def _default_kubeadm(new: Object, _: Object | None) -> None:
    spec = new["spec"]
    if spec.get("replicas") is None:
        spec["replicas"] = 1
    strategy = spec.setdefault("rollout", {}).setdefault("strategy", {"type": "RollingUpdate"})
    strategy.setdefault("rollingUpdate", {}).setdefault("maxSurge", 1)
    deletion = spec["machineTemplate"]["spec"].setdefault("deletion", {})
    deletion.setdefault("nodeDeletionTimeoutSeconds", NODE_DELETION_SECONDS)
    _lead_with_v(spec)


def _default_k_threes(new: Object, _: Object | None) -> None:
    server = new["spec"].setdefault("kthreesConfigSpec", {}).setdefault("serverConfig", {})
    server.setdefault("disableCloudController", True)
    server.setdefault("cloudProviderName", "external")


def _lead_with_v(spec: Object) -> None:
    version = spec.get("version")
    if version and not version.startswith("v"):
        spec["version"] = f"v{version}"


def _replicas(new: Object, old: Object | None) -> int:
    """Return the size of a deployment that says none: 1, unless an autoscaler may have set it."""
    sizes = annotations_of(new)
    if MIN_SIZE not in sizes or MAX_SIZE not in sizes:
        return 1
    least, most = int(sizes[MIN_SIZE]), int(sizes[MAX_SIZE])
    before = dig(old, "spec", "replicas")
    return least if before is None else max(least, min(int(before), most))


_DEFAULTS: Mapping[str, Callable[[Object, Object | None], None]] = {
    "MachineDeployment": _default_machine_deployment,
    "Machine": _default_machine,
    "KubeadmControlPlane": _default_kubeadm,
    "KThreesControlPlane": _default_k_threes,
}


def _no_causes(_: Review) -> Iterator[Cause]:
    yield from ()


def _of_machine_deployment(review: Review) -> Iterator[Cause]:
    spec, old = review.new["spec"], review.old
    labels = dig(spec, "template", "metadata", "labels") or {}
    if not matches_labels(spec["selector"], labels):
        words = f"{_json(spec['selector'])}: must match spec.template.metadata.labels"
        yield _wrong("spec.selector", words)
    if old and old["spec"]["selector"] != spec["selector"]:
        yield _forbidden("spec.selector", "field is immutable")
    if old and old["spec"]["clusterName"] != spec["clusterName"]:
        yield _forbidden("spec.clusterName", "field is immutable")
    yield from _of_version(spec["template"]["spec"], "spec.template.spec.version")


def _of_kubeadm(review: Review) -> Iterator[Cause]:
    spec = review.new["spec"]
    if words := _wrong_size(spec.get("replicas", 1)):
        yield _forbidden("spec.replicas", words)
    yield from _of_version(spec, "spec.version")


def _of_template(review: Review) -> Iterator[Cause]:
    path = ("spec", "template", "spec")
    if review.old and dig(review.old, *path) != dig(review.new, *path):
        words = f"{review.resource.kind} spec.template.spec field is immutable. "
        words += "Please create a new resource instead."
        yield _wrong("spec.template.spec", words)


def _of_version(spec: Object, field: str) -> Iterator[Cause]:
    version = spec.get("version")
    if version and not _VERSION.match(version):
        yield _wrong(field, f"{_json(version)}: must be a valid semantic version")


_CHECKS: Mapping[str, Callable[[Review], Iterator[Cause]]] = {
    "MachineDeployment": _of_machine_deployment,
    "KubeadmControlPlane": _of_kubeadm,
    **dict.fromkeys(IMMUTABLE_TEMPLATES, _of_template),
}


def _check_scale(review: Review) -> None:
    """Refuse a size that etcd cannot have. It is 403, where the same size in the spec is 422."""
    if words := _wrong_size(review.new["spec"].get("replicas") or 0):
        message = _denial(f"validation-scale.{review.resource.kind.lower()}", review.resource)
        raise StatusError(403, "Forbidden", f"{message}{words}", {})


def _wrong_size(replicas: int) -> str:
    if replicas <= 0:
        return "replicas should be greater than zero"
    if replicas % 2 == 0:
        return "replicas cannot be an even number when etcd is stacked"
    return ""


def _denied(review: Review, causes: list[Cause]) -> StatusError:
    resource, name = review.resource, name_of(review.new)
    wrong = [f"{cause.field}: {cause.message}" for cause in causes]
    text = wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]"
    message = _denial(f"validation.{resource.kind.lower()}", resource)
    message += f'{resource.qualified_kind} "{name}" is invalid: {text}'
    details = details_of(resource, name, causes, kind=resource.kind)
    details["causes"] = [cause_of(cause) for cause in causes]
    return StatusError(422, "Invalid", message, details)


def _denial(webhook: str, resource: Resource) -> str:
    return f'admission webhook "{webhook}.{resource.group}" denied the request: '


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _wrong(field: str, words: str) -> Cause:
    return Cause(reason="FieldValueInvalid", field=field, message=f"Invalid value: {words}")


def _forbidden(field: str, words: str) -> Cause:
    return Cause(reason="FieldValueForbidden", field=field, message=f"Forbidden: {words}")
