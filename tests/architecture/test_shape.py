"""The shape of the project: each service has the skeleton, files keep their size."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("observe", "orient", "decide", "act")
ENDS = ("observe", "act")
"""The services that touch the world."""
CODE = ("services", "shared", "simulator", "console", "bench")
FOLDERS = {*CODE, "deploy", "docs", "requirements", "tests"}

USUAL_LINES, MOST_LINES = 200, 300
MOST_LINES_OF_A_TEST = 500
"""More than code may have: a suite shares its builders, and its stories read in a row."""
LARGE = {
    "bench/acting/servers.py": "the real servers, each with its flags, started in their order",
    "bench/assessing/fleet.py": "one fleet made up: places, links and applications fit each other",
    "bench/assessing/forecast.py": "one file format: read, forecast, score",
    "bench/assessing/series.py": "one file format: read, score, write",
    "bench/deciding/kubelets.py": "what becomes of pods in small, step by step",
    "bench/deciding/large.py": "one fleet made up: its parts fit each other",
    "bench/deciding/noise.py": "one experiment: the noise, the run, and what hindsight knows",
    "bench/loop.py": "the runs of one benchmark, each short, read together",
    "console/render.py": "one screen: its parts are laid out beside each other",
    "services/act/core/peering/parting.py": "one action: each step and what is asked before it",
    "services/decide/core/bounds.py": "one bound: its parts are the terms of the score",
    "services/decide/core/guards.py": "a function per guard",
    "services/decide/core/instance.py": "one file format: a section after the other",
    "services/decide/core/leap_arrays.py": "a function per group of arrays",
    "services/decide/core/placing/kernels/changing.py": "one change, and back",
    "services/decide/core/placing/kernels/measuring.py": "what parts are worth",
    "services/decide/core/placing/kernels/proposing.py": "what is drawn at random",
    "services/decide/core/placing/kernels/starting.py": "what happens once",
    "services/decide/core/search.py": "one search; its moves make no sense apart",
    "services/decide/core/standing.py": "one account of a fleet, kept up to date change by change",
    "services/observe/adapters/thanos.py": "one client: deadlines, warnings and failures meet here",
    "services/observe/core/application_metrics.py": "three metrics of applications, read alike",
    "services/observe/core/coverage.py": "one judgement: can an answer be believed, and why not",
    "services/orient/core/incidents/graph.py": "what depends on what, a case per kind",
    "services/orient/core/series/scoring.py": "one pass over all series, split by what it writes",
    "shared/bus/jetstream.py": "the one adapter of the bus; its parts are in files already",
    "shared/bus/store.py": "the calls on streams and consumers, with their failures",
    "shared/model/plan.py": "every action there is, beside one another",
    "shared/runtime/kubernetes.py": "the one door to the Kubernetes client",
    "simulator/controllers/deployments.py": "one controller: a rollout from begin to end",
    "simulator/kubernetes/answering.py": "the verbs of the API server, one function each",
    "simulator/kubernetes/api.py": "the operations on objects that the verbs share",
    "simulator/kubernetes/managed.py": "one algorithm: who manages which field",
    "simulator/liqo_objects.py": "the objects of Liqo written out, mostly data",
    "simulator/prometheus.py": "Thanos as it answers, and as it fails",
    "simulator/world.py": "one state and its step",
}
"""Files of more than 200 lines, each with the reason why it is not two."""

VAGUE = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

each_service = pytest.mark.parametrize("service", SERVICES)


def modules(*folders: str) -> Iterator[Path]:
    """Yield all Python files in folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def lines_of(file: Path) -> int:
    """Return the number of lines of a file."""
    return len(file.read_text().splitlines())


def name_of(file: Path) -> str:
    """Return the path of a file inside the project."""
    return file.relative_to(ROOT).as_posix()


@each_service
def test_a_service_has_the_skeleton(service: str) -> None:
    home = ROOT / "services" / service
    skeleton = ["__init__", "__main__", "settings", "service", "telemetry", f"core/{service}"]
    missing = [part for part in skeleton if not (home / f"{part}.py").is_file()]
    assert missing == []


@each_service
def test_only_the_two_ends_have_ports_and_adapters(service: str) -> None:
    home = ROOT / "services" / service
    has = {part for part in ("ports.py", "adapters") if (home / part).exists()}
    assert has == ({"ports.py", "adapters"} if service in ENDS else set())


@each_service
def test_a_service_says_what_it_asks_consumes_and_publishes(service: str) -> None:
    doc = ast.get_docstring(ast.parse((ROOT / "services" / service / "__init__.py").read_text()))
    assert doc is not None
    assert "?" in doc.splitlines()[0]
    assert re.search(r"\bconsumes\b", doc, re.IGNORECASE)
    assert re.search(r"\bpublishes\b", doc, re.IGNORECASE)


@each_service
def test_a_service_is_composed_in_few_lines(service: str) -> None:
    home = ROOT / "services" / service
    assert lines_of(home / "__init__.py") <= 10
    assert lines_of(home / "__main__.py") <= 80


def test_files_keep_their_size() -> None:
    sizes = {name_of(file): lines_of(file) for file in modules(*CODE)}
    too_large = {name: size for name, size in sizes.items() if size > MOST_LINES}
    large = {name for name, size in sizes.items() if size > USUAL_LINES}
    assert too_large == {}
    assert large - LARGE.keys() == set()
    assert LARGE.keys() - large == set(), "a reason for a file that is not large"


def test_files_of_tests_keep_theirs() -> None:
    sizes = {name_of(file): lines_of(file) for file in modules("tests")}
    assert {name: n for name, n in sizes.items() if n > MOST_LINES_OF_A_TEST} == {}


def test_each_module_says_what_it_is_for() -> None:
    silent = [
        name_of(file)
        for file in modules(*CODE, "tests/support")
        if (text := file.read_text()) and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name_of(file) for file in modules(*CODE, "tests") if file.stem in VAGUE] == []


def test_each_folder_is_known() -> None:
    ignored = {line.strip("/\n") for line in (ROOT / ".gitignore").read_text().splitlines()}
    found = {
        folder.name
        for folder in ROOT.iterdir()
        if folder.is_dir()
        and not folder.name.startswith((".", "__"))
        and folder.name not in ignored
        and folder.suffix != ".egg-info"
    }
    assert found == FOLDERS
