"""Plot what is made of one series: `python -m bench.assessing.plots_series`."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

from services.orient.core.series.scoring import update
from services.orient.core.series.state import OTHER, begin, empty, with_room

mpl.use("Agg")
from matplotlib import pyplot as plt

TARGET = Path(__file__).parents[2] / "docs" / "orient" / "series.svg"
INTERVAL_SECONDS = 300.0
DAY, FIRST_DAY, DAYS = 288, 9, 12


def plot(target: Path = TARGET) -> None:
    """Draw the last days of a made-up series with a spike, a shift and a flat line, scored."""
    values = _values()
    row = np.array([0])
    state = with_room(empty(), 1)
    begin(state, row, np.array([OTHER], np.int16))
    told = []
    for number, value in enumerate(values):
        scores = update(state, row, np.array([value]), at_seconds=INTERVAL_SECONDS * number)
        told.append([scores.expected[0], scores.spread[0], scores.anomaly[0], scores.alert[0]])
    expected, spread, anomaly, alert = np.array(told).T
    days = np.arange(len(values)) / DAY
    shown = days >= FIRST_DAY
    figure, axes = plt.subplots(3, 1, sharex=True, figsize=(9, 5), height_ratios=(3, 1, 1))
    low, high = expected - 3 * spread, expected + 3 * spread
    axes[0].fill_between(days[shown], low[shown], high[shown], color="#cfe2f3", label="3 spreads")
    axes[0].plot(days[shown], values[shown], color="#222222", linewidth=0.7, label="reading")
    axes[0].legend(loc="upper left", frameon=False)
    axes[1].plot(days[shown], anomaly[shown], color="#b45f06", linewidth=0.8)
    axes[2].plot(days[shown], alert[shown], color="#990000", linewidth=0.8)
    for axis, name in zip(axes, ("Mbit/s", "anomaly_score", "alert_score"), strict=True):
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
        axis.spines[["top", "right"]].set_visible(False)
    axes[2].set_xlabel("day")
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target)
    plt.close(figure)


def _values() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    chance = np.random.default_rng(4)
    steps = np.arange(DAYS * DAY)
    values = 100 + 30 * np.sin(2 * np.pi * steps / DAY) + chance.normal(0, 3, len(steps))
    values[int(9.8 * DAY) : int(9.8 * DAY) + 3] += 60
    values[int(10.5 * DAY) : int(10.9 * DAY)] += 25
    values[int(11.5 * DAY) : int(11.7 * DAY)] = 70
    return values


if __name__ == "__main__":
    plot()
