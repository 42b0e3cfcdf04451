"""Messages to bytes and back, checked both ways: JSON, and Arrow for an Observation's readings."""

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, field, fields, make_dataclass
from functools import cache
from typing import Any, get_type_hints

import zstandard
from pydantic import ConfigDict, RootModel, ValidationError

from shared.errors import PermanentError
from shared.messages.observation import Observation
from shared.messages.subjects import PREFIX, ROUTES, Message, subject_of

VERSION = PREFIX.rpartition(".v")[2]
COMPRESS_ABOVE_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024
"""What a body may be once it is decompressed."""

MESSAGE_ID = "Nats-Msg-Id"
SCHEMA = "Crossloop-Schema"
CONTENT_TYPE = "Content-Type"
CONTENT_ENCODING = "Content-Encoding"
TRACE = "traceparent"
JSON = "application/json"
ARROW = "application/vnd.apache.arrow.stream"

_SHOWN_CHARACTERS = 80


def encode(message: Message) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a message.

    PermanentError: it holds what cannot be sent, as NaN outside of readings, or a wrong type.
    """
    route = ROUTES[type(message)]
    identity = route.identity(message)
    body = _pack(message)
    headers = {
        MESSAGE_ID: identity,
        SCHEMA: f"{type(message).__name__}/{VERSION}",
        CONTENT_TYPE: ARROW if isinstance(message, Observation) else JSON,
        TRACE: _trace_of(message, identity),
    }
    if len(body) > COMPRESS_ABOVE_BYTES:
        body = zstandard.ZstdCompressor(level=3).compress(body)
        headers[CONTENT_ENCODING] = "zstd"
    return body, headers


def decode(body: bytes, headers: Mapping[str, str] | None, *, subject: str) -> Message:
    """Return the message of a subject.

    PermanentError, with one sentence: it is not what its subject and headers say, or not valid.
    """
    of = type_on(subject)
    given = headers or {}
    expected = f"{of.__name__}/{VERSION}"
    if given.get(SCHEMA, expected) != expected:
        raise PermanentError(f"schema {_shown(given[SCHEMA])} on a subject of {expected}")
    message = _unpack(of, _decompressed(body, given.get(CONTENT_ENCODING, "")))
    if subject_of(message) != subject:
        raise PermanentError(f"the body belongs on {subject_of(message)}, not on {subject}")
    return message


def type_on(subject: str) -> type[Message]:
    """Return the type of message a subject carries. PermanentError: none of ours."""
    kind = subject.removeprefix(f"{PREFIX}.").partition(".")[0]
    for of, route in ROUTES.items():
        if route.kind == kind:
            return of
    raise PermanentError(f"no message type travels on {_shown(subject)}")


@cache
def json_body(of: type[Any]) -> type[RootModel[Any]]:
    """Return the model that reads and writes the JSON of a message type.

    A model around it, and not a bare TypeAdapter, since only so the settings reach the dataclasses
    inside: NaN and infinity are never written as null, and refused on the way in.
    """
    root = _without_readings() if of is Observation else of

    class Body(RootModel[root]):  # type: ignore[valid-type]
        model_config = ConfigDict(
            allow_inf_nan=False, ser_json_inf_nan="constants", title=of.__name__
        )

    return Body


@cache
def _without_readings() -> type[Any]:
    """Return the type of what an Observation holds beside its readings."""
    hints = get_type_hints(Observation)
    return make_dataclass(
        "ObservationWithoutReadings",
        [(f.name, hints[f.name], _same(f)) for f in fields(Observation) if f.name != "readings"],
        frozen=True,
        kw_only=True,
    )


def _same(known: Field[Any]) -> Any:
    if known.default_factory is not MISSING:
        return field(default_factory=known.default_factory)
    return field(default=known.default)


def _pack(message: Message) -> bytes:
    if not isinstance(message, Observation):
        return _to_json(type(message), message)
    from shared.bus import arrow  # noqa: PLC0415 - only Observe and Orient carry pyarrow

    values = {f.name: getattr(message, f.name) for f in fields(Observation) if f.name != "readings"}
    rest = _to_json(Observation, _without_readings()(**values))
    return arrow.pack(message.readings, rest)


def _unpack(of: type[Any], body: bytes) -> Message:
    if of is not Observation:
        message: Message = _from_json(of, body)
        return message
    from shared.bus import arrow  # noqa: PLC0415 - only Observe and Orient carry pyarrow

    readings, text = arrow.unpack(body)
    rest = _from_json(Observation, text)
    values = {f.name: getattr(rest, f.name) for f in fields(rest)}
    return Observation(readings=readings, **values)


def _to_json(of: Any, value: Any) -> bytes:
    body = json_body(of).model_construct(value).model_dump_json(warnings=False).encode()
    _from_json(of, body)
    return body


def _from_json(of: Any, body: bytes) -> Any:
    try:
        return json_body(of).model_validate_json(body, strict=True).root
    except ValidationError as error:
        raise PermanentError(f"not a valid {of.__name__}: {_first_problem(error)}") from error


def _first_problem(error: ValidationError) -> str:
    """Say where, what and why, of the problem that tells most.

    Of a union, pydantic reports each member; those that only differ in their tag say nothing.
    """
    problems = error.errors(include_url=False)
    other_kinds = [p["loc"][:-1] for p in problems if p["type"] == "literal_error"]
    telling = [p for p in problems if p["loc"][: len(p["loc"]) - 1] not in other_kinds] or problems
    worst = telling[0]
    where = ".".join(str(part) for part in worst["loc"]) or "the body"
    return f"{where} is {_shown(worst['input'])}: {worst['msg']}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _decompressed(body: bytes, encoding: str) -> bytes:
    if encoding not in ("", "zstd"):
        raise PermanentError(f"content encoding {_shown(encoding)}; only zstd is known")
    try:
        if encoding and zstandard.frame_content_size(body) <= MAX_BODY_BYTES:
            body = zstandard.ZstdDecompressor().decompress(body, max_output_size=MAX_BODY_BYTES)
        elif encoding:
            raise PermanentError(f"the body is more than {MAX_BODY_BYTES} bytes decompressed")
    except zstandard.ZstdError as error:
        raise PermanentError(f"not decompressed within {MAX_BODY_BYTES} bytes: {error}") from error
    return body


def _trace_of(message: Message, identity: str) -> str:
    """Return a W3C trace context: one trace per cycle, one span per message."""
    cycle = getattr(message, "cycle", None) or getattr(message, "decision", identity)
    trace = hashlib.sha256(str(cycle).partition("_")[0].encode()).hexdigest()[:32]
    span = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return f"00-{trace}-{span}-01"
