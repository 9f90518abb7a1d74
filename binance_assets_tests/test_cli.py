"""The command line: what it says, how it ends, and where data goes."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from binance_assets.cli import app
from binance_assets.home import Home
from binance_assets.landing import sampling
from binance_assets.landing.imports import RefusedImport, import_files
from binance_assets.sandbox import Fault, Sandbox
from binance_assets_tests.pipeline import NOON, PAIRS, Pipeline, info_body, prices_body

COMMANDS = list(get_command(app).commands)  # type: ignore[attr-defined]  # it is a group


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def words(text: str) -> str:
    """Output without its line breaks and frames."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


@pytest.fixture
def sandboxed(home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home of the sandbox."""
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", sandbox.url)
    return home


# Help, usage, settings


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Examples?: .*binance-assets {command}", words(result.output))


def test_the_commands_are_there() -> None:
    there = {
        "run",
        "prices",
        "import",
        "rebuild",
        "status",
        "backfill",
        "collect",
        "service",
        "sandbox",
        "dev",
        "query",
        "dashboard",
        "report",
        "powerbi",
    }
    assert there == set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prices"], "Missing argument"),
        (["prices", "BTCUSDT", "--json", "--csv"], "exclude each other"),
        (["status", "--source", "paper"], "live or sandbox"),
        (["rebuild", "--source", "paper"], "live or sandbox"),
        (["import", "x.json", "--retrieved-at", "yesterday"], "2021-04-29T07:27:28Z"),
        (["run", "--fast"], "No such option"),
    ],
)
def test_a_call_that_makes_no_sense_ends_with_2(home: Home, arguments: list[str], said: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in words(result.stderr)


@pytest.mark.parametrize(
    "arguments", [["run"], ["prices", "BTCUSDT"], ["import", "x.csv"], ["rebuild"], ["status"]], ids=lambda a: a[0]
)
def test_a_senseless_setting_is_refused_by_every_command_with_its_name(
    home: Home, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("BINANCE_SAMPLING_INTERVAL_SECONDS", "7")
    result = call(*arguments)
    assert result.exit_code == 2
    assert "BINANCE_SAMPLING_INTERVAL_SECONDS='7'" in words(result.stderr)
    assert not home.path.exists()


def test_the_installed_command_runs() -> None:
    command = Path(sys.executable).with_name("binance-assets")
    help_text = subprocess.run([command, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "status" in help_text


# prices


def test_prices_as_json(sandboxed: Home) -> None:
    document = json.loads(call("prices", "BTCUSDT", "ETHUSDT", "BTCUSDT", "--json").stdout)
    assert document["simulated"] is True
    assert [row["symbol"] for row in document["prices"]] == ["BTCUSDT", "ETHUSDT"]
    assert all(re.fullmatch(r"\d+\.\d{8}", row["price"]) for row in document["prices"])
    assert all(datetime.fromisoformat(row["retrieved_at"]).tzinfo for row in document["prices"])


def test_prices_as_a_table(sandboxed: Home) -> None:
    result = call("prices", "BTCUSDT")
    assert result.exit_code == 0
    assert "SIMULATED" in result.stdout
    assert re.search(r"BTCUSDT\D+\d+\.\d{8}", result.stdout)


def test_prices_as_csv_are_read_by_import_which_goes_to_the_real_data(sandboxed: Home, tmp_path: Path) -> None:
    """Also when it was appended to, header and all; and whatever the home's own source is."""
    outputs = [call("prices", symbol, "ETHBTC", "--csv") for symbol in ("BTCUSDT", "BNBUSDT")]
    assert all("SIMULATED" in output.stderr for output in outputs)
    table = tmp_path / "prices.csv"
    table.write_text("".join(output.stdout for output in outputs), encoding="utf-8")
    with table.open(encoding="utf-8") as stream:
        lines = [line for line in csv.DictReader(stream) if line["Symbol"] != "Symbol"]
    assert list(lines[0]) == ["Symbol", "Price", "Retrieval_Timestamp"]

    imported = call("import", table, "--json")
    assert imported.exit_code == 0, imported.output
    status = json.loads(imported.stdout)
    assert (status["source"], status["simulated"], status["refused_rows"]) == ("live", False, 0)
    pipeline = Pipeline(sandboxed.store("live").path)
    stored = pipeline.rows("select symbol, price, retrieved_at from raw.ticker_price order by retrieved_at, symbol")
    expected = [
        (line["Symbol"], line["Price"], datetime.fromisoformat(line["Retrieval_Timestamp"]).replace(tzinfo=None))
        for line in lines
    ]
    assert stored == sorted(expected, key=lambda row: (row[2], row[0]))
    assert not sandboxed.store("sandbox").warehouse.path.exists()


@pytest.mark.parametrize(("kind", "symbol"), [(None, "NOSUCHPAIR"), ("451", "BTCUSDT")])
def test_no_usable_answer_ends_with_3(sandboxed: Home, sandbox: Sandbox, kind: str | None, symbol: str) -> None:
    if kind:
        sandbox.fail(Fault(kind))
    result = call("prices", symbol)
    assert result.exit_code == 3
    assert "ticker/price" in words(result.stderr)


# import


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.json", None, "no such file"),
        ("text.json", b"hello", "no JSON"),
        ("nan.json", b'[{"symbol":"BTCUSDT","price":NaN}]', "no JSON"),
        ("empty.json", b"[]", "neither an exchangeInfo response"),
        ("error.json", b'{"code":-1003,"msg":"Way too many requests"}', "an error of the exchange"),
        ("old.json", info_body(PAIRS, NOON - timedelta(days=9999)), "before the exchange opened"),
        ("future.json", info_body(PAIRS, NOON + timedelta(days=99999)), "before the exchange opened"),
        ("cut.json.gz", b"\x1f\x8b\x08\x00cut", "cut or damaged"),
        ("columns.csv", b"symbol;price;time\n", "its columns are"),
        ("columns.parquet", b"PAR1", "cannot be read"),
        ("cut.csv.gz", None, "cut or damaged"),
    ],
)
def test_a_file_that_is_nothing_known_is_refused_with_what_is_wrong(
    home: Home, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if name == "cut.csv.gz":
        lines = "".join(f"BTCUSDT,{random.Random(n).random():.8f},2024-03-01T12:00:00Z\n" for n in range(2000))
        path.write_bytes(gzip.compress(f"Symbol,Price,Retrieval_Timestamp\n{lines}".encode())[:-100])
    elif content is not None:
        path.write_bytes(content)
    good = tmp_path / "good.json"
    good.write_bytes(prices_body({"BTCUSDT": "1"}))
    landing = home.store("live").landing
    with pytest.raises(RefusedImport, match=said) as refused:
        import_files(landing, [good, path], NOON)
    assert name in str(refused.value)
    assert landing.files_after(None) == [], "a file was landed though another was refused"


@pytest.mark.parametrize("at", [None, NOON - timedelta(days=9999), NOON + timedelta(days=99999)])
def test_prices_must_come_with_a_time_that_can_be(home: Home, tmp_path: Path, at: datetime | None) -> None:
    prices = tmp_path / "prices.json"
    prices.write_bytes(prices_body({"BTCUSDT": "1"}))
    with pytest.raises(RefusedImport, match=r"retrieved-at" if at is None else "before the exchange opened"):
        import_files(home.store("live").landing, [prices], at)


# A whole run, and what comes after


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory, running_sandbox: Sandbox) -> Iterator[tuple[Home, Result]]:
    """A home of the sandbox in which `run` was called, and what it printed."""
    home = Home(tmp_path_factory.mktemp("simulated") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BINANCE_ASSETS_HOME", str(home.path))
        patch.setenv("BINANCE_SOURCE", "sandbox")
        patch.setenv("BINANCE_API_URL", running_sandbox.url)
        patch.setenv("DAGSTER_HOME", str(home.path / "dagster"))
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        patch.setattr(sampling, "grid", lambda start, interval: [start, start + timedelta(seconds=0.3)])
        yield home, call("run")


def test_a_run_of_the_sandbox_says_simulated_everywhere(simulated: tuple[Home, Result]) -> None:
    home, result = simulated
    assert result.exit_code == 0, result.output
    assert "SIMULATED" in result.stderr, "not said at the start"
    assert "SIMULATED" in result.stdout, "not said in the summary"
    assert "SIMULATED" in call("status").stdout
    manifest = json.loads((home.store("sandbox").export / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["simulated"] is True
    assert "SIMULATED" in manifest["notice"]
    assert not home.store("live").path.exists()


def test_the_summary_says_what_a_person_wants_to_know(simulated: tuple[Home, Result]) -> None:
    home, result = simulated
    said = words(result.stdout)
    for text in ("pairs", "trading", "checks passed, 0 failed", "Highest-priced"):
        assert text in said
    for command in ("dashboard --open", "report", "dev", "status", "service"):
        assert f"binance-assets {command} " in said.partition("Next")[2]
    for place in ("landing", "warehouse.duckdb", "export"):
        assert str(home.store("sandbox").path / place) in result.stdout


def test_status_as_json_is_for_programs(simulated: tuple[Home, Result]) -> None:
    home, _ = simulated
    status = json.loads(call("status", "--json").stdout)
    assert {"warehouse", "landing", "lake", "export", "source", "checks", "rows", "bytes"} <= status.keys()
    for place in ("warehouse", "landing", "export"):
        assert Path(status[place]).exists()
        assert status["bytes"][place] > 0
    assert (status["source"], status["simulated"]) == ("sandbox", True)
    assert status["rows"]["core.price_history"] == 2 * status["pairs"] > 2000
    assert 0 <= status["age_seconds"] < 600
    assert len(status["highest_priced"]) == 10
    with home.dagster_instance() as instance:
        assert [run.job_name for run in instance.get_runs()] == ["run_once"], "the run is in the UI"


def test_a_warehouse_of_other_declarations_is_refused_and_a_rebuild_heals_it(simulated: tuple[Home, Result]) -> None:
    home, _ = simulated
    pipeline = Pipeline(home.store("sandbox").path, "sandbox")
    before = pipeline.tables()
    with pipeline.warehouse.transaction() as connection:
        connection.rows("update meta.warehouse set schema_sha256 = 'older'")
    refused = call("status")
    assert refused.exit_code == 1
    assert "binance-assets rebuild" in words(refused.stderr)
    assert call("rebuild").exit_code == 0
    assert call("status").exit_code == 0
    assert pipeline.tables() == before


def test_status_of_an_empty_home(home: Home) -> None:
    result = call("status")
    assert result.exit_code == 0
    assert "no data yet" in words(result.stdout)
    assert json.loads(call("status", "--json").stdout)["rows"] == {}


def test_a_run_without_an_answer_ends_with_3_and_lands_nothing(sandboxed: Home, sandbox: Sandbox) -> None:
    sandbox.fail(Fault("451"))
    result = call("run")
    assert result.exit_code == 3, result.output
    assert "restricted" in words(result.stderr)
    assert sandboxed.store("sandbox").landing.files_after(None) == []


def test_a_failing_step_ends_with_1_and_says_which_file(home: Home) -> None:
    pipeline = Pipeline(home.store("live").path)
    file = pipeline.land_prices({"BTCUSDT": "1"})
    path = pipeline.landing.path / file.name
    path.write_bytes(path.read_bytes()[:-40])
    result = call("rebuild")
    assert result.exit_code == 1
    assert file.name in words(result.stderr).replace(" ", "")
