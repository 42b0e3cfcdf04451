"""The metrics of one simulated cluster: what its exporters show, and what queries are made of."""

from collections.abc import Iterator

from simulator.cluster_samples import cadvisor, kube_state, node_exporters
from simulator.families import Family, Sample
from simulator.world import World

LIQO_CHECK_SECONDS = 10.0
"""Liqo measures latency this often, and calls a peer lost after so long without an answer."""
DRIVER = "wireguard"


def families_of(world: World, cluster: str, wall_seconds: float) -> tuple[Family, ...]:
    """Return every metric of a cluster at an instant, in seconds of wall time after the start."""
    return tuple(
        family
        for family in (
            *_probe(world, cluster),
            *_liqo(world, cluster, wall_seconds),
            *kube_state(world, cluster),
            *node_exporters(world, cluster, wall_seconds),
            *cadvisor(world, cluster, wall_seconds),
            *(_example(world) if world.scenario.fleet.clusters[cluster].home else ()),
        )
        if family.samples
    )


def _peers(world: World, cluster: str) -> Iterator[str]:
    for ends in world.links:
        if cluster in ends:
            (peer,) = ends - {cluster}
            yield peer


def _probe(world: World, cluster: str) -> Iterator[Family]:
    """Show crossloop's own link probe. A dead peer leaves only the loss: nothing comes back."""
    rtt = Family("crossloop_probe_rtt_seconds", "gauge", "Round trip between gateways.")
    jitter = Family("crossloop_probe_jitter_seconds", "gauge", "Interarrival jitter, RFC 3550.")
    loss = Family("crossloop_probe_loss_ratio", "gauge", "Share of the probe's packets lost.")
    bandwidth = Family(
        "crossloop_probe_bandwidth_bits_per_second", "gauge", "What the link carries one way."
    )
    for peer in sorted(_peers(world, cluster)):
        labels = {"cluster_id": peer}
        link = world.link(cluster, peer)
        loss.samples.append(Sample(labels, link.loss_ratio if link else 1.0))
        if link:
            rtt.samples.append(Sample(labels, link.rtt_ms / 1e3))
            jitter.samples.append(Sample(labels, link.jitter_ms / 1e3))
            bandwidth.samples.append(Sample(labels, link.capacity_mbps * 1e6))
    yield from (rtt, jitter, loss, bandwidth)


def _liqo(world: World, cluster: str, wall_seconds: float) -> Iterator[Family]:
    """Show the gateways as Liqo 1.2 does: traffic and latency only while connected."""
    sent = Family("liqo_peer_transmit_bytes_total", "counter", "Bytes sent to a peer.")
    received = Family("liqo_peer_receive_bytes_total", "counter", "Bytes received from a peer.")
    latency = Family("liqo_peer_latency_us", "gauge", "Round trip to a peer in microseconds.")
    connected = Family("liqo_peer_is_connected", "gauge", "Whether the tunnel is connected.")
    for peer in sorted(_peers(world, cluster)):
        labels = {"driver": DRIVER, "cluster_id": peer}
        link = world.link(cluster, peer)
        known_lost = any(_is_known_lost(world, end) for end in (cluster, peer))
        connected.samples.append(Sample(labels, 0.0 if known_lost else 1.0))
        if link:
            latency.samples.append(Sample(labels, liqo_latency_us(link.rtt_ms)))
            for family, direction in ((sent, "transmit"), (received, "receive")):
                key = (direction, cluster, peer)
                value = world.counter(key, wall_seconds)
                family.samples.append(Sample(labels, value, world.rates.get(key, 0.0)))
    yield from (sent, received, latency, connected)


def liqo_latency_us(rtt_ms: float) -> float:
    """Return a round trip as Liqo tells it: in microseconds, but in whole ms from 1 ms on."""
    return float(int(rtt_ms) * 1000 if rtt_ms >= 1 else round(rtt_ms * 1000))


def _is_known_lost(world: World, cluster: str) -> bool:
    outage = world.clusters_lost.get(cluster)
    if outage is None or not outage.lasts():
        return False
    return world.seconds - outage.lost_at >= LIQO_CHECK_SECONDS


def _example(world: World) -> Iterator[Family]:
    """Show what the example application counts: its users, and how long its components take."""
    users = Family("xr_users", "gauge", "Users of a group at a site.")
    for group, (where, _) in sorted(world.users.items()):
        for site in world.scenario.fleet.user_sites:
            labels = {"group": group, "site": site}
            count = float(round(world.users_of(group))) if site == where else 0.0
            users.samples.append(Sample(labels, count))
    taking = Family("xr_processing_seconds", "gauge", "How long a component takes for a frame.")
    for application in world.applications:
        for component in application.components:
            if world.serving(application, component.name):
                labels = {"namespace": application.namespace, "component": component.name}
                taken_ms = world.processing_ms(application, component.name)
                taking.samples.append(Sample(labels, taken_ms / 1e3))
    yield from (users, taking)
