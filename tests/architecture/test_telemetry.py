"""What operators are told and docs/telemetry.md say the same, and it keeps to the rules."""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.act.core.telling.firing import NAMES
from shared.messages.decision import Reason
from shared.messages.subjects import DEAD_PREFIX, PREFIX, ROUTES
from shared.runtime import metrics

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "telemetry.md").read_text()
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yaml").read_text())[
        "groups"
    ]
    for rule in group["rules"]
]

PARTS = {
    "Process": "shared/runtime",
    "Bus": "shared/bus",
    "Observe": "services/observe",
    "Orient": "services/orient",
    "Decide": "services/decide",
    "Act": "services/act",
}
"""Sections of the document, in its order, and the folders they tell about."""
LABELS = frozenset(
    (
        "consumer",
        "kind",
        "phase",
        "purpose",
        "reason",
        "result",
        "severity",
        "site",
        "state",
        "status",
        "verdict",
    )
)
"""Each has few values, known beforehand: members of enums, kinds of objects, names of sites."""
LEVELS = ("debug", "info", "warning", "error")

each_part = pytest.mark.parametrize("part", PARTS)

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Metric:
    """A metric, as the code makes it or the document lists it."""

    name: str
    kind: str
    labels: Row
    question: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Event:
    """A telemetry event, as the code tells it or the document lists it."""

    name: str
    levels: Row
    fields: Row


# ---------------------------------------------------------------------------- the code


def tree_of(part: str) -> ast.Module:
    """Return the telemetry module of a part."""
    return ast.parse((ROOT / PARTS[part] / "telemetry.py").read_text())


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield all calls."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def on(call: ast.Call, name: str) -> str:
    """Return the method that is called on a name; empty where it is another call."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=owner), attr=method) if owner == name:
            return method
        case _:
            return ""


def metrics_in(part: str) -> list[Metric]:
    """Return the metrics a part makes."""
    found = []
    for call in calls(tree_of(part)):
        if kind := on(call, "metrics"):
            name, question, *labels = (ast.literal_eval(argument) for argument in call.args)
            labels = sorted(labels[0]) if labels else []
            name = metrics.PREFIX + name
            found.append(Metric(name=name, kind=kind, labels=tuple(labels), question=question))
    return sorted(found)


def methods_in(value: ast.AST) -> Row:
    """Return the methods of the log that an expression names."""
    found = [
        node.attr
        for node in ast.walk(value)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "_log"
    ]
    return tuple(found)


def spoken(function: ast.FunctionDef) -> Iterator[tuple[ast.Call, Row]]:
    """Yield each call that tells something, with its levels: also by a name given to a method."""
    named = {
        target.id: levels
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and (levels := methods_in(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in calls(function):
        if level := on(call, "_log"):
            yield call, (level,)
        elif isinstance(call.func, ast.Name) and call.func.id in named:
            yield call, named[call.func.id]


def events_in(part: str) -> list[Event]:
    """Return the events a part tells. `exc_info` becomes the field `exception`."""
    found = []
    for function in tree_of(part).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for call, levels in spoken(function):
            (name,) = call.args
            fields = ["exception" if k.arg == "exc_info" else str(k.arg) for k in call.keywords]
            found.append(
                Event(
                    name=ast.literal_eval(name),
                    levels=tuple(sorted(levels)),
                    fields=tuple(sorted(fields)),
                )
            )
    return sorted(found)


def checks_in(folder: str) -> set[str]:
    """Return the names of the readiness checks that are reported."""
    found = set()
    for file in (ROOT / folder).rglob("*.py"):
        tree = ast.parse(file.read_text())
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for call in calls(tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "report":
                match call.args[0]:
                    case ast.Constant(value=name):
                        found.add(str(name))
                    case ast.Name(id=name):
                        found.add(str(constants[name]))
    return found


# ------------------------------------------------------------------------ the document


def section(title: str) -> str:
    """Return what the document says under a heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def rows(title: str, heading: str) -> list[Row]:
    """Return the rows of the tables of a section whose first column has that heading."""
    found: list[Row] = []
    is_wanted = False
    for line in section(title).splitlines():
        if not line.startswith("|"):
            is_wanted = False
            continue
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if is_wanted and set(line) - set("|-"):
            found.append(cells)
        is_wanted = is_wanted or cells[0] == heading
    return found


def quoted(text: str) -> Row:
    """Return what stands in backquotes."""
    return tuple(re.findall(r"`([^`]+)`", text))


def name_in(cell: str) -> str:
    """Return the one name in backquotes."""
    (name,) = quoted(cell)
    return name


def documented_metrics(part: str) -> list[Metric]:
    """Return the metrics that a section lists."""
    return [
        Metric(name=name_in(name), kind=kind, labels=tuple(sorted(quoted(labels))), question=asked)
        for name, kind, labels, asked, _ in rows(part, "metric")
    ]


def documented_events(part: str) -> list[Event]:
    """Return the events that a section lists."""
    return [
        Event(
            name=name_in(name),
            levels=tuple(sorted(re.findall(r"\w+", levels))),
            fields=tuple(sorted(quoted(fields))),
        )
        for name, levels, _, fields, _ in rows(part, "event")
    ]


def names(found: Iterable[Row]) -> list[str]:
    """Return the names in the first column."""
    return sorted(name for row in found for name in quoted(row[0]))


# ---------------------------------------------------------- both ways, nothing drifts


@each_part
def test_the_document_lists_the_metrics_there_are(part: str) -> None:
    assert sorted(documented_metrics(part)) == metrics_in(part)


@each_part
def test_the_document_lists_the_events_there_are(part: str) -> None:
    assert sorted(documented_events(part)) == events_in(part)


def test_the_document_goes_left_to_right_like_the_loop() -> None:
    titles = re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE)
    assert [title for title in titles if title in PARTS] == list(PARTS)


def test_each_row_says_what_to_do() -> None:
    for part in PARTS:
        for row in rows(part, "metric") + rows(part, "event"):
            assert row[-1].endswith("."), row


def test_the_document_lists_the_readiness_checks_there_are() -> None:
    listed = [(quoted(check)[0], of) for check, of, *_ in rows("Probes", "check")]
    homes = {"all": "shared"} | {Path(home).name: home for home in PARTS.values()}
    reported = {(check, of) for of, home in homes.items() for check in checks_in(home)}
    assert sorted(listed) == sorted(
        reported - {(check, "bus") for check in checks_in("shared/bus")}
    )


def test_the_document_names_the_alerts_there_are() -> None:
    alerts = {rule["alert"] for rule in RULES}
    assert set(re.findall(r"`(Crossloop[A-Z]\w+)`", DOCUMENT)) == alerts


def test_the_document_lists_the_alerts_that_act_posts() -> None:
    assert names(rows("Act", "alert")) == sorted(NAMES)


def test_the_document_gives_reasons_that_exist() -> None:
    assert set(names(rows("Decide", "reason"))) <= {reason.value for reason in Reason}


def test_the_document_lists_the_subjects_and_streams_there_are() -> None:
    listed = {
        name_in(row[0]).split(".<")[0]: name_in(row[1])
        for row in rows("Reading the bus", "subject")
    }
    expected = {f"{PREFIX}.{route.kind}": route.stream for route in ROUTES.values()}
    assert listed == expected | {DEAD_PREFIX: "CROSSLOOP_DEAD"}


def test_rules_speak_of_events_that_are_told() -> None:
    told = {event.name for part in PARTS for event in events_in(part)}
    actions = [rule["annotations"]["action"] for rule in RULES]
    spoken_of = set(re.findall(r"\(([a-z]+(?:_[a-z]+)+)\)", " ".join(actions)))
    assert spoken_of
    assert spoken_of <= told


# ------------------------------------------------------------------------- the rules


@each_part
def test_a_metric_is_named_after_its_part_and_its_kind(part: str) -> None:
    for metric in metrics_in(part):
        assert re.fullmatch(rf"crossloop_{PARTS[part].rpartition('/')[2]}(_[a-z]+)+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert metric.kind != "histogram" or metric.name.endswith("_seconds")
        assert metric.question.endswith("?")


@each_part
def test_labels_are_of_few_values(part: str) -> None:
    """And none is `cluster`: Thanos puts the cluster that was scraped in its place."""
    for metric in metrics_in(part):
        assert set(metric.labels) <= LABELS, metric.name


def test_an_event_has_one_meaning() -> None:
    told = [(event.name, part) for part in PARTS for event in events_in(part)]
    assert len({name for name, _ in told}) == len(told)
    for name, _ in told:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)


def test_what_is_told_to_be_lost_is_told_to_be_found() -> None:
    told = {event.name for part in PARTS for event in events_in(part)}
    lost = {name for name in told if name.endswith("_lost")}
    assert lost
    assert {name.replace("_lost", "_found") for name in lost} <= told


def test_levels_are_those_an_operator_can_set() -> None:
    assert {level for part in PARTS for e in events_in(part) for level in e.levels} <= set(LEVELS)


def test_nobody_else_logs_or_counts() -> None:
    makers = {"metrics": ("counter", "gauge", "histogram"), "logs": ("get",)}
    speaking = [
        file.relative_to(ROOT).as_posix()
        for folder in ("services", "shared")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for call in calls(ast.parse(file.read_text()))
        if file.name != "telemetry.py"
        and any(on(call, module) in methods for module, methods in makers.items())
    ]
    assert speaking == []
