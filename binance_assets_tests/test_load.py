"""Load: every row judged by rule, every landing file loaded exactly once, in whatever order it came."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from binance_assets.core.models import load_prices
from binance_assets.landing import Capture
from binance_assets.raw.load import DamagedLandingFile
from binance_assets.sql import sql
from binance_assets_tests.pipeline import MINUTE, NOON, PAIRS, SECOND, Pipeline, described, info_body

NO_DECIMAL = "no decimal number"
NOT_TEXT = "missing or not text"
WRONG_CHARACTERS = "holds more than letters"
TWICE = "stood in the response before"


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "live")


def priced(price: Any) -> dict[str, Any]:
    return {"symbol": "ETHUSDT", "price": price}


def named(symbol: Any) -> dict[str, Any]:
    return {"symbol": symbol, "price": "2.5"}


GOOD_ROWS = {
    "exponent": (priced("1e-8"), Decimal("0.00000001")),
    "positive exponent": (priced("1E+2"), Decimal(100)),
    "more zeros than fit": (priced("0.1234567800000"), Decimal("0.12345678")),
    "largest": (priced("9999999999.99999999"), Decimal("9999999999.99999999")),
    "leading zeros": (priced("007.5"), Decimal("7.5")),
    "non-ASCII symbol": (named("币安人生USDT"), Decimal("2.5")),
    "symbol begins with a digit": (named("1000SATSUSDT"), Decimal("2.5")),
    "unknown field": (priced("2") | {"new": {"field": [1]}}, Decimal(2)),
}

BAD_ROWS = {
    "zero": (priced("0"), "zero"),
    "zero with digits": (priced("0.00000000"), "zero"),
    "zero with an exponent": (priced("0E-8"), "zero"),
    "negative": (priced("-1.5"), "negative"),
    "NaN": (priced("NaN"), NO_DECIMAL),
    "infinite": (priced("Infinity"), NO_DECIMAL),
    "underscore": (priced("1_000"), NO_DECIMAL),
    "blanks": (priced(" 1 "), NO_DECIMAL),
    "40 digits": (priced("1" * 40), NO_DECIMAL),
    "40 digits behind the point": (priced("0." + "1" * 40), NO_DECIMAL),
    "nine decimals, not to be rounded": (priced("0.123456789"), NO_DECIMAL),
    "too large": (priced("10000000000"), NO_DECIMAL),
    "huge exponent": (priced("1e400"), NO_DECIMAL),
    "tiny exponent": (priced("1e-9"), NO_DECIMAL),
    "empty": (priced(""), NO_DECIMAL),
    "comma": (priced("1,5"), NO_DECIMAL),
    "full-width digits": (priced("１２３"), NO_DECIMAL),  # noqa: RUF001
    "price as JSON number": (priced(1.5), NOT_TEXT),
    "price null": (priced(None), NOT_TEXT),
    "price missing": ({"symbol": "ETHUSDT"}, NOT_TEXT),
    "symbol twice": (named("BTCUSDT"), TWICE),
    "symbol of 300 characters": (named("A" * 300), "longer than 40"),
    "path": (named("../x"), WRONG_CHARACTERS),
    "formula": (named("=1+1"), WRONG_CHARACTERS),
    "SQL": (named("x'; drop table raw.capture; --"), WRONG_CHARACTERS),
    "right-to-left mark": (named("BTC\u200fEUR"), WRONG_CHARACTERS),
    "symbol empty": (named(""), WRONG_CHARACTERS),
    "NUL": (named("A\u0000B"), WRONG_CHARACTERS),
    "symbol as number": (named(5), NOT_TEXT),
    "symbol missing": ({"price": "1"}, NOT_TEXT),
    "element is a number": (5, "not an object"),
    "element is text": ("BTCUSDT", "not an object"),
    "element is null": (None, "not an object"),
    "element is a list": ([], "not an object"),
}

ROWS = GOOD_ROWS | BAD_ROWS
INSTANTS = {name: NOON + number * SECOND for number, name in enumerate(ROWS)}
NEIGHBOURS = {"BTCUSDT": "60000.01000000", "ETHBTC": "0.05"}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Each of the rows between two good ones, all loaded at once, as responses of different instants."""
    pipeline = Pipeline(tmp_path_factory.mktemp("judged"))
    before, after = ({"symbol": symbol, "price": price} for symbol, price in NEIGHBOURS.items())
    for name, (row, _) in ROWS.items():
        pipeline.land_prices([before, row, after], INSTANTS[name])
    pipeline.load()
    with pipeline.warehouse.connect() as connection:
        load_prices(connection)
    return pipeline


@pytest.mark.parametrize("name", GOOD_ROWS)
def test_a_good_row_is_stored_exactly(judged: Pipeline, name: str) -> None:
    row, price = GOOD_ROWS[name]
    stored = "select symbol, price from {} where {} = $at"
    as_received = dict(judged.rows(stored.format("raw.ticker_price", "retrieved_at"), at=INSTANTS[name]))
    exact = dict(judged.rows(stored.format("core.price_without_metadata", "observed_at"), at=INSTANTS[name]))
    assert as_received == NEIGHBOURS | {row["symbol"]: row["price"]}
    assert exact == {symbol: Decimal(text) for symbol, text in NEIGHBOURS.items()} | {row["symbol"]: price}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_quarantined_and_stops_no_other(judged: Pipeline, name: str) -> None:
    _, expected = BAD_ROWS[name]
    at = INSTANTS[name]
    assert dict(judged.rows("select symbol, price from raw.ticker_price where retrieved_at = $at", at=at)) == NEIGHBOURS
    [(position, reason)] = judged.rows(
        "select position, reason from raw.quarantine inner join raw.capture using (capture_id) where received_at = $at",
        at=at,
    )
    assert position == 2
    assert expected in reason


def test_every_received_row_is_stored_or_quarantined(judged: Pipeline) -> None:
    [(received, stored, refused)] = judged.rows(
        "select (select sum(row_count) from raw.capture), (select count(*) from raw.ticker_price), "
        "(select count(*) from raw.quarantine)"
    )
    assert (received, stored, refused) == (3 * len(ROWS), 2 * len(ROWS) + len(GOOD_ROWS), len(BAD_ROWS))


def test_bad_rows_are_judged_alike_when_all_stand_in_one_response(pipeline: Pipeline) -> None:
    pipeline.land_prices([{"symbol": "BTCUSDT", "price": "1"}, *(row for row, _ in BAD_ROWS.values())])
    loaded = pipeline.load()
    assert (loaded.prices, loaded.refused) == (1, len(BAD_ROWS))
    reasons = pipeline.rows("select position, reason from raw.quarantine order by position")
    for (position, reason), (_, expected) in zip(reasons, BAD_ROWS.values(), strict=True):
        assert expected in reason, f"row {position}"


fitting = st.builds(
    lambda whole, fraction: f"{whole}.{fraction}" if fraction else str(whole),
    st.integers(0, 10**10 - 1),
    st.text("0123456789", max_size=8),
)
numeric = st.from_regex(re.compile(r"[+-]?[0-9]{0,14}\.?[0-9]{0,12}([eE][+-]?[0-9]{1,3})?", re.ASCII), fullmatch=True)


@pytest.fixture(scope="module")
def macros() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as duck:
        duck.execute(sql("warehouse/macros.sql"))
        yield duck


@given(st.lists(fitting | numeric | st.text(max_size=12), min_size=1, max_size=50))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["1.", ".5", "1e5", "1e-8", "12345678901e-3", "0.000000010e0", "9" * 40, "0" * 30 + "1", "1e+0009", "2."])
def test_a_price_is_stored_exactly_or_not_at_all(macros: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    stored = macros.execute("select exact_price(unnest(?::varchar[]))", [texts]).fetchall()
    for written, (price,) in zip(texts, stored, strict=True):
        if re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,8})?", written, re.ASCII):
            assert price == Decimal(written), f"{written!r} should be stored"
        elif price is not None:
            assert price == Decimal(written), f"{written!r} was changed"
            assert re.fullmatch(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", written, re.ASCII), f"{written!r} is no number"


def test_loading_twice_is_loading_once(pipeline: Pipeline) -> None:
    pipeline.land_info()
    pipeline.land_prices({"BTCUSDT": "1"})
    pipeline.update()
    before = pipeline.tables()
    pipeline.update()
    assert pipeline.tables() == before
    assert pipeline.load().files == 0


def test_the_same_capture_landed_twice_is_loaded_once(pipeline: Pipeline) -> None:
    pipeline.land_prices({"BTCUSDT": "1", "ETHUSDT": "0"})
    pipeline.load()
    once = pipeline.tables()
    pipeline.land_prices({"BTCUSDT": "1", "ETHUSDT": "0"})
    assert pipeline.load().captures == 0
    assert pipeline.tables() == once
    pipeline.rebuild()
    assert pipeline.rows("select count(*) from raw.ticker_price") == [(1,)]


def test_a_damaged_response_is_named_and_nothing_of_its_batch_is_loaded(pipeline: Pipeline) -> None:
    """The body in the file is another one, the hash is still the old one's."""
    pipeline.land_prices({"ETHUSDT": "1"})
    file = pipeline.land_prices({"BTCUSDT": "60000"}, NOON + SECOND)
    with duckdb.connect() as duck:
        path = pipeline.landing.absolute(file)
        duck.execute("create table copy as from read_parquet($path)", {"path": path})
        duck.execute("update copy set body = replace(decode(body), '60000', '60001')::blob")
        duck.execute("copy copy to $path (format parquet)", {"path": path})
    for refuse in (pipeline.load, pipeline.rebuild):
        with pytest.raises(DamagedLandingFile, match=re.escape(file.name)):
            refuse()
    assert pipeline.rows("from raw.capture") == []


def test_a_damaged_table_of_observations_is_named_and_not_loaded(pipeline: Pipeline, tmp_path: Path) -> None:
    file = pipeline.land_table(tmp_path / "prices.csv", ["BTCUSDT,60000,2024-03-01T12:00:00Z"])
    assert file is not None
    path = pipeline.landing.path / file.name
    path.write_bytes(path.read_bytes().replace(b"60000", b"60001"))
    for refuse in (pipeline.load, pipeline.rebuild):
        with pytest.raises(DamagedLandingFile, match=re.escape(file.name)):
            refuse()
    assert pipeline.rows("from raw.capture") == []


@pytest.mark.parametrize("described_first", [True, False], ids=["with metadata", "without metadata"])
@pytest.mark.parametrize("together", [True, False], ids=["in one load", "one after the other"])
def test_of_two_prices_for_one_instant_the_first_is_kept(
    pipeline: Pipeline, together: bool, described_first: bool
) -> None:
    if described_first:
        pipeline.land_info()
    for price in ("2", "1", "2.0", "3"):
        pipeline.land_prices({"BTCUSDT": price, "ETHUSDT": "7"})
        if not together:
            pipeline.update()
    pipeline.update()
    name = "core.price_history" if described_first else "core.price_without_metadata"
    assert sorted(pipeline.rows(f"select price from {name}")) == [(Decimal(2),), (Decimal(7),)]
    refused = pipeline.rows('select "row", reason from raw.quarantine order by all')
    assert [row.split(",")[:2] for row, _ in refused] == [["BTCUSDT", "1.00000000"], ["BTCUSDT", "3.00000000"]]
    assert all("came before: 2.00000000" in reason for _, reason in refused)


def test_the_same_price_for_one_instant_of_another_source_is_another_observation(pipeline: Pipeline) -> None:
    pipeline.land_info()
    pipeline.land_prices({"BTCUSDT": "1"})
    pipeline.land_prices({"BTCUSDT": "2"}, source="import")
    pipeline.update()
    assert sorted(pipeline.rows("select source, price from core.price_history")) == [("import", 2), ("live", 1)]
    assert pipeline.rows("from raw.quarantine") == []


# Tables of observations


def test_every_odd_line_of_a_csv_is_quarantined_and_the_others_are_stored(pipeline: Pipeline, tmp_path: Path) -> None:
    good = ["BTCUSDT,1,2024-03-01T12:00:00Z", '"币安人生USDT","2","2024-03-01T14:00:00.250+02:00"']
    bad = [
        ("ETHUSDT,1", "no instant"),
        (",,", "no instant"),
        ("ETHUSDT,,2024-03-01T12:00:00Z", "price is missing"),
        (",1,2024-03-01T12:00:00Z", "symbol is missing"),
        ("ETHUSDT,1,yesterday", "no instant"),
        ("ETHUSDT,1,2024-03-01T12:00:00+99:99", "no instant"),
        ("ETHUSDT,1,2099-01-01T00:00:00Z", "after the file came"),
        ("ETHUSDT,1,1999-01-01T00:00:00Z", "before the exchange opened"),
        ("ETHUSDT,1,2024-03-01T12:00:00Z,9", "no line of three fields"),
        ("ETHUSDT,1,000.5,2024-03-01T12:00:00Z", "no line of three fields"),
        ('ETHUSDT,"1,5",2024-03-01T12:00:00Z', "no line of three fields"),
        ('"ETHUSDT,1,2024-03-01T12:00:00Z', WRONG_CHARACTERS),
        ("ETHUSDT,1_000,2024-03-01T12:00:00Z", NO_DECIMAL),
        ("ETHUSDT,0,2024-03-01T12:00:00Z", "zero"),
    ]
    pipeline.land_table(tmp_path / "prices.csv", [good[0], *(line for line, _ in bad), good[1]])
    with (tmp_path / "more.csv").open("wb") as stream:
        stream.write(b"Symbol,Price,Retrieval_Timestamp\r\n")
        stream.write(b"BTC\xffUSDT,1,2024-03-01T12:00:00Z\r\nBTCUSDT,4,2024-03-01T12:01:00Z\r\n")
        stream.write(b"Symbol,Price,Retrieval_Timestamp\r\nBTCUSDT,5,2024-03-01T12:02:00Z\r\n")
    pipeline.landing.land_observations(tmp_path / "more.csv")
    pipeline.update()

    stored = pipeline.rows(
        "select symbol, price, observed_at from core.price_without_metadata order by observed_at, symbol"
    )
    assert stored == [
        ("BTCUSDT", 1, NOON),
        ("币安人生USDT", 2, NOON + SECOND / 4),
        ("BTCUSDT", 4, NOON + MINUTE),
        ("BTCUSDT", 5, NOON + 2 * MINUTE),
    ]
    reasons = [reason for (reason,) in pipeline.rows("select reason from raw.quarantine")]
    for text, count in Counter([*(reason for _, reason in bad), "no line of three fields"]).items():
        assert sum(text in reason for reason in reasons) >= count, text
    assert len(reasons) == len(bad) + 1
    assert pipeline.rows("select sum(row_count) from raw.capture") == [(len(stored) + len(reasons),)]
    [(earliest, latest)] = pipeline.rows("select min(received_at), max(received_at) from raw.capture")
    assert earliest >= NOON, "a refused instant became a capture's"
    assert latest.year < 2099


@pytest.mark.parametrize(
    "expression",
    [
        "timestamp '2024-03-01 12:00:00'",
        "timestamptz '2024-03-01 14:00:00+02'",
        "'2024-03-01T12:00:00Z'",
        "'2024-03-01 07:00:00-05:00'",
    ],
)
def test_instants_of_a_parquet_table_are_read_as_utc(pipeline: Pipeline, tmp_path: Path, expression: str) -> None:
    path = tmp_path / "prices.parquet"
    with duckdb.connect() as duck:
        duck.execute("set timezone = 'America/New_York'")
        duck.execute(
            f'copy (select \'BTCUSDT\' as "Symbol", 1.5::decimal(18, 8) as "Price", {expression} '
            'as "Retrieval_Timestamp") to $path (format parquet)',
            {"path": str(path)},
        )
    pipeline.landing.land_observations(path)
    pipeline.update()
    assert pipeline.rows("select observed_at, price from core.price_without_metadata") == [(NOON, Decimal("1.5"))]


def test_a_snapshot_that_stands_in_two_tables_is_loaded_once(pipeline: Pipeline, tmp_path: Path) -> None:
    first, second, third = (f"BTCUSDT,{n},2024-03-01T12:0{n}:00Z" for n in range(1, 4))
    pipeline.land_table(tmp_path / "a.csv", [first, second])
    pipeline.land_table(tmp_path / "b.csv", [second.replace("Z", "+00:00"), third])
    pipeline.load()
    assert pipeline.rows("select count(*), count(distinct received_at) from raw.capture") == [(3, 3)]
    assert pipeline.rows("select count(*) from raw.ticker_price") == [(3,)]


# Metadata


def test_only_descriptions_that_differ_are_kept(pipeline: Pipeline) -> None:
    halted = described("BTCUSDT", "BTC", "USDT", status="HALT")
    for number, symbols in enumerate([PAIRS, PAIRS, [halted, *PAIRS[1:]], PAIRS]):
        pipeline.land_info(symbols, NOON + number * MINUTE)
        pipeline.update()
    kept = pipeline.rows(
        "select symbol, retrieved_at, payload ->> '$.status' from raw.exchange_info order by retrieved_at, symbol"
    )
    assert len(kept) == len(PAIRS) + 2
    assert kept[-2:] == [("BTCUSDT", NOON + 2 * MINUTE, "HALT"), ("BTCUSDT", NOON + 3 * MINUTE, "TRADING")]
    spans = pipeline.rows(
        "select status, valid_from, valid_to from core.pair_history "
        "inner join core.pair using (pair_id) where symbol = 'BTCUSDT' order by valid_from"
    )
    assert spans == [
        ("TRADING", NOON, NOON + 2 * MINUTE),
        ("HALT", NOON + 2 * MINUTE, NOON + 3 * MINUTE),
        ("TRADING", NOON + 3 * MINUTE, None),
    ]
    assert pipeline.rows("select distinct first_seen_at, last_seen_at from core.pair") == [(NOON, NOON + 3 * MINUTE)]


BAD_DESCRIPTIONS = [
    (described("XUSDT", "", "USDT"), "baseAsset or quoteAsset is missing"),
    (described("XUSDT", "X", "USDT", quoteAsset=None), "baseAsset or quoteAsset is missing"),
    ({"symbol": "XUSDT", "status": "TRADING"}, "baseAsset or quoteAsset is missing"),
    (described("XUSDT", "X", "USDT", status=None), "status is missing"),
    (described("BTCUSDT", "BTCU", "SDT"), TWICE),
    (described("../x", "X", "USDT"), WRONG_CHARACTERS),
    (described("X" * 41, "X", "USDT"), "longer than 40"),
    (described("XUSDT", "X", "USDT", symbol=7), NOT_TEXT),
    (None, "not an object"),
    ("BTCUSDT", "not an object"),
]


def test_bad_descriptions_are_quarantined_and_stop_no_other(pipeline: Pipeline) -> None:
    pipeline.land_info([*PAIRS, *(symbol for symbol, _ in BAD_DESCRIPTIONS), described("ADAUSDT", "ADA", "USDT")])
    pipeline.update()
    assert [symbol for (symbol,) in pipeline.rows("select symbol from core.pair order by pair_id")] == [
        *(pair["symbol"] for pair in PAIRS),
        "ADAUSDT",
    ]
    refused = pipeline.rows("select position, reason from raw.quarantine order by position")
    assert [position for position, _ in refused] == [len(PAIRS) + n for n in range(1, len(BAD_DESCRIPTIONS) + 1)]
    for (position, reason), (_, expected) in zip(refused, BAD_DESCRIPTIONS, strict=True):
        assert expected in reason, f"symbol {position}"


def test_base_and_quote_of_a_symbol_never_change(pipeline: Pipeline) -> None:
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT")])
    pipeline.land_info([described("BTCUSDT", "BTCU", "SDT"), described("ETHUSDT", "ETH", "USDT")], NOON + MINUTE)
    pipeline.update()
    assert pipeline.rows("select symbol, base_code, quote_code from mart.dim_pair order by pair_key") == [
        ("BTCUSDT", "BTC", "USDT"),
        ("ETHUSDT", "ETH", "USDT"),
    ]
    [(reason,)] = pipeline.rows("select reason from raw.quarantine")
    assert reason == "its base and quote were BTC and USDT before"
    assert "BTCU" not in {code for (code,) in pipeline.rows("select code from core.currency")}


def test_unknown_words_are_kept(pipeline: Pipeline) -> None:
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT", status="SLEEPING", dreams=["a"])])
    pipeline.update()
    assert pipeline.rows("select status, is_trading from mart.dim_pair") == [("SLEEPING", False)]
    assert pipeline.rows("select payload ->> '$.dreams[0]' from raw.exchange_info") == [("a",)]


def tick(size: str) -> list[dict[str, str]]:
    return [{"filterType": "PRICE_FILTER", "tickSize": size}]


INFOS = (
    ([described("AB", "A", "B"), described("CD", "C", "D")], 0),
    ([described("AB", "A", "B"), described("CD", "C", "D", status="BREAK")], 1),
    ([described("AB", "A", "B", filters=tick("0.1")), described("EF", "E", "F"), described("XY", "", "Y")], 2),
    ([described("AB", "A", "B", filters=tick("0.1")), described("CD", "C", "D", note=1), described("EF", "E", "F")], 2),
    ([described("AB", "A", "B")], 3),
)
"""Descriptions that come, change, go back and vanish; two of them carry the same time."""


def history(pipeline: Pipeline) -> list[list[tuple[Any, ...]]]:
    return [
        pipeline.rows("from raw.exchange_info order by all"),
        pipeline.rows(
            "select symbol, pair_history.* exclude (pair_id) from core.pair_history "
            "inner join core.pair using (pair_id) order by all"
        ),
        pipeline.rows("select symbol, first_seen_at, last_seen_at from core.pair order by all"),
    ]


@pytest.fixture(scope="module")
def history_in_order(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[Any, ...]]]:
    pipeline = Pipeline(tmp_path_factory.mktemp("in_order"))
    for symbols, minute in INFOS:
        pipeline.land_info(symbols, NOON + minute * MINUTE)
    pipeline.update()
    found = history(pipeline)
    assert [symbol for symbol, *_ in found[1]] == [*3 * ["AB"], *3 * ["CD"], "EF"]
    return found


ORDERS = list(itertools.permutations(range(len(INFOS))))


@pytest.mark.parametrize("order", ORDERS[1::40], ids=lambda order: "".join(map(str, order)))
def test_history_does_not_depend_on_the_order_of_landing(
    pipeline: Pipeline, history_in_order: list[list[tuple[Any, ...]]], order: tuple[int, ...]
) -> None:
    for index in order:
        symbols, minute = INFOS[index]
        pipeline.land_info(symbols, NOON + minute * MINUTE)
        pipeline.update()
    assert history(pipeline) == history_in_order


# Incremental and rebuilt


def test_prices_without_metadata_wait_and_move_when_it_comes(pipeline: Pipeline) -> None:
    pipeline.land_info([described("BTCUSDT", "BTC", "USDT")])
    pipeline.land_prices({"BTCUSDT": "1", "ETHUSDT": "2"})
    pipeline.update()
    assert pipeline.rows("select symbol, price from core.price_without_metadata") == [("ETHUSDT", 2)]
    assert len(pipeline.rows("from mart.fact_price_minute")) == 1
    pipeline.land_info(PAIRS, NOON + MINUTE)
    pipeline.update()
    assert pipeline.rows("from core.price_without_metadata") == []
    minutes = pipeline.rows(
        "select symbol, average_price, observation_count from mart.fact_price_minute "
        "inner join mart.dim_pair using (pair_key) order by all"
    )
    assert minutes == [("BTCUSDT", 1.0, 1), ("ETHUSDT", 2.0, 1)]
    assert pipeline.rows(
        "select symbol from mart.fact_price_latest inner join mart.dim_pair using (pair_key) order by 1"
    ) == [
        ("BTCUSDT",),
        ("ETHUSDT",),
    ]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("info"), st.integers(0, 40), st.sets(st.integers(0, len(PAIRS) - 1), min_size=1)),
        st.tuples(
            st.sampled_from(["live", "import"]),
            st.integers(0, 40),
            st.dictionaries(
                st.sampled_from([*(pair["symbol"] for pair in PAIRS), "UNKNOWN"]),
                st.sampled_from(["1", "1.5", "3.00000001", "0", "0.3", "x"]),
                min_size=1,
            ),
        ),
        st.tuples(st.just("table"), st.integers(0, 40), st.lists(st.sampled_from(["1", "7.7", "-1"]), min_size=1)),
    ),
    min_size=2,
    max_size=7,
)


@given(steps=STEPS)
@settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@example(
    steps=[
        ("live", 5, {"BTCUSDT": "1", "UNKNOWN": "2"}),
        ("live", 5, {"BTCUSDT": "2"}),
        ("info", 3, {0, 1}),
        ("live", 30, {"BTCUSDT": "3", "ETHBTC": "0.3", "XRPTRY": "1"}),
        ("table", 12, ["1", "-1", "7.7"]),
        ("info", 1, {0, 4}),
        ("live", 12, {"ETHUSDT": "1.5", "BTCUSDT": "0"}),
        ("info", 2, {2, 3}),
    ]
)
def test_a_rebuild_gives_the_tables_that_came_about_step_by_step(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    pipeline = Pipeline(folder / "live")
    for number, (kind, place, content) in enumerate(steps):
        at = NOON + place * 20 * SECOND
        if kind == "info":
            pipeline.landing.land(
                Capture("exchangeInfo", "live", at, info_body((PAIRS[index] for index in sorted(content)), at))
            )
        elif kind == "table":
            lines = [f"BTCUSDT,{price},{at + index * MINUTE}Z" for index, price in enumerate(content)]
            pipeline.land_table(folder / f"{number}.csv", lines)
        else:
            pipeline.land_prices(content, at, source=kind, interval=20 if kind == "live" else None)
        pipeline.update()
    step_by_step = pipeline.tables()
    pipeline.rebuild()
    rebuilt = pipeline.tables()
    for name, rows in step_by_step.items():
        assert rebuilt[name] == rows, f"{name} differs after the rebuild"
