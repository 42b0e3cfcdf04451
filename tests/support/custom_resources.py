"""Good and bad objects of our own kinds: what an API server takes, and what it must refuse."""

from copy import deepcopy
from typing import Any

Object = dict[str, Any]

SPACE = "crds"
"""The namespace of the applications."""

RENDER: Object = {"name": "render", "workload": {"name": "render"}}
ENCODE: Object = {"name": "encode", "workload": {"name": "encode"}}
FLOW: Object = {"from": "render", "to": "encode", "mbps": 10}
GROUP: Object = {"group": "north", "site": "venue", "path": ["render", "encode"]}
GROWTH: Object = {"namespace": "capi", "machineDeployment": "md", "maxNodes": 2}
NODE: Object = {"cores": 16, "memoryGib": 64}
WINDOW: Object = {"start": "22:00", "end": "24:00"}


def thing(kind: str, name: str, spec: Object) -> Object:
    """Return an object of one of our kinds."""
    metadata = {"name": name} | ({"namespace": SPACE} if kind == "Application" else {})
    return {
        "apiVersion": "crossloop.dev/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }


def application(name: str = "arena", **spec: Any) -> Object:
    """Return an Application of two components, one flow and one group."""
    usual = {"components": [RENDER, ENCODE], "flows": [FLOW], "users": [GROUP]}
    return thing("Application", name, deepcopy(usual | spec))


def component(**changes: Any) -> Object:
    """Return an Application in which `render` is changed."""
    return application(components=[RENDER | changes, ENCODE])


def flow(without: str = "", **changes: Any) -> Object:
    """Return an Application in which the flow is changed."""
    return application(flows=[{k: v for k, v in (FLOW | changes).items() if k != without}])


def group(without: str = "", **changes: Any) -> Object:
    """Return an Application in which the user group is changed."""
    return application(users=[{k: v for k, v in (GROUP | changes).items() if k != without}])


def site(name: str = "metro", **spec: Any) -> Object:
    """Return a Site."""
    return thing("Site", name, spec)


def policy(name: str = "default", **spec: Any) -> Object:
    """Return a FleetPolicy."""
    return thing("FleetPolicy", name, spec)


def windows(**changes: Any) -> Object:
    """Return limits with one maintenance window, changed."""
    return {"maintenanceWindows": [WINDOW | changes]}


GOOD: dict[str, Object] = {
    "an application with the least said": application(flows=[], users=[]),
    "an application with a group there and back": group(back=["render"]),
    "a constant of zero": component(processing={"milliseconds": 0}),
    "metrics in place of constants": application(
        components=[RENDER | {"processing": {"metric": "x_ms"}}, ENCODE],
        flows=[{"from": "encode", "to": "render", "mbpsMetric": "x_mbps"}],
        users=[{"group": "north", "siteMetric": "xr_users", "path": ["render"]}],
    ),
    "a range of replicas": component(replicas={"min": 2, "max": 2}),
    "a window past midnight": application(limits=windows(start="22:00", end="06:00")),
    "allowed and forbidden apart": component(
        placement={"regions": {"allow": ["north"], "forbid": ["south"]}}
    ),
    "the longest path and the most flows": application(
        components=[RENDER | {"name": f"c{n}"} for n in range(64)],
        flows=[
            {"from": f"c{n}", "to": f"c{(n + step) % 64}", "mbps": 1}
            for n in range(64)
            for step in (1, 2, 3, 4)
        ],
        users=[
            {"group": f"g{n}", "site": "venue", "path": [f"c{63 - k}" for k in range(32)]}
            for n in range(32)
        ],
    ),
    "a site with the least said": site(),
    "a site that grows": site(growth=GROWTH | {"minNodes": 2}),
    "a site that grows by nodes of a size": site(growth=GROWTH | {"node": NODE}),
    "a site whose cluster is not made yet": site(template={"name": "edge", "node": NODE}),
    "a site that others may use": site(
        peerings=[{"consumer": "home", "milliseconds": 2.5, "mbps": 1000}]
    ),
    "a site with a lease": site(leaseEndsAt="2026-11-24T07:00:00Z"),
    "a policy with the least said": policy(),
    "a policy that looks at one cycle": policy(persistence={"of": 1}),
    "a policy that lets clusters be changed": policy(capacityAutonomy="auto"),
    "a policy that allows a double run": policy(allowDoubleRun=True),
    "a flow of large packets": flow(packetBytes=65507),
    "a policy that ignores a signal": policy(
        missing=[{"signal": "link_jitter_ms", "meaning": "ignore"}]
    ),
}

BAD: dict[str, tuple[Object, str]] = {
    # an application as a whole
    "a name with a dot": (application("arena.one"), "one DNS label"),
    "a name that is too long": (application("a" * 64), "one DNS label"),
    "no components": (application(components=[]), "should have at least 1 items"),
    "no specification": (
        {k: v for k, v in application().items() if k != "spec"},
        "spec: Required value",
    ),
    "a level of autonomy that is unknown": (application(autonomy="yolo"), "supported values"),
    # components
    "two components of one name": (application(components=[RENDER, RENDER]), "Duplicate value"),
    "a component with a capital letter": (component(name="Render"), "should match"),
    "a component without a workload": (
        application(components=[{"name": "render"}]),
        "workload: Required value",
    ),
    "a workload that cannot be moved": (
        component(workload={"kind": "DaemonSet", "name": "x"}),
        "supported values",
    ),
    "a negative processing time": (
        component(processing={"milliseconds": -1}),
        "greater than or equal to 0",
    ),
    "a processing time given twice": (
        component(processing={"milliseconds": 1, "metric": "x"}),
        "either milliseconds or metric",
    ),
    "a processing time not given": (component(processing={}), "either milliseconds or metric"),
    "a range of replicas turned round": (
        component(replicas={"min": 3, "max": 2}),
        "min must not be more than max",
    ),
    "more replicas at least than at most, by default": (
        component(replicas={"max": 0}),
        "greater than or equal to 1",
    ),
    "a region both allowed and forbidden": (
        component(placement={"regions": {"allow": ["north", "south"], "forbid": ["south"]}}),
        "in allow and in forbid",
    ),
    "an owner both allowed and forbidden": (
        component(placement={"owners": {"allow": ["us"], "forbid": ["us"]}}),
        "in allow and in forbid",
    ),
    "a cluster both allowed and forbidden": (
        component(placement={"clusters": {"allow": ["metro"], "forbid": ["metro"]}}),
        "in allow and in forbid",
    ),
    # flows
    "a flow to itself": (flow(to="render"), "must not lead from a component to itself"),
    "a flow from nowhere": (flow(**{"from": "tracks"}), "A flow names a component that does not"),
    "a flow to nowhere": (flow(to="tracks"), "A flow names a component that does not exist"),
    "the same flow twice": (application(flows=[FLOW, FLOW]), "Duplicate value"),
    "traffic given twice": (flow(mbpsMetric="x"), "either mbps or mbpsMetric"),
    "traffic not given": (flow(without="mbps"), "either mbps or mbpsMetric"),
    "a protocol that is unknown": (flow(protocol="SCTP"), "supported values"),
    "a loss of more than all": (flow(maxLossRatio=1.1), "less than or equal to 1"),
    "a jitter of zero": (flow(maxJitterMs=0), "greater than 0"),
    "packets of nothing": (flow(packetBytes=0), "greater than or equal to 1"),
    "packets larger than UDP has": (flow(packetBytes=65508), "less than or equal to 65507"),
    # user groups
    "a budget of zero": (group(budgetMs=0), "greater than 0"),
    "two groups of one name": (application(users=[GROUP, GROUP]), "Duplicate value"),
    "no path": (group(path=[]), "should have at least 1 items"),
    "a cycle in a path": (group(path=["render", "encode", "render"]), "the path is a cycle"),
    "a cycle on the way back": (group(back=["render", "render"]), "the path is a cycle"),
    "a path over nothing": (group(path=["tracks"]), "a user group names a component that does not"),
    "a way back over nothing": (group(back=["tracks"]), "names a component that does not exist"),
    "a place given twice": (group(siteMetric="x"), "either site or siteMetric"),
    "a place not given": (group(without="site"), "either site or siteMetric"),
    "a share of time of more than all": (group(targetRatio=1.1), "less than or equal to 1"),
    "a share of time of nothing": (group(targetRatio=0), "greater than 0"),
    # limits
    "an hour that is none": (application(limits=windows(start="25:00")), "should match"),
    "a window of no time": (application(limits=windows(end="22:00")), "must not end when it"),
    "a day that is none": (application(limits=windows(days=["Funday"])), "supported values"),
    # sites
    "a site with a dot in its name": (site("metro.one"), "one DNS label"),
    "a tier that is unknown": (site(tier="fog"), "supported values"),
    "a lease without an end": (site(leaseEndsAt="soon"), "date-time"),
    "a price below zero": (site(prices={"coreHourUsd": -1}), "greater than or equal to 0"),
    "a gateway that carries nothing": (site(gatewayMbps=0), "greater than 0"),
    "two ways from one user site": (
        site(access=[{"from": "venue", "milliseconds": n} for n in (1, 2)]),
        "Duplicate value",
    ),
    "growth turned round": (site(growth=GROWTH | {"minNodes": 3}), "minNodes must not be more"),
    "growth without a ceiling": (
        site(growth={"namespace": "capi", "machineDeployment": "md"}),
        "maxNodes: Required value",
    ),
    "growth by nodes of no cores": (
        site(growth=GROWTH | {"node": NODE | {"cores": 0}}),
        "greater than 0",
    ),
    "a template without a size": (site(template={"name": "edge"}), "node: Required value"),
    "two peerings with one cluster": (
        site(peerings=[{"consumer": "home", "milliseconds": n} for n in (1, 2)]),
        "Duplicate value",
    ),
    # policies
    "a policy with a dot in its name": (policy("the.fleet"), "one DNS label"),
    "a guard band that leaves nothing": (policy(guardBandRatio=1), "must be at most 0.99"),
    "more violations than cycles": (
        policy(persistence={"needed": 3, "of": 2}),
        "needed must not be more than of",
    ),
    "a level of autonomy for clusters that is unknown": (
        policy(capacityAutonomy="yolo"),
        "supported values",
    ),
    "a signal that is unknown": (
        policy(missing=[{"signal": "mood", "meaning": "hold"}]),
        "supported values",
    ),
    "a window of the fleet of no time": (
        policy(defaultLimits=windows(end="22:00")),
        "must not end when it",
    ),
}
