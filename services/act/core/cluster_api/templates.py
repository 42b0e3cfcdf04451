"""Render the manifests of a template from typed values."""

from services.act.core.objects import Object
from services.act.core.site import ClusterTemplate


def render(manifests: tuple[Object, ...], template: ClusterTemplate) -> tuple[Object, ...]:
    """Return the manifests with every variable replaced. PermanentError: one has no value."""
    return manifests
