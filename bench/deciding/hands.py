"""Act in small, on virtual time: plans carried out on a management cluster in small.

Admission, ledger, proof and outcomes are Act's own. Moves go as Act does them: all new copies
first, the old ones only once the new are ready, and back to where it was when they are not in time.
"""

from dataclasses import dataclass, field
from datetime import datetime

from bench.deciding.kubelets import Copy, Kubernetes, Work, WorkloadKey
from services.act.core.act import after_progress, context_of, current_entry
from services.act.core.admission import Admitted, admit
from services.act.core.ledger import Entry, Ledger
from services.act.core.moving.proof import Finding, judge
from services.act.core.outcome import outcome_of
from services.act.core.steps import Context, Progress, began, ended, goes_back, serves
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.names import ApplicationName, FleetName
from shared.model.plan import Move, OffloadNamespace, Scale


@dataclass(slots=True, kw_only=True)
class Hands:
    """The plans under way, and those that were."""

    kubernetes: Kubernetes
    fleet: FleetName
    ledgers: dict[ApplicationName, Ledger] = field(default_factory=dict)
    """The newest of each application."""
    past: list[Ledger] = field(default_factory=list)
    moves: list[tuple[float, Move]] = field(default_factory=list)
    """All that were begun, with the second."""

    def take(self, decisions: tuple[Decision, ...], insight: Insight) -> None:
        """Begin what is to be done."""
        for decision in decisions:
            before = self.ledgers.get(decision.application)
            answer = admit(
                decision, before, now=self.kubernetes.at, paused=False, policy=insight.policy
            )
            if isinstance(answer, Admitted):
                self.past += [before] if before else []
                self.ledgers[decision.application] = answer.ledger

    def go_on(self, insight: Insight) -> None:
        """Bring every plan as far as it can be brought now."""
        for name in self.ledgers:
            while self.ledgers[name].is_under_way:
                ledger = self.ledgers[name]
                progress = self._next(ledger, insight)
                if progress is None:
                    break
                self.ledgers[name] = after_progress(
                    ledger, progress, now=self.kubernetes.at, policy=insight.policy
                )

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return where every decision stands."""
        return tuple(outcome_of(x, self.fleet) for x in (*self.past, *self.ledgers.values()))

    def under_way(self) -> tuple[ApplicationName, ...]:
        """Return the applications with a plan that is not finished."""
        return tuple(sorted(name for name, x in self.ledgers.items() if x.is_under_way))

    def _next(self, ledger: Ledger, insight: Insight) -> Progress | None:
        entry = current_entry(ledger)
        now = self.kubernetes.at
        context = context_of(ledger, insight, now=now)
        match entry.action:
            case OffloadNamespace():
                namespace = entry.action.application.partition("/")[0]
                reached = self.kubernetes.stretched.setdefault(namespace, set())
                reached.update(entry.action.clusters)
                return ended(entry, Status.SUCCEEDED, now, "")
            case Scale():
                self.kubernetes.work[_key(entry.action)].replicas = entry.action.replicas
                return ended(entry, Status.SUCCEEDED, now, "")
            case Move():
                return self._next_of_move(entry, entry.action, context)
            case _:
                raise ValueError(f"no hands for an action of kind {entry.action.kind}")

    def _next_of_move(self, entry: Entry, move: Move, context: Context) -> Progress | None:
        if entry.status is Status.PENDING:
            return self._begin(entry, move, context)
        if entry.back_at is not None:
            return self._await_return(entry, move, context)
        if self._is_lost(move.target):
            return self._retreat(entry, move, f"{move.target} is lost")
        if entry.serving_at is None:
            return self._await_copies(entry, move, context)
        return self._prove(entry, move, entry.serving_at, context)

    def _begin(self, entry: Entry, move: Move, context: Context) -> Progress | None:
        work, now = self._work(move), self.kubernetes.at
        if now > context.deadline_at:
            return ended(entry, Status.REFUSED, now, "its deadline has passed")
        if self._is_lost(move.target):
            return ended(entry, Status.REFUSED, now, f"{move.target} is lost")
        serving = [c for c in self.kubernetes.copies if c.key == _key(move) and c.serves]
        if not self._is_lost(move.source):
            if not any(c.cluster == move.source for c in serving):
                return ended(entry, Status.REFUSED, now, f"it is no longer on {move.source}")
            if len(serving) < work.replicas:
                return None
        work.extra = move.target
        self.moves.append((self.kubernetes.world.seconds, move))
        return began(entry, now)

    def _await_copies(self, entry: Entry, move: Move, context: Context) -> Progress | None:
        work, now = self._work(move), self.kubernetes.at
        ready = sum(c.serves for c in self._there(move, move.target))
        if ready >= work.replicas:
            work.cluster, work.extra = move.target, ""
            self.kubernetes.remove(
                c
                for c in self.kubernetes.copies
                if c.key == _key(move) and c.cluster != move.target
            )
            return serves(entry, now)
        assert entry.started_at is not None
        if now - entry.started_at > context.move_timeout:
            return self._retreat(entry, move, f"only {ready} are ready in time")
        return None

    def _prove(
        self, entry: Entry, move: Move, serving_at: datetime, context: Context
    ) -> Progress | None:
        now = self.kubernetes.at
        judgement = judge(move, serving_at, context)
        if judgement.finding is Finding.WORSE and not self._is_lost(move.source):
            return self._retreat(entry, move, judgement.reason)
        overdue = now - serving_at > 2 * context.move_timeout
        if overdue or judgement.finding in (Finding.GOOD, Finding.WORSE):
            return ended(entry, Status.SUCCEEDED, now, "")
        return None

    def _retreat(self, entry: Entry, move: Move, why: str) -> Progress:
        """Go back to where it was, unless that is lost."""
        work, now = self._work(move), self.kubernetes.at
        if self._is_lost(move.source):
            return ended(entry, Status.FAILED, now, why)
        work.cluster, work.extra = move.source, (move.target if entry.serving_at else "")
        return goes_back(entry, now, why)

    def _await_return(self, entry: Entry, move: Move, context: Context) -> Progress | None:
        work = self._work(move)
        if sum(c.serves for c in self._there(move, move.source)) < work.replicas:
            return None
        work.extra = ""
        self.kubernetes.remove(self._there(move, move.target))
        return ended(entry, Status.REVERTED, context.now, entry.message)

    def _is_lost(self, cluster: str) -> bool:
        return self.kubernetes.is_lost(cluster)

    def _work(self, move: Move) -> Work:
        return self.kubernetes.work[_key(move)]

    def _there(self, move: Move, cluster: str) -> list[Copy]:
        return self.kubernetes.copies_of(_key(move), cluster)


def _key(action: Move | Scale) -> WorkloadKey:
    return action.application.partition("/")[0], action.workload.name
