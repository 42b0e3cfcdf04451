"""Plays the token controller: Secrets that ask for the token of a ServiceAccount get it."""

import base64
from collections.abc import Iterable, Sequence
from uuid import UUID, uuid5

from simulator.controllers.writing import MANAGER, ref_of
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    is_going,
    name_of,
    namespace_of,
    uid_of,
)
from simulator.kubernetes.resources import SECRETS, SERVICE_ACCOUNTS
from simulator.kubernetes.store import Key, Kind

TYPE = "kubernetes.io/service-account-token"
ACCOUNT = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nc2ltdWxhdG9y\n-----END CERTIFICATE-----\n"
"""Stands where the certificate of the API server's authority would: the simulator has no TLS."""


class Tokens:
    """The token controller. A Secret whose ServiceAccount is gone goes too."""

    kinds: Sequence[Kind] = (SECRETS.key, SERVICE_ACCOUNTS.key)

    def __init__(self, api: Api) -> None:
        self._api = api

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the Secret itself, or all that ask for a token of a ServiceAccount."""
        if kind == SECRETS.key:
            yield namespace_of(obj), name_of(obj)
            return
        for secret in self._api.store.all(SECRETS.key, namespace_of(obj)):
            if annotations_of(secret).get(ACCOUNT) == name_of(obj):
                yield namespace_of(secret), name_of(secret)

    def reconcile(self, key: Key) -> None:
        """Fill a Secret, or delete it."""
        secret = self._api.store.get(SECRETS.key, key)
        if secret is None or secret.get("type") != TYPE or is_going(secret):
            return
        name = annotations_of(secret).get(ACCOUNT, "")
        account = self._api.store.get(SERVICE_ACCOUNTS.key, (key[0], name))
        uid = annotations_of(secret).get(ACCOUNT_UID)
        if account is None or (uid is not None and uid != uid_of(account)):
            self._api.delete(ref_of(SECRETS, secret), Deletion())
        elif "token" not in (secret.get("data") or {}):
            change = _filled(secret, account)
            self._api.patch(ref_of(SECRETS, secret), lambda _: change, Writer(manager=MANAGER))


def _filled(secret: Object, account: Object) -> Object:
    token = f"simulated.{uuid5(UUID(uid_of(account)), uid_of(secret)).hex}"
    texts = {"token": token, "ca.crt": CERTIFICATE, "namespace": namespace_of(secret)}
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    annotations = {**annotations_of(secret), ACCOUNT_UID: uid_of(account)}
    return {
        **secret,
        "metadata": {**secret["metadata"], "annotations": annotations},
        "data": {**(secret.get("data") or {}), **data},
    }
