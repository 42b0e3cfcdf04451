"""A real API server with its store, its controllers and kwok's nodes, on loopback."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from console.real.auditing import audit_flags
from console.real.client import ApiError, Client, Object
from console.real.credentials import User, write_kubeconfig, write_signing_key, write_tokens
from console.real.kwok import PodTimes, is_ready, stages
from console.real.parts import program
from console.real.processes import Child, free_ports, running, wait_until

START_SECONDS = 60.0
ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealKubernetes:
    """A running API server and what its administrator needs to reach it."""

    url: str
    token: str = field(repr=False)
    ca_file: Path
    kubeconfig: Path
    client: Client
    children: tuple[Child, ...]

    @classmethod
    @contextmanager
    def start(
        cls,
        directory: Path,
        *,
        controllers: bool = True,
        nodes: bool = True,
        users: Iterable[User] = (),
        pods: PodTimes | None = None,
        audited: Iterable[str] = (),
    ) -> Iterator["RealKubernetes"]:
        """Run an API server for as long as the block lasts, with all it keeps in `directory`.

        `controllers`: controller-manager and scheduler too, so that Deployments roll out.
        `nodes`: kwok too, which plays the kubelets of nodes made by `kwok.node`; `pods` says how
        long their pods take. `users` may come with a token; requests of `audited` are written down.
        """
        directory.mkdir(parents=True, exist_ok=True)
        layout = _Layout(directory=directory, ports=free_ports(3))
        admin = User(name=ADMIN, groups=("system:masters",))
        write_tokens(layout.tokens, (admin, *users))
        write_signing_key(layout.key)
        with ExitStack() as stack:
            server = layout.server(tuple(audited))
            stack.enter_context(running(*server))
            client = layout.client(admin)
            _wait_ready(client, server)
            write_kubeconfig(layout.kubeconfig, user=admin, url=layout.url, ca_file=layout.ca_file)
            parts = layout.controllers() if controllers else ()
            parts += (layout.kwok(pods or PodTimes()),) if nodes else ()
            stack.enter_context(running(*parts))
            yield cls(
                url=layout.url,
                token=admin.token,
                ca_file=layout.ca_file,
                kubeconfig=layout.kubeconfig,
                client=client,
                children=(*server, *parts),
            )

    def as_user(self, user: User) -> Client:
        """Return a client that comes with that user's token."""
        host, port = self.client.host, self.client.port
        return Client(host=host, port=port, token=user.token, ca_file=self.ca_file)

    def add_nodes(self, *manifests: Object, seconds: float = 15.0) -> None:
        """Create nodes, and wait until pods may be scheduled on all of them."""
        paths = [self.client.path_of(self.client.create(manifest)) for manifest in manifests]
        wait_until(
            lambda: all(is_ready(self.client.get(path)) for path in paths),
            what=f"nodes {', '.join(paths)} are ready",
            seconds=seconds,
            children=self.children,
        )

    def install_crds(self, manifests: Iterable[Object], seconds: float = 15.0) -> None:
        """Apply CustomResourceDefinitions and wait until all of them are served."""
        paths = [self.client.path_of(self.client.apply(crd)) for crd in manifests]
        wait_until(
            lambda: all(_is_established(self.client.get(path)) for path in paths),
            what="CustomResourceDefinitions are established",
            seconds=seconds,
            children=self.children,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where everything is: files under one folder, ports on loopback."""

    directory: Path
    ports: tuple[int, ...]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.ports[2]}"

    @property
    def ca_file(self) -> Path:
        return self.directory / "certificates" / "apiserver.crt"

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    @property
    def tokens(self) -> Path:
        return self.directory / "tokens.csv"

    @property
    def key(self) -> Path:
        return self.directory / "service-accounts.key"

    def client(self, user: User) -> Client:
        return Client(host="127.0.0.1", port=self.ports[2], token=user.token, ca_file=self.ca_file)

    def child(self, name: str, *flags: str) -> Child:
        return Child(name, (program(name), *flags), directory=self.directory)

    def server(self, audited: tuple[str, ...]) -> tuple[Child, ...]:
        store, peer = (f"http://127.0.0.1:{port}" for port in self.ports[:2])
        etcd = self.child(
            "etcd",
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={store}",
            f"--advertise-client-urls={store}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=error",
        )
        api = self.child(
            "kube-apiserver",
            f"--etcd-servers={store}",
            f"--cert-dir={self.ca_file.parent}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports[2]}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--allow-privileged=true",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            f"--token-auth-file={self.tokens}",
            f"--service-account-issuer={self.url}",
            f"--service-account-key-file={self.key}",
            f"--service-account-signing-key-file={self.key}",
            *audit_flags(self.directory, audited),
        )
        return etcd, api

    def controllers(self) -> tuple[Child, ...]:
        common = (f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0")
        manager = self.child(
            "kube-controller-manager",
            *common,
            f"--service-account-private-key-file={self.key}",
            "--controllers=*,-nodeipam,-cloud-node-lifecycle-controller,-service-lb-controller",
        )
        return manager, self.child("kube-scheduler", *common)

    def kwok(self, times: PodTimes) -> Child:
        config = self.directory / "kwok.yaml"
        config.write_text("\n---\n".join(json.dumps(stage) for stage in stages(times)))
        return self.child(
            "kwok",
            f"--kubeconfig={self.kubeconfig}",
            f"--config={config}",
            "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            "--node-lease-duration-seconds=40",
            "--server-address=",
        )


def _wait_ready(client: Client, server: tuple[Child, ...]) -> None:
    def is_ready() -> bool:
        try:
            client.call("GET", "/api/v1/namespaces/default")
        except (OSError, ApiError):
            return False
        return True

    wait_until(is_ready, what="API server is ready", seconds=START_SECONDS, children=server)


def _is_established(crd: Object) -> bool:
    # null, not missing, in the first moments
    conditions = crd.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
