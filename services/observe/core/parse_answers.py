"""Bodies of the Prometheus query API as values."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from services.observe.core.answers import Sample, Store
from services.observe.core.queries import CLUSTER_LABEL

STORE_IS_CURRENT = timedelta(minutes=10)
"""A store that ends before that holds history (an object store gateway) and does not count."""


class NoAnswerError(Exception):
    """Why there is no answer, in a sentence. It ends as the failure of a question."""


def parse_samples(body: dict[str, Any], labels: tuple[str, ...]) -> Iterator[Sample]:
    """Yield the samples of an instant query, with the labels asked for. NoAnswerError: none."""
    data = body.get("data")
    match data:
        case {"resultType": "vector", "result": list(rows)}:
            for row in rows:
                yield _sample(row, labels)
        case {"resultType": "scalar", "result": [_, value]}:
            yield Sample(tuple("" for _ in labels), _number(value))
        case _:
            kind = data.get("resultType") if isinstance(data, dict) else None
            raise NoAnswerError(f"the query gives no instant vector but {kind or 'no result'}")


def _sample(row: Any, labels: tuple[str, ...]) -> Sample:
    match row:
        case {"metric": dict(metric), "value": [_, value]}:
            return Sample(tuple(str(metric.get(label, "")) for label in labels), _number(value))
        case {"metric": dict(), "histogram": _}:
            raise NoAnswerError("the query gives native histograms, not numbers")
        case _:
            raise NoAnswerError("a row of the answer is not as the API has it")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise NoAnswerError(f"the answer holds {value!r} for a number") from error


def parse_stores(body: dict[str, Any], *, at: datetime) -> Iterator[Store]:
    """Yield the stores that hold current data. What is not as Thanos has it is left out."""
    groups = body.get("data")
    oldest = (at - STORE_IS_CURRENT).timestamp() * 1e3
    lists = groups.values() if isinstance(groups, dict) else ()
    for row in chain.from_iterable(rows or () for rows in lists):
        match row:
            case {"name": str(name), "labelSets": list(sets), "maxTime": int(until), **rest}:
                if until >= oldest:
                    clusters = {str(labels.get(CLUSTER_LABEL, "")) for labels in sets} - {""}
                    error = str(rest.get("lastError") or "")
                    yield Store(name=name, clusters=tuple(sorted(clusters)), last_error=error)
