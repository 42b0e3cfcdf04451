"""The ledger as JSON: the value of an Application's `status.plan`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.act.core.action_json import action_from, action_json
from services.act.core.ledger import Entry, Ledger
from services.act.core.objects import Object, dig, name_of
from shared.errors import PermanentError
from shared.messages.decision import Expectation
from shared.messages.outcome import Phase, Status
from shared.model.names import (
    CAPACITY,
    ApplicationName,
    ClusterName,
    CycleId,
    DecisionId,
    GroupName,
)


def application_of(obj: Object) -> ApplicationName:
    """Return `namespace/name` of an Application object."""
    return ApplicationName(f"{dig(obj, 'metadata', 'namespace')}/{name_of(obj)}")


def read_ledger(obj: Object) -> Ledger | None:
    """Return the ledger of an Application or Site, or None. PermanentError: it is damaged."""
    plan = dig(obj, "status", "plan")
    if not plan:
        return None
    try:
        return _ledger(obj, plan)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        kept = f"{dig(obj, 'metadata', 'namespace') or 'Site'}/{name_of(obj)}"
        raise PermanentError(f"status.plan of {kept} cannot be read: {error!r}") from error


def _ledger(obj: Object, plan: Mapping[str, Any]) -> Ledger:
    is_of_site = not dig(obj, "metadata", "namespace")
    application = CAPACITY if is_of_site else application_of(obj)
    return Ledger(
        decision=DecisionId(plan["decision"]),
        cycle=CycleId(plan["cycle"]),
        application=application,
        status=Status(plan["phase"]),
        started_at=_instant(plan["startedAt"]),
        deadline_at=_instant(plan["deadlineAt"]),
        updated_at=_instant(plan["updatedAt"]),
        message=plan.get("message") or "",
        by=plan.get("by") or "",
        entries=tuple(_entry(application, entry) for entry in plan["actions"]),
        expectations=tuple(_expectation(e) for e in plan.get("expectations") or ()),
        site=ClusterName(name_of(obj)) if is_of_site else None,
    )


def ledger_json(ledger: Ledger) -> dict[str, Any]:
    """Return the value of `status.plan`. Every key is there, so that a merge leaves nothing old."""
    return {
        "decision": ledger.decision,
        "cycle": ledger.cycle,
        "phase": str(ledger.status),
        "startedAt": written(ledger.started_at),
        "deadlineAt": written(ledger.deadline_at),
        "updatedAt": written(ledger.updated_at),
        "message": ledger.message,
        "by": ledger.by,
        "actions": [_entry_json(entry) for entry in ledger.entries],
        "expectations": [
            {
                "group": e.group,
                "budgetMs": e.budget_ms,
                **({} if e.before_ms is None else {"beforeMs": e.before_ms}),
                **({} if e.after_ms is None else {"afterMs": e.after_ms}),
            }
            for e in ledger.expectations
        ],
    }


def written(at: datetime) -> str:
    """Return an instant as Kubernetes writes it, with microseconds."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return at


_TIMES = {
    "started_at": "startedAt",
    "serving_at": "servingAt",
    "back_at": "backAt",
    "finished_at": "finishedAt",
}


def _entry(application: ApplicationName, data: Mapping[str, Any]) -> Entry:
    times = {name: _instant(data[key]) if data.get(key) else None for name, key in _TIMES.items()}
    return Entry(
        action=action_from(data, application),
        status=Status(data["status"]),
        message=data.get("message") or "",
        warnings=tuple(data.get("warnings") or ()),
        phases=tuple(
            Phase(name=phase["name"], at=_instant(phase["at"]))
            for phase in data.get("phases") or ()
        ),
        **times,
    )


def _entry_json(entry: Entry) -> dict[str, Any]:
    phases = [{"name": phase.name, "at": written(phase.at)} for phase in entry.phases]
    times = {
        key: written(at) for name, key in _TIMES.items() if (at := getattr(entry, name)) is not None
    }
    return {
        **action_json(entry.action),
        "status": str(entry.status),
        **times,
        "message": entry.message,
        **({"warnings": list(entry.warnings)} if entry.warnings else {}),
        **({"phases": phases} if phases else {}),
    }


def _expectation(data: Mapping[str, Any]) -> Expectation:
    return Expectation(
        group=GroupName(data["group"]),
        budget_ms=float(data["budgetMs"]),
        before_ms=data.get("beforeMs"),
        after_ms=data.get("afterMs"),
    )
