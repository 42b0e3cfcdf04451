"""Observe's environment."""

from pydantic import Field

from shared.runtime.settings import CommonSettings, Kubeconfig


class Settings(CommonSettings):
    """What operators set for Observe."""

    interval_seconds: float = Field(default=15.0, gt=0.0, le=3600.0)
    """Time between two cycles: how soon a fault can be seen."""
    thanos_url: str = Field(
        pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$",
        description="http://host:port of Thanos Query, with a path where it has one",
    )
    """Of Thanos Query, or of anything that speaks Prometheus's query API over all clusters."""
    thanos_timeout_seconds: float = Field(default=3.0, gt=0.0, le=60.0)
    """Of one query, its answer included. Several run at a time; a cycle ends with its interval."""
    max_age_seconds: float = Field(default=45.0, gt=0.0, le=3600.0)
    """Data older than this are late. Three times the scrape interval is a good value."""
    kubeconfig: Kubeconfig = ""
