import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from binance_assets.home import Home
from binance_assets.sandbox import Sandbox
from binance_assets.settings import Settings
from binance_assets_tests.klines import ArchiveStore
from binance_assets_tests.small_history import NOW, at, store_at
from binance_assets_tests.small_market import SmallSandbox

# Far from UTC, so that whatever takes an instant for local time is wrong by hours and a quarter.
os.environ["TZ"] = "Asia/Kathmandu"
time.tzset()


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The simulated exchange, which behaves again after each test."""
    yield running_sandbox
    running_sandbox.clear_faults()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home that the settings name, far from any .env, with real data as its own."""
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    path = tmp_path / "home"
    monkeypatch.setenv("BINANCE_ASSETS_HOME", str(path))
    monkeypatch.setenv("BINANCE_SOURCE", "live")
    monkeypatch.setenv("DAGSTER_HOME", str(path / "dagster"))
    monkeypatch.chdir(tmp_path)
    return Home(path)


@pytest.fixture(scope="session")
def running_small_exchange() -> Iterator[Sandbox]:
    with SmallSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def small_exchange(running_small_exchange: Sandbox) -> Iterator[Sandbox]:
    """An exchange of a few pairs, at a fixed time, with nothing wrong in it or in its archive."""
    at(running_small_exchange, NOW)
    yield running_small_exchange
    running_small_exchange.clear_faults()
    running_small_exchange.clear_defects()


@pytest.fixture
def backfilled(home: Home, small_exchange: Sandbox, monkeypatch: pytest.MonkeyPatch) -> ArchiveStore:
    """The store of a home that knows the pairs of a small market, and asks its exchange."""
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", small_exchange.url)
    return store_at(home.store("sandbox").path)
