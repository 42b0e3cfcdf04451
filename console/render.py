"""Messages as people read them: tables and texts for the terminal."""

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from console.outlook import ceiling_table, ceilings_ahead
from console.story import Story
from shared.messages.decision import Decision, Verdict
from shared.messages.incident import Incident, Severity
from shared.messages.insight import Hop, Insight, Quality
from shared.messages.outcome import Outcome, Status
from shared.model.fleet import ClusterState
from shared.model.plan import Plan, describe

STATUS_STYLES = {
    Status.SUCCEEDED: "green",
    Status.RUNNING: "cyan",
    Status.PENDING: "cyan",
    Status.WAITING: "yellow",
    Status.REVERTED: "yellow",
    Status.REFUSED: "yellow",
    Status.REJECTED: "yellow",
    Status.EXPIRED: "yellow",
    Status.ADVISED: "blue",
    Status.FAILED: "red",
}
BAR_CELLS = 24


def clock(at: datetime) -> str:
    """Return an instant as time of day, UTC."""
    return at.strftime("%H:%M:%S")


def quality_table(qualities: Iterable[Quality]) -> Table:
    """Show what each user group gets against its budget, and which hop takes most of it."""
    table = Table.grid(padding=(0, 2))
    for quality in qualities:
        table.add_row(
            Text(f"{quality.application} · {quality.group}", style="bold"),
            _bar(quality),
            _latency(quality),
            _share(quality),
            _largest_hop(quality.hops) if quality.hops else Text(quality.reason, style="red"),
        )
    return table


def _bar(quality: Quality) -> Text:
    if quality.latency_ms is None:
        return Text("?" * BAR_CELLS, style="dim")
    filled = round(BAR_CELLS * min(1.0, quality.latency_ms / quality.budget_ms))
    style = "green" if quality.is_met else "red"
    return Text("█" * filled, style=style) + Text("░" * (BAR_CELLS - filled), style="dim")


def _latency(quality: Quality) -> Text:
    if quality.latency_ms is None:
        return Text("not known", style="red")
    style = "green" if quality.is_met else "bold red"
    return Text(f"{quality.latency_ms:5.1f} of {quality.budget_ms:g} ms", style=style)


def _share(quality: Quality) -> Text:
    if quality.within_ratio is None:
        return Text("")
    left = quality.error_budget_left
    note = f", {max(left, 0.0):.0%} error budget left" if left is not None and left < 1.0 else ""
    return Text(f"{quality.within_ratio:4.0%} of the last hour{note}", style="dim")


def _largest_hop(hops: tuple[Hop, ...]) -> Text:
    largest = max(hops, key=lambda hop: hop.latency_ms)
    return Text(f"most: {largest.name} {largest.latency_ms:.1f} ms", style="dim")


def incident_table(story: Story) -> RenderableType:
    """Show the open incidents."""
    if not story.open_incidents:
        return Text("none", style="dim")
    table = Table.grid(padding=(0, 2))
    for incident in story.open_incidents:
        style = "bold red" if incident.severity is Severity.CRITICAL else "yellow"
        table.add_row(
            clock(incident.opened_at),
            Text(incident.severity, style=style),
            Text(incident.state, style="dim"),
            f"{incident.message}{suspicion(incident)}",
        )
    return table


def suspicion(incident: Incident) -> str:
    """Return what else may be behind an incident: a change just before it, the next suspect."""
    first, *others = incident.suspects or (None,)
    notes = [f"after {first.change}"] if first and first.change else []
    notes += [f"or else {suspect.kind} {suspect.subject}" for suspect in others[:1]]
    return f" ({'; '.join(notes)})" if notes else ""


def decision_table(decisions: Iterable[Decision], story: Story) -> Table:
    """Show decisions with their reasons and what became of them, newest first."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("at", "application", "verdict", "reason", "plan", "outcome"):
        table.add_column(column, overflow="fold")
    for decision in decisions:
        style = "bold" if decision.verdict is Verdict.ACT else "dim"
        table.add_row(
            clock(decision.at),
            decision.application,
            Text(decision.verdict, style=style),
            decision.detail or decision.reason,
            plan_text(decision.plan),
            outcome_text(story.outcome_of(decision.id)),
        )
    return table


def plan_text(plan: Plan) -> str:
    """Return a plan in words."""
    return "; ".join(describe(action) for action in plan.actions)


def outcome_text(outcome: Outcome | None) -> Text:
    """Return where a decision stands, in its colour."""
    if outcome is None:
        return Text("")
    note = f": {outcome.message}" if outcome.message else ""
    dry = " (dry run)" if outcome.dry_run else ""
    return Text(f"{outcome.status}{dry}{note}", style=STATUS_STYLES[outcome.status])


def moves_table(story: Story) -> RenderableType:
    """Show the actions under way."""
    rows = [(o, r) for o in story.under_way for r in o.actions]
    if not rows:
        return Text("none", style="dim")
    table = Table.grid(padding=(0, 2))
    for outcome, result in rows:
        table.add_row(
            outcome.application,
            describe(result.action),
            Text(result.status, style=STATUS_STYLES[result.status]),
            result.message,
        )
    return table


def live_view(story: Story, title: str) -> RenderableType:
    """Show the loop from left to right: what users get, what is wrong, what is done about it."""
    insight = story.insight
    if insight is None:
        return Panel(Text("waiting for the first insight ...", style="dim"), title=title)
    state = " · paused" if story.is_paused else ""
    newest = tuple(reversed(story.decisions))[:6]
    return Group(
        Panel(
            quality_table(insight.qualities),
            title=f"{title} · cycle {clock(insight.at)}{state}",
            title_align="left",
        ),
        Panel(incident_table(story), title="incidents", title_align="left"),
        Panel(moves_table(story), title="moves under way", title_align="left"),
        Panel(decision_table(newest, story), title="decisions", title_align="left"),
    )


def status_view(story: Story) -> RenderableType:
    """Show the fleet once: users, clusters, what is not known, incidents, moves."""
    insight = story.insight
    if insight is None:
        return Text("no insight on the bus yet: is the loop running?", style="yellow")
    parts: list[RenderableType] = [
        Text(f"fleet {insight.fleet_name}, cycle {insight.cycle}", style="bold"),
        _control_text(story),
        Panel(quality_table(insight.qualities), title="user groups", title_align="left"),
        Panel(_cluster_table(insight), title="clusters", title_align="left"),
        Panel(incident_table(story), title="incidents", title_align="left"),
        Panel(moves_table(story), title="moves under way", title_align="left"),
    ]
    if ceilings := ceilings_ahead(insight):
        parts.append(Panel(ceiling_table(ceilings), title="ceilings ahead", title_align="left"))
    if insight.coverage or insight.kinds:
        parts.append(Panel(_gaps_table(insight), title="not fresh", title_align="left"))
    if insight.problems:
        parts.append(Panel(_problem_table(insight), title="problems", title_align="left"))
    return Group(*parts)


def _control_text(story: Story) -> Text:
    control = story.control
    if control is None or not control.paused:
        return Text("the loop may act", style="green")
    return Text(f"paused by {control.by}: {control.reason}", style="bold yellow")


def _cluster_table(insight: Insight) -> Table:
    table = Table.grid(padding=(0, 2))
    for cluster in insight.fleet.clusters:
        free = sum(node.headroom.cpu_cores for node in cluster.nodes if node.ready)
        total = sum(node.allocatable.cpu_cores for node in cluster.nodes)
        standing = [p for p in insight.fleet.placements if p.cluster == cluster.name]
        names = ", ".join(f"{p.component} {p.ready_replicas}/{p.replicas}" for p in standing)
        style = "green" if cluster.state is ClusterState.READY else "bold red"
        room = f"{free:.0f} of {total:.0f} cores left" if cluster.nodes else "room not known"
        table.add_row(cluster.name, Text(cluster.state, style=style), room, names, cluster.reason)
    return table


def _gaps_table(insight: Insight) -> Table:
    table = Table.grid(padding=(0, 2))
    for gap in insight.coverage:
        table.add_row(gap.cluster, gap.signal, Text(gap.state, style="yellow"), gap.reason)
    for kind in insight.kinds:
        table.add_row("inventory", kind.kind, Text(kind.state, style="yellow"), kind.reason)
    return table


def _problem_table(insight: Insight) -> Table:
    table = Table.grid(padding=(0, 2))
    for problem in insight.problems:
        table.add_row(problem.kind, problem.name, problem.field, problem.message)
    return table
