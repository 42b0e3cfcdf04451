"""Decide's environment: the common settings are all it needs. What operators want is in policy."""

from shared.runtime.settings import CommonSettings


class Settings(CommonSettings):
    """What operators set for Decide."""
