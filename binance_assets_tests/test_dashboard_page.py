"""The page of the dashboard as a file: what is embedded, that it is safe, small and whole."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from binance_assets.dashboard.assets import SERVED, dashboard
from binance_assets.dashboard.data import NothingToShow, page_data
from binance_assets.dashboard.page import PAGE, render, write_page
from binance_assets.export import publish as publish_module
from binance_assets.export.publish import publish
from binance_assets.home import Home
from binance_assets.landing import Capture
from binance_assets.resources import HomeResource
from binance_assets_tests.dashboard_market import MINUTES, MISSED, ODD_STATUS, ODD_SYMBOL, backfilled, sampled
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, described, prices_body
from binance_assets_tests.recorded import needs_recordings, recorded_metadata, recorded_prices

FOLDER = resources.files("binance_assets.dashboard")
LARGEST = 6_000_000

Data = dict[str, Any]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return sampled(tmp_path_factory.mktemp("dashboard") / "sandbox")


def embedded(pipeline: Pipeline) -> Data:
    """The data in a store's page, as a browser would read it."""
    html = (pipeline.store.export / PAGE).read_text(encoding="utf-8")
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    data: Data = json.loads(text)
    return data


def iso(instant: Any) -> Any:
    return instant and f"{instant.isoformat()}Z"


# The numbers


def assert_pairs_are_those_of_the_warehouse(pipeline: Pipeline, data: Data) -> None:
    """Key figures and prices, by SQL over the warehouse that shares nothing with the page's."""
    [(pairs, trading)] = pipeline.rows("select sum(is_listed::int), sum(is_trading::int) from mart.dim_pair")
    [(currencies,)] = pipeline.rows(
        "select count(distinct code) from mart.dim_pair, unnest([base_code, quote_code]) as used (code) where is_listed"
    )
    [(newest,)] = pipeline.rows("select max(observed_at) from mart.fact_price_latest")
    figures = data["figures"]
    assert [figures[name] for name in ("pairs", "trading_pairs", "currencies", "newest_price_at")] == [
        pairs,
        trading,
        currencies,
        iso(newest),
    ]
    expected = pipeline.rows(
        "select symbol, base_code, quote_code, if(is_listed, status, 'NOT LISTED'), "
        "coalesce(primary_sector, 'No sector'), is_trading, price::double, price_usdt::double, "
        "coalesce(is_stale, true) "
        "from mart.dim_pair left join mart.fact_price_latest using (pair_key) order by symbol"
    )
    names = ("symbol", "base", "quote", "status", "sector", "is_trading", "price", "price_usdt", "is_stale")
    assert list(zip(*(data["pairs"][name] for name in names), strict=True)) == expected
    assert expected


def test_prices_and_figures_are_those_of_the_warehouse(market: Pipeline) -> None:
    data = embedded(market)
    assert_pairs_are_those_of_the_warehouse(market, data)
    hours = market.rows("select hour_utc, avg(coverage) from mart.fact_price_hour group by hour_utc order by hour_utc")
    assert len(hours) == 3
    figures = data["figures"]
    assert figures["coverage_hour"] == iso(hours[-1][0])
    assert figures["coverage_of_hour"] == pytest.approx(hours[-1][1])
    [(day,)] = market.rows("select avg(coverage) from mart.fact_price_hour")
    assert figures["coverage_of_day"] == pytest.approx(day)
    assert day < 1
    [(of_market, of_pairs)] = market.rows(
        "select count(*) filter (where pair_key is null), count(pair_key) from mart.gap where to_utc is null"
    )
    assert (figures["open_gaps_of_market"], figures["open_gaps_of_pairs"]) == (of_market, of_pairs)


@needs_recordings
def test_of_recordings_too(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    for capture in recorded_metadata("exchange_info/spot_20210429.json.gz"):
        pipeline.landing.land(capture)
        pipeline.landing.land(recorded_prices("ticker_price/spot_20210429.json.gz", capture.received_at))
    pipeline.update()
    publish(pipeline.store)
    write_page(pipeline.store)
    data = embedded(pipeline)
    assert_pairs_are_those_of_the_warehouse(pipeline, data)
    assert (data["figures"]["pairs"], data["about"]["simulated"]) == (1418, False)
    assert "SIMULATED" not in (pipeline.store.export / PAGE).read_text(encoding="utf-8")


def test_minutes_are_those_of_the_warehouse_and_gaps_are_empty(market: Pipeline) -> None:
    data = embedded(market)
    assert [row["symbol"] for row in data["minutes"]] == ["BTCUSDT", "ETHUSDT", "ETHBTC"], "as the watch list has them"
    for row in data["minutes"]:
        expected = market.rows(
            "select low_price::double, average_price, high_price::double "
            "from mart.fact_price_minute join mart.dim_pair using (pair_key) where symbol = $symbol "
            "order by minute_utc",
            symbol=row["symbol"],
        )
        assert list(zip(row["low"], row["average"], row["high"], strict=True)) == expected
        assert row["from_utc"] == iso(NOON)
    btc, _, ethbtc = (row["average"] for row in data["minutes"])
    assert [place for place, value in enumerate(btc) if value is None] == list(MISSED)
    assert len(btc) == MINUTES
    assert sum(value is None for value in ethbtc) == len(MISSED) + 4
    told = market.rows(
        "select symbol, from_utc, to_utc, cause, evidence from mart.gap left join mart.dim_pair using (pair_key) "
        "where symbol is null or symbol in ('BTCUSDT', 'ETHUSDT', 'ETHBTC') order by from_utc, symbol"
    )
    assert [(gap["symbol"], gap["from_utc"], gap["to_utc"], gap["cause"], gap["evidence"]) for gap in data["gaps"]] == [
        (symbol, iso(since), iso(until), *why) for symbol, since, until, *why in told
    ]
    assert {gap["symbol"] for gap in data["gaps"]} == {None, "ETHBTC"}


def test_coverage_of_every_group_of_pairs(market: Pipeline) -> None:
    data = embedded(market)
    expected = market.rows(
        "select quote_code, if(is_listed, status, 'NOT LISTED'), coalesce(primary_sector, 'No sector'), hour_utc, "
        "sum(coverage), count(*) from mart.fact_price_hour join mart.dim_pair using (pair_key) "
        "group by all order by all"
    )
    found = [
        (group["quote"], group["status"], group["sector"], hour, coverage, pairs)
        for group in data["coverage"]
        for hour, coverage, pairs in zip(data["coverage_hours"], group["coverage"], group["pairs"], strict=True)
    ]
    assert [row[:4] + row[5:] for row in sorted(found)] == [(*row[:3], iso(row[3]), row[5]) for row in expected]
    assert [row[4] for row in sorted(found)] == pytest.approx([row[4] for row in expected], abs=1e-4)


def test_sectors_are_chained_and_parities_those_of_the_newest_hour(market: Pipeline) -> None:
    data = embedded(market)
    changes: dict[str, float] = {}
    chained: dict[str, list[float]] = {}
    for sector, change in market.rows(
        "select sector, change from mart.fact_sector_hour where provider = 'curated' order by hour_utc"
    ):
        changes[sector] = changes.get(sector, 1.0) * (1 + change)
        chained.setdefault(sector, []).append(changes[sector] - 1)
    assert {row["sector"] for row in data["sectors"]} == chained.keys()
    for row in data["sectors"]:
        assert row["change"] == pytest.approx(chained[row["sector"]])
    assert len(chained) >= 3
    expected = market.rows(
        "select code, follows_code, price, deviation_bp, is_beyond from mart.fact_parity_hour "
        "where kind <> 'cross' and hour_utc = (select max(hour_utc) from mart.fact_parity_hour) order by code"
    )
    found = [
        (row["code"], row["follows"], row["price"], row["deviation_bp"], row["is_beyond"]) for row in data["parities"]
    ]
    assert sorted(found) == expected
    assert [code for code, *_, is_beyond in expected if is_beyond] == ["FDUSD"]
    crosses = market.rows(
        "select count(*), count(*) filter (where is_beyond) from mart.fact_parity_hour "
        "where kind = 'cross' and hour_utc = (select max(hour_utc) from mart.fact_parity_hour)"
    )
    assert [(sum(r["pairs"] for r in data["crosses"]), sum(r["beyond"] for r in data["crosses"]))] == crosses


def test_the_newest_hours_are_there_also_when_the_export_writes_them_once_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_module, "WHOLE_UP_TO", 5)
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info()
    prices = {"BTCUSDT": "2", "USDTTRY": "3"}
    for hour in range(3):
        pipeline.land_prices(prices, NOON + hour * HOUR)
    pipeline.update()
    publish(pipeline.store)
    pipeline.land_prices(prices, NOON + 4 * HOUR)
    pipeline.land_prices(prices, NOON + 4 * HOUR + MINUTE)
    pipeline.update()
    publish(pipeline.store)
    write_page(pipeline.store)
    found = embedded(pipeline)
    assert found["coverage_hours"][-1] == found["figures"]["coverage_hour"] == iso(NOON + 4 * HOUR)
    with duckdb.connect() as duck:
        exported = duck.read_parquet(str(pipeline.store.export / "fact_price_hour.parquet"))
        assert exported.max("hour_utc").fetchall() == [(NOON + 2 * HOUR,)]


def test_gaps_by_cause(market: Pipeline) -> None:
    expected = market.rows(
        "select symbol is null, cause, count(*)::int, sum(epoch(to_utc) - epoch(from_utc)) / 3600 "
        "from mart.gap left join mart.dim_pair using (pair_key) group by all order by all"
    )
    totals: dict[tuple[bool, str], list[float]] = {}
    for row in embedded(market)["gap_causes"]:
        total = totals.setdefault((row["quote"] is None, row["cause"]), [0, 0.0])
        total[0] += row["gaps"]
        total[1] += row["hours"]
    assert [(*key, gaps, pytest.approx(hours)) for key, (gaps, hours) in sorted(totals.items())] == expected
    assert len(expected) == 2


def test_hours_of_a_long_silence_count_in_the_coverage_of_the_day(tmp_path: Path) -> None:
    """Of a silence of many hours there are no rows."""
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT")])

    def sample_hours(*hours: datetime) -> None:
        body = prices_body({"BTCUSDT": "2"})
        times = [hour + minute * MINUTE for hour in hours for minute in range(60)]
        pipeline.landing.land_minute(
            [Capture("ticker/price", "live", at, body, requested_at=at, sampling_interval_seconds=60) for at in times]
        )
        pipeline.update()
        publish(pipeline.store)

    sample_hours(NOON, NOON + 17 * HOUR)
    assert page_data(pipeline.store)["figures"]["coverage_of_day"] == pytest.approx(2 / 18)
    # Also when nothing was sampled for longer than the page looks back.
    sample_hours(NOON + 90 * HOUR)
    assert page_data(pipeline.store)["figures"]["coverage_of_day"] == pytest.approx(1 / 24)


def test_a_gap_that_lasts_goes_on_up_to_the_publication(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT")])
    for second in (0, 30):
        pipeline.land_prices({"BTCUSDT": "2"}, NOON + second * SECOND, interval=30)
    pipeline.land_missed(*(NOON + MINUTE + number * 30 * SECOND for number in range(10)), interval=30)
    pipeline.update()
    publish(pipeline.store)
    data = page_data(pipeline.store)
    published_at = datetime.fromisoformat(data["about"]["published_at"]).replace(tzinfo=None)
    [gap] = data["gap_causes"]
    assert (gap["cause"], gap["open_gaps"]) == ("exchange_outage", 1)
    assert gap["hours"] == pytest.approx((published_at - NOON - MINUTE) / HOUR)


def test_of_candles_alone_the_data_goes_to_their_newest_minute(tmp_path: Path) -> None:
    store = backfilled(tmp_path / "live")
    assert page_data(store.store)["about"]["data_until"] == iso(NOON - 12 * HOUR - MINUTE)
    assert "Data up to <strong>2024-02-29 23:59</strong>" in (store.store.export / PAGE).read_text(encoding="utf-8")


# The file


def test_the_page_says_that_it_is_simulated_and_of_when(market: Pipeline) -> None:
    html = (market.store.export / PAGE).read_text(encoding="utf-8")
    assert "<title>SIMULATED: Binance Spot prices</title>" in html
    assert "made up by the sandbox exchange" in html
    assert "Data up to <strong>2024-03-01 14:09</strong>" in html


def test_names_are_text(market: Pipeline) -> None:
    html = (market.store.export / PAGE).read_text(encoding="utf-8")
    data = embedded(market)
    assert ODD_SYMBOL in data["pairs"]["symbol"]
    assert ODD_STATUS in data["pairs"]["status"]
    assert ODD_SYMBOL not in html
    assert ODD_STATUS not in html


def test_nothing_is_loaded_from_anywhere_and_only_its_own_scripts_run(market: Pipeline) -> None:
    html = (market.store.export / PAGE).read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)
    assert "@import" not in html
    assert not re.findall(r"url\(", re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0])
    [policy] = re.findall(r'Content-Security-Policy" content="(.*?)">', html)
    assert policy.startswith("default-src 'none'")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    allowed = re.findall(r"'sha256-(.*?)'", policy)
    assert allowed == [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]


def test_the_page_of_the_whole_market_is_small(market: Pipeline) -> None:
    """As many pairs, groups, hours and minutes as it ever has, all numbers with as many digits as there can be."""
    data = page_data(market.store)
    chance = random.Random(1)
    pairs = 4000
    data["pairs"] = {name: [values[at % len(values)] for at in range(pairs)] for name, values in data["pairs"].items()}
    data["pairs"]["price"] = [chance.random() for _ in range(pairs)]
    data["pairs"]["price_usdt"] = [chance.random() for _ in range(pairs)]
    group = data["coverage"][0] | {"coverage": [12.3456] * 48, "pairs": [100] * 48}
    data["coverage"] = [group] * 400
    some = [chance.random() for _ in range(2880)]
    data["minutes"] = [data["minutes"][0] | {"low": some, "average": some, "high": some}] * 12
    assert len(render(data).encode()) < LARGEST


def test_there_has_to_be_an_export(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    with pytest.raises(NothingToShow, match="binance-assets run"):
        write_page(pipeline.store)
    pipeline.load()
    publish(pipeline.store)
    write_page(pipeline.store)
    assert embedded(pipeline)["minutes"] == []
    assert embedded(pipeline)["figures"]["coverage_of_hour"] is None


def test_a_failure_leaves_the_last_page(market: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    page = market.store.export / PAGE
    before = page.read_bytes(), sorted(path.name for path in market.store.export.iterdir())

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_page(market.store)
    assert (page.read_bytes(), sorted(path.name for path in market.store.export.iterdir())) == before


def test_the_asset_writes_it_and_a_publication_leaves_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    pipeline = sampled(home.store("sandbox").path, minutes=2)
    page = pipeline.store.export / PAGE
    page.unlink()
    result = dg.materialize([dashboard], resources={"home": HomeResource()})
    [event] = result.asset_materializations_for_node("export__dashboard")
    assert event.metadata["page"].value == str(page)
    assert event.metadata["while_it_is_served"].value == SERVED
    assert event.metadata["source"].value == "sandbox (SIMULATED)"
    publish(pipeline.store)
    assert page.is_file()


# What it is made of


def test_the_library_is_the_one_that_was_released() -> None:
    library = FOLDER.joinpath("vendor/echarts.common.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() == "61f13280aba3161f77fc801bf5f9c786f55f10432153a0683fc5cc0700b013d5"
    licences = FOLDER.joinpath("vendor/LICENSES.txt").read_text(encoding="utf-8")
    assert licences.startswith("Apache ECharts 6.1.0")
    for owner in ("The Apache Software Foundation", "Mike Bostock", "Baidu Inc."):
        assert owner in licences


def contrast(one: str, other: str) -> float:
    """Between two colours, as WCAG defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_have_the_contrast_that_wcag_asks_for(theme: str) -> None:
    """Also in the pictures, of whose text axe cannot tell the background."""
    styles = FOLDER.joinpath("web/page.css").read_text(encoding="utf-8")
    rules = dict(re.findall(r"^:root(\S*) \{(.*?)^\}", styles, re.DOTALL | re.MULTILINE))
    colours = dict(re.findall(r"--([\w-]+): (#\w{6});", rules["" if theme == "light" else '[data-theme="dark"]']))
    assert len(colours) >= 18
    for text in ("ink", "soft"):
        for ground in ("card", "ground", "control"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["warn"], colours["warn-ground"]) >= 4.5
    for mark in ("edge", "muted", "focus", *(f"c{number}" for number in range(1, 9))):
        assert contrast(colours[mark], colours["card"]) >= 3, mark
