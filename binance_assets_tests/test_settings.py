"""Settings, and which source a home uses."""

from pathlib import Path

import pytest

from binance_assets.exchange import choose_source
from binance_assets.home import Home
from binance_assets.sandbox import Sandbox
from binance_assets.settings import SettingsError, load_settings

SENSELESS = {
    "BINANCE_ASSETS_HOME": "a_file",
    "BINANCE_SOURCE": "paper",
    "BINANCE_API_URL": "api.binance.com",
    "BINANCE_SAMPLING_INTERVAL_SECONDS": "7",
    "BINANCE_CARRY_LIMIT_SECONDS": "-1",
}


@pytest.mark.parametrize("name", SENSELESS)
def test_a_senseless_setting_is_refused_with_its_name(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "a_file").touch()
    monkeypatch.setenv(name, SENSELESS[name])
    with pytest.raises(SettingsError, match=name):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BINANCE_SAMPLING_INTERVAL_SECONDS", "0"),
        ("BINANCE_SAMPLING_INTERVAL_SECONDS", "61"),
        ("BINANCE_SAMPLING_INTERVAL_SECONDS", "ten"),
        ("BINANCE_SAMPLING_INTERVAL_SECONDS", "2.5"),
        ("BINANCE_CARRY_LIMIT_SECONDS", "3601"),
        ("BINANCE_API_URL", "https://a,ftp://b"),
    ],
)
def test_values_at_and_beyond_the_edges(home: Home, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_all_senseless_settings_are_named_at_once(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_file").touch()
    for name, value in SENSELESS.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert len(str(refused.value).splitlines()) == len(SENSELESS)


def test_the_environment_wins_over_the_file(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(
        "BINANCE_CARRY_LIMIT_SECONDS=60\nBINANCE_SAMPLING_INTERVAL_SECONDS=30\nOTHER=1\n", encoding="utf-8"
    )
    monkeypatch.setenv("BINANCE_SAMPLING_INTERVAL_SECONDS", "20")
    settings = load_settings()
    assert (settings.carry_limit_seconds, settings.sampling_interval_seconds) == (60, 20)


def test_an_empty_setting_is_one_that_is_not_set(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SENSELESS:
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.source, settings.sampling_interval_seconds, settings.home) == ("auto", 10, Path("data"))


def test_addresses_are_split_and_trimmed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_API_URL", " https://a.example/ ,http://127.0.0.1:8700,")
    assert load_settings().api_url == ("https://a.example", "http://127.0.0.1:8700")


def test_auto_falls_back_to_the_sandbox_and_stays_with_it(
    home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_SOURCE", "auto")
    monkeypatch.setenv("BINANCE_API_URL", "http://127.0.0.1:1")
    source, reason = choose_source(load_settings(), home)
    assert source == "sandbox"
    assert "does not answer" in reason
    monkeypatch.setenv("BINANCE_API_URL", sandbox.url)
    assert choose_source(load_settings(), home) == ("sandbox", "this home has used it before")
    monkeypatch.setenv("BINANCE_SOURCE", "live")
    assert choose_source(load_settings(), home)[0] == "live"


def test_auto_knows_a_sandbox_when_it_sees_one(home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulated exchange at the given address is never taken for the real one."""
    monkeypatch.setenv("BINANCE_SOURCE", "auto")
    monkeypatch.setenv("BINANCE_API_URL", sandbox.url)
    source, reason = choose_source(load_settings(), home)
    assert source == "sandbox"
    assert "is a sandbox" in reason
