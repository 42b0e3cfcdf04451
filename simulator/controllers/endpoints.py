"""Plays the EndpointSlice controller: which pods stand behind a Service, and which are ready."""

from collections.abc import Iterable, Sequence

from simulator.controllers.writing import MANAGER, owned_by, ref_of
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.objects import (
    Object,
    controller_of,
    is_going,
    is_true,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from simulator.kubernetes.resources import ENDPOINT_SLICES, PODS, SERVICES
from simulator.kubernetes.store import Key, Kind

SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_BY = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


class EndpointSlices:
    """The controller of EndpointSlices: one slice for each Service with a selector."""

    kinds: Sequence[Kind] = (SERVICES.key, PODS.key)

    def __init__(self, api: Api) -> None:
        self._api = api

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the Service itself, or those that select the pod."""
        namespace = namespace_of(obj)
        if kind == SERVICES.key:
            yield namespace, name_of(obj)
            return
        for service in self._api.store.all(SERVICES.key, namespace):
            if _selects(service, obj):
                yield namespace, name_of(service)

    def reconcile(self, key: Key) -> None:
        """Write the slice of a Service."""
        service = self._api.store.get(SERVICES.key, key)
        if service is None or not service["spec"].get("selector"):
            return
        pods = [p for p in self._api.store.all(PODS.key, key[0]) if _selects(service, p)]
        wanted = {
            "addressType": "IPv4",
            "endpoints": [_endpoint(pod) for pod in pods if pod["status"].get("podIP")],
            "ports": [_port(port, pods) for port in service["spec"].get("ports") or ()],
        }
        slices = self._api.store.all(ENDPOINT_SLICES.key, key[0])
        mine = (s for s in slices if (controller_of(s) or {}).get("uid") == uid_of(service))
        self._write(service, next(mine, None), wanted)

    def _write(self, service: Object, existing: Object | None, wanted: Object) -> None:
        by = Writer(manager=MANAGER)
        if existing:
            ref = ref_of(ENDPOINT_SLICES, existing)
            self._api.patch(ref, lambda live: {**live, **wanted}, by)
            return
        metadata = {
            "generateName": f"{name_of(service)}-",
            "labels": {**labels_of(service), **MANAGED_BY, SERVICE_LABEL: name_of(service)},
            "ownerReferences": [owned_by(service)],
        }
        new = {"metadata": metadata, **wanted}
        self._api.create(ENDPOINT_SLICES, namespace_of(service), new, by)


def _selects(service: Object, pod: Object) -> bool:
    selector = service["spec"].get("selector") or {}
    return bool(selector) and selector.items() <= labels_of(pod).items()


def _endpoint(pod: Object) -> Object:
    serving = is_true(pod, "Ready")
    going = is_going(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": serving and not going, "serving": serving, "terminating": going},
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": {
            "kind": "Pod",
            "namespace": namespace_of(pod),
            "name": name_of(pod),
            "uid": uid_of(pod),
        },
    }


def _port(port: Object, pods: Sequence[Object]) -> Object:
    """Return a port of the slice, with the number behind the name of a container's port."""
    target = port.get("targetPort", port["port"])
    named = [
        open_port["containerPort"]
        for pod in pods
        for container in pod["spec"]["containers"]
        for open_port in container.get("ports") or ()
        if open_port.get("name") == target
    ]
    number = target if isinstance(target, int) else next(iter(named), None)
    return {"name": port.get("name", ""), "port": number, "protocol": port["protocol"]}
