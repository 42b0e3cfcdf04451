"""The default strategy of a Deployment, borrowed from whoever created it while a move goes on.

The API records its creator for the default as for what they chose: to apply another value would
conflict with them. So it is changed by a plain patch, and changed back. What somebody applies, or
chose otherwise, is theirs.
"""

from services.act.core.moving.ownership import applier_of, is_recorded
from services.act.core.moving.pinning import ref_of
from services.act.core.moving.workloads import is_strategy_safe
from services.act.core.objects import Manner, Object, Write, dig, version_of
from services.act.core.steps import Step
from shared.model.plan import Move

DEFAULT = {"maxSurge": "25%", "maxUnavailable": "25%"}
SAFE = {"maxSurge": 1, "maxUnavailable": 0}
_ROLLING = ("spec", "strategy", "rollingUpdate")


def is_lendable(deployment: Object) -> bool:
    """Tell whether a strategy that takes old pods first is nobody's choice, but recorded."""
    if is_strategy_safe(deployment) or dig(deployment, *_ROLLING) != DEFAULT:
        return False
    fields = [(*_ROLLING, name) for name in DEFAULT]
    applied = any(applier_of(deployment, *field) for field in fields)
    return not applied and any(is_recorded(deployment, *field) for field in fields)


def borrowed(move: Move, deployment: Object) -> Step | None:
    """Return the step that makes the strategy safe; None: it is."""
    if is_strategy_safe(deployment):
        return None
    return Step(write=_patch(move, deployment, SAFE, f"make the rollout of {move.component} safe"))


def returned(move: Move, deployment: Object) -> Write | None:
    """Return the write that gives the strategy back; None: it was."""
    if dig(deployment, *_ROLLING) != SAFE:
        return None
    return _patch(move, deployment, DEFAULT, f"give back the strategy of {move.component}")


def _patch(move: Move, deployment: Object, rolling: Object, purpose: str) -> Write:
    return Write(
        ref=ref_of(move),
        manner=Manner.MERGE,
        body={
            "metadata": {"resourceVersion": version_of(deployment)},
            "spec": {"strategy": {"rollingUpdate": rolling}},
        },
        purpose=purpose,
    )
