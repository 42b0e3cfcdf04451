"""The environment variables that every service reads, and how a wrong one is told."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "CROSSLOOP_"
WRONG_SETTINGS = 2
"""Exit code of a process whose settings are wrong."""


def _split(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


CommaSeparated = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A variable that holds texts with commas between; an empty one holds none."""


def _with_a_port(url: str) -> str:
    """Refuse a port that is out of range: ValueError, of urlsplit."""
    _ = urlsplit(url).port
    return url


ServerUrl = Annotated[
    str,
    Field(pattern=r"^(nats|tls)://([^\s,/@]+@)?(\[[0-9a-fA-F:]+\]|[^\s,/@:]+)(:\d{1,5})?$"),
    AfterValidator(_with_a_port),
]
"""`nats://host:port`, with `user:password@` before the host where the servers ask for it."""


def _usable(path: str) -> str:
    if path and not Path(path).is_file():
        raise ValueError("there is no such file")
    if not path and "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise ValueError("empty means the service account of the pod, and this is no pod")
    return path


Kubeconfig = Annotated[str, AfterValidator(_usable)]
"""Path of a kubeconfig of the management cluster. Empty: the service account of the pod."""


class CommonSettings(BaseSettings):
    """What operators set for each service. Field `x` is read from `CROSSLOOP_X`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    nats_url: Annotated[tuple[ServerUrl, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=("nats://127.0.0.1:4222",),
        min_length=1,
        description="servers of one NATS cluster as nats://host:port, with commas between",
    )
    nats_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of each stream: 3 in a cluster of three servers, 1 on a laptop."""
    fleet: str = Field(
        default="default",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="one DNS label: lower-case letters, digits and hyphens, at most 63",
    )
    """The fleet this loop looks after."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    http_host: str = Field(default="0.0.0.0", min_length=1)  # noqa: S104 - probes come from outside the pod
    http_port: int = Field(default=8080, ge=0, le=65535)
    """Of /livez, /readyz and /metrics. 0: any free one."""


S = TypeVar("S", bound=BaseSettings)


def load(settings: type[S]) -> S:
    """Read the settings from the environment, or say what is wrong and exit with code 2.

    One line per variable on standard error: its name, its value and what is allowed, which is the
    field's description if it has one.
    """
    try:
        return settings()
    except ValidationError as error:
        problems = {str(problem["loc"][0]): problem for problem in reversed(error.errors())}
        for name in sorted(problems):
            sys.stderr.write(f"{_told(settings, name, problems[name])}\n")
        sys.exit(WRONG_SETTINGS)


def _told(settings: type[BaseSettings], name: str, problem: Any) -> str:
    variable = PREFIX + name.upper()
    field = settings.model_fields[name]
    allowed = field.description or problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        return f"{variable} is not set: {allowed}"
    if field.annotation is SecretStr:
        return f"{variable}: {allowed}"
    return f"{variable}={_without_passwords(problem['input'])!r}: {allowed}"


def _without_passwords(value: object) -> str:
    """Return the value as it was set, without the user and password of an address."""
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return re.sub(r"//[^/@\s]*@", "//***@", text)
