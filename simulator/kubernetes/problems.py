"""What is wrong with a custom resource, told in the real API server's words."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from jsonschema.exceptions import ValidationError

Problem = tuple[str, str, str]
"""Reason, field and message."""

_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def problem_of(error: ValidationError) -> Problem:
    """Tell a finding of jsonschema as the real server would."""
    field = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
    ).removeprefix(".")
    if error.validator == "required":
        (missing,) = re.findall("^'(.*)' is a required", error.message)
        return "FieldValueRequired", f"{field}.{missing}".removeprefix("."), "Required value"
    tell = _WORDS.get(str(error.validator), _other)
    reason, message = tell(field, error.instance, error.validator_value, error)
    return reason, field, message


def _type(field: str, value: Any, wanted: Any, _: ValidationError) -> tuple[str, str]:
    found = _TYPES[type(value)]
    wanted = wanted if isinstance(wanted, str) else ",".join(wanted)
    words = f'{field} in body must be of type {wanted}: "{found}"'
    return "FieldValueTypeInvalid", f'Invalid value: "{found}": {words}'


def _enum(_: str, value: Any, allowed: Any, __: ValidationError) -> tuple[str, str]:
    named = ", ".join(_shown(each) for each in allowed)
    return (
        "FieldValueNotSupported",
        f"Unsupported value: {_shown(value)}: supported values: {named}",
    )


def _too_long(_: str, __: Any, limit: Any, ___: ValidationError) -> tuple[str, str]:
    return "FieldValueTooLong", f"Too long: may not be more than {limit} bytes"


def _too_many(_: str, value: Any, limit: Any, __: ValidationError) -> tuple[str, str]:
    noun = "item" if limit == 1 else "items"
    return "FieldValueTooMany", f"Too many: {len(value)}: must have at most {limit} {noun}"


def _minimum(field: str, value: Any, limit: Any, error: ValidationError) -> tuple[str, str]:
    exclusive = isinstance(error.schema, Mapping) and error.schema.get("exclusiveMinimum")
    words = "greater than" if exclusive else "greater than or equal to"
    return _bounded(field, value, f"{words} {limit}")


def _maximum(field: str, value: Any, limit: Any, error: ValidationError) -> tuple[str, str]:
    exclusive = isinstance(error.schema, Mapping) and error.schema.get("exclusiveMaximum")
    words = "less than" if exclusive else "less than or equal to"
    return _bounded(field, value, f"{words} {limit}")


def _bounded(field: str, value: Any, words: str) -> tuple[str, str]:
    message = f"Invalid value: {_shown(value)}: {field} in body should be {words}"
    return "FieldValueInvalid", message


def _too_short(field: str, value: Any, limit: Any, _: ValidationError) -> tuple[str, str]:
    return _bounded(field, value, f"at least {limit} chars long")


def _too_few(field: str, value: Any, limit: Any, _: ValidationError) -> tuple[str, str]:
    message = f"Invalid value: {len(value)}: {field} in body should have at least {limit} items"
    return "FieldValueInvalid", message


def _pattern(field: str, value: Any, pattern: Any, _: ValidationError) -> tuple[str, str]:
    message = f"Invalid value: {_shown(value)}: {field} in body should match '{pattern}'"
    return "FieldValueInvalid", message


def _other(_: str, value: Any, __: Any, error: ValidationError) -> tuple[str, str]:
    return "FieldValueInvalid", f"Invalid value: {_shown(value)}: {error.message}"


_WORDS: Mapping[str, Callable[[str, Any, Any, ValidationError], tuple[str, str]]] = {
    "type": _type,
    "enum": _enum,
    "maxLength": _too_long,
    "maxItems": _too_many,
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": _too_short,
    "minItems": _too_few,
    "pattern": _pattern,
}


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)
