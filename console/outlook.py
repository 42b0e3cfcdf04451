"""What lies ahead, as people read it: the series that may pass their ceiling."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from shared.messages.insight import Forecast, Insight

LIKELY = 0.5
WORTH_A_LINE = 0.1
"""Probability from which a ceiling ahead is shown."""
MOST_LINES = 8


def ceilings_ahead(insight: Insight) -> tuple[Forecast, ...]:
    """Return the forecasts that may pass their ceiling, the likeliest first."""
    near = [f for f in insight.forecasts if (f.ceiling_probability or 0.0) >= WORTH_A_LINE]
    near.sort(key=lambda f: (-(f.ceiling_probability or 0.0), f.signal, f.cluster, f.subject))
    return tuple(near[:MOST_LINES])


def ceiling_table(forecasts: Sequence[Forecast]) -> Table:
    """Show each with its probability, and when."""
    table = Table.grid(padding=(0, 2))
    for forecast in forecasts:
        probability = forecast.ceiling_probability or 0.0
        table.add_row(
            f"{forecast.cluster} {forecast.subject}".strip(),
            forecast.signal,
            f"ceiling {forecast.ceiling:.4g}",
            Text(f"{probability:.0%}", style="yellow" if probability >= LIKELY else "dim"),
            _when(forecast),
        )
    return table


def _when(forecast: Forecast) -> str:
    hours = forecast.outlooks[-1].horizon_seconds / 3600 if forecast.outlooks else 0.0
    if forecast.seconds_to_ceiling is None:
        return f"within {hours:g} h"
    return f"in about {forecast.seconds_to_ceiling / 60:.0f} min"
