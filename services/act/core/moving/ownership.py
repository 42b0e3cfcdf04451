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


def applier_of(obj: Object, *path: str) -> str:
    """Return who other than Act applies a field, and so would set it again, or nothing."""
    for entry in dig(obj, "metadata", "managedFields") or ():
        applies = entry.get("operation") == _APPLY and entry.get("manager") != FIELD_MANAGER
        if applies and _holds(entry, path):
            return str(entry.get("manager"))
    return ""


def is_recorded(obj: Object, *path: str) -> bool:
    """Tell whether somebody is recorded for a field without applying it: they wrote it once."""
    entries = dig(obj, "metadata", "managedFields") or ()
    return any(e.get("operation") != _APPLY and _holds(e, path) for e in entries)


def why_not_ours_to_scale(workload: Object, scalers: Iterable[Object]) -> str:
    """Say who else keeps the number of a workload's replicas, or nothing.

    A HorizontalPodAutoscaler would set it again, and so would whoever applies it; one who wrote it
    once would not.
    """
    name = name_of(workload)
    for scaler in scalers:
        target = dig(scaler, "spec", "scaleTargetRef") or {}
        kind = "StatefulSet" if is_set(workload) else "Deployment"
        if (target.get("kind"), target.get("name")) == (kind, name):
            return f"the replicas of {name} are kept by HorizontalPodAutoscaler {name_of(scaler)}"
    applier = applier_of(workload, "spec", "replicas")
    return f"the replicas of {name} are applied by {applier}" if applier else ""


def is_set(workload: Object) -> bool:
    """Tell whether a workload is a StatefulSet; by its own fields, where no kind is given."""
    if kind := workload.get("kind"):
        return bool(kind == "StatefulSet")
    return dig(workload, "spec", "updateStrategy") is not None


def _holds(entry: Object, path: tuple[str, ...]) -> bool:
    return dig(entry, "fieldsV1", *(f"f:{key}" for key in path)) is not None
