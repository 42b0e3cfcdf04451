"""JSON Schemas of all messages: `python -m shared.bus.schemas` writes them to docs/schemas."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shared.bus.codec import VERSION, json_body
from shared.messages.observation import Observation
from shared.messages.subjects import ROUTES, subject_filter
from shared.model.names import FleetName

FOLDER = Path("docs/schemas")
Schema = Mapping[str, Any]
_READINGS = (
    "The readings travel beside it: the body is an Arrow IPC stream of the columns signal, "
    "cluster, subject, value and age_seconds, and this JSON is in its schema's metadata, under "
    "the key `crossloop`."
)


def export() -> dict[str, str]:
    """Return the text of each schema file by its name, as `decision.json`."""
    return {f"{route.kind}.json": _text(schema_of(of)) for of, route in ROUTES.items()}


def schema_of(of: Any) -> dict[str, Any]:
    """Return the JSON Schema of a message type."""
    schema = json_body(of).model_json_schema(mode="validation")
    known = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    known["title"] = f"{of.__name__}/{VERSION}"
    known["description"] = " ".join(
        [
            str(of.__doc__),
            f"On {subject_filter(of, FleetName('<fleet>'))}.",
            *([_READINGS] if of is Observation else []),
        ]
    )
    return known


def breaking_changes(old: Schema, new: Schema) -> tuple[str, ...]:
    """Say what a service that knows the old schema would trip over in messages of the new one.

    Messages only grow: no field removed, none newly required, no type changed, no enum value gone.
    """
    return tuple(_compare("the body", _Pair(old, new, (old, new))))


class _Pair(NamedTuple):
    """Two schemas of the same thing, and the documents that their references point into."""

    old: Schema
    new: Schema
    documents: tuple[Schema, Schema]

    def at(self, old: Schema, new: Schema) -> "_Pair":
        """Return a pair of parts, with references followed."""
        return _Pair(
            _followed(old, self.documents[0]), _followed(new, self.documents[1]), self.documents
        )


def _followed(schema: Schema, document: Schema) -> Schema:
    reference = schema.get("$ref")
    if not reference:
        return schema
    found: Schema = document["$defs"][str(reference).rpartition("/")[2]]
    return found


def _compare(path: str, pair: _Pair) -> Iterator[str]:
    old, new, _ = pair = pair.at(pair.old, pair.new)
    if "anyOf" in old or "anyOf" in new:
        yield from _compare_choices(path, pair)
        return
    if _types(old) - _types(new):
        yield f"{path}: type {_words(_types(old))} became {_words(_types(new))}"
        return
    gone = _values(old) - _values(new) if _values(new) else set()
    if gone:
        yield f"{path}: value {_words(gone)} was removed"
    yield from _compare_fields(path, pair)
    if isinstance(old.get("items"), Mapping) and isinstance(new.get("items"), Mapping):
        yield from _compare(f"{path}[]", pair.at(old["items"], new["items"]))


def _compare_fields(path: str, pair: _Pair) -> Iterator[str]:
    before, after = pair.old.get("properties", {}), pair.new.get("properties", {})
    for name in before:
        if name not in after:
            yield f"{path}: field `{name}` was removed"
        else:
            yield from _compare(f"{path}.{name}", pair.at(before[name], after[name]))
    for name in sorted(set(pair.new.get("required", ())) - set(pair.old.get("required", ()))):
        yield f"{path}: field `{name}` is newly required"


def _compare_choices(path: str, pair: _Pair) -> Iterator[str]:
    """Each old choice must have a new one that still fits."""
    for old in pair.old.get("anyOf", (pair.old,)):
        pairs = [pair.at(old, new) for new in pair.new.get("anyOf", (pair.new,))]
        alike = [each for each in pairs if not _types(each.old) - _types(each.new)]
        yield from min((tuple(_compare(path, each)) for each in alike or pairs), key=len)


def _types(schema: Schema) -> set[str]:
    kinds = schema.get("type", ())
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | {"integer"} if "number" in found else found


def _values(schema: Schema) -> set[str]:
    return set(schema.get("enum", ())) | ({schema["const"]} if "const" in schema else set())


def _words(parts: set[str]) -> str:
    return " or ".join(sorted(parts)) or "anything"


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files. Exits with 1, and writes nothing, where that would break what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--breaking", action="store_true", help="write breaking changes too")
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = export()
    broken = [] if arguments.breaking else list(broken_files(FOLDER, files))
    for line in broken:
        sys.stderr.write(f"{line}\n")
    if broken:
        sys.exit(1)
    for name, text in files.items():
        (FOLDER / name).write_text(text)


def broken_files(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    """Say what the new files would break of those in the folder, one line each."""
    for name, text in files.items():
        known = folder / name
        if known.exists():
            changes = breaking_changes(json.loads(known.read_text()), json.loads(text))
            yield from (f"{name}: {change}" for change in changes)


if __name__ == "__main__":
    main()
