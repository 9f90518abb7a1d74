"""The sectors hour by hour, against an independent computation with exact fractions from the prices themselves."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from binance_assets import lake
from binance_assets.core import models as core
from binance_assets.core.tables import CATEGORY_PROVIDERS, SECTORS
from binance_assets.home import Home
from binance_assets.mart import models
from binance_assets.mart.assets import fact_sector_hour
from binance_assets.resources import HomeResource
from binance_assets.sandbox.exchange import Exchange
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, described, milliseconds

DAY = timedelta(days=1)
LONG_AGO = datetime(2017, 7, 14)  # noqa: DTZ001

Prices = Mapping[str, Mapping[datetime, str]]
"""By symbol and instant."""


@dataclass(frozen=True)
class Member:
    """That a currency belongs to a sector."""

    code: str
    sector: str = "DeFi"
    provider: str = "curated"
    since: datetime = LONG_AGO
    until: datetime | None = None


# The independent computation


def expected(
    prices: Prices,
    pairs: Mapping[str, tuple[str, str]],
    is_trading: Callable[[str, datetime], bool],
    members: Iterable[Member],
) -> dict[tuple[str, str, datetime], dict[str, Any]]:
    """The rows of mart.fact_sector_hour of one source, by provider, sector and hour; the changes of its pairs, too."""
    hours: dict[datetime, dict[str, list[tuple[datetime, Fraction]]]] = defaultdict(lambda: defaultdict(list))
    for symbol, at_times in prices.items():
        for at, price in sorted(at_times.items()):
            hours[at.replace(minute=0, second=0)][symbol].append((at, Fraction(price)))
    members = list(members)
    rows = {}
    for hour, observed in hours.items():
        changes, minutes = changes_in(hour, observed, pairs, is_trading)
        providers = {(member.provider, member.sector) for member in members}
        for provider, sector in providers:
            codes = {
                member.code
                for member in members
                if (member.provider, member.sector) == (provider, sector)
                and member.since <= hour
                and (member.until is None or hour < member.until)
            }
            its_changes = {symbol: change for symbol, change in changes.items() if pairs[symbol][0] in codes}
            if its_changes:
                rows[provider, sector, hour] = {
                    **summary(list(its_changes.values())),
                    "pair_count": len(its_changes),
                    "currency_count": len({pairs[symbol][0] for symbol in its_changes}),
                    "observed_minutes": minutes,
                    "changes": its_changes,
                }
    return rows


def changes_in(
    hour: datetime,
    observed: Mapping[str, Sequence[tuple[datetime, Fraction]]],
    pairs: Mapping[str, tuple[str, str]],
    is_trading: Callable[[str, datetime], bool],
) -> tuple[dict[str, Fraction], int]:
    """What the pairs that count did in an hour, in USDT; and the minutes in which the market was observed."""
    minutes = {symbol: len({at.minute for at, _ in its}) for symbol, its in observed.items()}
    most = max(minutes.values())
    growth = {
        symbol: its[-1][1] / its[0][1]
        for symbol, its in observed.items()
        if symbol in pairs and is_trading(symbol, hour) and 10 * minutes[symbol] >= 9 * most
    }
    symbol_of = {currencies: symbol for symbol, currencies in pairs.items() if symbol in growth}

    def ways(quote: str) -> Iterator[list[tuple[str | None, int]]]:
        if quote == "USDT":
            yield []
        yield [(symbol_of.get((quote, "USDT")), 1)]
        yield [(symbol_of.get(("USDT", quote)), -1)]
        bitcoin = symbol_of.get(("BTC", "USDT"))
        yield [(symbol_of.get((quote, "BTC")), 1), (bitcoin, 1)]
        yield [(symbol_of.get(("BTC", quote)), -1), (bitcoin, 1)]

    changes = {}
    for symbol, its_growth in growth.items():
        way = next((way for way in ways(pairs[symbol][1]) if all(leg for leg, _ in way)), None)
        if way is not None and symbol not in {leg for leg, _ in way}:
            changes[symbol] = its_growth * math.prod(growth[leg] ** power for leg, power in way if leg) - 1
    return changes, most


def summary(changes: Sequence[Fraction]) -> dict[str, Fraction]:
    ordered = sorted(changes)
    middle = len(ordered) // 2
    clipped = [ordered[1], *ordered[1:-1], ordered[-2]] if len(ordered) > 2 else ordered
    return {
        "change": sum(clipped, Fraction()) / len(clipped),
        "mean_change": sum(ordered, Fraction()) / len(ordered),
        "median_change": ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2,
    }


def assert_equal(found: Mapping[Any, dict[str, Any]], rows: Mapping[Any, dict[str, Any]]) -> None:
    assert found.keys() == rows.keys()
    for key, row in rows.items():
        for name in ("change", "mean_change", "median_change"):
            assert found[key][name] == pytest.approx(float(row[name]), rel=1e-9, abs=1e-12), (key, name)
        for name in ("pair_count", "currency_count", "observed_minutes"):
            assert found[key][name] == row[name], (key, name)
        changes = row["changes"]
        for end, extreme in (("lowest", min), ("highest", max)):
            named = float(changes[found[key][end]])
            assert named == pytest.approx(float(extreme(changes.values())), rel=1e-9, abs=1e-12), (key, end)


# A market of the tests' own


def classify(pipeline: Pipeline, *members: Member) -> None:
    """Let currencies belong to sectors, instead of what the project's own list says. Each sector is one category."""
    every = enumerate(itertools.product(CATEGORY_PROVIDERS, SECTORS), start=1)
    sectors = {sector: number for number, sector in every if sector in {(m.provider, m.sector) for m in members}}
    with pipeline.warehouse.connect() as connection:
        connection.rows("delete from core.currency_category")
        connection.rows("delete from core.category")
        for (provider, sector), number in sectors.items():
            connection.rows(
                "insert into core.category (category_id, provider, external_id, name, sector) "
                "values ($number, $provider, $number::varchar, $sector, $sector)",
                number=number,
                provider=provider,
                sector=sector,
            )
        for member in members:
            connection.rows(
                "insert into core.currency_category (currency_id, category_id, valid_from, valid_to) "
                "select currency_id, $category, $since, $until from core.currency where code = $code",
                category=sectors[member.provider, member.sector],
                since=member.since,
                until=member.until,
                code=member.code,
            )


def land(pipeline: Pipeline, prices: Prices) -> None:
    """Land prices as a file that a user brings."""
    lines = [f"{symbol},{price},{at}Z" for symbol, its in prices.items() for at, price in its.items()]
    pipeline.land_table(pipeline.store.path.with_name("observations.csv"), lines)


def measure(pipeline: Pipeline, *members: Member) -> int:
    """Measure the sectors with these members; how many hours had to be."""
    classify(pipeline, *members)
    with pipeline.warehouse.connect() as connection:
        return models.measure_sectors(connection)


def update(pipeline: Pipeline, *members: Member) -> None:
    """Bring everything up to date, and then the sectors with these members."""
    pipeline.update()
    measure(pipeline, *members)


def sectors(pipeline: Pipeline, source: str = "import") -> dict[tuple[str, str, datetime], dict[str, Any]]:
    records = pipeline.records(
        "select fact_sector_hour.*, lowest.symbol as lowest, highest.symbol as highest from mart.fact_sector_hour "
        "inner join mart.dim_pair as lowest on lowest_pair_key = lowest.pair_key "
        "inner join mart.dim_pair as highest on highest_pair_key = highest.pair_key where source = $source",
        source=source,
    )
    rows = {(record["provider"], record["sector"], record["hour_utc"]): record for record in records}
    assert len(rows) == len(records), "a key stands twice"
    assert all(row["date_key"] == int(f"{row['hour_utc']:%Y%m%d}") for row in rows.values())
    assert all(row["time_key"] == row["hour_utc"].hour * 60 for row in rows.values())
    return rows


def every_minute(
    first: str, last: str, hour: datetime = NOON, minutes: Iterable[int] = range(60)
) -> dict[datetime, str]:
    """A price of each minute: the first one until the last."""
    times = [hour + number * MINUTE for number in minutes]
    return dict.fromkeys(times, first) | {times[-1]: last}


def symbols(*pairs: str, **fields: Any) -> list[dict[str, Any]]:
    """Descriptions of pairs given as base/quote."""
    return [described(pair.replace("/", ""), *pair.split("/"), **fields) for pair in pairs]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "live")


LETTERS = tuple("ABCDE")
IN_USDT = [f"{letter}/USDT" for letter in LETTERS]
DEFI = [Member(letter) for letter in LETTERS]


def test_one_outlier_moves_a_sector_no_further_than_the_next(pipeline: Pipeline) -> None:
    pipeline.land_info(symbols(*IN_USDT), NOON - HOUR)
    changes = {"A": "0.99", "B": "1.01", "C": "1.02", "D": "1.03", "E": "1000"}
    land(pipeline, {f"{letter}USDT": every_minute("1", last) for letter, last in changes.items()})
    update(pipeline, *DEFI)
    [row] = sectors(pipeline).values()
    assert row["change"] == pytest.approx((0.01 + 0.01 + 0.02 + 0.03 + 0.03) / 5)
    assert row["median_change"] == pytest.approx(0.02)
    assert row["mean_change"] > 199
    assert (row["pair_count"], row["lowest"], row["highest"]) == (5, "AUSDT", "EUSDT")


def test_the_move_of_the_quote_currency_does_not_come_in(pipeline: Pipeline) -> None:
    """A stands still in USDT while BTC doubles and the lira halves: by way of a direct, an inverted and two pairs."""
    pairs = ["BTC/USDT", "USDT/TRY", "A/USDT", "A/BTC", "A/TRY", "ODD/BTC", "A/ODD", "A/EUR"]
    pipeline.land_info(symbols(*pairs), NOON - HOUR)
    last = {"BTCUSDT": "2", "USDTTRY": "2", "AUSDT": "1", "ABTC": "0.5", "ATRY": "2", "ODDBTC": "1", "AODD": "0.5"}
    land(pipeline, {symbol: every_minute("1", price) for symbol, price in (last | {"AEUR": "7"}).items()})
    update(pipeline, Member("A"), Member("USDT", "Stablecoins"), Member("BTC", "Layer 1 & Layer 2"))
    found = sectors(pipeline)
    defi = found["curated", "DeFi", NOON]
    assert (defi["pair_count"], defi["currency_count"]) == (4, 1), "there is no way from EUR"
    assert defi["change"] == pytest.approx(0, abs=1e-12)
    assert ("curated", "Stablecoins", NOON) not in found, "USDTTRY is itself the way from the lira"
    assert found["curated", "Layer 1 & Layer 2", NOON]["change"] == pytest.approx(1)


def test_only_pairs_that_traded_the_whole_hour_count(pipeline: Pipeline) -> None:
    stays = symbols("STAYS/USDT", "RULED/USDT")
    starts = [described("STARTSUSDT", "STARTS", "USDT", "BREAK")]
    stops = symbols("STOPS/USDT", "GONE/USDT")
    pipeline.land_info([*stays, *starts, *stops], NOON - HOUR)
    ruled = {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.00010000"}]}
    halted = [described("STOPSUSDT", "STOPS", "USDT", "HALT")]
    within = [stays[0], stays[1] | ruled, *symbols("STARTS/USDT", "NEW/USDT"), *halted]
    pipeline.land_info(within, NOON + 20 * MINUTE)
    codes = ("STAYS", "RULED", "STARTS", "STOPS", "GONE", "NEW")
    for number in range(3):
        hour = NOON + number * HOUR
        land(pipeline, {f"{code}USDT": every_minute("1", f"1.{place}", hour) for place, code in enumerate(codes)})
    update(pipeline, *map(Member, codes))
    found = {hour: row for (_, _, hour), row in sectors(pipeline).items()}
    assert (found[NOON]["pair_count"], found[NOON]["highest"]) == (2, "RULEDUSDT"), "a new tick size is no interruption"
    assert (found[NOON + HOUR]["pair_count"], found[NOON + HOUR]["highest"]) == (4, "NEWUSDT")


@pytest.mark.parametrize("most", [60, 10, 1])
def test_a_pair_that_misses_more_than_a_tenth_of_the_observed_minutes_does_not_count(
    pipeline: Pipeline, most: int
) -> None:
    pipeline.land_info(symbols(*IN_USDT), NOON - HOUR)
    needed = -(-9 * most // 10)
    observed = {"A": range(most), "B": range(most - needed, most), "C": range(needed - 1)}
    prices = {f"{code}USDT": every_minute("1", "2", minutes=minutes) for code, minutes in observed.items() if minutes}
    land(pipeline, prices)
    update(pipeline, *DEFI)
    [row] = sectors(pipeline).values()
    assert (row["pair_count"], row["observed_minutes"], row["change"]) == (2, most, 0 if most == 1 else 1)


def test_hours_chain_but_for_the_step_between_them(pipeline: Pipeline) -> None:
    pipeline.land_info(symbols(*IN_USDT), NOON - HOUR)
    land(pipeline, {"AUSDT": every_minute("1", "2") | every_minute("3", "6", NOON + HOUR)})
    update(pipeline, *DEFI)
    assert [row["change"] for row in sectors(pipeline).values()] == [1, 1]


def test_sectors_of_providers_are_not_mixed_and_a_currency_counts_once(pipeline: Pipeline) -> None:
    pipeline.land_info(symbols(*IN_USDT), NOON - HOUR)
    land(pipeline, {"AUSDT": every_minute("1", "1.1"), "BUSDT": every_minute("1", "1.2")})
    update(pipeline, Member("A"), Member("A", "NFTs"), Member("B", provider="coinmarketcap"))
    with pipeline.warehouse.connect() as connection:
        connection.rows(
            "insert into core.category (category_id, provider, external_id, name, sector) values "
            "(98, 'curated', 'x', 'More of it', 'DeFi'), (99, 'curated', 'y', 'Of no sector', null)"
        )
        connection.rows(
            "insert into core.currency_category (currency_id, category_id, valid_from) "
            "select currency_id, category_id, $since from core.currency, range(98, 100) as category (category_id) "
            "where code = 'A'",
            since=LONG_AGO,
        )
        assert models.measure_sectors(connection) == 1
    found = {key: (row["pair_count"], row["change"]) for key, row in sectors(pipeline).items()}
    assert found == {
        ("curated", "DeFi", NOON): (1, pytest.approx(0.1)),
        ("curated", "NFTs", NOON): (1, pytest.approx(0.1)),
        ("coinmarketcap", "DeFi", NOON): (1, pytest.approx(0.2)),
    }


def test_members_count_from_the_hour_at_whose_start_they_belonged(pipeline: Pipeline) -> None:
    pipeline.land_info(symbols(*IN_USDT), NOON - HOUR)
    for number in range(5):
        land(pipeline, {symbol.replace("/", ""): every_minute("1", "2", NOON + number * HOUR) for symbol in IN_USDT})
    joins = Member("B", since=NOON + HOUR + SECOND)
    update(pipeline, Member("A"), joins)

    def counts() -> list[int]:
        return [row["pair_count"] for _, row in sorted(sectors(pipeline).items())]

    assert counts() == [1, 1, 2, 2, 2]
    assert measure(pipeline, Member("A"), joins) == 0, "nothing has changed"
    assert measure(pipeline, Member("A", until=NOON + 3 * HOUR), joins) == 2, "only what is after the change"
    assert counts() == [1, 1, 2, 1, 1]
    assert measure(pipeline, Member("A", since=NOON + 2 * HOUR), joins) == 5
    assert counts() == [2, 2, 2], "in the first two hours there was no member"
    assert measure(pipeline, Member("A", "NFTs", since=NOON + 2 * HOUR), joins) == 3, "another sector"
    assert len(sectors(pipeline)) == 6


def test_late_metadata_changes_the_sectors_of_sealed_days(pipeline: Pipeline) -> None:
    pipeline.land_info(symbols(*IN_USDT), NOON - HOUR)
    for number in range(3):
        land(pipeline, {symbol.replace("/", ""): every_minute("1", "2", NOON + number * HOUR) for symbol in IN_USDT})
    land(pipeline, {"AUSDT": {NOON + 3 * DAY: "1"}})
    update(pipeline, *DEFI)
    with pipeline.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    assert lake.seal(pipeline.warehouse, days[0])
    halted = [described("AUSDT", "A", "USDT", "BREAK"), *symbols(*IN_USDT[1:])]
    pipeline.land_info(halted, NOON + HOUR + 30 * MINUTE)
    pipeline.load()
    with pipeline.warehouse.connect() as connection:
        core.load_pair_history(connection)
    assert measure(pipeline, *DEFI) == 3, "the first of four hours is not concerned"
    counts = {hour: row["pair_count"] for (_, _, hour), row in sectors(pipeline).items()}
    assert counts == {NOON: 5, NOON + HOUR: 4, NOON + 2 * HOUR: 4}
    assert pipeline.rows("select count(*) from open.fact_price_hour where hour_utc < $day", day=NOON + DAY) == [(0,)]
    assert measure(pipeline, *DEFI) == 0


def test_late_prices_change_their_hour(pipeline: Pipeline) -> None:
    pipeline.land_info(symbols(*IN_USDT), NOON - HOUR)
    land(pipeline, {"AUSDT": every_minute("1", "2", minutes=range(30))})
    update(pipeline, *DEFI)
    assert [(row["change"], row["observed_minutes"]) for row in sectors(pipeline).values()] == [(1, 30)]
    land(pipeline, {"AUSDT": every_minute("2", "4", minutes=range(30, 60))})
    update(pipeline, *DEFI)
    assert [(row["change"], row["observed_minutes"]) for row in sectors(pipeline).values()] == [(3, 60)]


def test_a_rebuild_makes_the_same_sectors_also_of_days_that_only_the_lake_has(pipeline: Pipeline) -> None:
    """By the project's own list of sectors."""
    pairs = symbols("BTC/USDT", "ETH/USDT", "ETH/BTC", "UNI/USDT", "AAVE/USDT", "UNI/BTC")
    pipeline.land_info(pairs, NOON - HOUR)
    for hour, minute in itertools.product((NOON, NOON + HOUR, NOON + 3 * DAY), range(0, 60, 6)):
        number = minute + hour.hour
        prices = {pair["symbol"]: f"{1 + number * place / 1000}" for place, pair in enumerate(pairs)}
        pipeline.land_prices(prices, hour + minute * MINUTE)
    pipeline.update()
    made = pipeline.rows("from mart.fact_sector_hour order by all")
    assert {sector for _, sector, hour in sectors(pipeline, "live") if hour == NOON} >= {"DeFi", "Layer 1 & Layer 2"}
    pipeline.rebuild()
    assert pipeline.rows("from mart.fact_sector_hour order by all") == made
    assert lake.seal(pipeline.warehouse, NOON.date())
    for (file,) in pipeline.rows(
        "select file from raw.capture where date = $day and endpoint = 'ticker/price'", day=NOON.date()
    ):
        (pipeline.landing.path / file).unlink()
    pipeline.rebuild()
    assert pipeline.rows("from mart.fact_sector_hour order by all") == made


def test_the_asset_shows_the_newest_hour(home: Home) -> None:
    pipeline = Pipeline(home.store("live").path)
    pipeline.land_info(symbols(*IN_USDT), NOON - HOUR)
    land(pipeline, {"AUSDT": every_minute("1", "2") | every_minute("2", "3", NOON + HOUR)})
    pipeline.update()
    classify(pipeline, *DEFI)
    with home.dagster_instance() as instance:
        made = dg.materialize([fact_sector_hour], resources={"home": HomeResource()}, instance=instance)
        [event] = made.asset_materializations_for_node("mart__fact_sector_hour")
    assert event.metadata["hours_measured"].value == 2
    assert event.metadata["dagster/row_count"].value == 2
    [row] = event.metadata["newest_hour"].value.records  # type: ignore[union-attr]
    shown = {name: row.data[name] for name in ("hour_utc", "sector", "change", "pair_count", "highest")}
    assert shown == {
        "hour_utc": str(NOON + HOUR),
        "sector": "DeFi",
        "change": "0.5",
        "pair_count": "1",
        "highest": "AUSDT",
    }


# Any market


growths = st.lists(
    st.floats(1e-3, 1e6) | st.floats(0.9, 1.1) | st.sampled_from([1.0, 1.5]), min_size=1, max_size=len(LETTERS) + 4
)


@given(hours=st.lists(growths, min_size=40, max_size=40))
@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])
def test_means_equal_those_of_a_model(tmp_path_factory: pytest.TempPathFactory, hours: list[list[float]]) -> None:
    pipeline = Pipeline(tmp_path_factory.mktemp("means"))
    codes = [f"C{number}" for number in range(len(LETTERS) + 4)]
    pipeline.land_info(symbols(*(f"{code}/USDT" for code in codes)), NOON - HOUR)
    starts = [NOON + number * HOUR for number in range(len(hours))]
    prices: dict[str, dict[datetime, str]] = defaultdict(dict)
    for hour, its in zip(starts, hours, strict=True):
        for code, growth in zip(codes, its, strict=False):
            prices[f"{code}USDT"] |= {hour: "1", hour + MINUTE: f"{growth:.8f}"}
    land(pipeline, prices)
    members = [Member(code) for code in codes]
    update(pipeline, *members)
    pairs = {f"{code}USDT": (code, "USDT") for code in codes}
    rows = expected(prices, pairs, lambda symbol, hour: True, members)
    assert_equal(sectors(pipeline), rows)
    for row in rows.values():
        ordered = sorted(row["changes"].values())
        if len(ordered) > 2:
            assert ordered[1] <= row["change"] <= ordered[-2], "one outlier must not move it beyond the others"


PAIRS = {
    f"{base}{quote}": (base, quote)
    for base, quote in (
        ("BTC", "USDT"), ("USDT", "TRY"), ("EUR", "USDT"), ("BTC", "EUR"), ("BTC", "ODD"),
        ("A", "USDT"), ("A", "BTC"), ("A", "TRY"), ("A", "EUR"), ("A", "ODD"), ("B", "USDT"), ("B", "ODD"),
        ("C", "TRY"),
    )
}  # fmt: skip
some_prices = st.decimals("0.0001", "9999", places=4).map(lambda price: f"{price:f}")
statuses = st.fixed_dictionaries({symbol: st.sampled_from(["TRADING"] * 6 + ["BREAK"]) for symbol in PAIRS})
hour_of_a_pair = st.tuples(st.integers(0, 3), st.integers(17, 20), some_prices, some_prices)
"""Between which of twenty samples it was observed, and its first and last price."""
observations = st.fixed_dictionaries({symbol: st.tuples(*[hour_of_a_pair] * 3) for symbol in PAIRS})
spans = st.tuples(st.integers(-2, 2), st.none() | st.integers(1, 3))


@given(
    observed=observations,
    metadata=st.tuples(statuses, statuses, statuses),
    members=st.fixed_dictionaries(dict.fromkeys(("A", "B", "C", "BTC", "USDT"), spans)),
    members_later=st.booleans(),
)
@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])
def test_sectors_equal_an_independent_computation(
    tmp_path_factory: pytest.TempPathFactory,
    observed: dict[str, tuple[tuple[int, int, str, str], ...]],
    metadata: tuple[dict[str, str], ...],
    members: dict[str, tuple[int, int | None]],
    members_later: bool,
) -> None:
    """Whether metadata and members are known before the prices, or after them."""
    pipeline = Pipeline(tmp_path_factory.mktemp("sectors"))
    prices = {
        symbol: {
            at: price
            for number, (begin, end, first, last) in enumerate(hours)
            for at, price in every_minute(first, last, NOON + number * HOUR, range(3 * begin, 3 * end, 3)).items()
        }
        for symbol, hours in observed.items()
    }
    said_at = [NOON, NOON + HOUR + 10 * MINUTE, NOON + 3 * HOUR]
    for at, status_of in zip(said_at, metadata, strict=True):
        if members_later and at > NOON:
            land(pipeline, prices)
            update(pipeline, *map(Member, members))
        pipeline.land_info([described(s, *PAIRS[s], status=status) for s, status in status_of.items()], at)
    land(pipeline, prices)
    belonging = [
        Member(code, since=NOON + first * HOUR, until=NOON + first * HOUR + length * HOUR if length else None)
        for code, (first, length) in members.items()
    ]
    update(pipeline, *belonging)

    def is_trading(symbol: str, hour: datetime) -> bool:
        said = [
            status_of[symbol]
            for at, until, status_of in zip(said_at, [*said_at[1:], NOON + DAY], metadata, strict=True)
            if at < hour + HOUR and until > hour
        ]
        return set(said) == {"TRADING"}

    assert_equal(sectors(pipeline), expected(prices, PAIRS, is_trading, belonging))


def test_an_hour_of_the_simulated_market_is_measured_right(pipeline: Pipeline) -> None:
    """By the project's own list of sectors, from the answers as they were landed."""
    exchange = Exchange(Market.of(DEFAULT_SEED), 6000)
    start = datetime(2026, 9, 16, 12)  # noqa: DTZ001
    info = exchange.answer("exchangeInfo", [], milliseconds(start))
    pipeline.land_info(info["symbols"], start)
    prices: dict[str, dict[datetime, str]] = defaultdict(dict)
    for number in range(6):
        at = start + number * 10 * MINUTE + SECOND
        answer = exchange.answer("ticker/price", [], milliseconds(at))
        # One of the pairs is missing from every second answer.
        answer = [row for row in answer if number % 2 or row["symbol"] != "ETHUSDT"]
        for row in answer:
            prices[row["symbol"]][at] = row["price"]
        pipeline.land_prices(answer, at, interval=60)
    pipeline.update()
    pairs = {row["symbol"]: (row["baseAsset"], row["quoteAsset"]) for row in info["symbols"]}
    trading = {row["symbol"] for row in info["symbols"] if row["status"] == "TRADING"}
    members = [
        Member(code, sector, provider)
        for code, sector, provider in pipeline.rows(
            "select code, sector, provider from core.currency_category "
            "inner join core.category using (category_id) inner join core.currency using (currency_id) "
            "where sector is not null and valid_from <= $start and valid_to is null",
            start=start,
        )
    ]
    rows = expected(prices, pairs, lambda symbol, hour: symbol in trading, members)
    assert len(rows) >= 6
    assert sum(row["pair_count"] for row in rows.values()) > 100
    assert not any("ETHUSDT" in row["changes"] for row in rows.values())
    assert_equal(sectors(pipeline, "live"), rows)
