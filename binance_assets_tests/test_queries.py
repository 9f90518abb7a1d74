"""The queries of the documents, on a simulated home: each is run as it stands there, and its rows are compared."""

from __future__ import annotations

import csv
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pytest

from binance_assets.core.tables import SECTORS
from binance_assets.export.publish import publish
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets_tests.pipeline import HOUR, MINUTE, ROOT, SECOND, Pipeline, milliseconds
from binance_assets_tests.test_sectors import Member, expected

START = datetime(2025, 6, 2, 12)  # noqa: DTZ001
"""The documents ask for the rules an hour later."""

CAPTURED = [START + number * 15 * MINUTE + SECOND for number in range(13)]

Row = dict[str, Any]


def blocks_of(document: Path) -> list[str]:
    """What stands in a document as SQL."""
    return re.findall(r"^```sql\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def documented() -> dict[str, str]:
    """Every statement of the documents by the comment above it."""
    found = {}
    for document in (ROOT / "README.md", ROOT / "docs" / "queries.md"):
        for block in blocks_of(document):
            for statement in block.split(";\n"):
                if statement.strip():
                    comment = re.match(r"\s*-- (.*)\n", statement)
                    assert comment, f"{document.name} does not say what this asks:\n{statement}"
                    assert comment[1] not in found, f"{comment[1]!r} stands twice"
                    found[comment[1]] = statement.strip().removesuffix(";")
    return found


QUERIES = documented()

EXAMPLES = [
    pytest.param(statement, id=f"{document.name} {number}")
    for document in sorted((ROOT / "docs").rglob("*.md"))
    if document.name != "queries.md"
    for number, statement in enumerate(
        statement for block in blocks_of(document) for statement in block.split(";\n") if statement.strip()
    )
]
"""Statements that stand in the other documents."""


@dataclass(frozen=True)
class Simulated:
    """A home in ``data/sandbox``, and what the simulated exchange said.

    Attributes:
        folder: Where ``data`` is.
        info: Descriptions by symbol, as they were first.
        later: What they have become, of the symbols that are still listed.
        prices: By symbol and instant.
    """

    folder: Path
    info: dict[str, Row]
    later: dict[str, Row]
    prices: dict[str, dict[datetime, str]]

    @cached_property
    def pairs(self) -> dict[str, tuple[str, str]]:
        return {symbol: (row["baseAsset"], row["quoteAsset"]) for symbol, row in self.info.items()}

    @cached_property
    def latest(self) -> dict[str, Decimal]:
        return {symbol: Decimal(its[CAPTURED[-1]]) for symbol, its in self.prices.items()}

    @cached_property
    def fresh(self) -> set[str]:
        """What is traded in the end."""
        return {symbol for symbol, row in self.later.items() if row["status"] == "TRADING"}

    def in_quote(self, quote: str) -> list[tuple[str, float]]:
        """Symbols and prices in a quote currency, the highest first."""
        found = [(s, float(self.latest[s])) for s in self.fresh if self.pairs[s][1] == quote]
        return sorted(found, key=lambda row: (-row[1], row[0]))

    @cached_property
    def usdt_rates(self) -> dict[str, float]:
        """What a quote currency is worth in USDT: by its own pair, either way round, or else by way of BTC."""
        rates = {self.pairs[symbol]: float(self.latest[symbol]) for symbol in self.fresh}
        rates = {(quote, base): 1 / rate for (base, quote), rate in rates.items()} | rates
        by_bitcoin = {code: rate * rates["BTC", "USDT"] for (code, quote), rate in rates.items() if quote == "BTC"}
        return by_bitcoin | {code: rate for (code, quote), rate in rates.items() if quote == "USDT"} | {"USDT": 1.0}

    @cached_property
    def members(self) -> list[Member]:
        """The project's own list of sectors."""
        core = resources.files("binance_assets").joinpath("core")
        with resources.as_file(core.joinpath("category.csv")) as path, path.open(encoding="utf-8") as file:
            sector_of = {row["external_id"]: row["sector"] for row in csv.DictReader(file) if row["external_id"]}
        with resources.as_file(core.joinpath("currency_category.csv")) as path, path.open(encoding="utf-8") as file:
            listed = [(row["code"], sector_of[row["category"]]) for row in csv.DictReader(file)]
        known = {code for currencies in self.pairs.values() for code in currencies}
        return [Member(code, sector) for code, sector in listed if code in known]

    def sectors(self) -> dict[tuple[str, datetime], Row]:
        """The sectors hour by hour."""

        def is_trading(symbol: str, hour: datetime) -> bool:
            said = [self.info] * (hour < START + 2 * HOUR) + [self.later] * (hour >= START + HOUR)
            return all(symbol in rows and rows[symbol]["status"] == "TRADING" for rows in said)

        rows = expected(self.prices, self.pairs, is_trading, self.members)
        return {(sector, hour): row for (_, sector, hour), row in rows.items()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Three hours of the simulated market. In the second, pairs are halted and removed, and a tick size changes."""
    folder = tmp_path_factory.mktemp("queries")
    pipeline = Pipeline(folder / "data" / "sandbox", "sandbox")
    exchange = Exchange(Market.of(DEFAULT_SEED), 6000)
    before: list[Row] = exchange.answer("exchangeInfo", [], milliseconds(START))["symbols"]
    pipeline.land_info(before, START - SECOND)
    after = []
    for symbol in before:
        changed = dict(symbol)
        if symbol["symbol"] in {"ETHUSDT", "BTCTRY"}:
            changed["status"] = "BREAK"
        if symbol["symbol"] == "BTCUSDT":
            changed["filters"] = [f | {"tickSize": "0.50000000"} for f in symbol["filters"] if "tickSize" in f]
        if symbol["symbol"] != "ETHTRY":
            after.append(changed)
    pipeline.land_info(after, START + HOUR + 30 * MINUTE)
    prices: dict[str, dict[datetime, str]] = defaultdict(dict)
    for at in CAPTURED:
        answer = exchange.answer("ticker/price", [], milliseconds(at))
        pipeline.land_prices(answer, at, interval=60)
        for row in answer:
            prices[row["symbol"]][at] = row["price"]
    pipeline.update()
    publish(pipeline.store)
    return Simulated(folder, {s["symbol"]: s for s in before}, {s["symbol"]: s for s in after}, prices)


def run(home: Simulated, query: str, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """What the command line would show: of the export from beside ``data``, of the warehouse from its folder."""
    reads_export = "/export/" in query
    monkeypatch.chdir(home.folder if reads_export else home.folder / "data" / "sandbox")
    with duckdb.connect() if reads_export else duckdb.connect("warehouse.duckdb", read_only=True) as duck:
        result = duck.execute(query.replace("data/live/", "data/sandbox/"))
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def highest_priced(home: Simulated, rows: list[Row]) -> None:
    assert [(row["symbol"], row["price"]) for row in rows] == home.in_quote("USDT")[:10]


def highest_priced_in_lira(home: Simulated, rows: list[Row]) -> None:
    assert [(row["symbol"], row["price"]) for row in rows] == home.in_quote("TRY")[:10]
    assert not {"BTCTRY", "ETHTRY"} & {row["symbol"] for row in rows}, "halted, and removed"
    assert {(row["usdt_path"], row["observed_at"]) for row in rows} == {("1/USDTTRY", CAPTURED[-1])}
    for row in rows:
        assert row["price_usdt"] == pytest.approx(row["price"] / float(home.latest["USDTTRY"]))


def last_hour(home: Simulated, rows: list[Row]) -> None:
    last = CAPTURED[-1].replace(second=0)
    assert [row["minute_utc"] for row in rows] == [last - number * MINUTE for number in range(60)]
    for row in rows:
        price = home.prices["BTCUSDT"].get(row["minute_utc"] + SECOND)
        assert row["is_gap"] is (price is None)
        assert row["average_price"] == (None if price is None else pytest.approx(float(price)))
        if price is None:
            before = max(at for at in CAPTURED if at < row["minute_utc"])
            assert row["staleness_seconds"] == (row["minute_utc"] - before).total_seconds()
            carried = row["staleness_seconds"] <= 300
            assert row["filled_price"] == (float(home.prices["BTCUSDT"][before]) if carried else None)


def where_it_came_from(home: Simulated, rows: list[Row]) -> None:
    [row] = rows
    assert (row["endpoint"], row["source"], row["received_at"]) == ("ticker/price", "sandbox", CAPTURED[-1])
    assert (home.folder / "data" / "sandbox" / "landing" / row["file"]).exists()


def distribution(home: Simulated, rows: list[Row]) -> None:
    bands = defaultdict(list)
    for symbol, price in home.in_quote("USDT"):
        bands[home.latest[symbol].adjusted()].append(price)
    assert [(row["pairs"], row["lowest"], row["highest"]) for row in rows] == [
        (len(prices), min(prices), max(prices)) for _, prices in sorted(bands.items())
    ]
    for row in rows:
        low, high = map(float, row["price_band"].split(" to "))
        assert low <= row["lowest"] <= row["highest"] < high


def by_sector(home: Simulated, rows: list[Row]) -> None:
    sectors = {(member.code, member.sector) for member in home.members}
    groups = defaultdict(list)
    for symbol, (base, _) in home.pairs.items():
        groups[next((sector for sector in SECTORS if (base, sector) in sectors), "none")].append(symbol)
    found = {row["sector"]: row for row in rows}
    assert found.keys() == groups.keys() >= {"DeFi", "Layer 1 & Layer 2", "none"}
    for sector, symbols in groups.items():
        row = found[sector]
        assert row["pairs"] == len(symbols)
        assert row["currencies"] == len({home.pairs[symbol][0] for symbol in symbols})
        assert row["trading_pairs"] == len(home.fresh.intersection(symbols))
        prices = [
            float(home.latest[symbol]) * home.usdt_rates[quote]
            for symbol in home.fresh.intersection(symbols)
            if (quote := home.pairs[symbol][1]) in home.usdt_rates
        ]
        assert row["median_price_usdt"] == (pytest.approx(statistics.median(prices)) if prices else None)
    assert [row["trading_pairs"] for row in rows] == sorted((row["trading_pairs"] for row in rows), reverse=True)


def members_of_sectors(home: Simulated, rows: list[Row]) -> None:
    groups = defaultdict(set)
    for member in home.members:
        groups[member.sector].add(member.code)
    assert {row["provider"] for row in rows} == {"curated"}
    assert {row["sector"]: row["currencies"] for row in rows} == {
        sector: " ".join(sorted(codes)) for sector, codes in groups.items()
    }


def by_status(home: Simulated, rows: list[Row]) -> None:
    words = {symbol: home.later.get(symbol, row)["status"] for symbol, row in home.info.items()}
    counts = Counter((status, symbol in home.later) for symbol, status in words.items())
    assert {(row["status"], row["is_listed"]): row["pairs"] for row in rows} == counts
    assert counts["TRADING", False] == 1
    for row in rows:
        assert row["stale"] == (0 if (row["status"], row["is_listed"]) == ("TRADING", True) else row["pairs"])
        assert row["newest_price"] == CAPTURED[-1]


def development(home: Simulated, rows: list[Row]) -> None:
    sectors = home.sectors()
    assert [(row["sector"], row["hour_utc"]) for row in rows] == sorted(sectors)
    assert {hour for _, hour in sectors} == {START + number * HOUR for number in range(4)}
    since_start: dict[str, float] = defaultdict(lambda: 1.0)
    for row in rows:
        right = sectors[row["sector"], row["hour_utc"]]
        since_start[row["sector"]] *= 1 + float(right["change"])
        assert row["change"] == pytest.approx(float(right["change"]), abs=1e-12)
        assert row["change_since_start"] == pytest.approx(since_start[row["sector"]] - 1, abs=1e-12)
        assert row["pair_count"] == right["pair_count"]
    counts = {hour: row["pair_count"] for (sector, hour), row in sectors.items() if sector == "Layer 1 & Layer 2"}
    halted = counts[START] - counts[START + HOUR]
    assert halted >= 3, "the pairs that were halted or removed are in the hour before only"


def behind_it(home: Simulated, rows: list[Row]) -> None:
    newest = START + 3 * HOUR
    sectors = {sector: row for (sector, hour), row in home.sectors().items() if hour == newest}
    assert [row["sector"] for row in rows] == sorted(sectors)
    for row in rows:
        changes = {symbol: float(change) for symbol, change in sectors[row["sector"]]["changes"].items()}
        for pair, its_change, extreme in (("lowest_pair", "its_change", min), ("highest_pair", "its_change_too", max)):
            assert changes[row[pair]] == pytest.approx(extreme(changes.values()), abs=1e-12)
            its_prices = [Fraction(price) for at, price in home.prices[row[pair]].items() if at >= newest]
            assert row[its_change] == pytest.approx(float(its_prices[-1] / its_prices[0] - 1), abs=1e-12)
        assert row["observed_minutes"] == 1


def rules(home: Simulated, rows: list[Row]) -> None:
    [row] = rows
    filters = {f["filterType"]: f for f in home.info["BTCUSDT"]["filters"]}
    assert row == {
        "symbol": "BTCUSDT",
        "status": "TRADING",
        "tick_size": float(filters["PRICE_FILTER"]["tickSize"]),
        "step_size": float(filters["LOT_SIZE"]["stepSize"]),
        "min_notional": float(filters["NOTIONAL"]["minNotional"]),
        "is_spot_trading_allowed": True,
        "valid_from": START - SECOND,
        "valid_to": START + HOUR + 30 * MINUTE,
    }


def traded_then(home: Simulated, rows: list[Row]) -> None:
    trading = Counter(row["quoteAsset"] for row in home.info.values() if row["status"] == "TRADING")
    assert {row["quote_code"]: row["trading_pairs"] for row in rows} == trading
    assert sum(trading.values()) == len(home.fresh) + 3


RIGHT: dict[str, Callable[[Simulated, list[Row]], None]] = {
    "The highest-priced pairs in USDT, halted ones left out": highest_priced,
    "The last hour of BTCUSDT, gaps included": last_hour,
    "Where a price came from: the response, when it was asked for, who answered, and the file that keeps it": (
        where_it_came_from
    ),
    "The ten highest-priced pairs in Turkish lira, and what that is in USDT": highest_priced_in_lira,
    "How many pairs in USDT cost how much, by decades": distribution,
    "Pairs, currencies and prices by sector": by_sector,
    "Which currencies are in each sector now, those of several sectors in each of them": members_of_sectors,
    "Pairs by the exchange's word on them": by_status,
    "Sectors over the newest day, hour by hour, and all in all": development,
    "What was behind the newest hour of each sector: the pairs at its ends, with what they did in their own quote "
    "currency": behind_it,
    "The rules of BTCUSDT on 2 June 2025 at 13:00 UTC": rules,
    "How many pairs traded in each quote currency at that time, those included that have gone since": traded_then,
}


def test_every_query_of_the_documents_is_known_here() -> None:
    assert QUERIES.keys() == RIGHT.keys(), "say in RIGHT what a new query should find"


@pytest.mark.parametrize("title", sorted(QUERIES.keys() & RIGHT.keys()))
def test_a_query_of_the_documents_finds_what_is_right(
    home: Simulated, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = run(home, QUERIES[title], monkeypatch)
    assert rows
    RIGHT[title](home, rows)


@pytest.mark.parametrize("statement", EXAMPLES)
def test_an_example_of_the_documents_runs(home: Simulated, statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(home, statement, monkeypatch)
