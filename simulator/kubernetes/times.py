"""Instants as Kubernetes objects write them: UTC, whole seconds."""

from datetime import UTC, datetime

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def written(at: datetime) -> str:
    """Return an instant as objects write it."""
    return at.astimezone(UTC).strftime(_FORMAT)
