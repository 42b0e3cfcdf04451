"""The commands: each asks or tells the bus one thing."""

import getpass
from pathlib import Path
from typing import Annotated, Any

import typer

from console import demo as demo_command
from console import ordering
from console import plan as plan_command
from console.asking import screen, with_bus
from console.explain import explanation
from console.follow import stories, story_so_far
from console.lookup import find_decision, find_waiting
from console.output import as_json, json_line
from console.picture import draw, drawable
from console.render import decision_table, status_view
from console.shadow import command as shadow_command
from console.story import Story
from shared.bus.jetstream import JetStreamBus
from shared.messages.approval import Approval
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.runtime.clock import now

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Watch the crossloop of a fleet, ask it why, approve, pause, and run the demo. "
    "CROSSLOOP_NATS_URL and CROSSLOOP_FLEET say which one.",
)
app.command("demo")(demo_command.demo)
app.command("shadow")(shadow_command.shadow)
app.command("plan")(plan_command.plan)
app.command("replay")(plan_command.replay)
app.command("evacuate")(ordering.evacuate)
app.command("unpeer")(ordering.unpeer)
app.command("delete-cluster")(ordering.delete_cluster)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
Name = Annotated[str, typer.Option("--by", help="Who says so.", default_factory=getpass.getuser)]
Why = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
Which = Annotated[
    str, typer.Argument(metavar="DECISION", help="An id, or an application: its newest decision.")
]
Picture = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.svg", callback=drawable, help="Draw it too: each user group's way by hop."
    ),
]
Waiting = Annotated[
    str, typer.Argument(metavar="DECISION", help="An id, or an application: the one that waits.")
]


@app.command()
def decisions(
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as they are made.")] = False,
    acts: Annotated[bool, typer.Option("--acts", help="Only those that change something.")] = False,
    json: AsJson = False,
) -> None:
    """List the decisions of the last day, with what became of them."""

    async def work(bus: JetStreamBus) -> None:
        async for story, message in stories(bus):
            shown = story.acts if acts else story.decisions
            if message is not None:
                shown = tuple(d for d in shown if d is message)
            _show_decisions(shown, story, is_first=message is None, json=json)
            if not follow:
                return

    with_bus(work)


def _show_decisions(
    shown: tuple[Decision, ...], story: Story, *, is_first: bool, json: bool
) -> None:
    if json:
        for decision in shown:
            screen.out(json_line(decision))
    elif shown:
        screen.print(decision_table(tuple(reversed(shown)), story))
    elif is_first:
        screen.print("no decision in the last day", style="dim")


@app.command()
def explain(which: Which, *, picture: Picture = None, json: AsJson = False) -> None:
    """Tell why a decision was made, what it should bring, and what became of it."""

    async def work(bus: JetStreamBus) -> None:
        decision, outcome = await find_decision(bus, which)
        if picture is not None:
            draw(decision, await bus.newest(of=Insight), picture)
        if json:
            screen.out(as_json(decision=decision, outcome=outcome))
        else:
            screen.print(explanation(decision, outcome))

    with_bus(work)


@app.command()
def approve(which: Waiting, *, by: Name, reason: Why = "", json: AsJson = False) -> None:
    """Say yes to a decision that waits for it."""
    _answer(which, approved=True, by=by, reason=reason, json=json)


@app.command()
def reject(which: Waiting, *, by: Name, reason: Why = "", json: AsJson = False) -> None:
    """Say no to a decision that waits for an answer."""
    _answer(which, approved=False, by=by, reason=reason, json=json)


@app.command()
def pause(*, by: Name, reason: Why = "", json: AsJson = False) -> None:
    """Stop the loop from acting. It goes on watching and deciding nothing but to hold."""
    _control(paused=True, by=by, reason=reason, json=json)


@app.command()
def resume(*, by: Name, reason: Why = "", json: AsJson = False) -> None:
    """Let the loop act again."""
    _control(paused=False, by=by, reason=reason, json=json)


@app.command()
def status(*, json: AsJson = False) -> None:
    """Show the fleet as the loop sees it: users, clusters, gaps in the data, incidents, moves."""

    async def work(bus: JetStreamBus) -> None:
        story = await story_so_far(bus)
        if json:
            screen.out(as_json(insight=story.insight, control=story.control))
        else:
            screen.print(status_view(story))

    with_bus(work)


def _answer(which: str, *, approved: bool, by: str, reason: str, json: bool) -> None:
    async def work(bus: JetStreamBus) -> None:
        decision = await find_waiting(bus, which, by=by)
        approval = Approval(
            decision=decision.id,
            fleet=decision.fleet,
            approved=approved,
            by=by,
            reason=reason,
            at=now(),
        )
        await bus.publish(approval)
        told = {"decision": decision.id, "approved": approved, "by": by, "reason": reason}
        _say(f"{'approved' if approved else 'rejected'} {decision.id} as {by}", told, json=json)

    with_bus(work)


def _control(*, paused: bool, by: str, reason: str, json: bool) -> None:
    async def work(bus: JetStreamBus) -> None:
        control = Control(fleet=bus.fleet, paused=paused, by=by, reason=reason, at=now())
        await bus.publish(control)
        told = {"fleet": bus.fleet, "paused": paused, "by": by, "reason": reason}
        _say(f"fleet {bus.fleet} {'paused' if paused else 'resumed'} as {by}", told, json=json)

    with_bus(work)


def _say(sentence: str, told: dict[str, Any], *, json: bool) -> None:
    screen.out(as_json(**told) if json else sentence)
