"""Pods deleted one by one: those that hang, and those of a lost cluster where that is allowed."""

from collections.abc import Iterable

from services.act.core.live import Live
from services.act.core.objects import POD, Object, Ref, deletion, dig, name_of
from services.act.core.steps import Step


def given_up(pods: Iterable[Object], live: Live) -> Step | None:
    """Return the step that gives up the first pod on a lost cluster, though it may still run there.

    The pod of the same name of a StatefulSet is made only once that one is gone from the API.
    """
    for pod in sorted(pods, key=name_of):
        purpose = f"give up {name_of(pod)} on {live.cluster_of(pod)}, which is lost"
        return deleted(pod, purpose, at_once=True)
    return None


def deleted(pod: Object, purpose: str, *, at_once: bool = False) -> Step:
    """Return the step that deletes this very pod, and not its successor."""
    namespace = str(dig(pod, "metadata", "namespace") or "")
    ref = Ref(kind=POD, namespace=namespace, name=name_of(pod))
    return Step(write=deletion(ref, pod, purpose, at_once=at_once))
