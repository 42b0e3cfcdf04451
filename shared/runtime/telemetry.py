"""What every process tells operators about itself."""

from shared.runtime import logs

_log = logs.get("process")


def process_started(*, fleet: str, http_port: int) -> None:
    """Tell that the settings are good and the probes are served."""
    _log.info("process_started", fleet=fleet, http_port=http_port)


def process_stopped() -> None:
    """Tell that it stopped because it was asked to."""
    _log.info("process_stopped")


def process_ended() -> None:
    """Tell that the work ended by itself."""
    _log.info("process_ended")


def process_failed(failure: BaseException) -> None:
    """Tell that a failure nobody handled ended the process."""
    _log.error("process_failed", error=repr(failure), exc_info=failure)
