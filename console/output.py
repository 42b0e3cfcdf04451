"""Messages as JSON for other programs."""

import json
from typing import Any

from pydantic import TypeAdapter


def as_json(**parts: Any) -> str:
    """Return the parts as one JSON object, messages inside as they are on the bus."""
    return json.dumps({name: plain(part) for name, part in parts.items()})


def json_line(message: Any) -> str:
    """Return one message as one line of JSON."""
    return json.dumps(plain(message))


def plain(value: Any) -> Any:
    """Return a message, or a simple value, as JSON's own types."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")
