"""What is still bound to the virtual nodes of a cluster, and whose it is."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.act.core.objects import Object, dig, is_going, name_of
from services.act.core.pods import has_ended
from shared.model.application import WorkloadRef
from shared.model.names import ApplicationName

SHOWN = 3
"""So many pods are named in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """The pods on a cluster that have not ended."""

    standing: tuple[Object, ...]
    """They will not go by themselves."""
    going: tuple[Object, ...]
    """They are Terminating."""
    daemons: tuple[Object, ...]
    """Of DaemonSets: they belong to the nodes."""


def remains_of(pods: Iterable[Object]) -> Remains:
    """Sort the pods of a cluster by what becomes of them."""
    rest = [p for p in pods if not has_ended(p)]
    daemons = tuple(p for p in rest if "DaemonSet" in _owners(p).values())
    others = [p for p in rest if p not in daemons]
    return Remains(
        standing=tuple(p for p in others if not is_going(p)),
        going=tuple(p for p in others if is_going(p)),
        daemons=daemons,
    )


def is_of(pod: Object, application: ApplicationName, workload: WorkloadRef) -> bool:
    """Tell whether a pod runs a workload: its ReplicaSet or the workload itself owns it."""
    if dig(pod, "metadata", "namespace") != application.partition("/")[0]:
        return False
    hash_ = dig(pod, "metadata", "labels", "pod-template-hash")
    return bool({workload.name, f"{workload.name}-{hash_}"} & _owners(pod).keys())


def names_of(pods: Iterable[Object]) -> str:
    """Return the first names, as a sentence holds them."""
    names = sorted(f"{dig(pod, 'metadata', 'namespace')}/{name_of(pod)}" for pod in pods)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _owners(pod: Object) -> dict[str, str]:
    """Return the kinds of a pod's owners by name."""
    owners = dig(pod, "metadata", "ownerReferences") or ()
    return {str(owner.get("name")): str(owner.get("kind")) for owner in owners}
