from collections.abc import Iterator
from pathlib import Path

import pytest

from binance_assets.home import Home
from binance_assets.sandbox import Sandbox
from binance_assets.settings import Settings


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
