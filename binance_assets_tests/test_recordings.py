"""Recordings of the real exchange, imported and compared with plain Python over the same files."""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from binance_assets.checks import RULES
from binance_assets.cli import app
from binance_assets.home import Home
from binance_assets.landing import Landing
from binance_assets.landing.imports import RefusedImport
from binance_assets.landing.imports import import_files as land
from binance_assets_tests.pipeline import NOON, ROOT, Pipeline, described, info_body

RECORDINGS = Path(os.environ.get("BINANCE_RECORDINGS") or ROOT.parent / "shared" / "recordings")

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"there are no recordings in {RECORDINGS}; BINANCE_RECORDINGS says where they are"
)

ImportFiles = Callable[..., dict[str, Any]]


def recorded(name: str) -> Any:
    content = (RECORDINGS / name).read_bytes()
    return json.loads(gzip.decompress(content) if name.endswith(".gz") else content)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["import", *map(str, arguments)])


@pytest.fixture
def import_files(home: Home) -> ImportFiles:
    """Imports files by the command line, and gives the status that it prints."""

    def run(*arguments: object) -> dict[str, Any]:
        result = call("--json", *arguments)
        assert result.exit_code == 0, result.output
        status: dict[str, Any] = json.loads(result.stdout)
        return status

    return run


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    return Pipeline(home.store("live").path)


def assert_kept_digit_for_digit(pipeline: Pipeline, prices: list[dict[str, str]]) -> None:
    kept = dict(pipeline.rows("select symbol, price from raw.ticker_price"))
    assert kept == {row["symbol"]: row["price"] for row in prices}


def test_metadata_and_prices_of_one_moment(import_files: ImportFiles, pipeline: Pipeline) -> None:
    info, prices = "exchange_info/spot_20210429.json.gz", "ticker_price/spot_20210429.json.gz"
    status = import_files(RECORDINGS / info, RECORDINGS / prices, "--retrieved-at", "2021-04-29T07:27:28Z")
    assert (status["pairs"], status["rows"]["mart.fact_price"], status["stale_pairs"]) == (1418, 1418, 370)
    assert (status["refused_rows"], status["symbols_without_metadata"]) == (0, 0)

    symbols = {symbol["symbol"]: symbol for symbol in recorded(info)["symbols"]}
    pairs = pipeline.rows("select symbol, base_code, quote_code, status from mart.dim_pair")
    assert {row[0]: row[1:] for row in pairs} == {
        name: (symbol["baseAsset"], symbol["quoteAsset"], symbol["status"]) for name, symbol in symbols.items()
    }
    stored = pipeline.rows(
        "select symbol, price, is_stale, observed_at from mart.fact_price inner join mart.dim_pair using (pair_key)"
    )
    at = datetime(2021, 4, 29, 7, 27, 28)  # noqa: DTZ001
    assert {symbol: (price, is_stale, when) for symbol, price, is_stale, when in stored} == {
        row["symbol"]: (Decimal(row["price"]), symbols[row["symbol"]]["status"] != "TRADING", at)
        for row in recorded(prices)
    }
    assert_kept_digit_for_digit(pipeline, recorded(prices))
    for name, column, target in (
        ("core.pair", "base_currency_id", "core.currency.currency_id"),
        ("core.pair", "quote_currency_id", "core.currency.currency_id"),
        ("core.pair_history", "pair_id", "core.pair.pair_id"),
        ("core.price_history", "pair_id", "core.pair.pair_id"),
        ("mart.fact_price", "pair_key", "mart.dim_pair.pair_key"),
        ("mart.fact_price", "date_key", "mart.dim_date.date_key"),
        ("mart.fact_price", "time_key", "mart.dim_time.time_key"),
        ("mart.fact_price_latest", "pair_key", "mart.dim_pair.pair_key"),
        ("mart.fact_price_minute", "pair_key", "mart.dim_pair.pair_key"),
    ):
        table, _, key = target.rpartition(".")
        orphans = f"select count(*) from {name} where {column} is null or {column} not in (select {key} from {table})"
        assert pipeline.rows(orphans) == [(0,)], f"{name}.{column}"

    before = pipeline.tables()
    import_files(RECORDINGS / prices, RECORDINGS / info, "--retrieved-at", "2021-04-29T07:27:28Z")
    assert pipeline.tables() == before, "importing again changed something"


def test_prices_that_came_weeks_after_the_metadata(import_files: ImportFiles, pipeline: Pipeline) -> None:
    prices = "ticker_price/spot_202010.json.gz"
    status = import_files(
        RECORDINGS / "exchange_info/spot_20201009.json.gz",
        RECORDINGS / prices,
        "--retrieved-at",
        "2020-10-30T12:00:00+02:00",
    )
    assert status["symbols_without_metadata"] == 52
    kept = pipeline.rows(
        "select symbol, price, observed_at from core.price_history inner join core.pair using (pair_id) "
        "union all select symbol, price, observed_at from core.price_without_metadata"
    )
    assert len(kept) == 1141
    at = datetime(2020, 10, 30, 10)  # noqa: DTZ001
    assert {(symbol, price, when) for symbol, price, when in kept} == {
        (row["symbol"], Decimal(row["price"]), at) for row in recorded(prices)
    }
    assert_kept_digit_for_digit(pipeline, recorded(prices))
    described_symbols = {symbol["symbol"] for symbol in recorded("exchange_info/spot_20201009.json.gz")["symbols"]}
    flagged = {symbol for (symbol,) in pipeline.rows("select symbol from core.price_without_metadata")}
    assert flagged == {row["symbol"] for row in recorded(prices)} - described_symbols
    [check] = [check for check in status["checks"]["failed"] if check["check"] == "undescribed_symbols"]
    assert "52" in check["description"]


def test_polls_become_minutes(pipeline: Pipeline, tmp_path: Path) -> None:
    """Mid prices of 60 polls, to eight decimals; those of symbols without any order are zero, and are refused."""
    eighth = Decimal("0.00000001")
    lines, refused = ["Symbol,Price,Retrieval_Timestamp"], 0
    observed: dict[tuple[str, datetime], list[Fraction]] = defaultdict(list)
    polls = sorted((RECORDINGS / "book_ticker_polls").glob("*.json.gz"))
    assert len(polls) == 60
    snapshots: dict[datetime, int] = defaultdict(int)
    for poll in polls:
        at = datetime.fromtimestamp(int(poll.name.partition(".")[0]), UTC).replace(tzinfo=None)
        minute = at.replace(second=0)
        snapshots[minute] += 1
        for row in json.loads(gzip.decompress(poll.read_bytes())):
            mid = ((Decimal(row["bidPrice"]) + Decimal(row["askPrice"])) / 2).quantize(eighth)
            lines.append(f"{row['symbol']},{mid:f},{at.isoformat()}Z")
            if mid:
                observed[row["symbol"], minute].append(Fraction(mid))
            else:
                refused += 1
    table = tmp_path / "mid_prices.csv.gz"
    table.write_bytes(gzip.compress("\n".join([*lines, ""]).encode(), 1))
    metadata = tmp_path / "metadata.json"
    symbols = sorted({symbol for symbol, _ in observed})
    metadata.write_bytes(info_body([described(symbol, symbol, "MID") for symbol in symbols], NOON))

    land(pipeline.landing, [metadata, table], None)
    pipeline.update()
    assert refused > 0
    assert pipeline.rows("select count(*) from raw.quarantine") == [(refused,)]
    rows = pipeline.records(
        "select symbol, minute.* from mart.fact_price_minute as minute inner join mart.dim_pair using (pair_key) "
        "where not is_gap"
    )
    found = {(row["symbol"], row["minute_utc"]): row for row in rows}
    assert found.keys() == observed.keys()
    for (symbol, minute), mids in observed.items():
        row = found[symbol, minute]
        assert row["average_price"] == pytest.approx(float(sum(mids) / len(mids)), rel=1e-14)
        assert row["observation_count"] == len(mids)
        assert row["expected_count"] == snapshots[minute]
        exact = [Fraction(row[name]) for name in ("open_price", "high_price", "low_price", "close_price")]
        assert exact == [mids[0], max(mids), min(mids), mids[-1]]


def recorded_errors() -> list[str]:
    if not RECORDINGS.is_dir():
        return []
    lines = (RECORDINGS / "errors" / "recorded_errors.jsonl").read_text(encoding="utf-8").splitlines()
    bodies = {json.loads(line)["body"] for line in lines if line} - {None, ""}
    return sorted({*bodies, *(path.read_text("utf-8") for path in (RECORDINGS / "errors").glob("*.json"))})


@pytest.mark.parametrize("number", range(len(recorded_errors())))
def test_the_body_of_an_error_is_refused_and_nothing_is_landed(tmp_path: Path, number: int) -> None:
    body = tmp_path / "body.json"
    body.write_text(recorded_errors()[number], encoding="utf-8")
    landing = Landing(tmp_path / "landing")
    with pytest.raises(RefusedImport, match=r"body\.json"):
        land(landing, [body], NOON)
    assert landing.files_after(None) == []


def test_the_command_line_refuses_a_recorded_error_beside_good_files(home: Home) -> None:
    result = call(
        RECORDINGS / "ticker_price/spot_20210429.json.gz",
        RECORDINGS / "errors/http451_body_2space.json",
        "--retrieved-at",
        "2021-04-29T07:27:28Z",
    )
    assert result.exit_code == 1
    assert "http451_body_2space.json: it is an error of the exchange" in " ".join(result.stderr.split())
    assert home.store("live").landing.files_after(None) == []


def test_metadata_in_the_schema_of_2025(pipeline: Pipeline) -> None:
    name = "exchange_info/spot_20250807_trimmed25.json"
    land(pipeline.landing, [RECORDINGS / name], None)
    pipeline.update()
    symbols = recorded(name)["symbols"]
    [new_words] = [rule for rule in RULES if rule.name == "new_words"]
    with pipeline.warehouse.connect() as connection:
        assert (connection.count("core.pair"), connection.count("raw.quarantine")) == (len(symbols), 0)
        assert new_words.evaluate(connection, "live").passed
    ticks = dict(pipeline.rows("select symbol, tick_size from mart.dim_pair"))
    for symbol in symbols:
        [price_filter] = [rule for rule in symbol["filters"] if rule["filterType"] == "PRICE_FILTER"]
        assert ticks[symbol["symbol"]] == Decimal(price_filter["tickSize"])
