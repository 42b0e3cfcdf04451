"""The one door to numba: the kernels as machine code that runs on any node, kept in a folder."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from numba import config, njit
from numba.core.caching import UserProvidedCacheLocator

from services.decide.core.placing.kernels.compiled import translated
from services.decide.warming import warm


class Folder(UserProvidedCacheLocator):
    """Where the code of a kernel is kept: in `numba.config.CACHE_DIR`, wherever its source lies.

    Numba's own locators write to the folder before they read, which a read-only one refuses.
    """

    def get_cache_path(self) -> Any:
        """Return the folder."""
        return vars(config)["CACHE_DIR"]

    def ensure_cache_path(self) -> None:
        """Do nothing: who compiles has made it."""


def translate(folder: Path | None) -> SimpleNamespace:
    """Return the kernels, loaded from a folder or else compiled into it, all ready to run.

    Without a folder nothing is kept. The code is for the plainest processor of the architecture,
    so what one node compiled runs on each, and gives the same bytes.
    """
    vars(config).update(
        CPU_NAME="generic",
        CPU_FEATURES="",
        CACHE_DIR=str(folder or ""),
        CACHE_LOCATOR_CLASSES=f"{Folder.__module__}.{Folder.__name__}",
    )
    kernels = translated(njit(cache=folder is not None, error_model="numpy"))
    warm(kernels)
    return kernels
