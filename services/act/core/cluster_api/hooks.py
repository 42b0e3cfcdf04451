"""The hook that keeps Cluster API from draining a Machine that somebody may still use."""

from services.act.core.cluster_api.kinds import HOOK, MACHINE
from services.act.core.objects import Manner, Object, Ref, Write, dig, is_going, name_of, version_of


def hooked(machines: tuple[Object, ...]) -> tuple[Object, ...]:
    """Return the Machines that are held, by name."""
    return tuple(sorted(filter(_is_hooked, machines), key=name_of))


def unhooked(machines: tuple[Object, ...]) -> tuple[Object, ...]:
    """Return the Machines that are to be held and are not, by name: those that are not going."""
    free = (m for m in machines if not _is_hooked(m) and not is_going(m))
    return tuple(sorted(free, key=name_of))


def hook(machine: Object) -> Write:
    """Return the write that holds a Machine."""
    return _annotation(machine, "crossloop", "hold")


def unhook(machine: Object) -> Write:
    """Return the write that lets go of a Machine."""
    return _annotation(machine, None, "let go of")


def _annotation(machine: Object, value: str | None, verb: str) -> Write:
    annotations = {HOOK: value}
    namespace = dig(machine, "metadata", "namespace") or ""
    return Write(
        ref=Ref(kind=MACHINE, namespace=namespace, name=name_of(machine)),
        manner=Manner.MERGE,
        body={
            "metadata": {"resourceVersion": version_of(machine), "annotations": annotations},
        },
        purpose=f"{verb} Machine {name_of(machine)}",
    )


def _is_hooked(machine: Object) -> bool:
    return HOOK in (dig(machine, "metadata", "annotations") or {})
