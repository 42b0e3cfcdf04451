"""One pipeline for every log record, ours and those of libraries: JSON lines, or a console."""

import logging
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import FilteringBoundLogger, Processor

_SHARED: tuple[Processor, ...] = (
    merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure(service: str, *, level: str, form: str) -> None:
    """Send all records to standard error. `form`: `json` or `console`."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, _named_after_library],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service)


def get(name: str) -> FilteringBoundLogger:
    """Return the logger of a telemetry module. `name` is the part of the process it tells about."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def bound(fields: Mapping[str, Any] | None = None, **more: Any) -> AbstractContextManager[Any]:
    """Add the fields to every record of the block: `with logs.bound(cycle=insight.cycle):`."""
    return bound_contextvars(**(fields or {}), **more)


def _named_after_library(_: Any, __: str, event: Any) -> Any:
    """Say which library wrote a record that is not ours."""
    record = event.get("_record")
    if record is not None:
        event["library"] = record.name
    return event


def _renderers(form: str) -> tuple[Processor, ...]:
    if form == "console":
        return (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),)
    tracebacks = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    return (tracebacks, structlog.processors.JSONRenderer())
