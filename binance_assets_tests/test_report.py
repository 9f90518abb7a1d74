"""The report: its figures are those of the warehouse, its words say them, and names from data are text in it."""

from __future__ import annotations

import base64
import inspect
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import dagster as dg
import duckdb
import pytest
from dagster._serdes import serialize_value
from markdown_it import MarkdownIt
from typer.testing import CliRunner, Result

from binance_assets.cli import app
from binance_assets.cli.dashboard import dashboard
from binance_assets.dashboard.assets import SERVED
from binance_assets.export.publish import publish
from binance_assets.export.versions import current
from binance_assets.home import Home
from binance_assets.mart.assets import fact_price_latest
from binance_assets.report import words
from binance_assets.report.assets import report as report_asset
from binance_assets.report.findings import Findings
from binance_assets.report.sections import page_of
from binance_assets.report.write import Report, write_report
from binance_assets.resources import HomeResource
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets.sparkline import sparkline
from binance_assets_tests.dashboard_market import backfilled
from binance_assets_tests.pipeline import (
    HOUR,
    MINUTE,
    NOON,
    PAIRS,
    SECOND,
    Pipeline,
    described,
    milliseconds,
    set_clock,
)
from binance_assets_tests.recorded import (
    RECORDINGS,
    needs_recordings,
    recorded_body,
    recorded_metadata,
    recorded_prices,
)

START = datetime(2025, 6, 1, 22)  # noqa: DTZ001
DAY = timedelta(days=1)
YESTERDAY, TODAY = START.date(), START.date() + DAY
MIDNIGHT = START + 2 * HOUR

CAPTURED = [START + number * 30 * MINUTE + SECOND for number in range(11)]
"""Up to 03:00:01 of the second day."""

OUTAGE = [MIDNIGHT + HOUR, MIDNIGHT + HOUR + MINUTE]


CURRENCIES = frozenset(
    {
        *("AAVE", "ADA", "BNSOL", "BTC", "BTTC", "DOGE", "ETH", "EUR", "EURI", "FDUSD", "LTC"),
        *("PAXG", "SHIB", "SOL", "TRY", "TUSD", "USDC", "USDT", "WBETH", "WBTC", "XAUT"),
    }
)


def is_looked_at(symbol: dict[str, Any]) -> bool:
    """A tenth of the market: what the test is about, and pairs in USDT and BTC for the rest of it."""
    base, quote = symbol["baseAsset"], symbol["quoteAsset"]
    return {base, quote} <= CURRENCIES or (quote in {"USDT", "BTC"} and base[-1] in "ABCMK")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Five hours of the simulated market over a midnight, in which pairs are listed, removed, halted and resumed."""
    pipeline = Pipeline(tmp_path_factory.mktemp("report") / "sandbox", "sandbox")
    exchange = Exchange(Market.of(DEFAULT_SEED), 6000)
    info = [row for row in exchange.answer("exchangeInfo", [], milliseconds(START))["symbols"] if is_looked_at(row)]
    names = {row["symbol"] for row in info}

    def of(at: datetime, *, without: set[str], halted: set[str]) -> None:
        symbols = [
            dict(row, status="BREAK") if row["symbol"] in halted else row
            for row in info
            if row["symbol"] not in without
        ]
        pipeline.land_info(symbols, at)

    of(START - SECOND, without={"SOLTRY", "ADATRY"}, halted={"LTCUSDT"})
    of(START + 30 * MINUTE, without=set(), halted={"LTCUSDT"})
    of(MIDNIGHT + HOUR, without={"ETHTRY"}, halted={"LTCUSDT", "BTCTRY", "ETHUSDT"})
    of(MIDNIGHT + 2 * HOUR, without={"ETHTRY"}, halted={"BTCTRY"})
    for at in CAPTURED:
        prices = exchange.answer("ticker/price", [], milliseconds(at))
        pipeline.land_prices([row for row in prices if row["symbol"] in names], at, interval=60)
    pipeline.land_missed(*OUTAGE, interval=60)
    pipeline.update()
    publish(pipeline.store)
    return pipeline


@pytest.fixture(scope="module")
def today(simulated: Pipeline) -> Report:
    """The report of the second day; somebody else has the warehouse meanwhile."""
    with simulated.warehouse.connect():
        return write_report(simulated.store)


@pytest.fixture(scope="module")
def yesterday(simulated: Pipeline) -> Report:
    return write_report(simulated.store, YESTERDAY)


def pages(report: Report) -> Iterator[str]:
    """What a person reads in each of the two pages."""
    for text in (visible(report.html), rendered(report.markdown)[0]):
        yield " ".join(text.replace(words.SPACE, " ").split())


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)


def seen(page: Path) -> _Seen:
    found = _Seen()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def visible(page: Path) -> str:
    return "".join(seen(page).text)


def rendered(page: Path) -> tuple[str, list[Any]]:
    """The text of a page in Markdown, and all that it consists of, as a common renderer has it."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(page.read_text(encoding="utf-8"))
    inline = [child for token in tokens for child in token.children or ()]
    return " ".join("".join(t.content for t in token.children or ()) for token in tokens), tokens + inline


# The figures


def test_who_leads_is_who_has_the_first_rank(simulated: Pipeline, today: Report) -> None:
    rows = simulated.rows(
        "select quote_code, symbol, latest.price from mart.fact_price_latest as latest join mart.dim_pair using "
        "(pair_key) where not is_stale order by price_rank_in_quote, symbol"
    )
    by_quote: dict[str, list[tuple[str, Decimal]]] = defaultdict(list)
    for quote, symbol, price in rows:
        by_quote[quote].append((symbol, price))
    leaders = {row["quote_code"]: row for row in today.findings["leaders"]}
    assert leaders.keys() == by_quote.keys() >= {"USDT", "BTC", "TRY"}
    for quote, pairs in by_quote.items():
        row = leaders[quote]
        assert (row["symbol"], Decimal(row["price_text"]), row["pairs"]) == (*pairs[0], len(pairs))
        if len(pairs) > 1:
            assert (row["next_symbol"], Decimal(row["next_price_text"])) == pairs[1]
            assert row["times_the_next"] == pytest.approx(float(pairs[0][1] / pairs[1][1]))
    assert [(row["symbol"], Decimal(row["price_text"])) for row in today.findings["highest"]] == by_quote["USDT"][:10]
    (first, price), (second, next_price) = by_quote["USDT"][:2]
    for text in pages(today):
        assert f"that of {first.removesuffix('USDT')}: {price.normalize():,f} USDT" in text
        assert f"the next, {second.removesuffix('USDT')}, at {next_price.normalize():,f} USDT" in text


def test_how_prices_are_spread(simulated: Pipeline, today: Report) -> None:
    bands = simulated.rows(
        "select price_band_order, count(*), count(*) filter (where quote_code = 'USDT') from mart.fact_price_latest "
        "join mart.dim_pair using (pair_key) where not is_stale group by all order by all"
    )
    found = [(row["power"], row["pairs"], row["pairs_in_quote"]) for row in today.findings["bands"] if row["pairs"]]
    assert found == bands
    [(pairs, below, micro, in_usdt, below_in_usdt, median, coarse)] = simulated.rows(
        """
        select count(*), sum((price_band_order < 0)::int), sum((price_band_order < -4)::int),
            sum((quote_code = 'USDT')::int), sum((quote_code = 'USDT' and price_band_order < 0)::int),
            quantile_cont(price::double, 0.5) filter (where quote_code = 'USDT'),
            sum((100 * tick_size >= price)::int)
        from mart.fact_price_latest join mart.dim_pair using (pair_key) where not is_stale
        """
    )
    shares = today.findings["shares"]
    assert (shares["pairs"], shares["below_one"], shares["micro"]) == (pairs, below, micro)
    assert (shares["pairs_in_quote"], shares["below_one_in_quote"]) == (in_usdt, below_in_usdt)
    assert shares["median_in_quote"] == pytest.approx(median)
    assert shares["coarse"] == coarse > 0
    for text in pages(today):
        assert f"{below:,} of {pairs:,} pairs ({100 * below / pairs:.1f} %) cost less than one unit" in text
        assert f"{micro:,} of {pairs:,} pairs cost less than 0.0001" in text


def test_the_smallest_prices(simulated: Pipeline, today: Report) -> None:
    lowest = simulated.rows(
        "select symbol, latest.price from mart.fact_price_latest as latest join mart.dim_pair using (pair_key) "
        "where not is_stale and quote_code = 'USDT' order by latest.price, symbol limit 5"
    )
    assert [(row["symbol"], Decimal(row["price_text"])) for row in today.findings["lowest"]] == lowest
    [(worst,)] = simulated.rows(
        "select max(tick_size::double / latest.price::double) from mart.fact_price_latest as latest "
        "join mart.dim_pair using (pair_key) where not is_stale"
    )
    assert today.findings["coarsest"][0]["step_share"] == pytest.approx(worst)


def test_an_earlier_day_is_told_by_its_last_prices(simulated: Pipeline, yesterday: Report) -> None:
    rows = simulated.rows(
        """
        select pair.symbol, arg_max(price, observed_at), last(status order by valid_from),
            bool_or(valid_to is null or valid_to > $end)
        from core.price_history join core.pair using (pair_id) join core.pair_history as rule using (pair_id)
        where observed_at < $end and valid_from < $end
        group by pair.symbol
        """,
        end=MIDNIGHT,
    )
    quote_of = dict(simulated.rows("select symbol, quote_code from mart.dim_pair"))
    trading = {symbol: price for symbol, price, status, lasts in rows if status == "TRADING" and lasts}
    market = yesterday.findings["market"]
    assert (market["pairs"], market["priced_pairs"]) == (len(trading), len(rows))
    assert market["halted_pairs"] == len(rows) - len(trading)
    assert {"SOLTRY", "ETHTRY", "ETHUSDT"} <= trading.keys()
    assert "LTCUSDT" not in trading
    in_usdt = sorted((-price, symbol) for symbol, price in trading.items() if quote_of[symbol] == "USDT")
    highest = [(-Decimal(row["price_text"]), row["symbol"]) for row in yesterday.findings["highest"]]
    assert highest == in_usdt[:10]
    decades: dict[int, int] = defaultdict(int)
    for price in trading.values():
        decades[price.adjusted()] += 1
    assert {row["power"]: row["pairs"] for row in yesterday.findings["bands"] if row["pairs"]} == decades


def test_pegs_and_crosses(simulated: Pipeline, today: Report) -> None:
    rows = simulated.rows(
        "select code, follows_code, hour_utc, price, deviation_bp, is_beyond from mart.fact_parity_hour "
        "where kind <> 'cross' and date_key = $key order by hour_utc",
        key=20250602,
    )
    newest = {(code, follows): (price, deviation) for code, follows, _, price, deviation, _ in rows}
    worst: dict[tuple[str, str], float] = defaultdict(float)
    for code, follows, _, _, deviation, _ in rows:
        worst[code, follows] = max(worst[code, follows], abs(deviation or 0))
    found = today.findings["pegs"]
    assert {(row["code"], row["follows_code"]): (row["price"], row["deviation_bp"]) for row in found} == newest
    assert len(found) > 5
    for row in found:
        if row["deviation_bp"] is not None:
            assert abs(row["worst_bp"]) == worst[row["code"], row["follows_code"]]
    [(pairs, beyond, median)] = simulated.rows(
        "select count(*), count_if(is_beyond), median(abs(deviation_bp)) from mart.fact_parity_hour "
        "where kind = 'cross' and hour_utc = (select max(hour_utc) from mart.fact_parity_hour)"
    )
    crosses = today.findings["crosses"]
    assert crosses
    assert (crosses["pairs"], crosses["pairs_beyond"], crosses["median_bp"]) == (pairs, beyond, pytest.approx(median))
    furthest = max((row for row in found if row["deviation_bp"] is not None), key=lambda row: abs(row["deviation_bp"]))
    for text in pages(today):
        assert f"the furthest was {furthest['code']}, {abs(furthest['deviation_bp']):.1f} basis points" in text


def test_what_happened_to_pairs(today: Report, yesterday: Report) -> None:
    def events(report: Report) -> set[tuple[str, str, datetime]]:
        return {(row["event"], row["symbol"], row["at_utc"]) for row in report.findings["events"]}

    listed_at, halted_at, resumed_at = START + 30 * MINUTE, MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR
    assert events(yesterday) == {("listed", "SOLTRY", listed_at), ("listed", "ADATRY", listed_at)}
    assert events(today) == {
        ("delisted", "ETHTRY", halted_at),
        ("halted", "BTCTRY", halted_at),
        ("halted", "ETHUSDT", halted_at),
        ("resumed", "ETHUSDT", resumed_at),
        ("opened", "LTCUSDT", resumed_at),
    }
    for text in pages(today):
        assert "1 pair was opened for trading, 1 pair was removed from the list, 2 pairs were halted" in text
    for text in pages(yesterday):
        assert "2 pairs were listed." in text
        assert f"The first metadata is from {START - SECOND} UTC: what was before nobody knows." in text


def test_sectors_are_chained_over_the_day(simulated: Pipeline, today: Report) -> None:
    rows = simulated.rows(
        "select sector, change from mart.fact_sector_hour where provider = 'curated' and hour_utc >= $since",
        since=MIDNIGHT,
    )
    changes: dict[str, list[float]] = defaultdict(list)
    for sector, change in rows:
        changes[sector].append(change)
    found = {row["sector"]: (row["change"], row["hours"]) for row in today.findings["sectors"]}
    assert found == {
        sector: (pytest.approx(math.prod(1 + change for change in its) - 1), len(its))
        for sector, its in changes.items()
    }
    best = max(found, key=lambda sector: found[sector][0])
    assert today.findings["sectors"][0]["sector"] == best
    for text in pages(today):
        assert f"{best} did best" in text


def test_a_pair_that_is_missing_from_an_hour_counts(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS, NOON)
    pipeline.land_prices({"BTCUSDT": "60000.5"}, NOON, interval=60)
    pipeline.land_prices({"BTCUSDT": "60000.5", "ETHUSDT": "3000"}, NOON + HOUR, interval=60)
    pipeline.update()
    publish(pipeline.store)
    report = write_report(pipeline.store)
    coverage = {row["hour_utc"]: row["coverage"] for row in report.findings["coverage"] if row["pairs"]}
    assert coverage == {NOON: pytest.approx(1 / 120), NOON + HOUR: pytest.approx(1 / 60)}


def test_of_a_new_home_it_is_too_early_to_say(simulated: Pipeline, today: Report) -> None:
    findings = dict(today.findings)
    findings["coverage"] = [row | {"pairs": min(row["pairs"], 1)} for row in today.findings["coverage"]]
    findings["quality"] = None
    page = page_of(cast("Findings", findings))
    headline = page.headlines[-1]
    assert not any("24 hours" in meaning for _, meaning in page.tiles)
    priced = today.findings["market"]["priced_pairs"]
    assert headline == f"Too early to say: of {priced}\u00a0pairs, 1 has an hour of this day in the export."


def test_a_gap_that_lasts_goes_on_after_the_newest_price(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT")], NOON)
    for second in (0, 30):
        pipeline.land_prices({"BTCUSDT": "60000.5"}, NOON + second * SECOND, interval=30)
    pipeline.land_missed(*(NOON + MINUTE + number * 30 * SECOND for number in range(240)), interval=30)
    pipeline.update()
    publish(pipeline.store)
    [gap] = write_report(pipeline.store).findings["gaps"]
    assert (gap["cause"], gap["lasting"], gap["longest_seconds"]) == ("exchange_outage", 1, 12 * 3600 - 60)


def test_of_candles_alone_nothing_is_said_that_is_not_so(tmp_path: Path) -> None:
    store = backfilled(tmp_path / "live")
    text = write_report(store.store).markdown.read_text(encoding="utf-8")
    assert "The last price that each pair had on this day" in text
    assert "in 1\u00a0quote currency " in text
    assert "Half of the pairs" not in text


def test_how_complete_the_data_is(simulated: Pipeline, today: Report, yesterday: Report) -> None:
    [(pairs,)] = simulated.rows("select count(distinct pair_key) from mart.price_hour where date = $day", day=TODAY)
    sums = "select hour_utc, sum(coverage) from mart.price_hour where date = $day group by hour_utc"
    coverage = {hour: covered / pairs for hour, covered in simulated.rows(sums, day=TODAY)}
    assert {row["hour_utc"]: row["coverage"] for row in today.findings["coverage"]} == {
        MIDNIGHT + number * HOUR: pytest.approx(coverage.get(MIDNIGHT + number * HOUR)) for number in range(24)
    }
    [(completeness, pairs)] = simulated.rows(
        "select sum(observed_minutes) / sum(expected_minutes), count(*) from mart.fact_quality_day "
        "where date_utc = $day",
        day=YESTERDAY,
    )
    quality = yesterday.findings["quality"]
    assert quality
    assert (quality["completeness"], quality["pairs"]) == (pytest.approx(completeness), pairs)
    for text in pages(yesterday):
        assert f"{100 * completeness:.1f} % of the minutes of this day are there, over {pairs:,} pairs" in text
    ledger = simulated.rows(
        "select cause, pair_key is null, count(*), count_if(to_utc is null) from mart.gap "
        "where coalesce(to_utc, $end) > $midnight and from_utc < $end group by all",
        midnight=MIDNIGHT,
        end=CAPTURED[-1],
    )
    gaps = {(row["cause"], row["is_whole_market"], row["gaps"], row["lasting"]) for row in today.findings["gaps"]}
    assert gaps == set(ledger)
    assert {cause for cause, *_ in ledger} >= {"collector_down", "exchange_outage"}
    for text in pages(today):
        assert "the exchange gave no answer" in text


# Recordings


@needs_recordings
def test_a_recorded_market(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    at = datetime(2021, 4, 29, 7, 27, 28)  # noqa: DTZ001
    for capture in recorded_metadata("exchange_info/spot_20210429.json.gz"):
        pipeline.landing.land(capture)
    pipeline.landing.land(recorded_prices("ticker_price/spot_20210429.json.gz", at))
    pipeline.update()
    publish(pipeline.store)
    found = write_report(pipeline.store).findings

    symbols = json.loads(recorded_body(RECORDINGS / "exchange_info/spot_20210429.json.gz"))["symbols"]
    quote_of = {row["symbol"]: row["quoteAsset"] for row in symbols if row["status"] == "TRADING"}
    rows = json.loads(recorded_body(RECORDINGS / "ticker_price/spot_20210429.json.gz"))
    prices = {row["symbol"]: Decimal(row["price"]) for row in rows if row["symbol"] in quote_of}
    market = found["market"]
    assert (found["day"], found["simulated"], market["halted_pairs"], market["pairs"]) == (at.date(), False, 370, 1048)
    in_usdt = sorted(((-price, symbol) for symbol, price in prices.items() if quote_of[symbol] == "USDT"))
    assert [(-Decimal(row["price_text"]), row["symbol"]) for row in found["highest"]] == in_usdt[:10]
    assert found["shares"]["below_one"] == sum(price < 1 for price in prices.values())
    assert found["shares"]["micro"] == sum(price < Decimal("0.0001") for price in prices.values())
    assert found["shares"]["below_one_in_quote"] == sum(price > -1 for price, _ in in_usdt)
    for row in found["leaders"]:
        its = sorted((-price, symbol) for symbol, price in prices.items() if quote_of[symbol] == row["quote_code"])
        assert (row["pairs"], row["symbol"]) == (len(its), its[0][1])
        assert row["next_symbol"] == (its[1][1] if len(its) > 1 else None)
    assert found["events"] == []


@needs_recordings
def test_recorded_changes(tmp_path: Path) -> None:
    """What differs between recorded responses of days on which pairs were listed, removed, halted and resumed."""
    pipeline = Pipeline(tmp_path / "live")
    captures = [*recorded_metadata("exchange_info/series", every=11)]
    status: list[dict[str, str]] = []
    for capture in captures:
        pipeline.landing.land(capture)
        status.append({row["symbol"]: row["status"] for row in json.loads(capture.body)["symbols"]})
    for capture in captures[1:]:
        pipeline.land_prices({"BTCUSDT": "16500.12"}, capture.received_at, interval=None, source="import")
    pipeline.update()
    publish(pipeline.store)
    kinds = set()
    for before, capture, after in zip(status, captures[1:], status[1:], strict=False):
        expected = {("listed", symbol) for symbol in after.keys() - before.keys()}
        expected |= {("delisted", symbol) for symbol in before.keys() - after.keys()}
        for symbol in before.keys() & after.keys():
            was, is_ = (status[symbol] == "TRADING" for status in (before, after))
            expected |= {("halted", symbol)} if was and not is_ else {("resumed", symbol)} if is_ and not was else set()
        events = write_report(pipeline.store, capture.received_at.date()).findings["events"]
        kind_of = {"listed again": "listed", "opened": "resumed"}
        found = {(kind_of.get(row["event"], row["event"]), row["symbol"]) for row in events}
        assert found == expected
        kinds |= {event for event, _ in found}
    assert kinds >= {"listed", "delisted", "halted"}


# The pages


def test_the_page_is_one_file_that_fetches_nothing(today: Report) -> None:
    tags = seen(today.html).tags
    assert not [tag for tag, _ in tags if tag in {"script", "link", "iframe", "object", "base", "form"}]
    for tag, attributes in tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} {name}"
            if name in {"src", "href", "srcset", "action"}:
                assert (value or "").startswith(("#", "data:image/svg+xml;base64,")), value
    assert "url(" not in today.html.read_text(encoding="utf-8")
    pictures = [attributes for tag, attributes in tags if tag == "img"]
    assert len(pictures) == 5
    assert all(picture["alt"] for picture in pictures)
    assert today.html.stat().st_size < 300_000


def test_each_picture_says_what_it_shows_and_is_readable_in_the_dark(today: Report) -> None:
    pictures = sorted(today.folder.glob("*.svg"))
    assert [picture.stem for picture in pictures] == ["bands", "coverage", "highest", "pegs", "sectors"]
    page = today.markdown.read_text(encoding="utf-8")
    for picture in pictures:
        svg = ElementTree.parse(picture).getroot()
        space = "{http://www.w3.org/2000/svg}"
        title, description, style = (svg.findtext(f"{space}{name}") for name in ("title", "desc", "style"))
        assert title
        assert description
        assert "prefers-color-scheme: dark" in (style or "")
        assert f"]({picture.name})" in page


def test_simulated_prices_are_called_so(today: Report) -> None:
    for text in pages(today):
        assert "SIMULATED" in text


NAME = "<img src=x onerror=alert(1)>|*b*[c](javascript:d)`e`$f$&amp;\\ www.g.h http://i.j"
CODE = "</style><script>g()</script>_h_"


def test_names_from_data_are_text(tmp_path: Path) -> None:
    """Such names are refused when they are loaded; what reads the export does not rely on that."""
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS, NOON)
    pipeline.land_prices({"BTCUSDT": "99999999.12345678", "ETHUSDT": "3000"}, NOON + SECOND)
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT", status="HALT"), *PAIRS[1:]], NOON + HOUR)
    pipeline.land_info(PAIRS, NOON + HOUR + MINUTE)
    pipeline.update()
    publish(pipeline.store)
    folder = current(pipeline.store.export)
    assert folder
    for table in ("dim_pair", "dim_pair_history"):
        file = folder / f"{table}.parquet"
        with duckdb.connect() as duck:
            duck.execute(
                "create table renamed as select * replace (if(symbol = 'BTCUSDT', $name, symbol) as symbol, "
                "if(symbol = 'BTCUSDT', $code, base_code) as base_code) from read_parquet($file)",
                {"name": NAME, "code": CODE, "file": str(file)},
            )
            duck.table("renamed").write_parquet(str(file))
    report = write_report(pipeline.store)
    assert [row["symbol"] for row in report.findings["highest"]] == [NAME, "ETHUSDT"]
    assert [row["symbol"] for row in report.findings["events"]] == [NAME, NAME]
    page = seen(report.html)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "b", "em"})
    assert all((attributes["src"] or "").startswith("data:") for tag, attributes in page.tags if tag == "img")
    for text in pages(report):
        assert f"that of {CODE}: 99,999,999.12345678 USDT" in text
        assert NAME in text
        assert "SIMULATED" not in text
    tokens = rendered(report.markdown)[1]
    assert {token.type for token in tokens}.isdisjoint(
        {"html_inline", "html_block", "link_open", "em_open", "code_inline"}
    )
    assert {token.attrs["src"] for token in tokens if token.type == "image"} == {
        path.name for path in report.folder.glob("*.svg")
    }
    svg = ElementTree.parse(report.folder / "highest.svg").getroot()
    assert CODE in [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert not list(svg.iter("{http://www.w3.org/2000/svg}script"))


def test_a_finding_without_data_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, NOON + MINUTE)
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS, NOON)
    pipeline.land_prices({"BTCUSDT": "60000.5", "XRPTRY": "20"}, NOON + SECOND)
    pipeline.update()
    publish(pipeline.store)
    report = write_report(pipeline.store)
    assert sorted(path.name for path in report.folder.iterdir()) == [
        "bands.svg",
        "highest.svg",
        "report.html",
        "report.md",
    ]
    for text in pages(report):
        assert "The highest unit price in USDT is that of BTC: 60,000.5 USDT. " in text
        assert "Nothing was compared: it takes an hour that is over" in text
        assert "No sector was measured" in text
        assert "Not known yet: no hour of this day is over" in text
        assert "Nothing: no pair was listed, opened, removed, halted or resumed." in text
        assert "Pairs that are left out of what is said of prices: 1 that does not trade." in text


def test_a_market_of_which_nothing_trades_has_a_report(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described("XRPTRY", "XRP", "TRY", status="BREAK")], NOON)
    pipeline.land_prices({"XRPTRY": "20"}, NOON + SECOND)
    pipeline.update()
    publish(pipeline.store)
    for text in pages(write_report(pipeline.store)):
        assert "No pair has a current price: 1 is left out, as the end of this page says." in text


# Words


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (words.exact("0.00000710"), "0.0000071"),
        (words.exact("71114.85000000", "USDT"), "71,114.85 USDT"),
        (words.exact("100.00000000"), "100"),
        (words.rounded(8_333_333.3), "8,330,000"),
        (words.rounded(0.0000123456), "0.0000123"),
        (words.share(0.5), "50 %"),
        (words.share(0.99996), "more than 99.9 %"),
        (words.share(0.00001), "less than 0.1 %"),
        (words.share(1), "100 %"),
        (words.share(0), "0 %"),
        (words.change(-0.0204), "\u22122.04 %"),
        (words.change(-0.000001), "0.00 %"),
        (words.lasting(4500), "1 h 15 min"),
        (words.lasting(59.6), "1 min"),
        (words.lasting(30), "30 s"),
        (words.count(1, "pair"), "1 pair"),
        (words.listed(["a"]), "a"),
        (words.listed(["a", "b", "c"]), "a, b and c"),
        (words.span(MIDNIGHT - HOUR, MIDNIGHT), "23:00 to 24:00 UTC"),
    ],
)
def test_figures_are_written_for_people(written: str, expected: str) -> None:
    assert written.replace(words.SPACE, " ") == expected


# The command


@dataclass(frozen=True)
class Called:
    """The command line on a home."""

    home: Home

    def __call__(self, *arguments: object) -> Result:
        return CliRunner().invoke(app, ["report", *map(str, arguments)])


@pytest.fixture
def call(home: Home) -> Called:
    return Called(home)


def filled(home: Home, later: Mapping[datetime, dict[str, str]] | None = None) -> Pipeline:
    pipeline = Pipeline(home.store("live").path)
    pipeline.land_info(PAIRS, NOON)
    for at, prices in {NOON + SECOND: {"BTCUSDT": "60000.5", "ETHUSDT": "3000"}, **(later or {})}.items():
        pipeline.land_prices(prices, at)
    pipeline.update()
    return pipeline


def test_an_empty_home_says_what_to_do(call: Called) -> None:
    result = call()
    assert result.exit_code == 1
    assert "There is no export in" in result.stderr
    assert "`binance-assets run` makes one." in result.stderr
    assert not call.home.path.exists()


def test_an_export_without_prices_says_what_to_do(call: Called) -> None:
    pipeline = Pipeline(call.home.store("live").path)
    pipeline.land_info(PAIRS, NOON)
    pipeline.update()
    publish(pipeline.store)
    result = call()
    assert result.exit_code == 1
    assert "no prices yet. `binance-assets run` gets some" in result.stderr
    assert "no prices yet" in shown(report_asset)[0]["findings"].value


def test_the_command_writes_and_tells(call: Called, tmp_path: Path) -> None:
    publish(filled(call.home).store)
    result = call()
    assert result.exit_code == 0, result.output
    folder = call.home.store("live").path / "reports" / "2024-03-01"
    assert "that of BTC: 60,000.5" in " ".join(result.stdout.replace(words.SPACE, " ").split())
    assert str(folder / "report.html") in result.stdout
    assert (folder / "report.md").exists()
    told = json.loads(call("--to", tmp_path / "mine", "--json").stdout)
    assert told["html"] == str(tmp_path / "mine" / "report.html")
    assert Path(told["html"]).read_bytes() == (folder / "report.html").read_bytes()
    assert (told["day"], told["market"]["priced_until"]) == ("2024-03-01", "2024-03-01T12:00:01Z")
    missing = call("--day", "2020-01-01")
    assert missing.exit_code == 1
    assert "no prices of 2020-01-01; it has some from 2024-03-01 to 2024-03-01" in " ".join(missing.stderr.split())
    wrong = call("--day", "yesterday")
    assert wrong.exit_code == 2
    assert "such as 2026-10-01" in wrong.stderr


# What the Dagster UI shows


def shown(asset: dg.AssetsDefinition) -> tuple[dict[str, Any], int]:
    """The metadata of a materialization, and the bytes of its event in the log."""
    with dg.DagsterInstance.ephemeral() as instance:
        made = dg.materialize([asset], resources={"home": HomeResource()}, instance=instance)
        [record] = instance.fetch_materializations(asset.key, limit=1).records
    [event] = made.get_asset_materialization_events()
    return dict(event.materialization.metadata), len(serialize_value(record.event_log_entry))


def test_the_asset_writes_the_newest_day_and_the_one_before(home: Home) -> None:
    pipeline = filled(home, {NOON + DAY: {"BTCUSDT": "61000.5", "ETHUSDT": "3000"}})
    publish(pipeline.store)
    metadata, size = shown(report_asset)
    reports = pipeline.store.path / "reports"
    assert sorted(path.name for path in reports.iterdir()) == ["2024-03-01", "2024-03-02"]
    assert metadata["page"].value == str(reports / "2024-03-02" / "report.html")
    assert metadata["findings"].value.startswith("- The highest unit price in USDT is that of BTC: 61,000.5")
    assert len(metadata["findings"].value.splitlines()) == 7
    assert metadata["source"].value == "live"
    assert size < 4000
    assert inspect.signature(dashboard).parameters["port"].default == int(SERVED.rpartition(":")[2])


def test_the_newest_prices_are_shown_with_a_line_and_the_top_ten(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, NOON + 4 * HOUR + MINUTE)
    pipeline = filled(home, {NOON + number * HOUR: {"BTCUSDT": f"{60000 + 100 * number}"} for number in (1, 2, 4)})
    metadata, size = shown(fact_price_latest)
    assert [row.data["symbol"] for row in metadata["highest_priced_in_usdt"].records] == ["BTCUSDT", "ETHUSDT"]
    assert metadata["export"].value == str(pipeline.store.export)
    assert metadata["dagster/row_count"].value == 2
    words_, _, picture = metadata["last_day"].value.partition("\n\n")
    assert words_ == "BTCUSDT, hourly means since 2024-02-29 17:00 UTC, 60,000.50 to 60,200.00 USDT"
    assert picture.count("![") == 1
    assert len(metadata["last_day"].value) < 800
    assert size < 5000


def drawn(values: list[float | None]) -> str:
    markdown = sparkline(values, "title")
    assert len(markdown) < 800
    assert markdown.startswith("![title](data:image/svg+xml;base64,")
    svg = ElementTree.fromstring(base64.b64decode(markdown.removesuffix(")").partition("base64,")[2]))
    [path] = svg
    return path.attrib["d"]


def test_a_sparkline_breaks_where_nothing_is() -> None:
    assert drawn([1, 3, None, 2, None]) == "M0 32h0L60 0M180 16h0"
    assert drawn([5.0] * 24).count("L") == 23
    assert drawn([]) == drawn([None]) == ""
    assert drawn([7]) == "M0 16h0"
    drawn([float(number * 7919 % 101) for number in range(24)])
