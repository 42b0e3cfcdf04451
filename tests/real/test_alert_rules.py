"""Prometheus's own tool takes our rules and configuration, and the rules fire when they should."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.real.parts import program

pytestmark = pytest.mark.real

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tool that comes with the real Prometheus; skip where it does not."""
    tool = Path(program("prometheus")).resolve().with_name("promtool")
    if not tool.is_file():
        pytest.skip("no promtool stands beside prometheus")
    command = [str(tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fired(tmp_path: Path, series: dict[str, str], *, at: str) -> subprocess.CompletedProcess[str]:
    """Evaluate the rules over series, a sample a minute, and tell which alerts fire at a time."""
    names = [r["alert"] for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]
    story: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": s, "values": values} for s, values in series.items()],
        "alert_rule_test": [
            {"eval_time": at, "alertname": name, "exp_alerts": []} for name in names
        ],
    }
    file = tmp_path / "story.yaml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": [story]}))
    return promtool("test", "rules", str(file))


TURNING = {
    "crossloop_observe_observations_total": "0+4x60",
    "crossloop_orient_insights_total": "0+4x60",
    "crossloop_decide_turn_seconds_count": "0+4x60",
    "crossloop_act_alerts": "0x60",
    'crossloop_observe_coverage_signals{site="metro",state="fresh"}': "13x60",
}
STORIES: dict[str, tuple[dict[str, str], str]] = {
    "CrossloopStalled": ({"crossloop_orient_insights_total": "0+4x20 80x40"}, "orient"),
    "CrossloopGone": ({"crossloop_act_alerts": "0x20 stale"}, "act"),
    "CrossloopSlow": ({"crossloop_observe_missed_cycles_total": "0x20 0+1x40"}, "Slow"),
    "CrossloopBlind": (
        {'crossloop_observe_coverage_signals{site="metro",state="absent"}': "3x60"},
        "metro",
    ),
    "CrossloopInventoryLate": ({'crossloop_observe_kinds{state="late"}': "1x60"}, "late"),
    "CrossloopInvalidObjects": ({'crossloop_observe_problems{kind="Site"}': "1x60"}, "Site"),
    "CrossloopFailing": ({'crossloop_act_outcomes_total{status="failed"}': "_x50 1x10"}, "Failing"),
    "CrossloopFlapping": ({'crossloop_act_outcomes_total{status="succeeded"}': "0+1x60"}, "Flap"),
    "CrossloopReverting": (
        {'crossloop_act_outcomes_total{status="reverted"}': "0+1x5 5x55"},
        "Rev",
    ),
    "CrossloopRefusing": ({'crossloop_act_outcomes_total{status="refused"}': "0+1x60"}, "Refusing"),
    "CrossloopNotGranted": ({'crossloop_act_permissions_lacking{purpose="move"}': "2x60"}, "move"),
    "CrossloopDeadMessages": (
        {'crossloop_bus_settled_total{kind="decision",consumer="act",result="dead"}': "_x50 1x10"},
        "decision",
    ),
    "CrossloopRetrying": (
        {'crossloop_bus_settled_total{kind="decision",consumer="act",result="retried"}': "0+2x60"},
        "act",
    ),
    "CrossloopBusUnstable": ({"crossloop_bus_losses_total": "0+1x60"}, "Unstable"),
}


def test_the_rules_are_taken() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stderr


def test_the_configuration_of_compose_is_taken(tmp_path: Path) -> None:
    config = yaml.safe_load((DEPLOY / "compose" / "prometheus.yaml").read_text())
    file = tmp_path / "prometheus.yaml"
    file.write_text(json.dumps(config | {"rule_files": [str(RULES)]}))
    checked = promtool("check", "config", str(file))
    assert checked.returncode == 0, checked.stderr


def test_no_alert_fires_while_the_loop_turns(tmp_path: Path) -> None:
    calm = fired(tmp_path, TURNING, at="55m")
    assert calm.returncode == 0, calm.stderr


@pytest.mark.parametrize(("alert", "story"), STORIES.items(), ids=STORIES)
def test_an_alert_fires_when_it_should(
    tmp_path: Path, alert: str, story: tuple[dict[str, str], str]
) -> None:
    series, words = story
    told = fired(tmp_path, TURNING | series, at="55m")
    assert told.returncode != 0
    output = told.stderr + told.stdout
    assert set(re.findall(r"alertname: (\w+),", output)) == {alert}
    assert words in output


def test_each_alert_has_a_story() -> None:
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == list(STORIES)
