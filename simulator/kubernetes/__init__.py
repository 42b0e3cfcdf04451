"""A small Kubernetes API server in one process: discovery, CRUD, watch, apply, custom resources.

    async with ApiServer(port=0) as server:
        write_kubeconfig(folder / "kubeconfig", server.url)   # plain HTTP, everyone may do anything
        server.faults.add(Fault(meets=lambda method, path: method == "PATCH", status=503, times=2))
        async with running(server.api, speed=10):             # simulator.controllers
            ...

`server.api` offers the same operations in the process; the controllers work on it. What differs
from a real one: CEL rules of custom resources are not evaluated; built-in kinds are not checked
field by field (an unknown field is kept, only the mistakes of `validation` are refused); owned
objects always go in the background, whatever propagationPolicy says; a definition is served
at once.
"""

from simulator.kubernetes.api import Api
from simulator.kubernetes.faults import Fault
from simulator.kubernetes.server import ApiServer, write_kubeconfig

__all__ = ["Api", "ApiServer", "Fault", "write_kubeconfig"]
