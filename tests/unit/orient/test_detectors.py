"""Detectors: one interface, whatever learns behind it."""

import numpy as np
import pytest

from services.orient.core.entities.detectors import fitting_of
from shared.model.policy import Detector

PLUGGED = [d for d in Detector if d is not Detector.PCA]


def test_whitened_components_are_learnt_online_and_not_fitted() -> None:
    assert fitting_of(Detector.PCA) is None


@pytest.mark.parametrize("detector", PLUGGED)
def test_what_breaks_a_correlation_scores_higher_than_what_keeps_it(detector: Detector) -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(400, 1))
    vectors = np.hstack([one, one + rng.normal(0.0, 0.1, (400, 1))]).astype(np.float32)
    fitting = fitting_of(detector)
    assert fitting is not None
    model = fitting.fit(vectors)
    usual, broken = model.score(np.array([[1.0, 1.0], [2.0, -2.0]], np.float32))
    assert broken > usual >= 0.0
    again = fitting.fit(vectors).score(np.array([[1.0, 1.0], [2.0, -2.0]], np.float32))
    assert again.tolist() == [usual, broken]


@pytest.mark.parametrize("detector", PLUGGED)
def test_equal_vectors_can_be_learnt(detector: Detector) -> None:
    fitting = fitting_of(detector)
    assert fitting is not None
    scores = fitting.fit(np.zeros((64, 3), np.float32)).score(np.zeros((2, 3), np.float32))
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
