"""The cause that explains most is told, and what else may be behind it is ranked."""

from dataclasses import replace

from services.orient.core.entities.watch import UnusualEntity
from services.orient.core.incidents.causes import UNUSUAL_CYCLES, find_causes
from services.orient.core.incidents.changes import Change, Changes
from services.orient.core.incidents.graph import graph_of
from services.orient.core.incidents.ranking import Evidence, rank
from services.orient.core.incidents.suspects import Evidences
from services.orient.core.quality import assess_quality
from shared.messages.incident import Anomaly, SubjectKind
from shared.messages.inventory import Inventory, Pod
from shared.messages.readings import Signal
from shared.model.policy import FleetPolicy
from tests.support.builders import a_fleet, an_application, both_ways, later

RENDER, INGEST = "xr/arena/render", "xr/arena/ingest"


def bad(
    signal: Signal, cluster: str, subject: str, *, score: float = 20.0, seconds: float = 0.0
) -> Anomaly:
    return Anomaly(
        signal=signal,
        cluster=cluster,
        subject=subject,
        value=1e12,
        expected=1.0,
        score=score,
        onset_at=later(seconds),
    )


def seen(*anomalies: Anomaly, **more: object) -> Evidences:
    pods = tuple(
        Pod(namespace="xr", name=f"{name}-0", workload=name, node="metro", ready=True)
        for name in ("ingest", "render")
    )
    fleet = a_fleet(links=both_ways("home", "metro"))
    inventory = Inventory(applications=(an_application(),), pods=pods)
    evidences = Evidences(fleet=fleet, graph=graph_of(fleet, inventory), anomalies=anomalies)
    return replace(evidences, **more)


def where(component: str) -> str:
    placements = a_fleet().placements
    return next(
        p.cluster for p in placements if RENDER.endswith(p.component) == (component == RENDER)
    )


def test_a_starved_node_explains_the_components_that_suffer_on_it() -> None:
    at = where(RENDER)
    (cause,) = find_causes(
        seen(
            bad(Signal.NODE_USED_CORES, at, "node-1"),
            bad(Signal.POD_THROTTLED_RATIO, at, "render-0", score=80.0),
            bad(Signal.PROCESSING_MS, "", RENDER, score=80.0),
        )
    )
    assert cause.entity == (SubjectKind.NODE, f"{at}/node-1")
    assert cause.message == f"node node-1 of {at} is not normal: CPU use"
    assert [s.subject for s in cause.suspects][:1] == [f"{at}/node-1"]
    assert cause.suspects[0].explained_ratio == 1.0


def test_a_leak_is_its_components_and_explains_the_memory_of_the_node() -> None:
    at = where(RENDER)
    (cause,) = find_causes(
        seen(
            bad(Signal.POD_USED_BYTES, at, "render-0"),
            bad(Signal.NODE_USED_BYTES, at, "node-1", score=50.0),
        )
    )
    assert cause.entity == (SubjectKind.COMPONENT, RENDER)
    assert cause.message == "xr/arena/render is not normal: memory use"


def test_more_users_explain_the_work_they_make() -> None:
    at = where(RENDER)
    (cause,) = find_causes(
        seen(
            bad(Signal.USERS, "", "xr/arena/visitors"),
            bad(Signal.POD_USED_CORES, at, "render-0", score=50.0),
            bad(Signal.NODE_USED_CORES, at, "node-1", score=50.0),
            bad(Signal.POD_THROTTLED_RATIO, at, "render-0", score=50.0),
            bad(Signal.LINK_USED_MBPS, "home", "metro", score=50.0),
            bad(Signal.FLOW_MBPS, "", "xr/arena/ingest/render", score=50.0),
        )
    )
    assert cause.entity == (SubjectKind.GROUP, "xr/arena/visitors")
    assert cause.message == "user group visitors of xr/arena has more users than usual"


def test_work_alone_is_no_incident() -> None:
    at = where(RENDER)
    assert (
        find_causes(
            seen(
                bad(Signal.LINK_USED_MBPS, "home", "metro"),
                bad(Signal.POD_USED_CORES, at, "render-0"),
                bad(Signal.NODE_USED_BYTES, at, "node-1"),
            )
        )
        == ()
    )


def test_two_things_that_do_not_depend_on_each_other_are_two_causes() -> None:
    causes = find_causes(
        seen(bad(Signal.LINK_RTT_MS, "home", "metro"), bad(Signal.POD_USED_BYTES, "x", "render-0"))
    )
    assert {c.entity for c in causes} == {
        (SubjectKind.LINK, "home>metro"),
        (SubjectKind.COMPONENT, RENDER),
    }


def test_a_pod_of_nobody_known_is_nobodys_incident() -> None:
    assert find_causes(seen(bad(Signal.POD_USED_BYTES, "metro", "stranger-0"))) == ()


def test_a_change_on_purpose_widens_what_is_normal_and_is_named_where_it_does_not_suffice() -> None:
    changes = Changes(recent=(Change(component=RENDER, at=later(0), what="a rollout"),))
    slow = replace(bad(Signal.PROCESSING_MS, "", RENDER), expected=4.0, value=5.5)
    assert find_causes(seen(slow, changes=changes)) == ()
    assert len(find_causes(seen(slow))) == 1
    (cause,) = find_causes(seen(replace(slow, value=40.0), changes=changes))
    assert cause.suspects[0].change == "a rollout"


def test_a_group_out_of_its_budget_names_what_was_changed_on_its_path() -> None:
    changes = Changes(recent=(Change(component=RENDER, at=later(0), what="a rollout"),))
    far = a_fleet(links=both_ways("home", "metro", 20.0))
    qualities, _ = assess_quality(far, FleetPolicy(), ())
    (cause,) = find_causes(seen(fleet=far, qualities=qualities, changes=changes))
    assert cause.entity == (SubjectKind.GROUP, "xr/arena/visitors")
    assert [(s.subject, s.change) for s in cause.suspects] == [
        ("xr/arena/visitors", ""),
        (RENDER, "a rollout"),
    ]


def test_an_entity_that_only_behaves_unlike_before_needs_long_patience() -> None:
    def unusual(p_value: float, kind: SubjectKind = SubjectKind.LINK) -> UnusualEntity:
        return UnusualEntity(
            kind=kind, subject="home>metro", score=9.0, p_value=p_value, signals=("link_rtt_ms",)
        )

    (cause,) = find_causes(seen(unusual=(unusual(1e-9),)))
    assert cause.patience_cycles == UNUSUAL_CYCLES
    assert cause.message == "link home>metro behaves unlike before: link_rtt_ms"
    assert find_causes(seen(unusual=(unusual(1e-5),))) == ()
    assert find_causes(seen(unusual=(unusual(1e-9, SubjectKind.CLUSTER),))) == ()
    (told,) = find_causes(seen(bad(Signal.LINK_RTT_MS, "home", "metro"), unusual=(unusual(1e-9),)))
    assert told.patience_cycles == 1, "an anomaly tells it already"


def test_shift_onset_and_reach_make_the_rank_and_names_break_ties() -> None:
    def evidence(name: str, **more: float) -> Evidence:
        parts = {"shift": 10.0, "onset_seconds": 0.0, "explained_ratio": 0.5} | more
        return Evidence(key=("pod", name), **parts)

    def order(*things: Evidence) -> list[str]:
        return [e.key[1] for e, _ in rank(things)]

    assert order(evidence("b"), evidence("a")) == ["a", "b"]
    assert order(evidence("a"), evidence("b", shift=100.0)) == ["b", "a"]
    assert order(evidence("a", onset_seconds=60.0), evidence("b")) == ["b", "a"]
    assert order(evidence("a"), evidence("b", explained_ratio=1.0)) == ["b", "a"]
    scores = [s for _, s in rank([evidence("a"), evidence("b", shift=0.0, onset_seconds=1e9)])]
    assert all(0.0 <= s <= 1.0 for s in scores)
    assert rank([]) == ()
