"""Hypothesis strategies for messages: every field of every value, whatever it holds."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from shared.messages.decision import Decision, Verdict
from shared.messages.readings import Reading, Readings
from shared.messages.subjects import ROUTES, Message
from shared.model.fleet import Link
from shared.model.names import ClusterName
from shared.model.plan import Evacuate, GrowCluster, Move, Peer, Plan, ShrinkCluster, Unpeer

# From here on, values built by type hold finite numbers and aware instants.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))

_ENDS = {"source": st.just(ClusterName("a")), "target": st.just(ClusterName("b"))}
st.register_type_strategy(Link, st.builds(Link, **_ENDS))
st.register_type_strategy(Move, st.builds(Move, **_ENDS))
st.register_type_strategy(Peer, st.builds(Peer, consumer=_ENDS["source"], provider=_ENDS["target"]))
st.register_type_strategy(
    Unpeer, st.builds(Unpeer, consumer=_ENDS["source"], provider=_ENDS["target"])
)
st.register_type_strategy(Evacuate, st.builds(Evacuate, cluster=_ENDS["source"]))
_FEW, _MANY = st.integers(min_value=0, max_value=9), st.integers(min_value=10)
st.register_type_strategy(GrowCluster, st.builds(GrowCluster, nodes_before=_FEW, nodes=_MANY))
st.register_type_strategy(ShrinkCluster, st.builds(ShrinkCluster, nodes_before=_MANY, nodes=_FEW))


def readings() -> st.SearchStrategy[Readings]:
    """Return strategies for readings; only they may hold NaN and infinity."""
    row = st.builds(Reading, value=st.floats(), age_seconds=st.floats())
    return st.lists(row).map(Readings.from_rows)


def decisions() -> st.SearchStrategy[Decision]:
    """Return a strategy for decisions whose verdict fits their plan."""

    def of(plan: Plan) -> st.SearchStrategy[Decision]:
        verdict = Verdict.ACT if plan.actions else Verdict.HOLD
        return st.builds(Decision, plan=st.just(plan), verdict=st.just(verdict))

    return st.from_type(Plan).flatmap(of)


st.register_type_strategy(Readings, readings())
st.register_type_strategy(Decision, decisions())


def messages() -> st.SearchStrategy[Message]:
    """Return a strategy for messages of all types."""
    return st.one_of([st.from_type(of) for of in ROUTES])
