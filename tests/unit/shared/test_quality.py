"""What a quality says of its error budget."""

import pytest

from tests.support.builders import a_quality


@pytest.mark.parametrize(
    ("within", "target", "left"),
    [
        (None, 0.99, None),
        (1.0, 0.99, 1.0),
        (0.995, 0.99, 0.5),
        (0.98, 0.99, -1.0),
        (1.0, 1.0, 1.0),
        (0.999, 1.0, 0.0),
    ],
)
def test_the_error_budget_is_what_may_be_out_of_budget_and_was_not_yet(
    within: float | None, target: float, left: float | None
) -> None:
    quality = a_quality(12.0, within_ratio=within, target_ratio=target)
    assert quality.error_budget_left == (None if left is None else pytest.approx(left))
