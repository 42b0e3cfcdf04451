"""Who else keeps a field of a workload: Act does not fight over one."""

from collections.abc import Iterable

from services.act.core.objects import FIELD_MANAGER, Object, dig, name_of

_APPLY = "Apply"


def manager_of(obj: Object, *path: str) -> str:
    """Return who other than Act is recorded for a field, or nothing; who applies it comes first.

    The API keeps it in `metadata.managedFields` (Kubernetes, "Server-Side Apply").
    """
    entries = [e for e in dig(obj, "metadata", "managedFields") or () if _holds(e, path)]
    entries.sort(key=lambda e: (e.get("operation") != _APPLY, str(e.get("manager"))))
    return next((str(e["manager"]) for e in entries if e.get("manager") != FIELD_MANAGER), "")


def why_not_ours_to_scale(workload: Object, scalers: Iterable[Object]) -> str:
    """Say who else keeps the number of a workload's replicas, or nothing.

    A HorizontalPodAutoscaler would set it again, and so would whoever applies it; one who wrote it
    once would not.
    """
    name = name_of(workload)
    for scaler in scalers:
        target = dig(scaler, "spec", "scaleTargetRef") or {}
        if (target.get("kind"), target.get("name")) == (workload_kind(workload), name):
            return f"the replicas of {name} are kept by HorizontalPodAutoscaler {name_of(scaler)}"
    path = ("spec", "replicas")
    for entry in dig(workload, "metadata", "managedFields") or ():
        applies = entry.get("operation") == _APPLY and entry.get("manager") != FIELD_MANAGER
        if applies and _holds(entry, path):
            return f"the replicas of {name} are applied by {entry.get('manager')}"
    return ""


def workload_kind(workload: Object) -> str:
    """Return the kind of a workload; lists leave it out, so that its fields have to tell."""
    stateful = "StatefulSet" if dig(workload, "spec", "updateStrategy") else "Deployment"
    return str(workload.get("kind") or stateful)


def _holds(entry: Object, path: tuple[str, ...]) -> bool:
    return dig(entry, "fieldsV1", *(f"f:{key}" for key in path)) is not None
