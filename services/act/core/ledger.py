"""The plan under way or last finished: what Act keeps of a decision until the next one."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.act.core.objects import APPLICATION, SITE, Object, Ref, dig, name_of
from shared.messages.decision import Expectation
from shared.messages.outcome import Phase, Status
from shared.model.names import CAPACITY, ApplicationName, ClusterName, CycleId, DecisionId
from shared.model.plan import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One action of the plan, and how far it is."""

    action: Action
    status: Status = Status.PENDING
    started_at: datetime | None = None
    serving_at: datetime | None = None
    back_at: datetime | None = None
    """When it was decided to go back; `message` says why."""
    finished_at: datetime | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    phases: tuple[Phase, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One plan. There is at most one per application, and it is written with a precondition.

    A plan of the fleet itself (`application` is `_capacity`) is kept on the Site of its first
    action: one per Site.
    """

    decision: DecisionId
    cycle: CycleId
    application: ApplicationName
    status: Status
    started_at: datetime
    """When it was admitted."""
    deadline_at: datetime
    """Its next action is begun by then, or approved by then while it waits, or never."""
    updated_at: datetime
    message: str = ""
    by: str = ""
    entries: tuple[Entry, ...]
    expectations: tuple[Expectation, ...] = ()
    site: ClusterName | None = None
    """The Site that keeps it; None for the plan of an application."""

    def __post_init__(self) -> None:
        if self.is_under_way and all(entry.status.is_final for entry in self.entries):
            raise ValueError(f"{self.decision} is {self.status}, but nothing is left to do")

    @property
    def keeper(self) -> Ref:
        """Return the object whose status holds the ledger."""
        if self.application == CAPACITY:
            return Ref(kind=SITE, name=self.site or "")
        namespace, _, name = self.application.partition("/")
        return Ref(kind=APPLICATION, namespace=namespace, name=name)

    @property
    def is_under_way(self) -> bool:
        """Tell whether something more will happen."""
        return not self.status.is_final


def keeper_of(obj: Object) -> Ref:
    """Return the address of an Application or Site, which may hold a ledger."""
    namespace = dig(obj, "metadata", "namespace") or ""
    kind = APPLICATION if namespace else SITE
    return Ref(kind=kind, namespace=namespace, name=name_of(obj))


def closed(ledger: Ledger, status: Status) -> Ledger:
    """End a plan. Actions not begun end as refused; their message says that they were not."""
    entries = tuple(
        e if e.status.is_final else replace(e, status=Status.REFUSED, message="not begun")
        for e in ledger.entries
    )
    return replace(ledger, status=status, entries=entries)
