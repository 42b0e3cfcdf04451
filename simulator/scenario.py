"""A fleet and what happens to it: read from files, and checked against each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from simulator.events import Event, check
from simulator.fleet import FleetSpec, Spec

FOLDER = Path(__file__).parent / "scenarios"
FLEET_FILE = FOLDER / "fleet.yaml"


class ScenarioError(Exception):
    """A scenario or fleet file cannot be used; the text says where and what is allowed."""


SpecT = TypeVar("SpecT", bound=Spec)


class ScenarioSpec(Spec):
    """What happens, at simulated seconds after the start."""

    about: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fleet and what happens to it, checked against each other. Events are sorted by time."""

    name: str
    about: str
    fleet: FleetSpec
    events: tuple[Event, ...]


def load(scenario: str, *, copies: int = 1) -> Scenario:
    """Return a scenario by its name, or from a file of one's own (a path that ends in .yaml).

    ScenarioError: there is none of that name, or its file does not say what it has to.
    """
    fleet = _read(FLEET_FILE, FleetSpec)
    file = _file_of(scenario)
    spec = _read(file, ScenarioSpec)
    for index, event in enumerate(spec.events):
        try:
            check(event, fleet)
        except ValueError as error:
            raise ScenarioError(f"{file.name}: events[{index}]: {error}") from error
    return Scenario(
        name=file.stem,
        about=spec.about,
        fleet=fleet.times(copies),
        events=tuple(sorted(spec.events, key=lambda event: event.at)),
    )


def names() -> tuple[str, ...]:
    """Return the names of all scenarios that come with the simulator."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml") if file != FLEET_FILE))


def _file_of(scenario: str) -> Path:
    if scenario in names():
        return FOLDER / f"{scenario}.yaml"
    if scenario.endswith(".yaml") and Path(scenario).is_file():
        return Path(scenario)
    raise ScenarioError(
        f"there is no scenario {scenario!r}; there are {', '.join(names())},"
        " or give the path of a .yaml file"
    )


def _read(file: Path, of: type[SpecT]) -> SpecT:
    try:
        return of.model_validate(yaml.safe_load(file.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise ScenarioError(f"{file.name} cannot be read: {error}") from error
    except ValidationError as error:
        raise ScenarioError(f"{file.name}: {_sentence(error)}") from error


def _sentence(error: ValidationError) -> str:
    """Say where each fault is and what is allowed there."""
    faults = (
        f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg']}"
        f" (is {fault['input']!r})"
        for fault in error.errors()
    )
    return "; ".join(faults)
