"""What a real API server writes down of who asked for what, and how it answered."""

import json
from pathlib import Path
from typing import NamedTuple


class Request(NamedTuple):
    """What was asked for, as RBAC sees it."""

    group: str
    resource: str
    """The plural, with the subresource behind a slash."""
    verb: str
    namespace: str = ""
    name: str = ""


LOG = "audit.log"
"""In the folder of the server: an event of audit.k8s.io/v1 in each line."""


def audit_flags(directory: Path, users: tuple[str, ...]) -> tuple[str, ...]:
    """Return what makes an API server write down the requests of some users; none: of nobody."""
    if not users:
        return ()
    policy = directory / "audit-policy.json"
    rules = [{"level": "Metadata", "users": users}, {"level": "None"}]
    head = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy"}
    policy.write_text(json.dumps({**head, "omitStages": ["RequestReceived"], "rules": rules}))
    return (f"--audit-policy-file={policy}", f"--audit-log-path={directory / LOG}")


def requests_in(directory: Path) -> dict[Request, set[int]]:
    """Return what was asked for by all users that are audited, with the status codes of answers.

    An apply that made an object counts as two: RBAC asks for `create` too.
    """
    found: dict[Request, set[int]] = {}
    for line in (directory / LOG).read_text().splitlines():
        event = json.loads(line)
        asked, code = event.get("objectRef"), event.get("responseStatus", {}).get("code", 0)
        if asked is None:
            continue
        resource = "/".join(filter(None, (asked["resource"], asked.get("subresource"))))
        request = Request(
            group=asked.get("apiGroup", ""),
            resource=resource,
            verb=event["verb"],
            namespace=asked.get("namespace", ""),
            name=asked.get("name", ""),
        )
        made = [request._replace(verb="create")] if code == _CREATED else []
        for each in (request, *made):
            found.setdefault(each, set()).add(code)
    return found


_CREATED = 201
