"""Orient finds each kind of scripted fault and names it first, and is quiet while all is well."""

import copy
import random

import pytest
from rich.console import Console

from bench.assessing.calm import live
from bench.assessing.cases import CASES
from bench.assessing.faults import run_one, warm
from bench.assessing.life import Life
from services.orient.core.memory import Memory

CLUSTERS, HOURS, SEED = 8, 1.0, 1
HOUR_TURNS = 240
USUAL_FAULT = 0
"""Draws faults of usual size; the command `faults` of bench/orient.py tries the small ones too."""
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def calm() -> tuple[Life, Memory]:
    return warm(CLUSTERS, HOURS, SEED, QUIET)


@pytest.mark.parametrize("name", CASES)
def test_a_fault_is_found_in_time_and_named_first(name: str, calm: tuple[Life, Memory]) -> None:
    run = run_one(name, *calm, random.Random(USUAL_FAULT))
    assert run.found_turns is not None
    assert run.is_first


def test_a_calm_hour_opens_no_incident(calm: tuple[Life, Memory]) -> None:
    assert live(*copy.deepcopy(calm), HOUR_TURNS, QUIET) == []
