"""Admission webhooks: what others fill in and refuse before the API server stores an object."""

from dataclasses import dataclass
from typing import Protocol

from simulator.kubernetes.objects import Object
from simulator.kubernetes.resources import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A write as webhooks see it. `old`: what it is to replace; None: nothing."""

    resource: Resource
    old: Object | None
    new: Object
    subresource: str = ""


class Webhook(Protocol):
    """Has a say in every write of some kinds, but not in those of a status."""

    def default(self, review: Review) -> Object:
        """Return the new object with what its writer left out."""

    def check(self, review: Review) -> None:
        """Refuse the new object, which its schema allows, with a StatusError."""
