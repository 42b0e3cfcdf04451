"""Orient's environment: the common settings, and where its memory is kept."""

from pydantic import Field

from shared.runtime.settings import CommonSettings


class Settings(CommonSettings):
    """What operators set for Orient."""

    memory_dir: str = Field(
        default="",
        description="a folder that can be written, on a disk that outlives the process; or empty",
    )
    """Where the memory is saved. Empty: not at all, and a restart learns what is normal anew."""
