"""How many kills and faults Act survived, as the tests that enumerate them count."""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from bench.report import figure

ROOT = Path(__file__).parents[2]
TESTS = "tests/unit/act/surviving"
VARIABLE = "ACT_SURVIVES_ALL_CALLS"


def measure() -> None:
    """Run the tests for every single call, and print how many runs there were, and went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        subprocess.run(
            [sys.executable, "-m", "pytest", TESTS, "-q", f"--junitxml={report}"],
            cwd=ROOT,
            env={**os.environ, VARIABLE: "1"},
            stdout=sys.stderr,
            check=False,
        )
        cases = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - our own
        tests = [case for case in cases if case.find("skipped") is None]
    runs = sum(_runs(case) for case in tests)
    wrong = sum(case.find("failure") is not None for case in tests)
    kills = sum(_runs(case) for case in tests if "killed" in str(case.get("name")))
    figure("surviving_kills", kills, "runs", "before and after every call")
    figure("surviving_faults", runs - kills, "runs", "every kind of fault at every call")
    figure("surviving_tests_wrong", wrong, "tests", f"of {len(tests)}")


def _runs(case: ET.Element) -> int:
    found = case.findall("properties/property[@name='runs']")
    return sum(int(each.get("value") or 0) for each in found)
