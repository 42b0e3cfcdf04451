import sys
from pathlib import Path

import pytest

from console.real.parts import MissingPartsError, program, why_missing
from console.real.processes import Child, NotReadyError, free_ports, running, wait_until


def python(code: str, directory: Path) -> Child:
    return Child("python", [sys.executable, "-u", "-c", code], directory=directory)


def test_ports_asked_for_together_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_child_runs_while_the_block_does(tmp_path: Path) -> None:
    child = python("import time; time.sleep(60)", tmp_path)
    with running(child):
        assert child.is_alive
    assert child.exit_code == -15


def test_a_child_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    child = python(deaf, tmp_path)
    child.start()
    wait_until(lambda: "deaf" in child.last_words(), what="it is deaf", seconds=10)
    child.stop(grace_seconds=0.1)
    assert child.exit_code == -9


def test_a_killed_child_can_be_started_again_and_its_log_goes_on(tmp_path: Path) -> None:
    child = python("import time; print('here'); time.sleep(60)", tmp_path)
    with running(child):
        wait_until(lambda: child.last_words() == "here", what="the first word", seconds=10)
        child.kill()
        child.start()
        wait_until(lambda: child.last_words() == "here\nhere", what="the second", seconds=10)


def test_waiting_for_a_child_that_ended_fails_with_its_last_words(tmp_path: Path) -> None:
    child = python("print('no such file'); raise SystemExit(3)", tmp_path)
    with (
        running(child),
        pytest.raises(NotReadyError, match=r"(?s)ended with 3.*no such file"),
    ):
        wait_until(lambda: False, what="never", seconds=30, children=(child,))


def test_waiting_ends_when_time_is_up() -> None:
    with pytest.raises(NotReadyError, match="never: time is up"):
        wait_until(lambda: False, what="never", seconds=0)


def test_without_the_variable_the_parts_are_missing() -> None:
    assert why_missing({}).startswith("REAL_PARTS is not set")


def test_a_program_that_is_not_in_the_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingPartsError, match="no program etcd in"):
        program("etcd", {"REAL_PARTS": str(tmp_path)})


def test_a_program_in_the_folder_is_found(tmp_path: Path) -> None:
    etcd = tmp_path / "etcd"
    etcd.touch(mode=0o755)
    assert program("etcd", {"REAL_PARTS": str(tmp_path)}) == etcd
