"""The metrics source over Thanos or Prometheus: never late, never silent about what is missing.

prometheus-api-client asks, over sessions of ours. They keep what the client drops (the warnings and
the words of a failure), bound each request in time and size, and neither retry nor read the
environment for proxies or certificates. The next cycle is the retry.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from requests.adapters import Retry
from requests.models import DecodeError, ProtocolError, ReadTimeoutError

from services.observe.core.answers import Answer, Answers, Question, Store
from services.observe.core.parse_answers import NoAnswerError, parse_samples, parse_stores
from shared.runtime import clock

CONCURRENCY = 6
"""Questions asked at a time; each holds a connection and a thread."""

LARGEST_BODY_BYTES = 256 * 1024 * 1024

_CHUNK_BYTES = 64 * 1024
_OK = 200
_LIBRARY_ERRORS = (
    requests.RequestException,
    PrometheusApiClientException,
    DecodeError,
    ProtocolError,
    ReadTimeoutError,
    OSError,
)


class _Session(requests.Session):
    """Keeps the newest body, and ends each request in time."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.seconds = 1.0
        self.body: dict[str, Any] = {}

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        """Send a request and read its body as JSON, all within `seconds`."""
        self.body = {}
        ends_at = clock.monotonic() + self.seconds
        options |= {"timeout": self.seconds, "stream": True}
        response = super().request(method, url, *args, **options)
        try:
            content = _read(response, ends_at)
        except BaseException:
            response.close()
            raise
        self.body = _decoded(response, content)
        # the client reads the response again: spare it a second, slower decoding
        response._content = content  # noqa: SLF001
        response.json = lambda **_: self.body  # type: ignore[method-assign]
        return response


def _read(response: requests.Response, ends_at: float) -> bytes:
    """Read a body as it comes, so that one that trickles in cannot take longer than allowed."""
    content = bytearray()
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        content += chunk
        if clock.monotonic() > ends_at:
            raise requests.ReadTimeout("body")
        if len(content) > LARGEST_BODY_BYTES:
            raise NoAnswerError(f"its answer is larger than {LARGEST_BODY_BYTES >> 20} MiB")
    return bytes(content)


def _decoded(response: requests.Response, content: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        kind = response.headers.get("Content-Type", "no content type")
        if response.status_code != _OK:
            raise NoAnswerError(f"it answers with status {response.status_code}") from error
        raise NoAnswerError(f"its answer is not JSON, or cut off ({kind})") from error
    if not isinstance(body, dict):
        raise NoAnswerError("its answer is no JSON object")
    if response.status_code != _OK or body.get("status") != "success":
        said = body.get("error", "without saying why")
        raise NoAnswerError(f"it answers with status {response.status_code}: {said}")
    return body


@dataclass(frozen=True, slots=True)
class _Worker:
    """A session and its client, used by one thread at a time."""

    session: _Session
    client: PrometheusConnect


class ThanosMetrics:
    """A `MetricsSource`. Use it from one event loop, and close it at the end."""

    def __init__(self, url: str, *, timeout: timedelta) -> None:
        """Ask at `url`; each question takes at most `timeout`, its answer included."""
        self._url = url.rstrip("/")
        self._place = urlsplit(url).netloc.rpartition("@")[2]
        self._timeout = timeout.total_seconds()
        self._workers = [self._worker() for _ in range(CONCURRENCY)]

    def close(self) -> None:
        """Give the connections back."""
        for worker in self._workers:
            worker.session.close()

    async def ask(
        self, questions: Iterable[Question], *, at: datetime, within: timedelta
    ) -> Answers:
        """Ask all questions as of one instant, and return what came `within` that time."""
        ends_at = clock.monotonic() + within.total_seconds()
        waiting = iter(tuple(questions))

        async def work(worker: _Worker) -> list[Answer]:
            return [
                await asyncio.to_thread(self._ask, worker, question, at, ends_at)
                for question in waiting
            ]

        first, *others = self._workers
        async with asyncio.TaskGroup() as tasks:
            stores = tasks.create_task(asyncio.to_thread(self._stores, first, at, ends_at))
            shares = [tasks.create_task(work(worker)) for worker in others]
        answers = tuple(answer for share in shares for answer in share.result())
        return Answers(answers=answers, stores=stores.result())

    def _worker(self) -> _Worker:
        session = _Session()
        client = PrometheusConnect(
            self._url, session=session, retry=Retry(total=0, redirect=3, read=False)
        )
        return _Worker(session, client)

    def _ask(self, worker: _Worker, question: Question, at: datetime, ends_at: float) -> Answer:
        parameters = {"time": f"{at.timestamp():.3f}"}
        if question.lookback is not None:
            parameters["lookback_delta"] = f"{question.lookback / timedelta(milliseconds=1):.0f}ms"
        try:
            with self._in_time(worker, ends_at):
                _query(worker.client, question.promql, parameters)
            body = worker.session.body
            return Answer(
                question=question,
                samples=tuple(parse_samples(body, question.labels)),
                warnings=tuple(str(warning) for warning in body.get("warnings") or ()),
            )
        except NoAnswerError as error:
            return Answer(question=question, failure=str(error))

    def _stores(self, worker: _Worker, at: datetime, ends_at: float) -> tuple[Store, ...] | None:
        """Return the stores with current data. None: it does not tell, as a plain Prometheus."""
        try:
            with self._in_time(worker, ends_at):
                worker.session.get(f"{self._url}/api/v1/stores")
            return tuple(parse_stores(worker.session.body, at=at))
        except NoAnswerError:
            return None

    @contextmanager
    def _in_time(self, worker: _Worker, ends_at: float) -> Iterator[None]:
        """Bound a request by its own time-out and by the end of the cycle, and word its failure."""
        worker.session.seconds = min(self._timeout, ends_at - clock.monotonic())
        if worker.session.seconds <= 0:
            raise NoAnswerError("the time of the cycle was used up before it was asked")
        try:
            yield
        except NoAnswerError as error:
            raise NoAnswerError(f"{self._place}: {error}") from error
        except _LIBRARY_ERRORS as error:
            raise NoAnswerError(self._worded(error)) from error

    def _worded(self, error: Exception) -> str:
        match error:
            case requests.Timeout() | ReadTimeoutError() | TimeoutError():
                return f"{self._place} does not answer within {self._timeout:g} s"
            case requests.ConnectionError():
                return f"{self._place} cannot be reached: {_cause(error)}"
            case _:
                return f"{self._place}: the answer broke off: {_cause(error)}"


def _cause(error: BaseException) -> str:
    """Return the innermost cause in words."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _query(client: PrometheusConnect, promql: str, parameters: dict[str, str]) -> None:
    """Ask, and leave the answer to the session: the client gives back only a part of it."""
    try:
        client.custom_query(promql, params=parameters)
    except (KeyError, TypeError) as error:
        raise NoAnswerError("its answer is not as the API has it") from error
