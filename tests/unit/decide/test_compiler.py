"""The kernels of the search: compiled once, kept, and the same bytes as interpreted."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target

from services.decide.compiler import (
    FOLDERS_KEPT,
    SOURCES,
    compiled,
    fingerprint,
    folder_in,
    ready,
    translated,
)
from services.decide.core.placing.engine import start
from services.decide.core.placing.kernels.compiled import interpreted
from services.decide.warming import smallest, warm
from tests.unit.decide.placing.test_exact import small

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def machine_code() -> SimpleNamespace:
    """Compiled for a minute at most, once per version of the kernels; then kept."""
    return ready()


def searched(seed: int, kernels: SimpleNamespace, *, iterations: int) -> tuple[bytes, bytes]:
    """Return all that a search knows at its end, as bytes."""
    search = start(small(seed, is_home_free=seed % 2 == 1), kernels, seed=seed)
    search.run(iterations)
    return np.array(search.ints, np.int64).tobytes(), np.array(search.reals, np.float64).tobytes()


def misses(kernels: SimpleNamespace) -> int:
    """Return how many kernels were compiled, instead of found in a folder."""
    found = [kernel.stats for kernel in vars(kernels).values() if isinstance(kernel, Dispatcher)]
    assert any(stats.cache_hits for stats in found)
    return sum(sum(stats.cache_misses.values()) for stats in found)


def state_of(folder: Path) -> list[tuple[str, int, int]]:
    """Return what changes when something is written into a folder."""
    return [(f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in sorted(folder.iterdir())]


# ------------------------------------------------------------------------- the same bytes


@given(seed=seeds)
@settings(max_examples=12, deadline=None)
def test_compiled_and_interpreted_give_the_same_bytes(
    machine_code: SimpleNamespace, seed: int
) -> None:
    assert searched(seed, machine_code, iterations=300) == searched(
        seed, interpreted(), iterations=300
    )


def test_the_code_is_for_no_processor_in_particular(machine_code: SimpleNamespace) -> None:
    _, name, features = cpu_target.target_context.codegen().magic_tuple()
    assert (name, features) == ("generic", "")


def test_the_smallest_problem_is_solved() -> None:
    warm(interpreted())
    search = start(smallest(), interpreted())
    assert search.nodes.tolist() == [0]


# ----------------------------------------------------------------- what is kept is enough


def test_what_is_kept_is_loaded_whole_and_nothing_is_written(machine_code: SimpleNamespace) -> None:
    folder = folder_in()
    before = state_of(folder)
    kernels = translated(folder)
    searched(1, kernels, iterations=300)
    assert misses(kernels) == 0
    assert state_of(folder) == before


def test_a_changed_source_has_another_folder(tmp_path: Path) -> None:
    shutil.copytree(SOURCES, tmp_path, dirs_exist_ok=True)
    assert fingerprint(tmp_path) == fingerprint()
    seen = {fingerprint()}
    files = sorted(tmp_path.rglob("*.py"))
    for file in files:
        file.write_text(file.read_text() + "\n")
        seen.add(fingerprint(tmp_path))
    (tmp_path / "new.py").touch()
    seen.add(fingerprint(tmp_path))
    assert len(seen) == len(files) + 2


def test_all_runs_of_a_user_share_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder_in() == tmp_path / "crossloop" / "kernels" / fingerprint()
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert folder_in().is_relative_to(Path.home() / ".cache")
    assert folder_in(str(tmp_path)) == tmp_path / fingerprint()


# ---------------------------------------------------------- how a folder comes to be there


def writing(folder: Path) -> SimpleNamespace:
    """Compile one kernel, in no time."""
    (folder / "kernel.nbc").write_text("code")
    return SimpleNamespace(folder=folder)


def failing(folder: Path) -> SimpleNamespace:
    """Run out of space half way."""
    writing(folder)
    raise OSError(28, "No space left on device")


def test_a_folder_is_there_for_everybody_once_it_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "kernels" / "today"
    compiled(folder, translate=writing)
    assert [path.name for path in folder.parent.iterdir()] == ["today"]
    assert (folder / "kernel.nbc").read_text() == "code"
    assert folder.stat().st_mode & 0o777 == 0o755


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        compiled(tmp_path / "today", translate=failing)
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_compile_at_once_the_first_wins(tmp_path: Path) -> None:
    def meanwhile(folder: Path) -> SimpleNamespace:
        (tmp_path / "today").mkdir()
        return writing(folder)

    compiled(tmp_path / "today", translate=meanwhile)
    assert [path.name for path in tmp_path.iterdir()] == ["today"]
    assert list((tmp_path / "today").iterdir()) == []


def test_old_folders_do_not_pile_up(tmp_path: Path) -> None:
    for day in range(2 * FOLDERS_KEPT):
        compiled(tmp_path / f"day-{day}", translate=writing)
    kept = {path.name for path in tmp_path.iterdir()}
    assert len(kept) == FOLDERS_KEPT + 1
    assert f"day-{2 * FOLDERS_KEPT - 1}" in kept


# ----------------------------------------------------------------------- the command line


def compiler(kernels_dir: Path) -> "subprocess.CompletedProcess[str]":
    """Run `python -m services.decide.compiler` for a folder."""
    return subprocess.run(
        [sys.executable, "-m", "services.decide.compiler"],
        env={"CROSSLOOP_KERNELS_DIR": str(kernels_dir)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def complete(tmp_path: Path) -> Iterator[Path]:
    """A folder that holds today's kernels."""
    folder_in(str(tmp_path)).mkdir()
    return tmp_path


def test_the_compiler_does_not_compile_what_is_there(complete: Path) -> None:
    ended = compiler(complete)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"kernels in {folder_in(str(complete))} after 0.0 s\n"


def test_the_compiler_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = compiler(tmp_path / "file")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("CROSSLOOP_KERNELS_DIR: ")
    assert str(tmp_path / "file") in ended.stderr
    assert ended.stderr.count("\n") == 1
