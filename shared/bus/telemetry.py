"""What the bus tells operators: one function per thing that happened."""

from shared.runtime import logs, metrics

_log = logs.get("bus")
_published = metrics.counter(
    "bus_published_total", "How many messages were stored, by kind?", ("kind",)
)
_settled = metrics.counter(
    "bus_settled_total",
    "How did the messages received end: accepted, retried, dead?",
    ("kind", "consumer", "result"),
)
_losses = metrics.counter("bus_losses_total", "How often was the connection lost?")
_rebinds = metrics.counter(
    "bus_rebinds_total", "How often did a consumer have to be bound anew?", ("kind", "consumer")
)


def message_published(kind: str) -> None:
    """Count a message that is stored."""
    _published.labels(kind=kind).inc()


def message_accepted(kind: str, consumer: str) -> None:
    """Count a message that was handled."""
    _settled.labels(kind=kind, consumer=consumer, result="accepted").inc()


def message_retried(subject: str, consumer: str, *, after_seconds: float, reason: str) -> None:
    """Tell that a message will come again."""
    kind = _kind(subject)
    _settled.labels(kind=kind, consumer=consumer, result="retried").inc()
    _log.warning(
        "message_retried",
        subject=subject,
        consumer=consumer,
        after_seconds=after_seconds,
        reason=reason,
    )


def message_buried(subject: str, consumer: str, reason: str) -> None:
    """Tell that a message went to the dead subject."""
    kind = _kind(subject)
    _settled.labels(kind=kind, consumer=consumer, result="dead").inc()
    _log.error("message_buried", subject=subject, consumer=consumer, reason=reason)


def message_skipped(subject: str, reason: str) -> None:
    """Tell that a stored message cannot be read, where it was looked up and not delivered."""
    _log.error("message_skipped", subject=subject, reason=reason)


def message_unconfirmed(subject: str, consumer: str) -> None:
    """Tell that the server did not confirm an acknowledgement; it may deliver once more."""
    _log.warning("message_unconfirmed", subject=subject, consumer=consumer)


def request_delayed(what: str, reason: str) -> None:
    """Tell that the servers could not do something yet; it is tried for ever."""
    _log.warning("request_delayed", what=what, reason=reason)


def request_answered(what: str) -> None:
    """Tell that the servers did what was told to be delayed."""
    _log.info("request_answered", what=what)


def bus_lost(reason: str) -> None:
    """Tell that the servers do not answer. It is tried for ever."""
    _losses.inc()
    _log.error("bus_lost", reason=reason)


def bus_found() -> None:
    """Tell that the servers answer, for the first time or again."""
    _log.info("bus_found")


def bus_complained(reason: str) -> None:
    """Tell what the server reported while connected, as a missing permission."""
    _log.error("bus_complained", reason=reason)


def consumer_rebound(kind: str, consumer: str, reason: str) -> None:
    """Tell that a consumer or its stream was gone, and is there again."""
    _rebinds.labels(kind=kind, consumer=consumer).inc()
    _log.warning("consumer_rebound", kind=kind, consumer=consumer, reason=reason)


def streams_changed(streams: tuple[str, ...]) -> None:
    """Tell which streams were made or brought up to date."""
    _log.info("streams_changed", streams=streams)


def _kind(subject: str) -> str:
    return subject.split(".")[2]
