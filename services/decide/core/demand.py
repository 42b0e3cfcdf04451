"""What forecasts ask for: the most a series may reach in a time, and replicas to carry it.

A replica carries what it requests. Scaling is ahead of the upper bound of the forecast, so that
room is there in 19 of 20 cases; it is back only when the bound of the whole time that is forecast
leaves a good part of it unused.
"""

import math
from collections.abc import Mapping
from datetime import timedelta

from shared.messages.insight import Forecast, Insight
from shared.messages.readings import Signal
from shared.model.application import Component

SCALE_AHEAD = timedelta(minutes=15)
"""Time in which more replicas are up and ready, a move's timeout included several times."""
FAR_BELOW = 0.6
"""Part of what fewer replicas carry that the demand must not pass to have them."""
EPSILON = 1e-9

Range = tuple[int, int]
"""The fewest and the most replicas there should be."""


def high_within(forecast: Forecast, ahead: timedelta) -> float:
    """Return the most that a series may reach until then: the highest upper bound.

    Bounds between two horizons are interpolated; before the first and after the last they are as
    there. ValueError: the forecast tells nothing.
    """
    end = ahead.total_seconds()
    first, highest = forecast.outlooks[0], -math.inf
    before_at, before = 0.0, first.high
    for outlook in forecast.outlooks:
        if outlook.horizon_seconds > end:
            part = (end - before_at) / (outlook.horizon_seconds - before_at)
            return max(highest, before + part * (outlook.high - before))
        before_at, before = outlook.horizon_seconds, outlook.high
        highest = max(highest, before)
    return highest


def highest(forecast: Forecast) -> float:
    """Return the most that a series may reach in all the time that is forecast."""
    return max(outlook.high for outlook in forecast.outlooks)


def replica_ranges(insight: Insight, ahead: timedelta) -> Mapping[str, Range]:
    """Return for each elastic component whose demand is forecast how many replicas there should be.

    By `application/component`. What is declared bounds both.
    """
    forecasts = {
        f.subject: f
        for f in insight.forecasts
        if f.signal == Signal.POD_USED_CORES and not f.cluster and f.outlooks
    }
    return {
        name: _range(component, forecasts[name], ahead)
        for application in insight.fleet.applications
        for component in application.components
        if (name := f"{application.name}/{component.name}") in forecasts
        and component.is_elastic
        and component.requests.cpu_cores > 0
    }


def _range(component: Component, forecast: Forecast, ahead: timedelta) -> Range:
    each, declared = component.requests.cpu_cores, (component.min_replicas, component.max_replicas)
    needed = _count(high_within(forecast, ahead), each)
    enough = _count(highest(forecast), FAR_BELOW * each)
    return (
        _within(needed, declared) if needed > component.replicas else component.min_replicas,
        _within(enough, declared) if enough < component.replicas else component.max_replicas,
    )


def _count(demand: float, each: float) -> int:
    return max(0, math.ceil(demand / each - EPSILON))


def _within(count: int, declared: Range) -> int:
    return max(declared[0], min(count, declared[1]))
