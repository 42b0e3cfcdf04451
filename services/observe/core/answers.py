"""What is asked of the metrics store, and what it said: raw, before anyone believes it."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One instant query."""

    promql: str
    labels: tuple[str, ...] = ()
    """The labels whose values are wanted, in this order."""
    lookback: timedelta | None = None
    """How old a sample may be to answer. None: what the store is set to, mostly 5 minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value, with the values of the labels asked for; empty where it lacks one."""

    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one question brought."""

    question: Question
    samples: tuple[Sample, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the store says about its own answer, in its words."""
    failure: str = ""
    """Why there is no answer, in a sentence. Empty: there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One source behind Thanos: a sidecar with the clusters it speaks for."""

    name: str
    """Its address."""
    clusters: tuple[str, ...]
    last_error: str = ""
    """Why its newest check failed. Empty: it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All answers of one cycle."""

    answers: tuple[Answer, ...] = ()
    stores: tuple[Store, ...] | None = None
    """None: not told, as by a plain Prometheus."""

    @property
    def unreachable(self) -> str:
        """Why nothing at all was answered, in a sentence; empty where something was."""
        failures = [answer.failure for answer in self.answers]
        return failures[0] if failures and all(failures) else ""
