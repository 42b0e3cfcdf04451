"""Who may talk to the real API server, and with what: tokens, its signing key, a kubeconfig."""

import base64
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody the API server knows by a bearer token. RBAC decides what the groups may."""

    name: str
    groups: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


def write_tokens(path: Path, users: Iterable[User]) -> None:
    """Write the file of `--token-auth-file`."""
    lines = (f'{u.token},{u.name},{u.name},"{",".join(u.groups)}"' for u in users)
    _write_secret(path, "".join(f"{line}\n" for line in lines))


def write_signing_key(path: Path) -> None:
    """Write a new P-256 key in PEM, without its public half, which the reader works out.

    RFC 5915: SEQUENCE {version 1, OCTET STRING scalar, [0] curve}. The top bit of the scalar is
    cleared, which keeps it below the order of the group.
    """
    scalar = bytearray(os.urandom(32))
    scalar[0] &= 0x7F
    curve = bytes.fromhex("a00a06082a8648ce3d030107")
    body = bytes.fromhex("0201010420") + bytes(scalar) + curve
    encoded = base64.encodebytes(bytes([0x30, len(body)]) + body).decode()
    _write_secret(path, f"-----BEGIN EC PRIVATE KEY-----\n{encoded}-----END EC PRIVATE KEY-----\n")


def write_kubeconfig(path: Path, *, user: User, url: str, ca_file: Path) -> None:
    """Write a kubeconfig. It names the certificate's file: from data inside, clients make one."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "real",
        "clusters": [
            {"name": "real", "cluster": {"server": url, "certificate-authority": str(ca_file)}}
        ],
        "users": [{"name": user.name, "user": {"token": user.token}}],
        "contexts": [{"name": "real", "context": {"cluster": "real", "user": user.name}}],
    }
    _write_secret(path, json.dumps(config, indent=1))


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
