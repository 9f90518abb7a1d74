"""The report: its figures are those of the warehouse, its words say them, and names from data are text in it."""

from __future__ import annotations

import base64
import inspect
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
from binance_assets.export.publish import DamagedExport, publish
from binance_assets.export.versions import current
from binance_assets.home import Home
from binance_assets.mart.assets import fact_price_latest
from binance_assets.report import plots, words
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
from binance_assets_tests.recorded_market import recorded_market
from binance_assets_tests.report_figures import Figures, as_told

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


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return recorded_market(tmp_path_factory.mktemp("recorded") / "live")


@pytest.mark.parametrize(
    ("store", "day", "is_newest"),
    [
        ("simulated", TODAY, True),
        ("simulated", YESTERDAY, False),
        pytest.param("recorded", date(2022, 1, 24), True, marks=needs_recordings),
        pytest.param("recorded", date(2021, 4, 29), False, marks=needs_recordings),
    ],
)
def test_every_figure_is_what_the_warehouse_says(
    request: pytest.FixtureRequest, store: str, day: date, is_newest: bool
) -> None:
    pipeline: Pipeline = request.getfixturevalue(store)
    report = write_report(pipeline.store, None if is_newest else day)
    found, expected = report.findings, Figures(pipeline, day, is_newest=is_newest)
    assert (found["day"], found["is_newest"]) == (day, is_newest)
    assert found["market"] == expected.market()
    names = ("quote_code", "pairs", "symbol", "base_code", "price_text", "next_symbol", "next_price_text")
    leaders = [as_told(row, names) for row in found["leaders"]]
    its = expected.leaders()
    assert [(*told[:4], Decimal(told[4]), told[5], told[6] and Decimal(told[6])) for told in leaders] == [
        it[:7] for it in its
    ]
    assert [row["times_the_next"] for row in found["leaders"]] == [it[7] and pytest.approx(it[7]) for it in its]
    in_quote = [(it.symbol, it.base, it.price) for it in expected.by_quote[expected.quote]]
    for name, pairs in (("highest", in_quote[:10]), ("lowest", sorted(in_quote, key=lambda it: (it[2], it[0]))[:5])):
        rows = cast("list[dict[str, Any]]", found[name])  # type: ignore[literal-required]
        assert [(row["symbol"], row["base_code"], Decimal(row["price_text"])) for row in rows] == pairs
        assert [row["price"] for row in rows] == [float(price) for *_, price in pairs]
    assert found["shares"] == pytest.approx(expected.shares())
    assert [row["step_share"] for row in found["coarsest"]] == pytest.approx(expected.coarsest())
    assert [as_told(row, ("power", "pairs", "pairs_in_quote")) for row in found["bands"]] == expected.bands()

    pegs = {(row.pop("code"), row.pop("follows_code")): row for row in map(dict, found["pegs"])}
    assert pegs.keys() == expected.pegs().keys()
    for peg, told in expected.pegs().items():
        worst = told.pop("worst")
        assert as_told(pegs[peg], list(told)) == tuple(told.values())
        assert (pegs[peg]["worst_bp"] and abs(pegs[peg]["worst_bp"])) == worst
    crosses, expected_crosses = found["crosses"], expected.crosses()
    assert (crosses is None) == (expected_crosses is None)
    if crosses and expected_crosses:
        assert abs(crosses["worst_bp"]) / crosses["worst_threshold_bp"] == expected_crosses.pop("worst")
        assert crosses["median_bp"] == pytest.approx(expected_crosses.pop("median_bp"))
        assert as_told(crosses, list(expected_crosses)) == tuple(expected_crosses.values())

    assert {as_told(row, ("event", "symbol", "at_utc")) for row in found["events"]} == expected.events()
    sectors = {row["sector"]: as_told(row, ("change", "hours", "minutes", "pairs")) for row in found["sectors"]}
    assert sectors == {sector: pytest.approx(told) for sector, told in expected.sectors().items()}
    coverage = {row["hour_utc"]: row["coverage"] for row in found["coverage"]}
    assert coverage == {hour: pytest.approx(told) for hour, told in expected.coverage().items()}
    assert found["quality"] == pytest.approx(expected.quality())
    names = ("gaps", "pairs", "lasting", "repaired", "longest_seconds")
    gaps = {(row["cause"], row["is_whole_market"]): as_told(row, names) for row in found["gaps"]}
    assert gaps == expected.gaps()

    for text in pages(report):
        for sentence in sentences_of(expected):
            assert sentence.replace(words.SPACE, " ") in text
    cells = " ".join(rendered(report.markdown)[0].replace(words.SPACE, " ").split())
    for row in rows_of(expected):
        assert " ".join(filter(None, row)).replace(words.SPACE, " ") in cells


def sentences_of(expected: Figures) -> Iterator[str]:
    """What both pages say of the figures, the tiles at their top included."""
    market, shares, quote = expected.market(), expected.shares(), expected.quote
    first, second, *_ = expected.by_quote[quote]
    below = words.share(shares["below_one"] / shares["pairs"])
    which = "a current price" if expected.is_newest else "a price of this day"
    yield f"pairs with {which}, in {words.count(market['quotes'], 'quote currency', 'quote currencies')}"
    yield words.exact(str(first.price), quote)
    yield f"the next, {second.base}, at {words.exact(str(second.price), quote)}"
    yield f"{shares['below_one']:,} of {words.count(shares['pairs'], 'pair')} ({below}) cost less than one unit"
    yield f"in {quote} it is {shares['below_one_in_quote']:,} of {shares['pairs_in_quote']:,}"
    yield f"Half of the pairs in {quote} cost less than {words.rounded(shares['median_in_quote'])} {quote}"
    power, pairs, _ = max(expected.bands(), key=lambda it: it[1])
    yield f"The commonest prices are those from {plots.band(power)}: {words.count(pairs, 'pair')}"
    yield f"{shares['micro']:,} of {words.count(shares['pairs'], 'pair')} cost less than 0.0001 of their quote currency"
    if shares["coarse"]:
        yield f"Of {words.count(shares['coarse'], 'pair')} a single step is 1 % of the price or more"
    compared = [peg for peg in expected.pegs().values() if peg["deviation_bp"] is not None]
    if compared:
        yield f"{sum(peg['is_beyond'] for peg in compared)} of {len(compared)}"
        yield f"{max(peg['worst'] for peg in compared):,.1f} basis points, "
    if crosses := expected.crosses():
        yield f"{words.count(crosses['pairs'], 'pair')} without USDT were compared"
        yield f"half were within {words.rounded(crosses['median_bp'], 2)} basis points"
    kinds = [event for event, *_ in expected.events()]
    for kind in set(kinds):
        verb = "was" if kinds.count(kind) == 1 else "were"
        what = {"delisted": "removed from the list", "opened": "opened for trading"}.get(kind, kind)
        yield f"{words.count(kinds.count(kind), 'pair')} {verb} {what}"
    if sectors := expected.sectors():
        changes = [change for change, *_ in sectors.values()]
        yield f" did best, {words.change(max(changes))}; "
        yield f" did worst, {words.change(min(changes))}: in USDT, over the "
        yield f"over the {words.lasting(60 * max(minutes for _, _, minutes, _ in sectors.values()))} of this"
    known = [it for it in expected.coverage().values() if it is not None]
    yield f"in {words.count(len(known), 'hour')}, {words.share(sum(known) / len(known))} are there"
    yield words.share(sum(known) / 24)
    if quality := expected.quality():
        yield f"{words.share(quality['completeness'])} of the minutes of this day are there"
    if of_market := [gap[-1] for (_, is_whole_market), gap in expected.gaps().items() if is_whole_market]:
        yield f"The longest gap of the whole market lasted {words.lasting(max(of_market))}"
    if market["halted_pairs"]:
        yield f"{market['halted_pairs']:,} {'does' if market['halted_pairs'] == 1 else 'do'} not trade"


def rows_of(expected: Figures) -> Iterator[list[str]]:
    """The rows of the tables."""
    for quote, pairs, symbol, _, price, next_symbol, next_price, times in expected.leaders()[:12]:
        gap = "" if times is None else f"{words.rounded(times)} times" if times >= 1.5 else words.change(times - 1)
        next_price_text = words.exact(str(next_price)) if next_price else ""
        yield [quote, symbol, f"{pairs:,}", words.exact(str(price)), next_symbol or "none", next_price_text, gap]
    for power, pairs, in_quote in expected.bands():
        yield [plots.band(power), f"{pairs:,}", f"{in_quote:,}"]
    for it in sorted(expected.by_quote[expected.quote], key=lambda it: (it.price, it.symbol))[:5]:
        yield [it.symbol, words.exact(str(it.price)), words.rounded(1 / float(it.price))]
    for (code, follows), peg in expected.pegs().items():
        if peg["deviation_bp"] is not None:
            yield [code, follows, words.hour(peg["hour_utc"]), words.rounded(peg["price"], 6),
                   words.points(peg["deviation_bp"]), words.rounded(peg["threshold_bp"])]  # fmt: skip
    for sector, (change, hours, _, pairs) in expected.sectors().items():
        yield [sector, words.change(change), f"{pairs:,}", f"{hours}"]
    for gaps, _, lasting, repaired, longest in expected.gaps().values():
        yield [f"{gaps:,}", f"{repaired:,}", f"{lasting:,}", words.lasting(longest)]


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
        assert "delisted" not in text
    for text in pages(yesterday):
        assert "2 pairs were listed." in text
        assert f"The first metadata is from {START - SECOND} UTC: what was before nobody knows." in text


def test_imported_prices_are_called_so_and_a_single_response_tells_no_move(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info(PAIRS, NOON)

    def headline(*prices: tuple[datetime, str], source: str) -> str:
        for at, price in prices:
            pipeline.land_prices({"BTCUSDT": price, "ETHUSDT": "3000"}, at, interval=60, source=source)
        pipeline.update()
        publish(pipeline.store)
        return write_report(pipeline.store).headlines[5].replace(words.SPACE, " ")

    assert headline((NOON + MINUTE, "60000"), (NOON + 90 * MINUTE, "60600"), source="import").startswith(
        "No sector could be measured"
    )
    assert headline((NOON + 31 * MINUTE, "63000"), source="import") == (
        "Layer 1 & Layer 2 changed by +2.50 %: in USDT, over the 2 min of this day of which there are imported prices."
    )
    sampled = ((NOON + 2 * HOUR, "60000"), (NOON + 150 * MINUTE, "61200"), (NOON + 3 * HOUR, "61200"))
    assert headline(*sampled, source="live") == (
        "Layer 1 & Layer 2 changed by +1.00 %: in USDT, over the 2 min of this day in which the market was observed."
    )


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
    said = f"Too early to say how complete the day is: of {priced}\u00a0pairs, 1 has an hour of it in the export."
    assert headline == said


def test_a_gap_that_lasts_is_known_up_to_the_last_sample(tmp_path: Path) -> None:
    """Also long after: what is published of a store that died in an outage does not let that outage go on."""
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT")], NOON)
    for second in (0, 30):
        pipeline.land_prices({"BTCUSDT": "60000.5"}, NOON + second * SECOND, interval=30)
    pipeline.land_missed(*(NOON + MINUTE + number * 30 * SECOND for number in range(240)), interval=30)
    pipeline.update()
    publish(pipeline.store)
    report = write_report(pipeline.store)
    [gap] = report.findings["gaps"]
    assert (gap["cause"], gap["lasting"], gap["longest_seconds"]) == ("exchange_outage", 1, 2 * 3600)
    for text in pages(report):
        assert "The longest gap of the whole market lasted 2 h, and has no end yet: the exchange gave no answer" in text
        assert "Nobody has asked the exchange since 2024-03-01 14:01:00 UTC" in text


def test_of_candles_alone_nothing_is_said_that_is_not_so(tmp_path: Path) -> None:
    store = backfilled(tmp_path / "live")
    text = write_report(store.store).markdown.read_text(encoding="utf-8")
    assert "The last price that each pair had on this day" in text
    assert "in 1\u00a0quote currency " in text
    assert "pairs with a price of this day" in text
    assert "times a pair was listed" not in text
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
        assert "No peg could be compared: it takes an hour that is over" in text
        assert "No sector could be measured" in text
        assert "times a pair was listed" not in text
        assert "How complete the day is, nobody can say yet: no hour of it is over" in text
        assert "Nobody knows what was listed, removed or halted: the only metadata of the exchange is from" in text
        assert "Some pairs are left out of what is said of prices: 1 does not trade." in text


def test_a_market_of_which_nothing_trades_has_a_report(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    pipeline.land_info([described("XRPTRY", "XRP", "TRY", status="BREAK")], NOON)
    pipeline.land_prices({"XRPTRY": "20"}, NOON + SECOND)
    pipeline.update()
    publish(pipeline.store)
    for text in pages(write_report(pipeline.store)):
        assert "No pair has a current price, of 1 pair with any: 1 does not trade." in text


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


@pytest.mark.parametrize("harm", ["cut off", "of another contract"])
def test_an_export_that_cannot_be_read_says_what_to_do(call: Called, harm: str) -> None:
    pipeline = filled(call.home)
    publish(pipeline.store)
    folder = current(pipeline.store.export)
    assert folder
    file = folder / "dim_pair.parquet"
    if harm == "cut off":
        file.write_bytes(file.read_bytes()[:100])
    else:
        with duckdb.connect() as duck:
            duck.sql("select 1 as pair_id").write_parquet(str(file))
    with pytest.raises(DamagedExport, match=r"(?s)is damaged, or of another version.*`binance-assets run` publishes"):
        write_report(pipeline.store)


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
