"""Third normal form of the core tables, on data: nothing but the key of a table determines a column of it."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from binance_assets.core.tables import TABLES
from binance_assets.tables import Table
from binance_assets_tests.coins import DEFI, GAMING, Coins, coin, listed, named
from binance_assets_tests.pipeline import HOUR, NOON, Pipeline, described
from binance_assets_tests.recorded import coin_map, needs_recordings, recorded_metadata, recorded_prices

PUT_TO_THE_TEST = 5
"""How often a determinant must have come again before a dependency is more than a coincidence."""

EXCEPTIONS = {
    (
        "core.category",
        frozenset({"name"}),
        "sector",
    ): "a category's sector is this project's judgement of it, and its list knows CoinMarketCap's by name: their ids "
    "come with the answers",
}
"""Dependencies that are meant: table, determinant, column, and why."""

PROSE = {("core.currency_coinmarketcap", "evidence"), ("core.unmatched_currency", "reason")}
"""Text in sentences, which may have commas."""


def dependencies(table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Which column is determined by which one or two others, or parts of the key, that do not identify a row."""
    keys = [set(table.key), *({name} for name in table.unique)]
    parts = {part for size in range(1, len(table.key)) for part in itertools.combinations(table.key, size)}
    others = {pair for size in (1, 2) for pair in itertools.combinations(names, size)}
    for determinant in sorted(parts | others, key=lambda some: (len(some), some)):
        if any(key <= set(determinant) for key in keys):
            continue
        places = [names.index(name) for name in determinant]
        known = [row for row in rows if all(row[place] is not None for place in places)]
        values = [tuple(row[place] for place in places) for row in known]
        if len(known) - len(set(values)) < PUT_TO_THE_TEST:
            continue
        for place, name in enumerate(names):
            is_of_a_key = any(name in key for key in keys)
            if is_of_a_key or name in determinant:
                continue
            pairs = {(value, row[place]) for value, row in zip(values, known, strict=True)}
            if len(pairs) == len(set(values)):
                yield (table.name, frozenset(determinant), name)


def assert_third_normal_form(pipeline: Pipeline, *, tables: Sequence[Table] = TABLES) -> None:
    found = []
    for table in tables:
        names = list(table.stored_columns)
        rows = pipeline.rows(f"select {', '.join(names)} from {table.open_name}")
        assert len(rows) > PUT_TO_THE_TEST, f"there is too little in {table.name}"
        for place, name in enumerate(names):
            assert len({row[place] for row in rows}) > 1, f"{table.name}.{name} is always the same: that tests nothing"
        found += [found for found in dependencies(table, names, rows) if found not in EXCEPTIONS]
        for place, name in enumerate(names):
            if table.sql_type(name) == "varchar" and (table.name, name) not in PROSE:
                lists = {row[place] for row in rows if re.search(r"[,;|]", row[place] or "")}
                assert not lists, f"{table.name}.{name} holds lists: {lists}"
    assert found == []


def test_a_planted_dependency_is_found() -> None:
    """The price of a coin that stands beside each of its currencies, and a date that follows from an instant."""
    table = next(table for table in TABLES if table.name == "core.currency_coinmarketcap")
    names = ["currency_id", "coinmarketcap_id", "method", "price"]
    rows = [(n, n % 5, ["a", "b", "c"][n % 3], 7.0 * (n % 5)) for n in range(30)]
    assert list(dependencies(table, names, rows)) == [
        (table.name, frozenset({"coinmarketcap_id"}), "price"),
        (table.name, frozenset({"price"}), "coinmarketcap_id"),
        (table.name, frozenset({"coinmarketcap_id", "method"}), "price"),
        (table.name, frozenset({"method", "price"}), "coinmarketcap_id"),
    ]


def test_on_a_made_up_market_in_which_everything_differs(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    coins = Coins(pipeline)
    chance = random.Random(4)
    known = ["BTC", "ETH", "SATS", "1000SATS", "BCC", "BCHABC", "BCH", "UST", "USTC", "DAR", "D", "ADA", "SOL", "XRP"]
    made_up = [f"N{number}" for number in range(40)]
    bases = [*known, *made_up, *(f"L{number}" for number in range(8))]
    pairs = [(base, quote) for base in bases for quote in ("USDT", "BTC", "TRY") if base != quote]
    chance.shuffle(pairs)
    pairs = [("BTC", "USDT"), *[pair for pair in pairs if pair != ("BTC", "USDT")][:120]]
    ticks = ("0.01", "0.001", "1")

    def rules(base: str) -> dict[str, Any]:
        filters = [
            {"filterType": "PRICE_FILTER", "tickSize": chance.choice(ticks)},
            {"filterType": "LOT_SIZE", "stepSize": chance.choice(ticks)},
            {"filterType": "NOTIONAL", "minNotional": chance.choice(("5", "10", "100"))},
        ]
        leveraged = {"permissions": ["LEVERAGED"]} if base.startswith("L") else {}
        return {
            "filters": filters,
            "isSpotTradingAllowed": chance.random() < 0.7,
            "status": chance.choice(("TRADING", "TRADING", "BREAK", "HALT")),
        } | leveraged

    for number in range(8):
        some = [pair for pair in pairs if chance.random() < 0.9]
        at = NOON - (8 - number) * HOUR
        pipeline.land_info([described(f"{b}{q}", b, q, **rules(b)) for b, q in some], at)
    for number in range(6):
        symbols = [f"{base}{quote}" for base, quote in pairs[:30]] + [f"UNKNOWN{n}" for n in range(6)]
        for source in ("live", "import"):
            prices = {symbol: f"{chance.choice((1, 2, 3, 50)) + chance.random():.2f}" for symbol in symbols}
            pipeline.land_prices(prices | {"BTCUSDT": "50000.0"}, NOON - number * timedelta(minutes=9), source=source)
    numbers = [(1, "BTC"), (1027, "ETH"), (28194, "SATS"), (1831, "BCH"), (7129, "USTC"), (11374, "D"), (5426, "SOL")]
    unique = [coin(1000 + number, code) for number, code in enumerate(made_up[:25])]
    shared = [
        coin(2000 + 50 * copy + number, code, active=chance.random() < 0.6, name=chance.choice(("One", "Two")))
        for copy in range(3)
        for number, code in enumerate(made_up[25:])
    ]
    everything = [*(coin(number, code) for number, code in numbers), *unique, *shared]
    for entry in shared:
        entry["rank"] = chance.choice((None, entry["id"]))
    coins.land_map(*everything)
    coins.land_listings(
        *(listed(entry["id"], chance.choice((1.0, 2.5, 50_000))) for entry in everything if chance.random() < 0.7)
    )
    others = [f"{number:024}" for number in range(5)]
    coins.land("categories", [named(DEFI, "DeFi"), named(GAMING, "Gaming"), *(named(some, "Memes") for some in others)])
    for week in range(6):
        for category in (DEFI, GAMING):
            members = {entry["id"] for entry in everything if chance.random() < 0.8}
            coins.land_members(category, members, at=NOON + week * timedelta(days=7))
    pipeline.update()
    assert_third_normal_form(pipeline)


@needs_recordings
def test_on_recordings(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    for name in ("spot_20201009.json.gz", "spot_20210429.json.gz", "series"):
        for capture in recorded_metadata(f"exchange_info/{name}", every=21):
            pipeline.landing.land(capture)
    pipeline.landing.land(recorded_prices("ticker_price/spot_20210429.json.gz", NOON))
    Coins(pipeline).land_map(*coin_map(), at=NOON)
    pipeline.update()
    assert_third_normal_form(
        pipeline,
        tables=[table for table in TABLES if table.bare_name in {"currency", "pair", "pair_history"}],
    )
