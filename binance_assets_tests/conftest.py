from collections.abc import Iterator

import pytest

from binance_assets.sandbox import Sandbox


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The simulated exchange, which behaves again after each test."""
    yield running_sandbox
    running_sandbox.clear_faults()
