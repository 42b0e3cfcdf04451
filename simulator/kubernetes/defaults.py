"""What the API server fills in where the writer of a built-in object said nothing."""

from collections.abc import Callable, Mapping
from typing import Any

from simulator.kubernetes.objects import Object

UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"
DEFAULT_TOLERATION_SECONDS = 300

_WITH_SPEC = frozenset(
    {"Deployment", "Namespace", "Node", "Pod", "ReplicaSet", "Service", "StatefulSet"}
)


def fill(kind: str, obj: Object) -> None:
    """Fill in the defaults of a built-in kind."""
    if kind in _WITH_SPEC:
        obj["spec"] = obj.get("spec") or {}
        obj["status"] = obj.get("status") or {}
    if kind in _FILL:
        _FILL[kind](obj)


def tolerate_lost_nodes(pod: Object) -> Object:
    """Return a new pod that stays five minutes on a lost node, unless it says otherwise."""
    tolerations = list(pod["spec"].get("tolerations") or ())
    for key in (NOT_READY, UNREACHABLE):
        if not any(_covers(toleration, key) for toleration in tolerations):
            tolerations.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": DEFAULT_TOLERATION_SECONDS,
                }
            )
    return {**pod, "spec": {**pod["spec"], "tolerations": tolerations}}


def _covers(toleration: Object, key: str) -> bool:
    return toleration.get("key") in (None, key) and toleration.get("effect") in (None, "NoExecute")


def _set(value: Object, **defaults: Any) -> None:
    for name, default in defaults.items():
        if value.get(name) is None:
            value[name] = default


def _pod_spec(spec: Object) -> None:
    _set(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    for containers in ("containers", "initContainers"):
        for container in spec.get(containers) or ():
            _container(container)


def _container(container: Object) -> None:
    tag = str(container.get("image", "")).rpartition("/")[2].partition(":")[2]
    _set(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy="IfNotPresent" if tag not in ("", "latest") else "Always",
    )
    for port in container.get("ports") or ():
        _set(port, protocol="TCP")


def _pod(pod: Object) -> None:
    spec = pod["spec"]
    _pod_spec(spec)
    _set(spec, enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority", priority=0)
    for container in spec.get("containers") or ():
        # a limit alone asks for as much
        resources = container["resources"]
        if limits := resources.get("limits"):
            resources["requests"] = {**limits, **(resources.get("requests") or {})}
    status = pod.setdefault("status", {})
    _set(status, phase="Pending", qosClass=_quality_of_service(spec))


def _quality_of_service(spec: Object) -> str:
    resources = [container["resources"] for container in spec.get("containers") or ()]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    limits = [r.get("limits") or {} for r in resources]
    is_guaranteed = all(
        {"cpu", "memory"} <= limit.keys() and r.get("requests") == limit
        for r, limit in zip(resources, limits, strict=True)
    )
    return "Guaranteed" if is_guaranteed else "Burstable"


def _template(spec: Object) -> None:
    template = spec.get("template")
    if template and "spec" in template:
        _pod_spec(template["spec"])


def _deployment(deployment: Object) -> None:
    spec = deployment["spec"]
    _set(spec, replicas=1, strategy={}, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    _set(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _set(spec["strategy"], rollingUpdate={})
        _set(spec["strategy"]["rollingUpdate"], maxSurge="25%", maxUnavailable="25%")
    _template(spec)


def _replica_set(replica_set: Object) -> None:
    _set(replica_set["spec"], replicas=1)
    _template(replica_set["spec"])


def _stateful_set(stateful_set: Object) -> None:
    spec = stateful_set["spec"]
    _set(
        spec,
        replicas=1,
        podManagementPolicy="OrderedReady",
        revisionHistoryLimit=10,
        updateStrategy={},
        persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"},
    )
    _set(spec["updateStrategy"], type="RollingUpdate")
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _set(spec["updateStrategy"], rollingUpdate={"partition": 0})
    _template(spec)


def _service(service: Object) -> None:
    spec = service["spec"]
    _set(spec, type="ClusterIP", sessionAffinity="None", internalTrafficPolicy="Cluster")
    for port in spec.get("ports") or ():
        _set(port, protocol="TCP")
        _set(port, targetPort=port.get("port"))
    if spec["type"] != "ExternalName" and not spec.get("clusterIP"):
        spec["clusterIP"] = _cluster_ip(service["metadata"]["uid"])
        spec["clusterIPs"] = [spec["clusterIP"]]
    service.setdefault("status", {}).setdefault("loadBalancer", {})


def _cluster_ip(uid: str) -> str:
    return f"10.96.{int(uid[:2], 16)}.{int(uid[2:4], 16)}"


def _namespace(namespace: Object) -> None:
    namespace.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    namespace.setdefault("status", {}).setdefault("phase", "Active")
    name = namespace["metadata"]["name"]
    namespace["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _secret(secret: Object) -> None:
    _set(secret, type="Opaque")


def _endpoint_slice(endpoint_slice: Object) -> None:
    for port in endpoint_slice.get("ports") or ():
        _set(port, protocol="TCP", name="")


_FILL: Mapping[str, Callable[[Object], None]] = {
    "Deployment": _deployment,
    "EndpointSlice": _endpoint_slice,
    "Namespace": _namespace,
    "Pod": _pod,
    "ReplicaSet": _replica_set,
    "Secret": _secret,
    "Service": _service,
    "StatefulSet": _stateful_set,
}
