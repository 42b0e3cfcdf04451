"""Every message survives the codec; what is not one is refused with a sentence."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings

from shared.bus.codec import (
    CONTENT_ENCODING,
    CONTENT_TYPE,
    MAX_BODY_BYTES,
    MESSAGE_ID,
    SCHEMA,
    TRACE,
    decode,
    encode,
)
from shared.errors import PermanentError
from shared.messages.approval import Approval
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.readings import Reading, Readings, Signal
from shared.messages.subjects import Message, subject_of
from shared.model.application import Autonomy, WorkloadRef
from shared.model.names import ClusterName, ComponentName, decision_id
from shared.model.plan import Move, Plan
from tests.support.builders import (
    ARENA,
    FLEET,
    NOW,
    a_quality,
    an_insight,
    an_observation,
    cycle_at,
)
from tests.support.strategies import messages

INSIGHT = "crossloop.v1.insight.default"
DECISION = "crossloop.v1.decision.default.xr_arena"
OBSERVATION = "crossloop.v1.observation.default"


def a_decision() -> Decision:
    move = Move(
        application=ARENA,
        component=ComponentName("render"),
        workload=WorkloadRef(name="render"),
        source=ClusterName("metro"),
        target=ClusterName("home"),
        replicas=2,
    )
    return Decision(
        id=decision_id(cycle_at(), ARENA),
        cycle=cycle_at(),
        fleet=FLEET,
        application=ARENA,
        at=NOW,
        deadline_at=NOW + timedelta(minutes=2),
        verdict=Verdict.ACT,
        reason=Reason.QUALITY_RESTORED,
        detail="",
        autonomy=Autonomy.AUTO,
        plan=Plan(actions=(move,)),
    )


def as_json(message: Message) -> Any:
    return json.loads(encode(message)[0])


def refusal(body: object, subject: str, headers: dict[str, str] | None = None) -> str:
    """Return why it is refused."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(PermanentError) as caught:
        decode(raw, headers, subject=subject)
    return str(caught.value)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(messages())
def test_every_message_survives_the_codec(message: Message) -> None:
    body, headers = encode(message)
    assert decode(body, headers, subject=subject_of(message)) == message


def test_a_readable_message_needs_no_headers() -> None:
    body, _ = encode(a_decision())
    assert decode(body, None, subject=DECISION) == a_decision()


def test_headers_say_what_the_body_is() -> None:
    _, headers = encode(a_decision())
    assert headers == {
        MESSAGE_ID: "20261124T070000000Z:decision:xr/arena",
        SCHEMA: "Decision/1",
        CONTENT_TYPE: "application/json",
        TRACE: headers[TRACE],
    }


def test_messages_of_one_cycle_share_a_trace_and_have_spans_of_their_own() -> None:
    approval = Approval(
        decision=a_decision().id, fleet=FLEET, approved=True, by="ann", reason="", at=NOW
    )
    sent = (an_observation(), an_insight(), a_decision(), approval)
    traces = [encode(message)[1][TRACE].split("-") for message in sent]
    assert len({trace for _, trace, _, _ in traces}) == 1
    assert len({span for _, _, span, _ in traces}) == 4
    assert all((len(trace), len(span)) == (32, 16) for _, trace, span, _ in traces)


def test_a_large_body_travels_compressed() -> None:
    rows = [Reading(Signal.LINK_UP, "home", f"peer-{n % 50}", 1.0, 1.0) for n in range(20_000)]
    message = an_observation(readings=Readings.from_rows(rows))
    body, headers = encode(message)
    assert headers[CONTENT_ENCODING] == "zstd"
    assert len(body) < 20_000
    assert decode(body, headers, subject=OBSERVATION) == message


def test_readings_may_be_not_a_number() -> None:
    readings = Readings.from_rows([Reading(Signal.LINK_UP, "a", "b", float("nan"), 1.0)])
    body, headers = encode(an_observation(readings=readings))
    decoded = decode(body, headers, subject=OBSERVATION)
    assert np.isnan(decoded.readings.values[0])  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_other_numbers_may_not(value: float) -> None:
    with pytest.raises(PermanentError, match=r"qualities\.0\.latency_ms is (nan|inf)"):
        encode(an_insight(qualities=(a_quality(value),)))


def test_a_value_of_the_wrong_type_is_not_sent() -> None:
    wrong: Any = "soon"
    with pytest.raises(PermanentError, match="interval_seconds is 'soon'"):
        encode(an_insight(interval_seconds=wrong))


def test_fields_that_are_new_are_ignored() -> None:
    body = as_json(a_decision()) | {"mood": "good"}
    assert decode(json.dumps(body).encode(), None, subject=DECISION) == a_decision()


def test_an_unknown_word_is_refused() -> None:
    body = as_json(a_decision()) | {"verdict": "perhaps"}
    assert refusal(body, DECISION).startswith("not a valid Decision: verdict is 'perhaps': ")


def test_a_number_as_text_is_refused() -> None:
    body = as_json(an_insight()) | {"interval_seconds": "15"}
    assert "interval_seconds is '15'" in refusal(body, INSIGHT)


def test_a_value_that_cannot_be_is_refused() -> None:
    body = as_json(a_decision()) | {"plan": {"actions": []}}
    assert "verdict act with 0 actions" in refusal(body, DECISION)


def test_what_is_wrong_inside_an_action_is_told_of_that_kind_of_action() -> None:
    body = as_json(a_decision())
    body["plan"]["actions"][0]["replicas"] = "many"
    assert "plan.actions.0.Move.replicas is 'many'" in refusal(body, DECISION)


def test_an_unknown_kind_of_action_is_refused() -> None:
    body = as_json(a_decision())
    body["plan"]["actions"][0]["kind"] = "teleport"
    assert "kind is 'teleport'" in refusal(body, DECISION)


def test_a_refusal_quotes_only_the_beginning() -> None:
    assert len(refusal(b"x" * 100_000, DECISION)) < 300


def test_a_body_on_a_subject_of_another_is_refused() -> None:
    other = DECISION.replace("arena", "cave")
    assert refusal(as_json(a_decision()), other) == (
        f"the body belongs on {DECISION}, not on {other}"
    )


def test_a_subject_without_a_type_is_refused() -> None:
    assert "no message type" in refusal(b"", "crossloop.v1.gossip.default")


def test_a_newer_schema_is_refused() -> None:
    body, headers = encode(a_decision())
    reason = refusal(body, DECISION, headers | {SCHEMA: "Decision/2"})
    assert reason == "schema 'Decision/2' on a subject of Decision/1"


def test_an_unknown_encoding_is_refused() -> None:
    assert "only zstd" in refusal(b"", DECISION, {CONTENT_ENCODING: "br"})


@pytest.mark.parametrize("told", [True, False])
def test_a_body_that_would_grow_too_large_is_refused(*, told: bool) -> None:
    bomb = zstandard.ZstdCompressor(write_content_size=told).compressobj(
        size=MAX_BODY_BYTES + 1 if told else -1
    )
    chunk = bytes(1024 * 1024)
    parts = [bomb.compress(chunk) for _ in range(MAX_BODY_BYTES // len(chunk))]
    body = b"".join([*parts, bomb.compress(b"x"), bomb.flush()])
    assert len(body) < 100_000
    assert str(MAX_BODY_BYTES) in refusal(body, DECISION, {CONTENT_ENCODING: "zstd"})


def test_what_is_not_compressed_as_it_says_is_refused() -> None:
    assert "not decompressed" in refusal(b"plain", DECISION, {CONTENT_ENCODING: "zstd"})


@pytest.mark.parametrize("body", [b"", b"\x00" * 100, b"ARROW1", b"\xff\xff\xff\xff\x10\0\0\0zz"])
def test_what_is_no_arrow_stream_is_refused(body: bytes) -> None:
    assert "not an Arrow stream" in refusal(body, OBSERVATION)


def test_an_arrow_stream_of_something_else_is_refused() -> None:
    assert "not the columns" in refusal(_stream(pa.table({"x": [1]})), OBSERVATION)


def test_an_unknown_signal_is_not_sent() -> None:
    readings = Readings.from_rows([Reading(Signal.LINK_UP, "a", "b", 1.0, 1.0)])
    strange = replace(readings, signals=np.array(["smell"], dtype=object))
    with pytest.raises(PermanentError, match="unknown signals: smell"):
        encode(an_observation(readings=strange))


def test_an_unknown_signal_is_refused() -> None:
    body, _ = encode(
        an_observation(readings=Readings.from_rows([Reading(Signal.LINK_UP, "a", "b", 1.0, 1.0)]))
    )
    assert "unknown signals: smell__" in refusal(body.replace(b"link_up", b"smell__"), OBSERVATION)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body
