"""An Observation as an Arrow IPC stream: readings in columns, the rest in the schema's metadata."""

import numpy as np
import pyarrow as pa

from shared.errors import PermanentError
from shared.messages.readings import Readings, Signal
from shared.messages.texts import Texts, as_texts

_REST = b"crossloop"
_TEXT = pa.dictionary(pa.int32(), pa.string())
_COLUMNS = pa.schema(
    [
        pa.field("signal", _TEXT, nullable=False),
        pa.field("cluster", _TEXT, nullable=False),
        pa.field("subject", _TEXT, nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("age_seconds", pa.float64(), nullable=False),
    ]
)


def pack(readings: Readings, rest: bytes) -> bytes:
    """Return the stream of one record batch. Not compressed: large bodies are, as a whole."""
    schema = _COLUMNS.with_metadata({_REST: rest})
    texts = (_known_signals(readings.signals), readings.clusters, readings.subjects)
    columns = [
        pa.DictionaryArray.from_arrays(pa.array(text.codes), pa.array(text.words, pa.string()))
        for text in texts
    ]
    columns += [pa.array(readings.values), pa.array(readings.ages_seconds)]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch(columns, schema=schema))
    body: bytes = sink.getvalue().to_pybytes()
    return body


def unpack(body: bytes) -> tuple[Readings, bytes]:
    """Return the readings and the rest. PermanentError: it is no such stream."""
    try:
        batch = pa.ipc.open_stream(body).read_next_batch()
        batch.validate(full=True)
    except (pa.ArrowException, OSError, StopIteration) as error:
        raise PermanentError(f"not an Arrow stream of one record batch: {error}") from error
    rest: bytes | None = (batch.schema.metadata or {}).get(_REST)
    if rest is None or not _has_columns(batch):
        raise PermanentError(f"not the columns of an Observation: {', '.join(batch.schema.names)}")
    readings = Readings(
        signals=_known_signals(_texts(batch["signal"])),
        clusters=_texts(batch["cluster"]),
        subjects=_texts(batch["subject"]),
        values=batch["value"].to_numpy().copy(),
        ages_seconds=batch["age_seconds"].to_numpy().copy(),
    )
    return readings, rest


def _has_columns(batch: pa.RecordBatch) -> bool:
    """Tell whether all columns are there, of their type and without gaps; more are no harm."""
    return all(
        field.name in batch.schema.names
        and batch.schema.field(field.name).equals(field)
        and batch[field.name].null_count == 0
        for field in _COLUMNS
    )


def _texts(column: pa.DictionaryArray) -> Texts:
    words = tuple(column.dictionary.to_pylist())
    texts = Texts(codes=column.indices.to_numpy().astype(np.int32), words=words)
    return texts if len(set(words)) == len(words) else as_texts(texts.tolist())


def _known_signals(signals: Texts) -> Texts:
    unknown = set(signals.words) - set(Signal)
    if unknown:
        raise PermanentError(f"readings of unknown signals: {', '.join(sorted(unknown))[:80]}")
    return signals
