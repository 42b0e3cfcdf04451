"""Whether what reaches a component's Services reaches its new pods, and its new pods alone."""

import re
from collections.abc import Iterable

from services.act.core.live import Live
from services.act.core.moving.ownership import is_set
from services.act.core.moving.workloads import is_serving, own_pods
from services.act.core.objects import Object, dig, name_of

SERVICE_LABEL = "kubernetes.io/service-name"


def services_of(workload: Object, live: Live) -> tuple[Object, ...]:
    """Return the Services that select a workload's pods, by name."""
    labels = dig(workload, "spec", "template", "metadata", "labels") or {}
    found = [s for s in live.services if _selects(s, labels)]
    return tuple(sorted(found, key=name_of))


def why_not_reached(workload: Object, live: Live) -> str:
    """Say which Service does not lead to the workload's new pods yet, or nothing.

    Every pod that serves has to be a ready endpoint on the node where it stands.
    """
    for service in services_of(workload, live):
        ready = [e for e in _endpoints(service, live) if _is_ready(e)]
        reached = {(str(dig(e, "targetRef", "name")), e.get("nodeName")) for e in ready}
        for pod in filter(is_serving, own_pods(workload, live.pods)):
            if (name_of(pod), dig(pod, "spec", "nodeName")) not in reached:
                return f"Service {name_of(service)} does not lead to {name_of(pod)} yet"
    return ""


def why_old_reached(workload: Object, live: Live) -> str:
    """Say which Service still leads to pods of the workload that are gone, or nothing."""
    known = {name_of(pod) for pod in own_pods(workload, live.pods) if is_serving(pod)}
    pods_name = _name_of_pods(workload)
    for service in services_of(workload, live):
        for endpoint in _endpoints(service, live):
            name = str(dig(endpoint, "targetRef", "name"))
            if name not in known and pods_name.fullmatch(name):
                return f"Service {name_of(service)} still leads to {name}"
    return ""


def _selects(service: Object, labels: dict[str, str]) -> bool:
    selector = dig(service, "spec", "selector") or {}
    return bool(selector) and selector.items() <= labels.items()


def _endpoints(service: Object, live: Live) -> Iterable[Object]:
    for each in live.slices:
        if dig(each, "metadata", "labels", SERVICE_LABEL) == name_of(service):
            yield from each.get("endpoints") or ()


def _is_ready(endpoint: Object) -> bool:
    """Tell whether an endpoint takes traffic; unknown counts as yes, as the API says."""
    return dig(endpoint, "conditions", "ready") is not False


def _name_of_pods(workload: Object) -> re.Pattern[str]:
    """Return how the API names a workload's pods."""
    tail = r"\d+" if is_set(workload) else "[a-z0-9]+-[a-z0-9]+"
    return re.compile(f"{re.escape(name_of(workload))}-{tail}")
