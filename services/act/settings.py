"""Act's environment variables."""

from pathlib import Path

from pydantic import Field, field_validator

from shared.runtime.settings import CommaSeparated, CommonSettings, Kubeconfig


class Settings(CommonSettings):
    """What operators set for Act."""

    alertmanager_urls: CommaSeparated = ()
    """Every replica, with commas between; they find duplicates themselves. Empty: no alerts."""
    alert_interval_seconds: float = Field(default=30.0, gt=0, le=600)
    """Alerts are posted again after this; they end by themselves after three times as long."""
    kubeconfig: Kubeconfig = ""
    dry_run: bool = False
    """Tell what would be written to Kubernetes, and write nothing."""
    namespace: str = "crossloop"
    """Where Act runs: manifests that the owner of a cluster has to apply are put there."""
    templates_dir: Path = Path("/etc/crossloop/templates")
    """Folder of the templates that Sites name; each is a folder of manifests."""
    step_interval_seconds: float = Field(default=0.5, ge=0.05, le=10)
    """How often a plan under way is looked at."""

    @field_validator("alertmanager_urls")
    @classmethod
    def _are_http(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [url for url in urls if not url.startswith(("http://", "https://"))]
        if wrong:
            raise ValueError(f"{wrong[0]} does not start with http:// or https://")
        return urls
