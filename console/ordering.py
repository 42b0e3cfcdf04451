"""`crossloop evacuate`, `unpeer` and `delete-cluster`: what only people order.

What decides is loaded with the command that needs it: the other commands start without.
"""

import asyncio
import getpass
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console

from console.asking import screen, with_bus
from console.orders import Order, decision_of, deletion, informed, unpeering
from console.output import as_json
from shared.bus.port import Bus
from shared.messages.approval import Approval
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.plan import describe
from shared.runtime.clock import Clock, monotonic, now

Name = Annotated[str, typer.Option("--by", help="Who orders it.", default_factory=getpass.getuser)]
Why = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object.")]
Site = Annotated[str, typer.Argument(metavar="SITE", help="A Site, as `crossloop status` shows.")]

MARGIN = timedelta(minutes=1)
"""By which the clock of the bus may differ from ours."""

telling = Console(stderr=True)


def evacuate(
    cluster: Site, *, by: Name, reason: Why = "", yes: Yes = False, json: AsJson = False
) -> None:
    """Let nothing new onto a cluster and move all away, what weighs most for users first."""
    from console.evacuating import evacuation  # noqa: PLC0415 - what decides, loaded when asked for

    def order(insight: Insight) -> Order:
        with telling.status("deciding where everything goes"):
            return evacuation(insight, cluster)

    _carry_out(order, by=by, reason=reason, yes=yes, json=json)


def unpeer(
    consumer: Annotated[str, typer.Argument(metavar="CONSUMER", help="The one that uses it.")],
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="The one that is used.")],
    *,
    by: Name,
    reason: Why = "",
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """End the peering of two clusters, once nothing runs there."""
    _carry_out(
        lambda insight: unpeering(insight, consumer, provider),
        by=by,
        reason=reason,
        yes=yes,
        json=json,
    )


def delete_cluster(
    site: Site, *, by: Name, reason: Why = "", yes: Yes = False, json: AsJson = False
) -> None:
    """Have Cluster API delete a Site's cluster, where the Site permits it."""
    _carry_out(lambda insight: deletion(insight, site), by=by, reason=reason, yes=yes, json=json)


def _carry_out(
    order_on: Callable[[Insight], Order], *, by: str, reason: str, yes: bool, json: bool
) -> None:
    async def work(bus: Bus) -> None:
        desk = Desk(bus=bus, by=by, reason=reason)
        decision, outcome = await desk.carry_out(order_on, asked=not yes)
        screen.out(as_json(decision=decision, outcome=outcome) if json else summary(outcome))
        if outcome.status is not Status.SUCCEEDED:
            raise typer.Exit(1)

    with_bus(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Takes one person's order to Act, says yes to it in their name, and follows it."""

    bus: Bus
    by: str
    reason: str = ""
    now: Clock = now
    poll_seconds: float = 0.5
    patience_seconds: float = 20.0
    """So long Act has to take the order up."""

    async def carry_out(
        self, order_on: Callable[[Insight], Order], *, asked: bool
    ) -> tuple[Decision, Outcome]:
        """Order something on the newest insight, and return how it ended.

        LookupError, with a sentence: it makes no sense, or Act does not take it up.
        """
        control = await self.bus.newest(of=Control)
        insight = informed(await self.bus.newest(of=Insight), control, by=self.by)
        order = order_on(insight)
        if asked:
            confirm(order)
        decision = decision_of(order, insight, by=self.by, reason=self.reason, at=self.now())
        await self.bus.publish(decision)
        telling.print(f"ordered {decision.id}", highlight=False)
        return decision, await self._followed(decision)

    async def _followed(self, decision: Decision) -> Outcome:
        """Tell how it goes on, and return how it ended. Act waits for a yes first: it gets it."""
        told, begun = 0, monotonic()
        while True:
            outcomes = await self._outcomes_of(decision)
            for outcome in outcomes[told:]:
                telling.print(progress(outcome), highlight=False)
            whole = [outcome for outcome in outcomes if not outcome.is_part]
            if whole and whole[-1].status.is_final:
                return whole[-1]
            if whole and told == 0:
                await self.bus.publish(self._yes_to(decision))
            if not whole and monotonic() > begun + self.patience_seconds:
                raise LookupError(
                    f"Act does not take up {decision.id}: should it do so later, nothing is done "
                    f"unless somebody runs `crossloop approve {decision.id}`"
                )
            told = len(outcomes)
            await asyncio.sleep(self.poll_seconds)

    async def _outcomes_of(self, decision: Decision) -> list[Outcome]:
        outcomes = await self.bus.replay(of=Outcome, since=decision.at - MARGIN)
        return [outcome for outcome in outcomes if outcome.decision == decision.id]

    def _yes_to(self, decision: Decision) -> Approval:
        return Approval(
            decision=decision.id,
            fleet=decision.fleet,
            approved=True,
            by=self.by,
            reason=self.reason,
            at=self.now(),
        )


def confirm(order: Order) -> None:
    """Show what will happen and ask, and ask once more where something speaks against it."""
    for line in order.preview:
        telling.print(line, highlight=False)
    for line in order.doubts:
        telling.print(line, style="yellow", highlight=False)
    typer.confirm(f"{describe(order.action)}?", abort=True, err=True)
    if order.doubts:
        typer.confirm("although not everything is well?", abort=True, err=True)


def progress(outcome: Outcome) -> str:
    """Return where an order, or an application's part of it, stands: what is done now."""
    going_on = next((r for r in outcome.actions if not r.status.is_final), None)
    action = describe((going_on or outcome.actions[-1]).action) if outcome.actions else "nothing"
    who = f"{outcome.application}: " if outcome.is_part else ""
    message = f": {outcome.message}" if outcome.message else ""
    return f"{who}{action} is {outcome.status}{message}"


def summary(outcome: Outcome) -> str:
    """Return how an order ended, with all that was told of it."""
    lines = []
    for result in outcome.actions:
        message = result.message or outcome.message
        told = f": {message}" if message else ""
        lines.append(f"{describe(result.action)}: {result.status}{told}")
        lines += [f"  {warning}" for warning in result.warnings]
    return "\n".join(lines) or f"{outcome.status}: {outcome.message}"
