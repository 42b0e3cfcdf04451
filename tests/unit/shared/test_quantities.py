"""Amounts as Kubernetes writes them."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.quantities import parse_quantity

FACTORS = {
    "": Fraction(1),
    **{suffix: Fraction(10) ** (3 * power) for power, suffix in enumerate("num", start=-3)},
    **{suffix: Fraction(10) ** (3 * power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Fraction(2) ** (10 * power) for power, suffix in enumerate("KMGTPE", start=1)},
}


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("500m", 0.5),
        ("700m", 0.7),
        ("128974848000m", 128974848.0),
        ("1k", 1e3),
        ("1.5k", 1500.0),
        ("2Gi", 2.0**31),
        ("1E", 1e18),
        ("1Ei", 2.0**60),
        ("1e3", 1e3),
        ("1E3", 1e3),
        ("100", 100.0),
        ("4.", 4.0),
        (".5", 0.5),
        ("-1", -1.0),
        (4, 4.0),
        (0.25, 0.25),
    ],
)
def test_quantities_are_read_as_kubernetes_means_them(quantity: object, number: float) -> None:
    assert parse_quantity(quantity) == number


@given(st.integers(-(2**53), 2**53), st.sampled_from(sorted(FACTORS)))
def test_a_quantity_is_the_number_nearest_to_what_it_says(number: int, suffix: str) -> None:
    assert parse_quantity(f"{number}{suffix}") == float(number * FACTORS[suffix])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_itself_as_json_and_as_text(number: float) -> None:
    assert parse_quantity(number) == parse_quantity(str(number)) == number


WRONG = ("", "Gi", "1 Gi", "1X", "1ki", "1mi", "1e", "0x1", "1_000", "1\n", "inf", "nan", "\u0663")


@pytest.mark.parametrize("value", [*WRONG, True, None, [], {}])
def test_what_is_no_quantity_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        parse_quantity(value)


@given(st.text())
def test_any_text_is_a_number_or_no_quantity(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse_quantity(text), float)
