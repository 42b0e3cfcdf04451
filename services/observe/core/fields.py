"""Read fields of a JSON object, and say exactly where and what is wrong."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

E = TypeVar("E", bound=StrEnum)


class FieldError(Exception):
    """A field that cannot be read. It ends as a Problem of its object, and goes no further."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Fields:
    """One object inside an object, and the path to it. A field that is null is not there."""

    value: Mapping[str, Any]
    path: str = ""

    def at(self, name: str) -> str:
        """Return the path of a field of it."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Tell whether the field is there."""
        return self.value.get(name) is not None

    def child(self, name: str) -> "Fields":
        """Return the object in a field; an empty one where there is none."""
        value = self.value.get(name)
        if value is None:
            return Fields({}, self.at(name))
        if not isinstance(value, Mapping):
            raise FieldError(self.at(name), "must be an object")
        return Fields(value, self.at(name))

    def items(self, name: str) -> Iterator["Fields"]:
        """Yield the objects of a list; nothing where there is none."""
        for index, item in enumerate(self._list(name)):
            if not isinstance(item, Mapping):
                raise FieldError(f"{self.at(name)}[{index}]", "must be an object")
            yield Fields(item, f"{self.at(name)}[{index}]")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; an empty one where there is none."""
        values = self._list(name)
        for index, item in enumerate(values):
            if not isinstance(item, str) or not item:
                raise FieldError(f"{self.at(name)}[{index}]", "must be a text")
        return tuple(values)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text. Without a default it must be there, and not be empty."""
        value = self.value.get(name)
        if value is None or value == "":
            if default is None:
                raise FieldError(self.at(name), "is missing")
            return default
        if not isinstance(value, str):
            raise FieldError(self.at(name), f"must be a text, not {value!r}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.value.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise FieldError(self.at(name), f"must be true or false, not {value!r}")
        return value

    def number(
        self,
        name: str,
        default: float | None = None,
        *,
        least: float = 0.0,
        most: float = math.inf,
        above: float | None = None,
    ) -> float:
        """Return a finite number from `least` to `most`, and more than `above` where given."""
        value = self.value.get(name)
        if value is None:
            if default is None:
                raise FieldError(self.at(name), "is missing")
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldError(self.at(name), f"must be a number, not {value!r}")
        if above is not None and not value > above:
            raise FieldError(self.at(name), f"must be more than {above:g}, not {value:g}")
        if not math.isfinite(value) or not least <= value <= most:
            wanted = f"at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
            raise FieldError(self.at(name), f"must be {wanted}, not {value:g}")
        return float(value)

    def maybe_number(self, name: str, *, above: float | None = None) -> float | None:
        """Return a number that is not negative, or None where there is none."""
        return self.number(name, above=above) if self.has(name) else None

    def whole(self, name: str, default: int, *, least: int = 0, most: float = math.inf) -> int:
        """Return a whole number."""
        value = self.number(name, float(default), least=least, most=most)
        if not value.is_integer():
            raise FieldError(self.at(name), f"must be a whole number, not {value:g}")
        return int(value)

    def choice(self, name: str, default: E) -> E:
        """Return one of the values of the default's enum."""
        text = self.text(name, default.value)
        allowed = type(default)
        if text not in {member.value for member in allowed}:
            names = ", ".join(member.value for member in allowed)
            raise FieldError(self.at(name), f"must be one of {names}, not {text}")
        return allowed(text)

    def instant(self, name: str) -> datetime | None:
        """Return an RFC 3339 instant in UTC, or None where there is none."""
        if not self.has(name):
            return None
        text = self.text(name)
        try:
            instant = datetime.fromisoformat(text)
        except ValueError as error:
            raise FieldError(
                self.at(name), f"must be an instant as 2026-11-24T07:00:00Z, not {text}"
            ) from error
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)

    def _list(self, name: str) -> list[Any]:
        value = self.value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise FieldError(self.at(name), "must be a list")
        return value
