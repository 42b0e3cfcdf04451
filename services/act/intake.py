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
    site_of_decision,
    stricter,
)
from services.act.core.ledger import Ledger
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import Object, dig
from services.act.core.outcome import declined, outcome_of
from services.act.grounding import Ground
from services.act.outbox import Outbox, record
from services.act.ports import ClusterApi
from services.act.rehearsal import Rehearsal
from shared.errors import PermanentError
from shared.messages.approval import Approval
from shared.messages.decision import Decision, Verdict
from shared.messages.outcome import Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ClusterName
from shared.model.policy import FleetPolicy
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Turns messages into ledgers. A message that comes twice finds its ledger and does no harm."""

    api: ClusterApi
    board: Board
    outbox: Outbox
    now: Clock
    ground: Ground
    dry_run: bool = False
    """Whether `api` changes nothing: plans are rehearsed then, and not kept."""

    async def take(self, decision: Decision) -> None:
        """Admit a decision, or decline it. TransientError: its ledger could not be written yet."""
        insight = await self.board.permitted()
        keeper = self._keeper(decision)
        if keeper is None:
            of_fleet = decision.application == CAPACITY
            missing = "Site that it is about" if of_fleet else "such Application"
            if decision.verdict is Verdict.ACT or not of_fleet:
                self._decline(decision, Status.REFUSED, f"there is no {missing}")
            return
        decision = self.remember(decision, insight.policy)
        before = read_ledger(keeper)
        admission = admit(
            decision,
            before,
            now=self.now(),
            paused=self.board.is_paused,
            policy=insight.policy,
        )
        await self._follow(decision, before, admission)

    def remember(self, decision: Decision, policy: FleetPolicy) -> Decision:
        """Put a decision on the board, as strict as what is declared asks for now; return it so."""
        wished = self._wished(decision, self._keeper(decision), policy)
        decision = replace(decision, autonomy=stricter(decision.autonomy, wished))
        self.board.remember(decision)
        return decision

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
        before = self._asked(approval)
        if any(problem.kind == "FleetPolicy" for problem in insight.problems):
            raise PermanentError("the fleet's policy cannot be read: who may answer is not known")
        after = answer(approval, before, now=self.now(), policy=insight.policy)
        if after == before:
            self.outbox.put(outcome_of(after, self.board.fleet))
            return
        await record(self.api, self.board, self.outbox, before=before, after=after)

    async def _admit(self, decision: Decision, before: Ledger | None, ledger: Ledger) -> None:
        try:
            for entry in ledger.entries:
                self.ground.permit(entry.action, self.board)
        except PermanentError as error:
            self._decline(decision, Status.REFUSED, str(error))
            return
        if self.dry_run:
            insight = await self.board.informed()
            rehearsal = Rehearsal(
                api=self.api, board=self.board, insight=insight, ground=self.ground, now=self.now
            )
            outcome = await rehearsal.of(decision)
            self.outbox.put(outcome)
            return
        await record(self.api, self.board, self.outbox, before=before, after=ledger)

    def _keeper(self, decision: Decision) -> Object | None:
        """Return the Application or the Site that a decision is for, or None."""
        if decision.application == CAPACITY:
            return self.board.sites.get(site_of_decision(decision) or ClusterName(""))
        return self.board.applications.get(decision.application)

    def _wished(self, decision: Decision, keeper: Object | None, policy: FleetPolicy) -> str | None:
        """Return how far the loop may go now by what is declared.

        What a person is asked about may be done with clusters whatever the policy says: the person
        decides.
        """
        if decision.application != CAPACITY:
            wished: str | None = dig(keeper, "spec", "autonomy")
            return wished
        if decision.autonomy is Autonomy.APPROVE:
            return None
        return policy.capacity_autonomy

    def _asked(self, approval: Approval) -> Ledger | None:
        """Return the ledger that an answer is for, or the newest that it might have been for.

        PermanentError: there is no such Application.
        """
        name = application_of_decision(approval.decision)
        if name != CAPACITY:
            if name not in self.board.applications:
                raise PermanentError(f"there is no Application {name}")
            return read_ledger(self.board.applications[name])
        ledgers = [read_ledger(site) for site in self.board.sites.values()]
        known = [ledger for ledger in ledgers if ledger is not None]
        asked = (ledger for ledger in known if ledger.decision == approval.decision)
        return next(asked, max(known, key=lambda ledger: ledger.decision, default=None))

    def _decline(self, decision: Decision, status: Status, reason: str) -> None:
        self.outbox.put(declined(decision, status, reason, now=self.now()))
