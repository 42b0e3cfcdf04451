"""A plot of forecasts for docs/orient.md: one noisy daily series and what was forecast of it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.assessing.forecast import Task, forecasts

DAY = 288
LABELS = ("90 % interval", "forecast, 4 h from each dot")


def plot_forecast(target: Path) -> None:
    """Draw docs/orient/forecast.svg: a generated series, and the fan of 4 h at five instants."""
    import matplotlib as mpl  # noqa: PLC0415 a second, and only for this

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 as above

    values, origins = _series(), np.arange(8 * DAY, 9 * DAY, 60)
    horizons = (3, 12, 24, 36, 48)
    task = Task(
        names=("0",), values=values[:, None], origins=origins, interval_seconds=300.0, start=0.0
    )
    figure, axes = plt.subplots(figsize=(8, 3.4))
    shown = np.arange(int(7.75 * DAY), int(9.1 * DAY))
    axes.plot(_hours(shown), values[shown], color="0.35", linewidth=0.8, label="measured")
    for number, (row, ahead) in enumerate(forecasts(task, horizons)):
        at = _hours(row + np.array((0, *horizons)))
        low, middle, high = np.concatenate([np.full((3, 1), values[row]), ahead[0].T], axis=1)
        band, line = LABELS if number == 0 else (None, None)
        axes.fill_between(at, low, high, alpha=0.3, color="C0", linewidth=0, label=band)
        axes.plot(at, middle, color="C0", linewidth=1.8, label=line)
        axes.plot(at[:1], middle[:1], "o", color="C0", markersize=5)
    axes.set_xlabel("hours of the ninth day")
    axes.set_ylabel("cores")
    axes.set_xticks(np.arange(-6, 28, 3))
    axes.grid(color="0.9")
    axes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)


def _hours(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return (rows - 8 * DAY) * 24.0 / DAY


def _series() -> npt.NDArray[np.float64]:
    """Return ten days of a daily rhythm with autocorrelated noise."""
    random = np.random.default_rng(0)
    noise = np.zeros(10 * DAY)
    for t in range(1, len(noise)):
        noise[t] = 0.9 * noise[t - 1] + 0.4 * random.normal()
    rhythm = 4 * np.sin(2 * np.pi * np.arange(len(noise)) / DAY - 2)
    series: npt.NDArray[np.float64] = 10 + rhythm + noise
    return series
