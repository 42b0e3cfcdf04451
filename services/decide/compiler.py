"""Compile the kernels of the search once, keep them in a folder, and load them from there.

`python -m services.decide.compiler` compiles into the folder of the settings, if need be.
"""

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace

from services.decide.core.placing import engine
from services.decide.settings import Settings
from shared.runtime.clock import monotonic
from shared.runtime.settings import load

SOURCES = Path(engine.__file__).parent
TRANSLATING = Path(__file__).with_name("translating.py")
"""Says for which processor, and how."""
FOLDERS_KEPT = 4
"""Beside today's: those of other sources, for who goes to and fro between them."""
LESS_URGENT = 10
"""Added to the niceness of the compiler: the loop turns meanwhile."""


def folder_in(kernels_dir: str = "") -> Path:
    """Return the folder of today's kernels: it is there once complete, and never changes then.

    `kernels_dir`: empty for the user's own, which all runs share.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(kernels_dir or Path(caches, "crossloop", "kernels")) / fingerprint()


def fingerprint(sources: Path = SOURCES) -> str:
    """Return 16 hexadecimal digits of all that compiled code depends on."""
    of = hashlib.sha256(f"{sys.implementation.cache_tag} {platform.machine()}\n".encode())
    for package in ("numba", "llvmlite", "numpy"):
        of.update(f"{package} {version(package)}\n".encode())
    for file in (TRANSLATING, *sorted(sources.rglob("*.py"))):
        of.update(f"{file.name}\n".encode() + file.read_bytes())
    return of.hexdigest()[:16]


def translated(folder: Path | None) -> SimpleNamespace:
    """Return the kernels that a folder holds, ready to run; None: compile, and keep nothing."""
    from services.decide.translating import translate  # noqa: PLC0415 - numba, when asked for

    return translate(folder)


def compiled(
    folder: Path, *, translate: Callable[[Path], SimpleNamespace] = translated
) -> SimpleNamespace:
    """Compile the kernels, leave them in a new folder, and return them. OSError: not writable.

    Two who compile the same do no harm: the folder of the first stays.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _forget_old(folder.parent)
    unfinished = Path(mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        kernels = translate(unfinished)
        unfinished.chmod(0o755)
        if not folder.exists():
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return kernels


def _forget_old(kernels_dir: Path) -> None:
    folders = sorted(kernels_dir.iterdir(), key=lambda folder: folder.stat().st_mtime)
    for folder in folders[:-FOLDERS_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def ready(kernels_dir: str = "") -> SimpleNamespace:
    """Return the kernels for a person who waits: from the folder, or compiled and said so."""
    folder = folder_in(kernels_dir)
    if folder.exists():
        return translated(folder)
    sys.stderr.write("compiling the search, once per version: about half a minute\n")
    try:
        return compiled(folder)
    except OSError as error:
        sys.stderr.write(f"compiled code is not kept: {error}\n")
        return translated(None)


def main() -> None:
    """Compile what is not in the folder of the settings yet, and say how long it took."""
    os.nice(LESS_URGENT)
    folder = folder_in(load(Settings).kernels_dir)
    started = monotonic()
    if not folder.exists():
        try:
            compiled(folder)
        except OSError as error:
            sys.exit(f"CROSSLOOP_KERNELS_DIR: {error}")
    sys.stdout.write(f"kernels in {folder} after {monotonic() - started:.1f} s\n")


if __name__ == "__main__":
    main()
