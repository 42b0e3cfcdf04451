"""The files of the benchmark: instances and placements, plain or gzip."""

import gzip
from pathlib import Path
from typing import Any

import orjson

PLACEMENT = "decide-placement/1"
"""What a placement file says its format is."""


class FileError(Exception):
    """What is wrong with a file, in a sentence."""


def body_of(file: Path) -> bytes:
    """Return what a file holds, unpacked. FileError: it cannot be read."""
    try:
        body = file.read_bytes()
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    except (OSError, EOFError) as error:
        raise FileError(f"{file}: {error}") from error


def parsed(file: Path, body: bytes) -> Any:
    """Return the JSON in the body of a file. FileError: it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FileError(f"{file} is not JSON: {error}") from error
