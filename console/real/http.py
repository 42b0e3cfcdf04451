"""Plain HTTP to processes of ours on loopback."""

import json
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from console.real.processes import Child, wait_until

LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
TIMEOUT_SECONDS = 10.0
_DIRECT = build_opener(ProxyHandler({}))
"""Loopback never goes through a proxy."""


def get_json(url: str, **parameters: str) -> Any:
    """Return the JSON at a URL. HTTPError: it was refused. OSError: nobody answers."""
    target = f"{url}?{urlencode(parameters)}" if parameters else url
    with _DIRECT.open(target, timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer)


def post(url: str) -> None:
    """Post nothing to a URL. HTTPError: it was refused. OSError: nobody answers."""
    with _DIRECT.open(url, b"", timeout=TIMEOUT_SECONDS):
        return


def is_ok(url: str) -> bool:
    """Tell whether a GET of that URL is answered with 200."""
    try:
        with _DIRECT.open(url, timeout=TIMEOUT_SECONDS) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except HTTPError as refused:
        refused.close()
        return False
    except OSError:
        return False


def wait_ready(child: Child, url: str) -> None:
    """Wait until a process answers at a URL of its own with 200."""
    wait_until(
        lambda: is_ok(url),
        what=f"{child.name} answers at {url}",
        seconds=START_SECONDS,
        children=(child,),
    )
