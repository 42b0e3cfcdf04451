"""The shadow report as people read it."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from console.render import clock
from console.shadow.report import Foregone, Report, Share


def report_view(report: Report) -> RenderableType:
    """Show what would have happened to one application against what did."""
    parts: list[RenderableType] = [Text(_summary(report))]
    if report.groups:
        parts.append(_share_table(report.groups))
    for want in report.wants:
        parts += [Text(""), _heading(want), _promise_table(want)]
    autonomy = report.autonomy or "not watched in a recorded cycle"
    title = f"{report.application} · {autonomy}"
    return Panel(Group(*parts), title=title, title_align="left")


def _summary(report: Report) -> str:
    if not report.wants:
        return f"{_time(report.began_at, report.ended_at)}: nothing would have been changed"
    word = "change" if report.changes == 1 else "changes"
    money = _money(report.saved_usd)
    return f"{_time(report.began_at, report.ended_at)}: {report.changes} {word}, {money}"


def _time(began_at: datetime | None, ended_at: datetime | None) -> str:
    if began_at is None or ended_at is None:
        return "no cycle recorded"
    return f"{_instant(began_at)} to {_instant(ended_at)}"


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d} {clock(at)}"


def _money(saved_usd: float) -> str:
    return f"{abs(saved_usd):.2f} USD {'saved' if saved_usd >= 0 else 'spent'}"


def _share_table(groups: tuple[Share, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("within budget", "did", "would have", "change", "cycles", "not known"):
        table.add_column(column)
    for share in groups:
        table.add_row(
            Text(share.group, style="bold"),
            _ratio(share.did_ratio),
            _ratio(share.would_ratio),
            _change(share),
            f"{share.cycles}",
            f"did {share.did_unknown}, would {share.would_unknown}",
        )
    return table


def _ratio(ratio: float | None) -> str:
    return "not known" if ratio is None else f"{ratio:.1%}"


def _change(share: Share) -> Text:
    if share.did_ratio is None or share.would_ratio is None:
        return Text("")
    gained = 100.0 * (share.would_ratio - share.did_ratio)
    style = "green" if gained > 0 else "red" if gained < 0 else "dim"
    return Text(f"{gained:+.1f} points", style=style)


def _heading(want: Foregone) -> Text:
    often = "once" if want.decisions == 1 else f"{want.decisions} times"
    reason = want.reason.replace("_", " ")
    plan = ", then ".join(want.actions)
    text = Text(f"{_instant(want.at)} {plan}", style="bold")
    told = f" ({reason}, decided {often}, until {clock(want.ended_at)}, {_money(want.saved_usd)})"
    return text.append(told, style="not bold dim")


def _promise_table(want: Foregone) -> Table:
    table = Table.grid(padding=(0, 2))
    for promise in want.promises:
        table.add_row(
            f"  {promise.group}",
            f"promised {_ms(promise.promised_ms)}",
            f"would have been {_ms(promise.would_ms)}",
            f"was {_ms(promise.did_ms)}",
            f"of {promise.budget_ms:g} ms, {promise.cycles} cycles",
        )
    return table


def _ms(latency_ms: float | None) -> str:
    return "not known" if latency_ms is None else f"{latency_ms:.1f} ms"
