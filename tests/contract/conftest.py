"""The Kubernetes API that suites of this folder run against: the simulator's, and a real one."""

from collections.abc import AsyncIterator

import pytest

from tests.support.kubernetes_api import Server, real, simulated


@pytest.fixture(params=["simulator", pytest.param("real", marks=pytest.mark.real)])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    if request.param == "simulator":
        async with simulated() as server:
            yield server
    else:
        async with real(request.getfixturevalue("real_kubernetes")) as server:
            yield server
