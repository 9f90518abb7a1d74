"""The market's metadata over time, against a plain model, on recordings of the real exchange and on made-up markets."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from binance_assets.checks import RULES
from binance_assets.clients.binance import EPOCH
from binance_assets.core import models as core
from binance_assets.core.assets import currency, pair, pair_history
from binance_assets.home import Home
from binance_assets.landing import Capture
from binance_assets.mart.assets import dim_pair_history
from binance_assets.raw.absence import absent_symbols
from binance_assets.raw.assets import load_landing
from binance_assets.raw.load import REPLAYED_FILES, load
from binance_assets.raw.rebuild import rebuild
from binance_assets.resources import HomeResource
from binance_assets.sql import sql
from binance_assets.warehouse.io_manager import WarehouseIOManager
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, Pipeline, described, info_body
from binance_assets_tests.test_recordings import RECORDINGS

SERIES = RECORDINGS / "exchange_info" / "series"

DAY = timedelta(days=1)

with_recordings = pytest.mark.skipif(
    not SERIES.is_dir(), reason=f"there are no recordings in {SERIES}; BINANCE_RECORDINGS says where they are"
)

Rules = tuple[str, Decimal | None, Decimal | None, Decimal | None, bool | None]
"""Status, tick size, step size, minimum notional, spot permission."""


@dataclass(frozen=True)
class Answer:
    """An exchangeInfo response: the rules that it gives, and all symbols that it names, refused ones included."""

    capture: Capture
    rules: Mapping[str, Rules]
    named: frozenset[str]


@dataclass(frozen=True)
class Span:
    """A row of core.pair_history."""

    symbol: str
    valid_from: datetime
    valid_to: datetime | None
    rules: Rules


def expected_history(answers: Iterable[Answer]) -> tuple[set[Span], set[tuple[str, datetime]]]:
    """The spans, and when which symbol was found to be gone, in plain Python, from all responses at once."""
    by_instant: dict[datetime, list[Answer]] = defaultdict(list)
    for answer in {answer.capture.capture_id: answer for answer in answers}.values():
        by_instant[answer.capture.received_at].append(answer)
    past: list[tuple[datetime, bool, set[str]]] = []
    lasting: dict[str, tuple[datetime, Rules]] = {}
    spans: set[Span] = set()
    absences: set[tuple[str, datetime]] = set()
    for at, answered in sorted(by_instant.items()):
        named = {symbol for answer in answered for symbol in answer.named}
        past.append((at, any(answer.capture.source != "import" for answer in answered), named))
        gone = lasting.keys() - named
        if 5 * len(gone) > len(lasting):
            gone = {symbol for symbol in gone if has_been_missing_for_a_day(symbol, past)}
        absences |= {(symbol, at) for symbol in gone}
        spans |= {Span(symbol, since, at, rules) for symbol in gone for since, rules in [lasting.pop(symbol)]}
        told: dict[str, Rules] = {}
        for answer in sorted(answered, key=lambda answer: answer.capture.capture_id):
            told |= answer.rules
        for symbol, rules in told.items():
            since, before = lasting.get(symbol, (at, rules))
            if rules != before:
                spans.add(Span(symbol, since, at, before))
                since = at
            lasting[symbol] = since, rules
    return spans | {Span(symbol, since, None, rules) for symbol, (since, rules) in lasting.items()}, absences


def has_been_missing_for_a_day(symbol: str, past: Sequence[tuple[datetime, bool, set[str]]]) -> bool:
    """Whether the last answer is our own, another was a day or more earlier, and none since then names the symbol."""
    at, is_own, _ = past[-1]
    without = itertools.takewhile(lambda answer: symbol not in answer[2], reversed(past))
    return is_own and any(was_own and at - then >= DAY for then, was_own, _ in without)


def update(pipeline: Pipeline) -> core.PairChanges:
    """Load what was landed, and bring the metadata's tables up to date."""
    with pipeline.warehouse.connect() as connection:
        load(connection, pipeline.landing)
        core.load_currencies(connection)
        core.load_pairs(connection)
        return core.load_pair_history(connection)


def history(pipeline: Pipeline) -> tuple[set[Span], set[tuple[str, datetime]]]:
    rows = pipeline.rows(
        "select symbol, valid_from, valid_to, status, tick_size, step_size, min_notional, is_spot_trading_allowed "
        "from core.pair_history inner join core.pair using (pair_id)"
    )
    spans = {Span(symbol, since, until, rules) for symbol, since, until, *rest in rows for rules in [(*rest,)]}
    assert len(spans) == len(rows)
    return spans, set(pipeline.rows("select symbol, retrieved_at from raw.exchange_info where payload is null"))


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    return Pipeline(home.store("live").path)


# Recordings


def recorded_rules(symbol: dict[str, Any]) -> Rules:
    filters = {each["filterType"]: each for each in symbol["filters"]}
    return (
        symbol["status"],
        Decimal(filters["PRICE_FILTER"]["tickSize"]),
        Decimal(filters["LOT_SIZE"]["stepSize"]),
        Decimal(filters["MIN_NOTIONAL"]["minNotional"]),
        symbol["isSpotTradingAllowed"],
    )


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    """The recorded series, in order of time."""
    return [gzip.decompress(path.read_bytes()) for path in sorted(SERIES.glob("*.json.gz"))]


@pytest.fixture(scope="module")
def series(bodies: list[bytes]) -> list[Answer]:
    answers = []
    for body in bodies:
        document = json.loads(body)
        capture = Capture("exchangeInfo", "import", EPOCH + document["serverTime"] * timedelta(milliseconds=1), body)
        rules = {symbol["symbol"]: recorded_rules(symbol) for symbol in document["symbols"]}
        answers.append(Answer(capture, rules, frozenset(rules)))
    return answers


@with_recordings
def test_the_recorded_series_at_once_and_twice(tmp_path: Path, bodies: list[bytes], series: list[Answer]) -> None:
    pipeline = Pipeline(tmp_path / "live")
    for answer in series:
        pipeline.landing.land(answer.capture)
    changes = update(pipeline)

    # An independent count of the changes from one file to the next.
    listings = [{symbol["symbol"]: symbol for symbol in json.loads(body)["symbols"]} for body in bodies]
    following = list(itertools.pairwise([{}, *listings]))
    appeared = sum(len(after.keys() - before.keys()) for before, after in following)
    vanished = sum(len(before.keys() - after.keys()) for before, after in following)
    both = [(before[symbol], after[symbol]) for before, after in following for symbol in before.keys() & after.keys()]
    differing = sum(before != after for before, after in both)
    statuses = sum(before["status"] != after["status"] for before, after in both)
    told = itertools.pairwise(answer.rules for answer in series)
    rules = sum(before[symbol] != after[symbol] for before, after in told for symbol in before.keys() & after.keys())
    assert (len(listings), appeared, vanished, differing, statuses, rules) == (43, 2144, 5, 58_880, 73, 124)
    assert pipeline.rows("select count(*) from core.pair_history") == [(appeared + rules,)]
    assert pipeline.rows("select count(*) from raw.exchange_info") == [(appeared + differing + vanished,)]
    assert changes.counts["listed"] + changes.counts["returned"] == appeared
    assert (changes.counts["halted"] + changes.counts["resumed"], changes.counts["removed"]) == (statuses, vanished)
    assert len(changes.newest) == core.SHOWN_CHANGES

    # Status and rules at any time are those of the file in force.
    chosen = random.Random(1)
    first, last = series[0].capture.received_at, series[-1].capture.received_at
    instants = [first, last, *(first + chosen.random() * (last - first) for _ in range(16))]
    with pipeline.warehouse.connect() as connection:
        connection.duck.query(sql("mart/dim_pair_history.sql")).create("span")
        for at in instants:
            in_force = [answer for answer in series if answer.capture.received_at <= at][-1]
            found = connection.rows(
                "select symbol, status, tick_size, step_size, min_notional, is_spot_trading_allowed from span "
                "where $at >= valid_from and $at < valid_to",
                at=at,
            )
            assert {symbol: rules for symbol, *rest in found for rules in [(*rest,)]} == in_force.rules, at

    before = history(pipeline)
    assert before == expected_history(series)
    for answer in series[::4]:
        pipeline.landing.land(answer.capture)
    assert update(pipeline) == core.PairChanges()
    assert history(pipeline) == before


@with_recordings
def test_the_recorded_series_one_at_a_time(tmp_path: Path, series: list[Answer]) -> None:
    pipeline = Pipeline(tmp_path / "live")
    listed = removed = 0
    for answer in series:
        pipeline.landing.land(answer.capture)
        counts = update(pipeline).counts
        listed += counts["listed"] + counts["returned"]
        removed += counts["removed"]
    assert (listed, removed) == (2144, 5)
    assert history(pipeline) == expected_history(series)


@with_recordings
@pytest.mark.parametrize("seed", range(2))
def test_recorded_responses_in_any_order(tmp_path: Path, series: list[Answer], seed: int) -> None:
    """Some of them, around those in which symbols vanish and return; more than are replayed at once."""
    chosen = random.Random(seed)
    some = [*chosen.sample(series[:2] + series[4:7] + series[17:31], REPLAYED_FILES - 1), series[3], *series[30:32]]
    chosen.shuffle(some)
    pipeline = Pipeline(tmp_path / "live")
    for number, answer in enumerate(some):
        pipeline.landing.land(answer.capture)
        if number % 4 == 3:
            update(pipeline)
    update(pipeline)
    assert history(pipeline) == expected_history(some)


# Made-up markets

SYMBOLS = ("ABC", "DEF", "GHI", "JKL", "MNO", "PQR")
USUAL: Rules = ("TRADING", Decimal("0.01"), Decimal("0.001"), Decimal(5), True)

ODD_FILTERS: list[Any] = [
    None,
    7,
    "PRICE_FILTER",
    [],
    {"filterType": ["LOT_SIZE"], "stepSize": "1"},
    {"filterType": "DREAM_SIZE"},
    {"filterType": "PRICE_FILTER", "tickSize": {"0": 1}},
    {"filterType": "LOT_SIZE", "stepSize": "some"},
    {"filterType": "MIN_NOTIONAL", "minNotional": 10},
]

VARIANTS: tuple[tuple[dict[str, Any], Rules | None], ...] = (
    ({}, USUAL),
    ({"note": 1}, USUAL),
    ({"status": "HALT"}, ("HALT", *USUAL[1:])),
    ({"status": "SLEEPING", "dreams": ["a"]}, ("SLEEPING", *USUAL[1:])),
    ({"isSpotTradingAllowed": False}, (*USUAL[:4], False)),
    ({"isSpotTradingAllowed": "perhaps"}, (*USUAL[:4], None)),
    ({"filters": [{"filterType": "PRICE_FILTER", "tickSize": "0.1"}]}, ("TRADING", Decimal("0.1"), None, None, True)),
    ({"filters": ODD_FILTERS}, ("TRADING", None, None, Decimal(10), True)),
    ({"filters": {"filterType": "LOT_SIZE", "stepSize": "1"}}, ("TRADING", None, None, None, True)),
    ({"filters": "none"}, ("TRADING", None, None, None, True)),
    ({"filters": None}, ("TRADING", None, None, None, True)),
    ({"status": 7}, None),
)
"""What a symbol's description may hold beside the usual, and the rules that follow; none where it is refused."""


def made_up(
    minute: int, missing: Iterable[str] = (), variants: Mapping[str, int] | None = None, source: str = "live"
) -> Answer:
    """A response that lists all symbols but some."""
    chosen = {symbol: VARIANTS[(variants or {}).get(symbol, 0)] for symbol in SYMBOLS if symbol not in set(missing)}
    symbols = [described(symbol, symbol[:2], symbol[2:], **fields) for symbol, (fields, _) in chosen.items()]
    at = NOON + minute * MINUTE
    return Answer(
        Capture("exchangeInfo", source, at, info_body(symbols, at)),
        {symbol: rules for symbol, (_, rules) in chosen.items() if rules},
        frozenset(chosen),
    )


def some_symbols(least: int, most: int) -> st.SearchStrategy[set[str]]:
    return st.sets(st.sampled_from(SYMBOLS), min_size=least, max_size=most)


def answers_without(lost: set[str]) -> st.SearchStrategy[list[Answer]]:
    """The whole market once, then in any order answers over two days, most of which leave out the same symbols."""
    answer = st.builds(
        made_up,
        minute=st.integers(0, 8).map(lambda number: number * 6 * 60),
        missing=st.one_of(st.just(lost), some_symbols(0, 2).map(lambda more: lost | more), some_symbols(0, 5)),
        variants=st.dictionaries(st.sampled_from(SYMBOLS), st.integers(0, len(VARIANTS) - 1), max_size=2),
        source=st.sampled_from(["live", "live", "import"]),
    )
    return st.lists(answer, min_size=6, max_size=9).map(lambda answers: [made_up(0), *answers])


@given(answers=some_symbols(2, 3).flatmap(answers_without), loads=st.integers(1, 4), seed=st.randoms())
@settings(max_examples=4, deadline=None, derandomize=True, phases=[Phase.generate])
def test_history_equals_a_plain_model(
    tmp_path_factory: pytest.TempPathFactory, answers: list[Answer], loads: int, seed: random.Random
) -> None:
    """In whatever order, in however many loads, however often the responses come; and rebuilt."""
    pipeline = Pipeline(tmp_path_factory.mktemp("market") / "live")
    landed = answers + seed.sample(answers, len(answers) // 3)
    seed.shuffle(landed)
    size = -(-len(landed) // loads)
    for first in range(0, len(landed), size):
        for answer in landed[first : first + size]:
            pipeline.landing.land(answer.capture)
        update(pipeline)
    assert history(pipeline) == expected_history(answers)
    tables = ("raw.exchange_info", "meta.doubted_symbol")
    before = [pipeline.rows(f"from {table} order by all") for table in tables]
    rebuild(pipeline.warehouse, pipeline.landing)
    assert [pipeline.rows(f"from {table} order by all") for table in tables] == before


@pytest.mark.parametrize("order", ["01234567", "76543210", "03516247", "70123465", "46210735"])
def test_what_was_in_doubt_is_the_same_in_any_order_of_loading(pipeline: Pipeline, order: str) -> None:
    """Of three symbols one is named by the import at 36, at the instant at which another is believed to be gone."""
    first, second, third, *rest = SYMBOLS
    told: list[tuple[int, list[str], str]] = [
        (0, [], "import"),
        (6, [first, second], "import"),
        (12, [first, second], "live"),
        (30, [first, second, third], "live"),
        (36, [first, second, third], "live"),
        (36, [second, third, *rest], "import"),
        (42, [first, second, third], "live"),
        (54, [first, second, third], "live"),
    ]
    answers = [made_up(hour * 60, missing, source=source) for hour, missing, source in told]
    for number in order:
        pipeline.landing.land(answers[int(number)].capture)
        pipeline.load()
    absences = set(pipeline.rows("select symbol, retrieved_at from raw.exchange_info where payload is null"))
    assert absences == {(second, NOON + 36 * HOUR), (third, NOON + 54 * HOUR)}
    assert absences == expected_history(answers)[1]
    assert set(pipeline.rows("from meta.doubted_symbol")) == {
        (first, NOON + 12 * HOUR, NOON + 36 * HOUR),
        (first, NOON + 42 * HOUR, None),
        (second, NOON + 12 * HOUR, NOON + 36 * HOUR),
        (third, NOON + 30 * HOUR, NOON + 54 * HOUR),
    }


def test_more_responses_of_one_instant_than_are_replayed_at_once(pipeline: Pipeline) -> None:
    """An older one comes last; no symbol is gone that one of them lists."""
    answers = [made_up(1, SYMBOLS[number % 6 : number % 6 + 1], {"PQR": number % 5}) for number in range(24)]
    answers += [made_up(2, ["ABC"]), made_up(0)]
    for answer in answers:
        pipeline.landing.land(answer.capture)
    update(pipeline)
    assert history(pipeline) == expected_history(answers)
    assert history(pipeline)[1] == {("ABC", NOON + 2 * MINUTE)}


def test_which_symbols_a_response_leaves_out() -> None:
    ten = [f"S{number}" for number in range(10)]

    def gone(*answers: Sequence[str], refused: str = "") -> list[tuple[str, str]]:
        told = [(str(number), NOON, True, symbols, {*symbols, refused}) for number, symbols in enumerate(answers)]
        return sorted((number, symbol) for number, _, symbol in absent_symbols(ten, {}, told)[0])

    assert gone(ten[2:]) == [("0", "S0"), ("0", "S1")]
    assert gone(ten[3:]) == [], "it is too small to be of the whole market"
    assert gone(ten[1:], ten[2:]) == [("0", "S0"), ("1", "S1")]
    assert gone(ten[8:], ten[1:]) == [("1", "S0")]
    assert gone(ten[1:], refused="S0") == []
    assert gone([]) == []


TEN = [f"S{number}" for number in range(10)]
LEFT, LOST = TEN[3:], TEN[:3]


def removed(
    *answers: tuple[int, str, Sequence[str]], doubted: Mapping[str, datetime] | None = None
) -> tuple[list[tuple[int, str]], list[tuple[str, int, int | None]]]:
    """What is gone, at which hour, and the doubts, by answers with their hour, source and symbols; there were TEN."""

    def hour(at: datetime) -> int:
        return (at - NOON) // HOUR

    told = [("an id", NOON + at * HOUR, source == "live", symbols, symbols) for at, source, symbols in answers]
    absences, doubts = absent_symbols(TEN, doubted or {}, told)
    return (
        sorted((hour(at), symbol) for _, at, symbol in absences),
        sorted((symbol, hour(since), None if until is None else hour(until)) for symbol, since, until in doubts),
    )


def test_a_large_loss_is_believed_when_our_own_responses_have_shown_it_for_a_day() -> None:
    doubts = [(symbol, 0, None) for symbol in LOST]
    settled = [(symbol, 0, 24) for symbol in LOST]
    assert removed((0, "live", LEFT), (23, "live", LEFT)) == ([], doubts)
    assert removed((0, "live", LEFT), (24, "live", LEFT)) == ([(24, symbol) for symbol in LOST], settled)
    assert removed((24, "live", LEFT), doubted=dict.fromkeys(LOST, NOON))[1] == settled
    assert removed((0, "live", LEFT), (24, "live", LEFT), (25, "live", LEFT[1:]))[0][3:] == [(25, "S3")]


def test_imports_raise_no_doubt_and_settle_none_unless_they_name_a_symbol() -> None:
    assert removed((0, "import", LEFT), (24, "import", LEFT), (48, "live", LEFT)) == (
        [],
        [(symbol, 48, None) for symbol in LOST],
    )
    assert removed((0, "live", LEFT), (24, "import", LEFT)) == ([], [(symbol, 0, None) for symbol in LOST])
    assert removed((0, "live", LEFT), (12, "import", LEFT), (24, "live", LEFT))[0] == [(24, symbol) for symbol in LOST]
    assert removed((0, "live", LEFT[1:]), (12, "import", ["S0", "S1"]), (24, "live", LEFT[1:])) == (
        [(24, "S2"), (24, "S3")],
        [("S0", 0, 12), ("S0", 24, None), ("S1", 0, 12), ("S1", 24, None), ("S2", 0, 24), ("S3", 0, 24)],
    )
    assert removed((0, "live", LEFT), (1, "import", TEN[1:])) == (
        [(1, "S0")],
        [("S0", 0, 1), ("S1", 0, 1), ("S2", 0, 1)],
    ), "of a loss of a fifth or less an import is believed"


def test_what_is_left_of_a_loss_may_be_a_fifth_or_less_when_the_rest_was_believed() -> None:
    answers = [(0, "live", LEFT), (12, "live", LEFT[1:]), (24, "live", LEFT[1:]), (25, "live", LEFT[1:])]
    assert removed(*answers) == (
        [*((24, symbol) for symbol in LOST), (25, "S3")],
        [("S0", 0, 24), ("S1", 0, 24), ("S2", 0, 24), ("S3", 12, 25)],
    )


def test_a_loss_during_which_a_symbol_was_named_begins_anew() -> None:
    assert removed((0, "live", LEFT), (12, "live", TEN), (24, "live", LEFT), (36, "live", LEFT)) == (
        [],
        [(symbol, since, until) for symbol in LOST for since, until in ((0, 12), (24, None))],
    )


# What else goes by it


def test_a_pair_that_vanishes_and_returns(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS, NOON)
    pipeline.land_info(PAIRS[1:], NOON + HOUR)
    prices = {each["symbol"]: "1.5" for each in PAIRS}
    for at in (NOON - HOUR, NOON, NOON + HOUR, NOON + 3 * HOUR):
        pipeline.land_prices(prices, at)
    pipeline.update()
    current = "select is_listed, is_trading, status, last_seen_at from mart.dim_pair where symbol = 'BTCUSDT'"
    assert pipeline.rows(current) == [(False, False, "TRADING", NOON)]
    stale = (
        "select is_stale from mart.fact_price inner join mart.dim_pair using (pair_key) "
        "where symbol = $symbol order by observed_at"
    )
    assert pipeline.rows(stale, symbol="BTCUSDT") == [(False,), (False,), (True,), (True,)]
    assert pipeline.rows(stale, symbol="ETHUSDT") == 4 * [(False,)]
    assert pipeline.rows(stale, symbol="XRPTRY") == 4 * [(True,)]
    newest = (
        "select is_stale from mart.fact_price_latest inner join mart.dim_pair using (pair_key) where symbol = $symbol"
    )
    assert pipeline.rows(newest, symbol="BTCUSDT") == [(True,)]

    pipeline.land_info(PAIRS, NOON + 2 * HOUR)
    pipeline.update()
    assert pipeline.rows(current) == [(True, True, "TRADING", NOON + 2 * HOUR)]
    assert pipeline.rows(stale, symbol="BTCUSDT") == [(False,), (False,), (True,), (False,)]
    then = datetime(9999, 12, 31)  # noqa: DTZ001
    assert pipeline.rows(
        "select valid_from, valid_to, base_code, quote_code, is_trading from mart.dim_pair_history "
        "where symbol = 'BTCUSDT' order by valid_from"
    ) == [(NOON, NOON + HOUR, "BTC", "USDT", True), (NOON + 2 * HOUR, then, "BTC", "USDT", True)]


def test_a_gap_of_a_pair_that_is_no_longer_listed_says_so_also_when_it_has_returned(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS, NOON - HOUR)
    whole = {each["symbol"]: "1.5" for each in PAIRS}
    without = {symbol: price for symbol, price in whole.items() if symbol != "BTCUSDT"}
    for number, prices in enumerate([whole, without, without, whole]):
        pipeline.land_prices(prices, NOON + number * 10 * MINUTE)
    pipeline.land_info(PAIRS[:1], NOON + MINUTE)
    gaps = "select cause, evidence, to_utc from mart.gap where pair_key is not null"
    pipeline.update()
    [(cause, _, _)] = pipeline.rows(gaps)
    assert cause == "unresolved", "metadata of one pair says nothing of the others"
    pipeline.land_info(PAIRS[1:], NOON + 15 * MINUTE)
    pipeline.land_info(PAIRS, NOON + 25 * MINUTE)
    pipeline.update()
    assert pipeline.rows(gaps) == [
        ("not_trading", "the metadata of 2024-03-01 12:15:00 no longer lists BTCUSDT", NOON + 30 * MINUTE)
    ]


def test_a_market_that_has_lost_much_between_an_import_and_the_service(pipeline: Pipeline, run_check: Any) -> None:
    """A hundred pairs in a file of last year, sixty of them now: what is gone is seen after a day, and from then on."""
    hundred = [described(f"C{number}USDT", f"C{number}", "USDT") for number in range(100)]
    sixty = hundred[:60]
    prices = {each["symbol"]: "1.5" for each in hundred}
    land = pipeline.landing.land
    land(Capture("exchangeInfo", "import", NOON - 300 * DAY, info_body(hundred, NOON - 300 * DAY)))
    listed = "select count(*) from mart.dim_pair where is_listed"
    stale = "select count(*) from mart.fact_price_latest where is_stale"
    for hour in (0, 1, 12, 22, 23):
        pipeline.land_info(sixty, NOON + hour * HOUR)
    land(Capture("exchangeInfo", "import", NOON + 5 * HOUR, info_body(hundred[:10], NOON + 5 * HOUR)))
    pipeline.land_prices(prices, NOON + 23 * HOUR)
    pipeline.land_prices({each["symbol"]: "1.5" for each in sixty}, NOON + 23 * HOUR + 10 * MINUTE)
    pipeline.update()
    assert pipeline.rows(listed) == [(100,)]
    assert pipeline.rows("select count(*) from meta.doubted_symbol where ended_at is null") == [(40,)]
    assert [row["row_count"] for row in run_check("partial_metadata")] == ["60", "60", "60", "10", "60", "60"]

    pipeline.land_info(sixty, NOON + 24 * HOUR)
    pipeline.land_prices({each["symbol"]: "1.5" for each in sixty}, NOON + 24 * HOUR + MINUTE)
    pipeline.update()
    assert pipeline.rows(listed) == [(60,)]
    assert pipeline.rows(stale) == [(40,)]
    assert pipeline.rows(
        "select valid_to, count(*) from core.pair_history where valid_to is not null group by all"
    ) == [(NOON + 24 * HOUR, 40)]
    assert [row["row_count"] for row in run_check("partial_metadata")] == ["10"], "a trimmed import says nothing"
    assert pipeline.rows("select cause, count(*) from mart.gap where pair_key is not null group by cause") == [
        ("not_trading", 40)
    ]

    pipeline.land_info(sixty[1:], NOON + 25 * HOUR)
    land(Capture("exchangeInfo", "import", NOON + 26 * HOUR, info_body(sixty[1:20], NOON + 26 * HOUR)))
    pipeline.update()
    assert pipeline.rows("select symbol, valid_to from mart.dim_pair_history where symbol = 'C0USDT'") == [
        ("C0USDT", NOON + 25 * HOUR)
    ]
    assert pipeline.rows(listed) == [(59,)]
    tables = pipeline.tables()
    pipeline.rebuild()
    assert pipeline.tables() == tables


def test_metadata_of_a_whole_market_writes_no_doubt(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS)
    pipeline.land_info(PAIRS[1:], NOON + HOUR)
    update(pipeline)
    assert pipeline.rows("from meta.doubted_symbol") == []


def test_the_changes_are_told_once(pipeline: Pipeline) -> None:
    def told(minute: int, *symbols: dict[str, Any]) -> tuple[dict[str, int], list[tuple[Any, ...]]]:
        pipeline.land_info(symbols, NOON + minute * MINUTE)
        changes = update(pipeline)
        assert all(row["changed_at"] == NOON + minute * MINUTE for row in changes.newest)
        return (
            {what: count for what, count in changes.counts.items() if count},
            [(row["symbol"], row["what"], row["was"], row["is_now"]) for row in changes.newest],
        )

    halted = described("BTCUSDT", "BTC", "USDT", "HALT")
    tick = described("ETHBTC", "ETH", "BTC", filters=[{"filterType": "PRICE_FILTER", "tickSize": "0.1"}])
    assert told(0, *PAIRS)[0] == {"listed": len(PAIRS)}
    assert told(1, halted, tick, *PAIRS[2:]) == (
        {"halted": 1, "rules_changed": 3},
        [
            ("BTCUSDT", "halted", "TRADING", "HALT"),
            ("ETHBTC", "min_notional", "5.00000000", None),
            ("ETHBTC", "step_size", "0.00100000", None),
            ("ETHBTC", "tick_size", "0.01000000", "0.10000000"),
        ],
    )
    assert told(4, tick, *PAIRS[2:]) == ({"removed": 1}, [("BTCUSDT", "removed", "HALT", None)])
    assert told(5, PAIRS[0], tick, *PAIRS[2:]) == ({"returned": 1}, [("BTCUSDT", "returned", None, "TRADING")])
    assert told(6, PAIRS[0], tick, *PAIRS[2:]) == ({}, [])
    sleeping = described("BTCUSDT", "BTC", "USDT", "SLEEPING")
    assert told(2, sleeping, tick, *PAIRS[2:])[1] == [("BTCUSDT", "status", "HALT", "SLEEPING")]
    assert told(3, PAIRS[0], tick, *PAIRS[2:])[1] == [("BTCUSDT", "resumed", "SLEEPING", "TRADING")]
    assert update(pipeline) == core.PairChanges()


def test_the_asset_tells_what_changed_since_it_was_last_made(home: Home, pipeline: Pipeline) -> None:
    def metadata() -> Mapping[str, Any]:
        result = dg.materialize([load_landing, currency, pair, pair_history], resources={"home": HomeResource()})
        [event] = result.asset_materializations_for_node("core__pair_history")
        return event.metadata

    pipeline.land_info(PAIRS)
    assert metadata()["listed"].value == len(PAIRS)
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT", "HALT"), *PAIRS[1:]], NOON + HOUR)
    told = metadata()
    assert (told["listed"].value, told["halted"].value, told["dagster/row_count"].value) == (0, 1, len(PAIRS) + 1)
    assert [record.data for record in told["changes"].records] == [
        {"symbol": "BTCUSDT", "what": "halted", "from": "TRADING", "to": "HALT", "when": "2024-03-01 13:00:00"}
    ]
    assert metadata()["changes"].value == "none"


def test_the_history_of_pairs_is_stored_with_its_open_end(pipeline: Pipeline) -> None:
    pipeline.land_info(PAIRS)
    update(pipeline)
    resources = {"home": HomeResource(), "warehouse_io_manager": WarehouseIOManager()}
    assert dg.materialize([dim_pair_history], resources=resources).success
    assert pipeline.rows("select valid_to, count(*) from mart.dim_pair_history group by all") == [
        (datetime(9999, 12, 31), len(PAIRS))  # noqa: DTZ001
    ]


@pytest.fixture
def run_check(home: Home, pipeline: Pipeline) -> Iterator[Any]:
    """Runs a check by its name, and gives the rows that it names."""

    def run(name: str) -> list[dict[str, str]]:
        [rule] = [rule for rule in RULES if rule.name == name]
        with pipeline.warehouse.connect() as connection:
            result = rule.evaluate(connection, "live")
        assert result.severity is dg.AssetCheckSeverity.WARN
        assert result.passed == ("rows" not in result.metadata)
        rows: Any = result.metadata["rows"].value if "rows" in result.metadata else []
        return list(rows)

    return run  # type: ignore[return-value]


def test_metadata_that_is_too_small_is_a_warning_for_a_day(pipeline: Pipeline, run_check: Any) -> None:
    pipeline.land_info(PAIRS)
    pipeline.land_info(PAIRS[1:], NOON + HOUR)
    pipeline.update()
    assert run_check("partial_metadata") == []
    pipeline.land_info(PAIRS[:1], NOON + 2 * HOUR)
    pipeline.land_info(PAIRS, NOON + 3 * HOUR)
    pipeline.update()
    [row] = run_check("partial_metadata")
    assert (row["received_at"], row["row_count"], row["listed_before"]) == (str(NOON + 2 * HOUR), "1", "4")
    pipeline.land_info(PAIRS, NOON + 27 * HOUR)
    pipeline.update()
    assert run_check("partial_metadata") == []


def test_unknown_words_are_reported_once_each(pipeline: Pipeline, run_check: Any) -> None:
    odd = [described(symbol, symbol[:2], symbol[2:], **VARIANTS[n][0]) for symbol, n in (("ABC", 3), ("DEF", 7))]
    pipeline.land_info([*PAIRS, *odd])
    pipeline.update()
    assert [(row["kind"], row["word"]) for row in run_check("new_words")] == [
        ("field", "dreams"),
        ("filter", "DREAM_SIZE"),
        ("filter", '["LOT_SIZE"]'),
        ("status", "SLEEPING"),
    ]


def test_the_order_of_the_filters_changes_nothing(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "live")
    filters = [
        {"filterType": "MIN_NOTIONAL", "minNotional": "10.00000000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
    ]
    for number, ordered in enumerate((filters, filters[::-1])):
        pipeline.land_info([described("BTCUSDT", "BTC", "USDT", filters=ordered)], NOON + number * HOUR)
    pipeline.update()
    assert pipeline.rows("select min_notional, valid_to from core.pair_history") == [(Decimal(5), None)]
