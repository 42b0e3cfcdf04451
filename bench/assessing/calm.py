"""How often Orient opens an incident while nothing is wrong: days of a made-up fleet."""

from collections import Counter

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.assessing.deploys import DAY_SECONDS
from bench.assessing.fleet import plan_fleet
from bench.assessing.life import INTERVAL_SECONDS, Life, begin
from bench.report import figure
from services.orient.core.memory import Memory
from services.orient.core.orient import orient
from shared.messages.incident import Incident

MOST_SHOWN = 60


def calm_days(days: float, clusters: int, seed: int) -> None:
    """Print how many incidents were opened per cluster and day, and on stderr which."""
    console = Console(stderr=True)
    turns = round(days * DAY_SECONDS / INTERVAL_SECONDS)
    opened = live(begin(plan_fleet(clusters, seed), seed), Memory(), turns, console)
    size = f"{clusters} clusters, {days:g} days, seed {seed}"
    cluster_days = clusters * days
    figure("calm_incidents", len(opened) / cluster_days, "per cluster-day", size)
    for kind, many in sorted(Counter(str(i.kind) for i in opened).items()):
        figure(f"calm_incidents_{kind}", many / cluster_days, "per cluster-day", size)
    console.print(_table(opened))


def live(life: Life, memory: Memory, turns: int, console: Console) -> list[Incident]:
    """Return the incidents that are opened in so many turns, as they are then."""
    known = {w.incident.id for w in memory.watched}
    opened: list[Incident] = []
    for _ in track(range(turns), description="calm", console=console):
        insight, memory = orient(life.turn(), memory)
        for incident in insight.incidents:
            if incident.id not in known:
                known.add(incident.id)
                opened.append(incident)
    return opened


def _table(opened: list[Incident]) -> Table:
    """Return what was opened: how often by kind and subject, then one by one."""
    table = Table("opened at", "kind", "subject", "message", "readings")
    for (kind, subject), many in Counter((i.kind, i.subject) for i in opened).most_common(10):
        table.add_row(f"{many} times", kind, subject, "", "")
    table.add_section()
    for incident in opened[:MOST_SHOWN]:
        readings = ", ".join(
            f"{a.signal} {a.value:.4g} for {a.expected:.4g}" for a in incident.anomalies[:3]
        )
        at = f"{incident.opened_at:%a %d %H:%M:%S}"
        table.add_row(at, incident.kind, incident.subject, incident.message, readings)
    return table
