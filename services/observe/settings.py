"""Observe's environment."""

from pathlib import Path

from pydantic import Field, field_validator

from shared.runtime.settings import CommonSettings


class Settings(CommonSettings):
    """What operators set for Observe."""

    interval_seconds: float = Field(default=15.0, gt=0.0, le=3600.0)
    """Time between two cycles: how soon a fault can be seen."""
    thanos_url: str = Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")
    """Of Thanos Query, or of anything that speaks Prometheus's query API over all clusters."""
    thanos_timeout_seconds: float = Field(default=3.0, gt=0.0, le=60.0)
    """Of one query, its answer included. Several run at a time; a cycle ends with its interval."""
    max_age_seconds: float = Field(default=45.0, gt=0.0, le=3600.0)
    """Data older than this are late. Three times the scrape interval is a good value."""
    kubeconfig: str = ""
    """Path of a kubeconfig of the management cluster. Empty: the service account of the pod."""

    @field_validator("kubeconfig")
    @classmethod
    def _is_a_file(cls, path: str) -> str:
        if path and not Path(path).is_file():
            raise ValueError("there is no such file")
        return path
