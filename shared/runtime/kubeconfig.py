"""Read a kubeconfig that somebody else wrote: it may lead to a server, and run or read nothing."""

import base64
import binascii
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from kubernetes.aio import client as kubernetes_client

from shared.errors import PermanentError
from shared.runtime.kubernetes import CALL_SECONDS, KubernetesApi

_PROGRAMS = ("exec", "auth-provider")
_FILES = ("client-certificate", "client-key", "tokenFile", "certificate-authority")
"""Keys that name a file: one of ours, for the file of whoever wrote the kubeconfig is not here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubeconfig:
    """The current context of a kubeconfig. Certificates are PEM; empty: there is none."""

    server: str
    ca: str = ""
    token: str = ""
    certificate: str = ""
    key: str = ""
    server_name: str = ""
    """What the server's certificate is for, where that is not its address."""
    skips_check: bool = False
    """Whether the server's certificate is not looked at."""


def read_kubeconfig(content: str) -> Kubeconfig:
    """Return what a kubeconfig says. PermanentError: what is wrong with it, or not allowed."""
    try:
        whole = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise PermanentError(f"it is not YAML: {' '.join(str(error).split())}") from error
    context = _named(whole, "contexts", _text(whole, "current-context"), "context")
    cluster = _named(whole, "clusters", _text(context, "cluster"), "cluster")
    user = _named(whole, "users", _text(context, "user"), "user")
    for part in (user, cluster):
        _refuse_what_reaches_further(part)
    server = _text(cluster, "server")
    if not server.startswith(("http://", "https://")):
        raise PermanentError(f"its server {server or 'is missing'} is not an http(s) address")
    return Kubeconfig(
        server=server.rstrip("/"),
        ca=_decoded(cluster, "certificate-authority-data"),
        token=_text(user, "token"),
        certificate=_decoded(user, "client-certificate-data"),
        key=_decoded(user, "client-key-data"),
        server_name=_text(cluster, "tls-server-name"),
        skips_check=cluster.get("insecure-skip-tls-verify") is True,
    )


@asynccontextmanager
async def connect_by(
    kubeconfig: Kubeconfig, *, call_seconds: float = CALL_SECONDS
) -> AsyncIterator[KubernetesApi]:
    """Give the API that a kubeconfig leads to. Nothing is called yet.

    PermanentError: its certificates or its key cannot be used.
    """
    configuration = kubernetes_client.Configuration(
        host=kubeconfig.server,
        ca_cert_data=kubeconfig.ca or None,
        tls_server_name=kubeconfig.server_name or None,
        verify_ssl=not kubeconfig.skips_check,
    )
    if kubeconfig.token:
        configuration.api_key["BearerToken"] = f"Bearer {kubeconfig.token}"
    async with _client(configuration, kubeconfig) as client:
        yield KubernetesApi(client, call_seconds=call_seconds)


def _client(
    configuration: kubernetes_client.Configuration, kubeconfig: Kubeconfig
) -> kubernetes_client.ApiClient:
    """Return the client. The key is in a file for no longer than OpenSSL takes to read it."""
    with TemporaryDirectory() as folder:
        if kubeconfig.certificate:
            certificate, key = Path(folder, "certificate"), Path(folder, "key")
            certificate.write_text(kubeconfig.certificate)
            key.write_text(kubeconfig.key)
            configuration.cert_file, configuration.key_file = str(certificate), str(key)
        try:
            return kubernetes_client.ApiClient(configuration)
        except (ssl.SSLError, ValueError) as error:
            raise PermanentError(f"its certificates cannot be used: {error}") from error


def _refuse_what_reaches_further(part: Mapping[str, Any]) -> None:
    for key in _PROGRAMS:
        if part.get(key):
            raise PermanentError(
                f"it asks for a program ({key}), which is not run: put a token or a certificate in"
            )
    for key in _FILES:
        if part.get(key):
            raise PermanentError(f"it names a file ({key}), which is not here: put the content in")


def _named(whole: Any, among: str, name: str, kind: str) -> Mapping[str, Any]:
    """Return the entry of a list by its name."""
    entries = whole.get(among) if isinstance(whole, Mapping) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("name") == name:
            found = entry.get(kind)
            return found if isinstance(found, Mapping) else {}
    raise PermanentError(f"it has no {kind} named {name or '(nothing)'}")


def _text(part: Any, key: str) -> str:
    value = part.get(key) if isinstance(part, Mapping) else None
    return value if isinstance(value, str) else ""


def _decoded(part: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode(_text(part, key), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise PermanentError(f"its {key} is not base64 of PEM") from error
