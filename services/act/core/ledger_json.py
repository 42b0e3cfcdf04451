"""The ledger as JSON: the value of an Application's `status.plan`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, assert_never

from services.act.core.ledger import Entry, Ledger
from services.act.core.objects import Object, dig, name_of
from shared.errors import PermanentError
from shared.messages.decision import Expectation
from shared.messages.outcome import Status
from shared.model.application import WorkloadKind, WorkloadRef
from shared.model.names import (
    ApplicationName,
    ClusterName,
    ComponentName,
    CycleId,
    DecisionId,
    GroupName,
)
from shared.model.plan import ApplicationAction, Move, OffloadNamespace, Scale


def application_of(obj: Object) -> ApplicationName:
    """Return `namespace/name` of an Application object."""
    return ApplicationName(f"{dig(obj, 'metadata', 'namespace')}/{name_of(obj)}")


def read_ledger(obj: Object) -> Ledger | None:
    """Return the ledger of an Application object, or None. PermanentError: it is damaged."""
    plan = dig(obj, "status", "plan")
    if not plan:
        return None
    application = application_of(obj)
    try:
        return _ledger(application, plan)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PermanentError(f"status.plan of {application} cannot be read: {error!r}") from error


def _ledger(application: ApplicationName, plan: Mapping[str, Any]) -> Ledger:
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
        action=_action(application, data),
        status=Status(data["status"]),
        message=data.get("message") or "",
        **times,
    )


def _entry_json(entry: Entry) -> dict[str, Any]:
    times = {
        key: written(at) for name, key in _TIMES.items() if (at := getattr(entry, name)) is not None
    }
    return {
        **_action_json(entry.action),
        "status": str(entry.status),
        **times,
        "message": entry.message,
    }


def _expectation(data: Mapping[str, Any]) -> Expectation:
    return Expectation(
        group=GroupName(data["group"]),
        budget_ms=float(data["budgetMs"]),
        before_ms=data.get("beforeMs"),
        after_ms=data.get("afterMs"),
    )


def _action_json(action: ApplicationAction) -> dict[str, Any]:
    match action:
        case OffloadNamespace():
            return {"kind": action.kind, "clusters": list(action.clusters)}
        case Move():
            return {
                "kind": action.kind,
                "component": action.component,
                "workload": {"kind": str(action.workload.kind), "name": action.workload.name},
                "source": action.source,
                "target": action.target,
                "replicas": action.replicas,
            }
        case Scale():
            return {
                "kind": action.kind,
                "component": action.component,
                "workload": {"kind": str(action.workload.kind), "name": action.workload.name},
                "replicasBefore": action.replicas_before,
                "replicas": action.replicas,
            }
        case _:
            assert_never(action)


def _action(application: ApplicationName, data: Mapping[str, Any]) -> ApplicationAction:
    match data["kind"]:
        case "offload_namespace":
            clusters = tuple(ClusterName(name) for name in data["clusters"])
            return OffloadNamespace(application=application, clusters=clusters)
        case "move":
            return Move(
                application=application,
                component=ComponentName(data["component"]),
                workload=_workload(data["workload"]),
                source=ClusterName(data["source"]),
                target=ClusterName(data["target"]),
                replicas=int(data["replicas"]),
            )
        case "scale":
            return Scale(
                application=application,
                component=ComponentName(data["component"]),
                workload=_workload(data["workload"]),
                replicas_before=int(data["replicasBefore"]),
                replicas=int(data["replicas"]),
            )
        case other:
            raise ValueError(f"an action of kind {other!r}")


def _workload(data: Mapping[str, Any]) -> WorkloadRef:
    return WorkloadRef(kind=WorkloadKind(data["kind"]), name=data["name"])
