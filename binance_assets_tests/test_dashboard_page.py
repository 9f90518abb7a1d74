"""The page of the dashboard as a file: what is embedded, that it is safe, small and whole."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections import defaultdict
from datetime import datetime
from fractions import Fraction
from importlib import resources
from pathlib import Path
from statistics import mean

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
from binance_assets_tests.dashboard_market import MINUTES, MISSED, ODD_STATUS, ODD_SYMBOL, SILENT, backfilled, sampled
from binance_assets_tests.dashboard_numbers import COMPARISONS, Comparison, embedded, iso
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, described, prices_body
from binance_assets_tests.recorded import needs_recordings
from binance_assets_tests.recorded_market import recorded_market, recorded_polls

FOLDER = resources.files("binance_assets.dashboard")
LARGEST = 6_000_000


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return sampled(tmp_path_factory.mktemp("dashboard") / "sandbox")


# The numbers


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda compare: compare.__name__)
def test_its_numbers_are_those_of_the_warehouse(market: Pipeline, compare: Comparison) -> None:
    compare(market, embedded(market))


@needs_recordings
def test_of_recordings_too(tmp_path: Path) -> None:
    pipeline = recorded_market(tmp_path / "live")
    data = embedded(pipeline)
    for compare in COMPARISONS:
        compare(pipeline, data)
    assert (data["about"]["simulated"], data["figures"]["pairs"]) == (False, 2123)
    assert "SIMULATED" not in (pipeline.store.export / PAGE).read_text(encoding="utf-8")

    # Of the polls at the exchange's own cadence, by plain Python.
    mids: dict[datetime, list[Fraction]] = defaultdict(list)
    for at, prices in recorded_polls():
        mids[at.replace(second=0)].append(Fraction(prices["BTCUSDT"]))
    btc = data["minutes"][0]
    assert (btc["symbol"], btc["from_utc"]) == ("BTCUSDT", iso(min(mids)))
    assert btc["average"][: len(mids) + 1] == [pytest.approx(float(mean(its))) for its in mids.values()] + [None]
    assert btc["low"][: len(mids)] == [float(min(its)) for its in mids.values()]
    assert btc["high"][: len(mids)] == [float(max(its)) for its in mids.values()]


def test_gaps_are_empty_minutes(market: Pipeline) -> None:
    data = embedded(market)
    assert [row["symbol"] for row in data["minutes"]] == ["BTCUSDT", "ETHUSDT", "ETHBTC"], "as the watch list has them"
    btc, _, ethbtc = (row["average"] for row in data["minutes"])
    assert [place for place, value in enumerate(btc) if value is None] == list(MISSED)
    assert len(btc) == MINUTES
    assert sum(value is None for value in ethbtc) == len(MISSED) + len(SILENT)
    assert {gap["symbol"] for gap in data["gaps"]} == {None, "ETHBTC"}
    assert data["figures"]["coverage_of_day"] < 1
    assert {row["cause"] for row in data["gap_causes"]} == {"collector_down", "unresolved"}


def test_what_is_off_is_told(market: Pipeline) -> None:
    data = embedded(market)
    assert [row["code"] for row in data["parities"] if row["is_beyond"]] == ["FDUSD"]
    assert len(data["sectors"]) >= 3
    assert sum(row["pairs"] for row in data["crosses"]) > 0


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


def test_a_gap_that_lasts_is_counted_up_to_when_the_market_was_last_asked(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT")])
    for second in (0, 30):
        pipeline.land_prices({"BTCUSDT": "2"}, NOON + second * SECOND, interval=30)
    pipeline.land_missed(*(NOON + MINUTE + number * 30 * SECOND for number in range(10)), interval=30)
    pipeline.update()
    publish(pipeline.store)
    data = page_data(pipeline.store)
    [gap] = data["gap_causes"]
    assert (gap["cause"], gap["open_gaps"]) == ("exchange_outage", 1)
    assert gap["hours"] == pytest.approx(5 / 60)


def test_of_candles_alone_the_data_goes_to_their_newest_minute(tmp_path: Path) -> None:
    store = backfilled(tmp_path / "live")
    assert page_data(store.store)["about"]["data_until"] == iso(NOON - 12 * HOUR - MINUTE)
    assert "Data up to <strong>2024-02-29 23:59</strong>" in (store.store.export / PAGE).read_text(encoding="utf-8")


def test_candles_that_go_on_after_the_sampling_take_nothing_from_what_was_sampled(tmp_path: Path) -> None:
    """The collector stopped days ago, and the archive was followed since."""
    store = backfilled(tmp_path / "live")
    long_before = NOON - 7 * 24 * HOUR
    store.land_info([described("BTCUSDT", "BTC", "USDT")], long_before)
    for minute in range(2):
        store.land_prices({"BTCUSDT": "2"}, long_before + minute * MINUTE, interval=60)
    store.update()
    publish(store.store)
    data = page_data(store.store)
    assert data["about"]["data_until"] == iso(NOON - 12 * HOUR - MINUTE)
    assert data["coverage_hours"] == [iso(long_before)]
    assert data["figures"]["coverage_of_hour"] == pytest.approx(2 / 60)


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
