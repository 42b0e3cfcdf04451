"""What tests of several folders share: the `real` marker, and one real API server for them all."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from console.real.kubernetes import RealKubernetes
from console.real.parts import why_missing
from tests.support.real_parts import AUDITED, POD_TIMES

LAST_LINES = 12
LINE_LENGTH = 600
"""How much of a log is shown with a test that failed. The whole of it is in the test's folder."""
REQUIRED = "CROSSLOOP_REQUIRE_REAL"
"""Set to 1 in CI: a real server that is missing is then an error, not a reason to skip."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test of the real servers where they are missing; fail it where they are required."""
    if item.get_closest_marker("real") is None:
        return
    missing = why_missing()
    if missing and os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{missing} ({REQUIRED}=1)", pytrace=False)
    if missing:
        pytest.skip(missing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test the last words of the processes that logged into its folder."""
    report = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if report.failed and isinstance(folder, Path):
        for log in sorted(folder.rglob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
            words = "\n".join(line[:LINE_LENGTH] for line in lines)
            report.sections.append((str(log.relative_to(folder)), words))
    return report


@pytest.fixture(scope="session")
def real_kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKubernetes]:
    """One real API server with controllers and kwok. Take namespaces and node names of your own."""
    directory = tmp_path_factory.mktemp("kubernetes")
    with RealKubernetes.start(directory, pods=POD_TIMES, audited=AUDITED) as cluster:
        yield cluster
