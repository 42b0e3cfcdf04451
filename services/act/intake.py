"""What becomes of decisions and of people's answers when they come in."""

from dataclasses import dataclass, replace
from typing import assert_never

from services.act import telemetry
from services.act.board import Board
from services.act.core.admission import (
    Admission,
    Admitted,
    Advised,
    Held,
    Known,
    Outdated,
    Refusal,
    admit,
    answer,
    application_of_decision,
    stricter,
)
from services.act.core.ledger import Ledger
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import dig
from services.act.core.outcome import declined, outcome_of
from services.act.outbox import Outbox, record
from services.act.ports import ClusterApi
from services.act.rehearsal import rehearse
from shared.errors import PermanentError
from shared.messages.approval import Approval
from shared.messages.decision import Decision, Verdict
from shared.messages.outcome import Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Turns messages into ledgers. A message that comes twice finds its ledger and does no harm."""

    api: ClusterApi
    board: Board
    outbox: Outbox
    now: Clock
    dry_run: bool = False
    """Whether `api` changes nothing: plans are rehearsed then, and not kept."""

    async def take(self, decision: Decision) -> None:
        """Admit a decision, or decline it. TransientError: its ledger could not be written yet."""
        insight = await self.board.informed()
        if decision.application == CAPACITY:
            self._advise(decision)
            return
        application = self.board.applications.get(decision.application)
        if application is None:
            self._decline(decision, Status.REFUSED, "there is no such Application")
            return
        wished = dig(application, "spec", "autonomy")
        decision = replace(decision, autonomy=stricter(decision.autonomy, wished))
        self.board.remember(decision)
        before = read_ledger(application)
        admission = admit(
            decision,
            before,
            now=self.now(),
            paused=self.board.is_paused,
            policy=insight.policy,
        )
        await self._follow(decision, before, admission)

    async def _follow(
        self, decision: Decision, before: Ledger | None, admission: Admission
    ) -> None:
        match admission:
            case Admitted():
                await self._admit(decision, before, admission.ledger)
            case Known():
                self.outbox.put(outcome_of(admission.ledger, self.board.fleet))
            case Advised():
                self._decline(decision, Status.ADVISED, admission.reason)
            case Refusal():
                self._decline(decision, Status.REFUSED, admission.reason)
            case Outdated():
                telemetry.decision_outdated(decision)
            case Held():
                pass
            case _:
                assert_never(admission)

    async def take_answer(self, approval: Approval) -> None:
        """Note a person's answer. PermanentError: nothing waits for it, or they may not give it."""
        insight = await self.board.informed()
        name = application_of_decision(approval.decision)
        application = self.board.applications.get(name)
        if application is None:
            raise PermanentError(f"there is no Application {name}")
        if any(problem.kind == "FleetPolicy" for problem in insight.problems):
            raise PermanentError("the fleet's policy cannot be read: who may answer is not known")
        before = read_ledger(application)
        after = answer(approval, before, now=self.now(), policy=insight.policy)
        if after == before:
            self.outbox.put(outcome_of(after, self.board.fleet))
            return
        await record(self.api, self.board, self.outbox, before=before, after=after)

    async def _admit(self, decision: Decision, before: Ledger | None, ledger: Ledger) -> None:
        if self.dry_run:
            insight = await self.board.informed()
            home = self.board.home
            outcome = await rehearse(decision, self.api, insight, home=home, now=self.now)
            self.outbox.put(outcome)
            return
        await record(self.api, self.board, self.outbox, before=before, after=ledger)

    def _advise(self, decision: Decision) -> None:
        """Tell what should become of the fleet's clusters, however much was allowed."""
        decision = replace(decision, autonomy=stricter(decision.autonomy, Autonomy.ADVISE))
        self.board.remember(decision)
        if decision.verdict is Verdict.ACT:
            self._decline(decision, Status.ADVISED, "clusters are changed by people: it is advice")

    def _decline(self, decision: Decision, status: Status, reason: str) -> None:
        self.outbox.put(declined(decision, status, reason, now=self.now()))
