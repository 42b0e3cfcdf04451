"""The one door to numba: kernels as machine code for any node, kept in a folder or found there."""

from pathlib import Path
from types import SimpleNamespace

import numba
from numba.core.caching import _CacheLocator

from services.decide.core.placing.compiled import translated

_LOCATOR = f"{__name__}.Folder"


class Folder(_CacheLocator):
    """All kernels in `numba.config.CACHE_DIR`, found by name.

    Numba's own locators write to the folder before they read, which a read-only file system
    refuses, and tell a changed source by one file of several. Here the name of the folder tells it.
    """

    def __init__(self, name: str, line: int) -> None:
        self._name = f"{name}-{line}"
        self._folder = numba.config.CACHE_DIR

    def ensure_cache_path(self) -> None:
        """Do nothing: who compiles has made it."""

    def get_cache_path(self) -> str:
        """Return the folder."""
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """Return always the same: see the name of the folder."""
        return ""

    def get_disambiguator(self) -> str:
        """Return what tells kernels of one name in several files apart."""
        return self._name

    @classmethod
    def from_function(cls, py_func: object, py_file: str) -> "Folder":
        """Return the locator of a kernel."""
        return cls(Path(py_file).stem, py_func.__code__.co_firstlineno)


def translate(folder: Path | None) -> SimpleNamespace:
    """Return the kernels for numba to load from a folder, or to compile into it, when first called.

    Without a folder nothing is kept. The code is for the oldest processor of the architecture:
    what one node compiled runs on each, and gives the same bytes.
    """
    config = numba.config
    config.CPU_NAME, config.CPU_FEATURES = "generic", ""
    config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = str(folder or ""), _LOCATOR
    return translated(numba.njit(cache=folder is not None, error_model="numpy"))
