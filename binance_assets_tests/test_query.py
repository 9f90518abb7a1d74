"""`binance-assets query`: it answers from the export, and can do nothing else."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from binance_assets.cli import app, main
from binance_assets.export.publish import publish
from binance_assets.export.query import answer
from binance_assets.export.versions import current, new_version
from binance_assets.home import Home
from binance_assets_tests.pipeline import NOON, PAIRS, ROOT, Pipeline

TOP = "select symbol, price, price_text from fact_price_latest join dim_pair using (pair_key) order by symbol limit 2"


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with an export of real prices, and one of simulated ones."""
    home = Home(tmp_path_factory.mktemp("exports"))
    for source in ("live", "sandbox"):
        pipeline = Pipeline(home.store(source).path, source)
        pipeline.land_info(PAIRS)
        pipeline.land_prices({"BTCUSDT": "60000.5", "ETHBTC": "0.00000710"}, NOON)
        pipeline.update()
        publish(pipeline.store)
    return home


@pytest.fixture(params=["live"])
def published(request: pytest.FixtureRequest, home: Home, exports: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an export whose home the settings name."""
    monkeypatch.setenv("BINANCE_ASSETS_HOME", str(exports.path))
    monkeypatch.setenv("BINANCE_SOURCE", request.param)
    return exports.store(request.param).export


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["query", *arguments])


def test_a_table_is_printed(published: Path) -> None:
    result = ask(TOP)
    assert result.exit_code == 0
    assert "SIMULATED" not in result.stderr
    lines = [line.split() for line in result.stdout.replace("│", " ").replace("┃", " ").splitlines()]
    assert ["symbol", "price", "price_text"] in lines
    assert ["ETHBTC", "7.1e-06", "0.00000710"] in lines


def test_csv_and_json_are_for_programs(published: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(ask(TOP, "--csv").stdout)))
    assert rows == [
        {"symbol": "BTCUSDT", "price": "60000.5", "price_text": "60000.50000000"},
        {"symbol": "ETHBTC", "price": "7.1e-06", "price_text": "0.00000710"},
    ]
    document = json.loads(ask(TOP, "--json").stdout)
    assert (document["source"], document["simulated"]) == ("live", False)
    assert document["columns"] == ["symbol", "price", "price_text"]
    assert document["rows"][0] == {"symbol": "BTCUSDT", "price": 60000.5, "price_text": "60000.50000000"}
    strange = (
        "select 0.00000001::decimal(18, 8) as d, 'nan'::double as x, null as n, true as b, observed_at, [1] as l, "
    )
    strange += "'a,\"b\nc' as t, date '2024-03-01' as day from fact_price_latest limit 1"
    assert json.loads(ask(strange, "--json").stdout)["rows"] == [
        {"d": "0.00000001", "x": None, "n": None, "b": True, "observed_at": "2024-03-01T12:00:00Z", "l": [1],
         "t": 'a,"b\nc', "day": "2024-03-01"}
    ]  # fmt: skip
    nested = (
        "select timestamptz '2024-03-01 12:00+02' as z, [timestamp '2024-03-01 12:00'] as l, {'x': 'nan'::double} as s"
    )
    assert json.loads(ask(nested, "--json").stdout)["rows"] == [
        {"z": "2024-03-01T10:00:00Z", "l": ["2024-03-01T12:00:00Z"], "s": {"x": None}}
    ]
    [row] = list(csv.DictReader(io.StringIO(ask(strange, "--csv").stdout, newline="")))
    assert (row["d"], row["n"], row["b"], row["t"]) == ("0.00000001", "", "true", 'a,"b\nc')


@pytest.mark.parametrize("published", ["sandbox"], indirect=True)
@pytest.mark.parametrize("form", ["--csv", "--json", None])
def test_simulated_prices_are_called_so_beside_the_output(published: Path, form: str | None) -> None:
    result = ask(TOP, *([form] if form else []))
    assert "SIMULATED" in result.stderr
    assert "SIMULATED" not in result.stdout


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("select * from read_csv('/etc/passwd')", "/etc/passwd"),
        ("select * from read_text('/etc/passwd')", "/etc/passwd"),
        ("from '/etc/passwd'", "/etc/passwd"),
        ("select * from glob('/*')", "disabled"),
        ("select * from read_parquet('{folder}/../../../landing/*/*.parquet')", "disabled"),
        ("select * from read_blob('{store}/warehouse.duckdb')", "disabled"),
        ("select * from read_csv('http://127.0.0.1:9/x.csv')", "127.0.0.1"),
        ("copy dim_pair to '{folder}/mine.parquet'", "read only"),
        ("explain analyze copy dim_pair to '{folder}/mine.parquet'", "read only"),
        ("copy dim_pair to '/tmp/mine.parquet'", "read only"),
        ("create table mine as select 1", "read only"),
        ("drop view dim_pair", "read only"),
        ("attach '{store}/warehouse.duckdb'", "read only"),
        ("install httpfs", "read only"),
        ("set enable_external_access = true", "read only"),
        ("pragma enable_profiling", "read only"),
        ("call enable_logging()", "read only"),
        ("copy (pivot dim_pair on status using count(*)) to '{folder}/mine.parquet'", "read only"),
        ("with mine as (copy dim_pair to '{folder}/mine.parquet') select 1", "copy nothing"),
        ("with mine as (copy dim_pair to '{folder}/mine.parquet') pivot dim_pair on status using count(*)", "copy"),
        ("explain analyze with mine as (copy dim_pair to '{folder}/mine.parquet') select 1", "copy nothing"),
        ("explain (format json, analyze) copy dim_pair to '{folder}/mine.parquet'", "read only"),
        ("explain /* 币 */ analyze /* select */ copy dim_pair to '{folder}/mine.parquet'", "read only"),
        ("pragma table_info('dim_pair')", "read only"),
        ("with mine as (\u00a0copy\u00a0dim_pair to 'export://mine.parquet') select 1", "copy nothing"),
        (
            "with mine as (copy\u3000dim_pair to 'export://dim_pair.parquet') select 1",
            "copy nothing",
        ),
        ("with mine as (copy\u3000dim_pair to '{folder}/mine.parquet') select 1", "disabled"),
        (
            "from json_execute_serialized_sql(json_serialize_sql("
            "'with mine as (copy dim_pair to ''export://dim_pair.parquet'') select 1'))",
            "copy nothing",
        ),
        (
            "select * from query('from json_execute_serialized_sql(json_serialize_sql(''with mine as "
            "(copy dim_pair to ''''{folder}/mine.parquet'''') select 1''))')",
            "disabled",
        ),
        ("from read_text('{folder}/manifest.json')", "disabled"),
        ("select '\udcff'", "not UTF-8"),
        ("with gone as (delete from dim_pair returning *) from gone", "base table"),
        ("select 1; drop view dim_pair", "one statement, and it has 2"),
        ("select 1; select 2", "one statement, and it has 2"),
        ("", "one statement, and it has 0"),
        ("/* nothing */", "one statement, and it has 0"),
        ("explain", "syntax error"),
        ("selec 1", "syntax error"),
        ("select nothing from dim_pair", "nothing"),
        ("select * from dim_asset", "dim_asset"),
    ],
)
def test_what_is_no_question_to_the_export_is_refused(published: Path, question: str, said: str) -> None:
    folder = current(published)
    assert folder
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = ask(question.format(folder=folder, store=published.parent))
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert result.stdout == ""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("question", "columns"),
    [
        ("from dim_pair", ["pair_key", "symbol"]),
        ("from dim_pair select symbol", ["symbol"]),
        ("/* all of them */ select count(*) as pairs from dim_pair;", ["pairs"]),
        ("with one as (from dim_pair) select symbol from one", ["symbol"]),
        ("values (1), (2)", ["col0"]),
        ("table dim_pair", ["pair_key", "symbol"]),
        ("describe dim_pair", ["column_name", "column_type"]),
        ("describe select symbol from dim_pair", ["column_name", "column_type"]),
        ("show tables", ["name"]),
        ("summarize dim_pair", ["column_name", "column_type"]),
        ("pivot (select quote_code from dim_pair) on quote_code using count(*)", ["BTC", "TRY", "USDT"]),
        ("pivot dim_pair on quote_code using count(*) group by base_code", ["base_code", "BTC", "TRY", "USDT"]),
        ("pivot (select quote_code from dim_pair) on quote_code in ('TRY') using count(*)", ["TRY"]),
        ("from (pivot (select quote_code from dim_pair) on quote_code using count(*))", ["BTC", "TRY", "USDT"]),
        ("(from (pivot (select quote_code from dim_pair) on quote_code using count(*)))", ["BTC", "TRY", "USDT"]),
        (
            "with one as (select quote_code from dim_pair) pivot one on quote_code using count(*)",
            ["BTC", "TRY", "USDT"],
        ),
        ("unpivot (select 1 as a, 2 as b) on a, b", ["name", "value"]),
        ("explain select 'copy' from dim_pair", ["explain_key", "explain_value"]),
        ("explain /* 币 */ analyze from dim_pair", ["explain_key", "explain_value"]),
        ("explain (format json) from dim_pair", ["explain_key", "explain_value"]),
        ("explain (from dim_pair)", ["explain_key", "explain_value"]),
        (
            "explain pivot (select quote_code from dim_pair) on quote_code using count(*)",
            ["explain_key", "explain_value"],
        ),
    ],
)
def test_all_that_only_reads_is_answered(published: Path, question: str, columns: list[str]) -> None:
    result = ask(question, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["columns"][: len(columns)] == columns
    assert document["rows"]


def test_what_fails_while_it_is_worked_out_ends_with_1(published: Path) -> None:
    result = ask("select symbol::integer from dim_pair")
    assert result.exit_code == 1
    assert "BTCUSDT" in result.stderr or "Conversion" in result.stderr


def test_calls_that_make_no_sense_end_with_2(published: Path) -> None:
    assert ask(TOP, "--csv", "--json").exit_code == 2
    assert ask(TOP, "--source", "paper").exit_code == 2
    twice = ask("select 1 as a, 2 as a", "--json")
    assert twice.exit_code == 2
    assert "called a" in twice.stderr
    assert ask("select 1 as a, 2 as a", "--csv").stdout == "a,a\n1,2\n"


def test_a_home_without_an_export_is_told_how_to_make_one(home: Home) -> None:
    result = ask("select 1")
    assert result.exit_code == 1
    assert "binance-assets run" in result.stderr


@pytest.mark.parametrize("content", [None, '{"source": ', "[]", '{"source": "live"}'])
def test_a_manifest_that_is_missing_or_damaged_is_said(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    with new_version(home.store("live").export, "damaged") as folder:
        if content:
            (folder / "manifest.json").write_text(content, encoding="utf-8")
    for arguments in (["query", "select 1"], ["report"]):
        monkeypatch.setattr(sys, "argv", ["binance-assets", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        said = capsys.readouterr().err
        assert "manifest.json cannot be read" in said
        assert "`binance-assets run` publishes a new set" in said
        assert "Traceback" not in said


def test_a_long_table_is_not_cut_in_silence(published: Path) -> None:
    result = ask("select 'row' || range as r from range(1001)")
    assert "row999" in result.stdout
    assert "row1000" not in result.stdout
    assert "first 1,000 of 1,001 rows" in result.stderr
    assert len(ask("from range(25000)", "--csv").stdout.splitlines()) == 25_001


def test_control_c_stops_a_long_question(published: Path) -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "  # a background job ignores it
        "from binance_assets.export import query as export; execute = export._execute\n"
        "def started(*arguments):\n    print('asked', flush=True)\n    execute(*arguments)\n"
        "export._execute = started\n"
        "from binance_assets.cli import main; main()"
    )
    question = "select count(*) from range(1000000000000) as a (i) where sqrt(i) * random() > 1e9"
    with subprocess.Popen(
        [sys.executable, "-c", program, "query", question],
        cwd=ROOT,
        env=os.environ | {"BINANCE_SOURCE": "live"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(30) == 130
        finally:
            process.kill()
        assert "Stopped" in process.stderr.read()


def test_a_file_is_read_by_several_threads_at_once(tmp_path: Path) -> None:
    rows = "select range as number, hash(range)::varchar as text from range(1_000_000)"
    duckdb.sql(rows).write_parquet(str(tmp_path / "long.parquet"), row_group_size=20_000)
    question = "select count(*), bit_xor(hash(number, text)) from "
    told = duckdb.sql(f"{question} ({rows})").fetchall()
    for _ in range(5):
        with answer(tmp_path, f"{question} long") as result:
            assert result.fetchall() == told
