"""What Cluster API's objects say about themselves: current, settled, in trouble."""

from datetime import timedelta

from services.act.core.cluster_api.kinds import PAUSED
from services.act.core.objects import (
    Object,
    condition,
    dig,
    has_condition,
    is_going,
    name_of,
    number,
)

MACHINE_STAGES = {
    "bootstrap": "BootstrapConfigReady",
    "infrastructure": "InfrastructureReady",
    "node": "NodeReady",
    "ready": "Ready",
}
"""What a Machine reaches, in the order it usually does, and the condition that says so."""
TELLING = ("InfrastructureReady", "BootstrapConfigReady", "NodeReady", "Ready")
"""Conditions that say why a Machine gets no further, what matters most first."""


def budget_of(expected_minutes: float, *, least_minutes: float) -> timedelta:
    """Return how long a change may take before it counts as stuck: three times the expected.

    Cluster API has no terminal failure (v1beta2): only a condition's age tells.
    """
    return timedelta(minutes=max(3 * expected_minutes, least_minutes))


def is_current(obj: Object) -> bool:
    """Tell whether the controllers have seen the object as it is asked for now."""
    return number(obj, "status", "observedGeneration") >= max(
        number(obj, "metadata", "generation"), 1
    )


def holds(obj: Object, of: str) -> bool:
    """Tell whether a condition is True, and about the object as it is asked for now."""
    found = condition(obj, of, "status", "conditions")
    seen = int(found.get("observedGeneration") or number(obj, "metadata", "generation"))
    return found.get("status") == "True" and seen >= number(obj, "metadata", "generation")


def is_paused(obj: Object) -> bool:
    """Tell whether somebody asked Cluster API to leave an object alone."""
    annotated = PAUSED in (dig(obj, "metadata", "annotations") or {})
    return annotated or bool(dig(obj, "spec", "paused"))


def is_ready(machine: Object) -> bool:
    """Tell whether a Machine is ready for pods. Ready takes in its node, but not at once."""
    return all(has_condition(machine, of) for of in ("Ready", "NodeReady"))


def said(obj: Object, of: str) -> str:
    """Return the reason and the message of a condition, whatever its status; may be empty."""
    found = condition(obj, of, "status", "conditions")
    message = " ".join(str(found.get("message", "")).split())
    return ": ".join(part for part in (str(found.get("reason", "")), message) if part)


def complaint(obj: Object, of: str) -> str:
    """Return what a condition says that is not True, or nothing."""
    status = condition(obj, of, "status", "conditions").get("status", "Unknown")
    if status == "True":
        return ""
    return f"{of} is {status} ({told})" if (told := said(obj, of)) else f"{of} is {status}"


def trouble_of(machine: Object) -> str:
    """Say what a Machine waits for, or nothing. The earliest stage it has not reached tells."""
    if is_going(machine):
        return f"Machine {name_of(machine)} is being deleted ({said(machine, 'Deleting')})"
    told = next((c for of in TELLING if (c := complaint(machine, of))), "")
    return f"Machine {name_of(machine)}: {told}" if told else ""


def worst_of(machines: tuple[Object, ...]) -> str:
    """Say what the first Machine in trouble waits for, or nothing."""
    by_name = sorted(machines, key=name_of)
    return next((told for machine in by_name if (told := trouble_of(machine))), "")
