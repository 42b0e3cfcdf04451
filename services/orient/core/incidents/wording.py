"""Incidents in sentences without volatile numbers, so that an alert stays the same."""

from services.orient.core.incidents.graph import Bad
from services.orient.core.incidents.watches import WATCHES
from shared.messages.incident import SubjectKind
from shared.messages.insight import Quality
from shared.messages.readings import Signal
from shared.model.fleet import Fleet


def sentence(found: Bad, fleet: Fleet) -> str:
    """Say what is wrong."""
    kind, subject = found.entity
    what = ", ".join(sorted({WATCHES[Signal(a.signal)].word for a in found.anomalies}))
    match kind:
        case SubjectKind.CLUSTER:
            text = next(c.reason for c in fleet.clusters if c.name == subject)
        case SubjectKind.GATEWAY:
            text = f"most links of {subject} are not normal: {what}"
        case SubjectKind.LINK:
            text = f"the link between {' and '.join(subject.split('>'))} is not normal: {what}"
        case SubjectKind.NODE:
            name, _, node = subject.partition("/")
            is_down = any(a.signal == Signal.NODE_READY for a in found.anomalies)
            text = f"node {node} of {name} is not {'Ready' if is_down else f'normal: {what}'}"
        case SubjectKind.COMPONENT:
            text = f"{subject} is not normal: {what}"
        case SubjectKind.GROUP:
            owner, _, group = subject.rpartition("/")
            text = f"user group {group} of {owner} has more users than usual"
    return text


def out_of_budget(quality: Quality, fleet: Fleet) -> str:
    """Say that a group suffers, and where its users are."""
    text = f"user group {quality.group} of {quality.application} is out of its budget"
    application = fleet.application(quality.application)
    groups = application.users if application else ()
    site = next((g.site for g in groups if g.name == quality.group), "")
    return f"{text}: its users attach at {site}" if site else text
