"""`crossloop demo --real` restores the quality on real servers, and leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(200)]

DEMO = ("-c", "from console.main import app; app()", "demo")


def test_the_loop_moves_render_home_and_no_replica_is_ever_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    options = ("--real", "--scenario", "link-degrades", "--speed", "5", "--until-settled", "--json")
    ended = subprocess.run(
        (sys.executable, *DEMO, *options), capture_output=True, text=True, timeout=180, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    summary = json.loads(ended.stdout)
    assert summary["good"]
    assert summary["missing"] == []
    (change,) = summary["changes"]
    assert (change["plan"], change["status"]) == ("move render from metro to home", "succeeded")
    assert [group["within"] for group in summary["groups"]] == [True, True]
    assert list(tmp_path.iterdir()) == []
    assert processes_in(tmp_path) == []


def processes_in(folder: Path) -> list[str]:
    """Return the command lines of processes that have anything to do with a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in command:
            found.append(command)
    return found
