"""Decide's environment: the common settings, and where its compiled kernels are kept."""

from pydantic import Field

from shared.runtime.settings import CommonSettings


class Settings(CommonSettings):
    """What operators set for Decide. What they want of it is in policy."""

    kernels_dir: str = Field(
        default="",
        description="a folder that holds the compiled kernels, or can be written; or empty",
    )
    """Where compiled kernels are found, and kept. Empty: in the user's cache."""
