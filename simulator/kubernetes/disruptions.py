"""Refuses evictions that a PodDisruptionBudget does not allow, in the real server's words."""

import math

from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, is_going, is_true, labels_of, namespace_of
from simulator.kubernetes.resources import DISRUPTION_BUDGETS, PODS
from simulator.kubernetes.selectors import matches_labels
from simulator.kubernetes.status import StatusError

REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."
TOO_MANY_REQUESTS = 429


def check_disruption(api: Api, pod: Object) -> None:
    """Raise a StatusError where a budget of the pod's namespace would be broken by its eviction.

    A pod that is not ready counts for no budget. Source: the Kubernetes API concept "Disruptions".
    """
    if not is_true(pod, "Ready") or is_going(pod):
        return
    for budget in api.store.all(DISRUPTION_BUDGETS.key, namespace_of(pod)):
        selector = budget["spec"].get("selector") or {}
        if matches_labels(selector, labels_of(pod)) and _allowed(api, budget) < 1:
            raise StatusError(TOO_MANY_REQUESTS, "TooManyRequests", REFUSAL)


def _allowed(api: Api, budget: Object) -> int:
    """Return how many healthy pods a budget lets go now."""
    spec = budget["spec"]
    pods = [
        pod
        for pod in api.store.all(PODS.key, namespace_of(budget))
        if matches_labels(spec.get("selector") or {}, labels_of(pod)) and not is_going(pod)
    ]
    healthy = sum(is_true(pod, "Ready") for pod in pods)
    if "minAvailable" in spec:
        return healthy - _amount(spec["minAvailable"], len(pods))
    return healthy - (len(pods) - _amount(spec.get("maxUnavailable", 0), len(pods)))


def _amount(value: int | str, of: int) -> int:
    """Return a number, or a percentage of one, rounded up."""
    if isinstance(value, str) and value.endswith("%"):
        return math.ceil(of * int(value[:-1]) / 100)
    return int(value)
