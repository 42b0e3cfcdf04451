"""Orient's environment: the common settings are all it needs."""

from shared.runtime.settings import CommonSettings


class Settings(CommonSettings):
    """What operators set for Orient."""
