"""Everything the simulator tells the people who run it."""

from shared.runtime import logs
from simulator.events import Event

_log = logs.get("simulator")


def world_started(scenario: str, *, speed: float, copies: int) -> None:
    """Tell that the world is ready and its time runs."""
    _log.info("world_started", scenario=scenario, speed=speed, copies=copies)


def event_happened(event: Event, *, seconds: float) -> None:
    """Tell what happened to the world."""
    fields = event.model_dump(mode="json", exclude={"at"}, exclude_none=True)
    _log.info("event_happened", t=seconds, **fields)


def peer_changed(cluster: str, *, api: bool, network: bool, node: bool) -> None:
    """Tell what Liqo now says of a provider."""
    _log.info("peer_changed", cluster=cluster, api=api, network=network, node=node)


def kubernetes_failed(error: Exception) -> None:
    """Tell that the Kubernetes API did not do what was asked; it is asked again."""
    _log.warning("kubernetes_failed", error=repr(error))


def kubernetes_recovered() -> None:
    """Tell that the Kubernetes API works again."""
    _log.info("kubernetes_recovered")
