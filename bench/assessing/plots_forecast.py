"""A plot of forecasts for docs/orient.md: one noisy daily series and what was forecast of it."""

from pathlib import Path

import numpy as np

from bench.assessing.forecast import Task, forecasts

DAY = 288


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
    figure, axes = plt.subplots(figsize=(8, 3))
    shown = np.arange(int(7.5 * DAY), int(9.2 * DAY))
    axes.plot(shown / DAY, values[shown], color="0.6", linewidth=0.6, label="measured")
    for row, ahead in forecasts(task, horizons):
        at = (row + np.array(horizons)) / DAY
        low, middle, high = ahead[0].T
        axes.fill_between(at, low, high, alpha=0.3, color="C0", linewidth=0)
        axes.plot(at, middle, color="C0", linewidth=1.2)
    axes.set_xlabel("day")
    axes.set_ylabel("cores")
    axes.set_title("Forecasts to 4 h ahead with their 90 % interval, every 5 h", fontsize=9)
    figure.tight_layout()
    figure.savefig(target)
    plt.close(figure)


def _series() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return ten days of a daily rhythm with autocorrelated noise."""
    random = np.random.default_rng(0)
    noise = np.zeros(10 * DAY)
    for t in range(1, len(noise)):
        noise[t] = 0.9 * noise[t - 1] + 0.4 * random.normal()
    rhythm = 4 * np.sin(2 * np.pi * np.arange(len(noise)) / DAY - 2)
    series: np.ndarray[tuple[int], np.dtype[np.float64]] = 10 + rhythm + noise
    return series
