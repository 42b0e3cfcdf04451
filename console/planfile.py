"""Read what to plan on: an insight as it travels on the bus, or an instance of the benchmark."""

import gzip
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import zstandard

from services.decide.core.instance import FORMAT
from shared.bus.codec import MAX_BODY_BYTES, decode
from shared.errors import PermanentError
from shared.messages.insight import Insight
from shared.messages.subjects import PREFIX

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
STDIN = "-"


def read(file: str) -> Insight | dict[str, Any]:
    """Return the insight of a file, or the document of an instance file. `-`: standard input.

    Plain, gzip or zstd, told by the first bytes. LookupError, with a sentence: it is neither.
    """
    where = "standard input" if file == STDIN else file
    try:
        body = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        document = json.loads(_unpacked(body))
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise LookupError(f"{where} is not a whole compressed file: {error}") from error
    except OSError as error:
        raise LookupError(f"{where} cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise LookupError(f"{where} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise LookupError(  # noqa: TRY004 - it is the file that is wrong
            f"{where} holds a {type(document).__name__} and no JSON object"
        )
    if document.get("format") == FORMAT:
        return document
    return _insight(document, where)


def _insight(document: dict[str, Any], where: str) -> Insight:
    """Read an insight, also from what `crossloop status --json` prints."""
    inside = document.get("insight", document)
    if not isinstance(inside, dict) or "fleet_name" not in inside:
        raise LookupError(
            f"{where} is neither an insight nor an instance file: it has no fleet_name, and its "
            f"format is not {FORMAT}; `crossloop status --json` writes an insight"
        )
    subject = f"{PREFIX}.insight.{inside['fleet_name']}"
    try:
        insight = decode(json.dumps(inside).encode(), {}, subject=subject)
    except PermanentError as error:
        raise LookupError(f"{where}: {error}") from error
    assert isinstance(insight, Insight)  # the subject says so
    return insight


def _unpacked(body: bytes) -> bytes:
    if body.startswith(GZIP):
        return gzip.decompress(body)
    if body.startswith(ZSTD):
        unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        return bytes(unpacked[: MAX_BODY_BYTES + 1])
    return body
