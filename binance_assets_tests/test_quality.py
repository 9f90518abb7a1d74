"""The scorecard of the data, against an independent computation, and against trades that the exchange recorded."""

from __future__ import annotations

import base64
import csv
import gzip
import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import dagster as dg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from binance_assets import lake
from binance_assets.archive.rest import load_rest_candles
from binance_assets.checks import RULES
from binance_assets.definitions import defs
from binance_assets.home import Home
from binance_assets.landing import Capture
from binance_assets.mart.assets import fact_quality_day
from binance_assets.mart.quality import chart, measure_quality, newest_days
from binance_assets.repair import explain_gaps
from binance_assets.resources import HomeResource
from binance_assets_tests.klines import DAY, ArchiveStore, Candle, candles
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, as_body, described
from binance_assets_tests.recorded import RECORDINGS, needs_recordings, recorded_body
from binance_assets_tests.test_klines import as_recorded
from binance_assets_tests.test_minutes import CARRY_LIMIT, Snapshot, expected_minutes, land

FIRST = NOON - 12 * HOUR
TODAY = f"{FIRST:%Y-%m-%d}"
NOW = datetime(2027, 1, 1)  # noqa: DTZ001 - naive UTC
REACH = 12 * HOUR
FOREVER = datetime(9999, 12, 31)  # noqa: DTZ001 - naive UTC
METADATA = [described(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH")]

Quality = dict[tuple[str, date], dict[str, Any]]
CandlesOf = Mapping[str, Sequence[Candle]]


@pytest.fixture
def store(tmp_path: Path) -> ArchiveStore:
    store = ArchiveStore(tmp_path / "live")
    store.land_info(METADATA, FIRST - DAY)
    return store


def bring_up(store: ArchiveStore) -> int:
    """What a full run does, as plain calls; returns how many pairs and days were measured last."""
    store.update(CARRY_LIMIT)
    return bring_candles_up(store)


def bring_candles_up(store: ArchiveStore) -> int:
    store.load_archive()
    with store.warehouse.connect() as connection:
        explain_gaps(connection, None, NOW)
        return measure_quality(connection)


def quality(store: ArchiveStore) -> Quality:
    records = store.records(
        "select symbol, quality.* from mart.fact_quality_day as quality join core.pair on pair_id = pair_key"
    )
    rows = {(record["symbol"], record["date_utc"]): record for record in records}
    assert len(rows) == len(records), "a key stands twice"
    assert all(record["date_key"] == int(f"{record['date_utc']:%Y%m%d}") for record in records)
    return rows


def unreconciled(store: ArchiveStore) -> list[tuple[str, str]]:
    """The minutes that the check names, each with its pair; sorted."""
    [rule] = [rule for rule in RULES if rule.name == "reconciled"]
    with store.warehouse.connect() as connection:
        result = rule.evaluate(connection, "live")
    assert result.passed == ("failing_rows" not in result.metadata)
    if result.passed:
        return []
    rows = result.metadata["rows"].value
    assert isinstance(rows, list)
    assert result.metadata["failing_rows"].value == len(rows)
    return sorted((row["symbol"], row["minute_utc"]) for row in rows)


# The independent computation: plain Python and exact numbers; only the gaps are what the ledger says


def expected_quality(store: ArchiveStore, snapshots: Sequence[Snapshot], of_pairs: CandlesOf) -> Quality:
    sampled = expected_minutes(snapshots)
    traded = {(symbol, it.at): it for symbol, its in of_pairs.items() for it in its}
    observed: dict[tuple[str, date], set[datetime]] = defaultdict(set)
    sources: dict[tuple[str, date], set[str]] = defaultdict(set)
    for (symbol, source, minute), row in sampled.items():
        sources[symbol, minute.date()].add(source)
        if not row["is_gap"]:
            observed[symbol, minute.date()].add(minute)
    for symbol, minute in traded:
        sources[symbol, minute.date()].add("archive")
        observed[symbol, minute.date()].add(minute)
    gaps = store.records("select gap.*, symbol from mart.gap left join core.pair on pair_id = pair_key")
    last_day = max((day for (_, day), of in sources.items() if "live" in of), default=date.min)
    reaching = [(day, gap) for gap in gaps for day in days_of(gap, last_day)]
    pairs = set(sources)
    for day, gap in reaching:
        if gap["symbol"]:
            pairs.add((gap["symbol"], day))
        else:
            began = (gap["from_utc"] - timedelta(microseconds=1)).date()
            kind = {"archive"} if gap["source"] == "archive" else {"live", "import"}
            pairs |= {(symbol, day) for symbol, on in sources if on == began and sources[symbol, on] & kind}
    found = {}
    for symbol, day in pairs:
        its = [gap for on, gap in reaching if on == day and gap["symbol"] in {None, symbol}]
        row = expected_row((symbol, day), observed[symbol, day], its, sampled, traded)
        if row:
            found[symbol, day] = row
    return found


def days_of(gap: Mapping[str, Any], last_day: date) -> Iterable[date]:
    """The days that a gap reaches into; one that lasts, as far as the sampling goes."""
    last = (gap["to_utc"] - timedelta(microseconds=1)).date() if gap["to_utc"] else last_day
    return (gap["from_utc"].date() + number * DAY for number in range((last - gap["from_utc"].date()).days + 1))


def expected_row(
    key: tuple[str, date],
    observed: set[datetime],
    gaps: Sequence[Mapping[str, Any]],
    sampled: Mapping[tuple[str, str, datetime], Mapping[str, Any]],
    traded: Mapping[tuple[str, datetime], Candle],
) -> dict[str, Any] | None:
    symbol, day = key
    midnight = datetime.combine(day, datetime.min.time())
    minutes = [midnight + number * MINUTE for number in range(1440)]
    kinds = {minute: kind_of(minute, gaps) for minute in minutes if minute not in observed}
    expected = 1440 - sum(kind == "not_trading" for kind in kinds.values())
    if not expected:
        return None
    rows = {(source, minute): row for (of, source, minute), row in sampled.items() if (of, minute.date()) == key}
    compared = {
        (source, minute): (row, traded[symbol, minute])
        for (source, minute), row in rows.items()
        if not row["is_gap"] and (symbol, minute) in traded
    }
    deviations = [
        abs(row["average_price"] / Fraction(Decimal(candle.values[5] / candle.values[4])) - 1) * 10000
        for row, candle in compared.values()
        if candle.trades
    ]
    silences = [
        Fraction((min(gap["to_utc"] or FOREVER, midnight + DAY) - gap["from_utc"]) // timedelta(microseconds=1), 10**6)
        for gap in gaps
        if gap["source"] != "archive" and (gap["to_utc"] or FOREVER) - gap["from_utc"] > REACH
    ]
    staleness = [row["staleness_seconds"] for row in rows.values()] + silences
    by_source = {
        source: sum(row["coverage"] for (of, _), row in rows.items() if of == source) / 1440 for source, _ in rows
    }
    return {
        "expected_minutes": expected,
        "observed_minutes": len(observed),
        "completeness": Fraction(len(observed), expected),
        "explained_minutes": sum(kind == "explained" for kind in kinds.values()),
        "unexplained_minutes": sum(kind == "unexplained" for kind in kinds.values()),
        "coverage": by_source.get("live", by_source.get("import")),
        "worst_staleness_seconds": max(staleness, default=None),
        "compared_minutes": len(compared),
        "outside_minutes": sum(
            is_outside(row["average_price"], symbol, minute, traded) for (_, minute), (row, _) in compared.items()
        ),
        "traded_minutes": len(deviations),
        "mean_deviation_bp": sum(deviations) / len(deviations) if deviations else None,
        "worst_deviation_bp": max(deviations, default=None),
        "differing_minutes": 0,
        "compared_hours": 0,
        "differing_hours": 0,
        "day_differs": None,
    }


def kind_of(minute: datetime, gaps: Sequence[Mapping[str, Any]]) -> str | None:
    """What the ledger says of a minute without any price; not_trading goes before all."""
    of = [gap for gap in gaps if gap["from_utc"] < minute + MINUTE and (gap["to_utc"] or FOREVER) > minute]
    kinds = {
        "not_trading"
        if gap["cause"] == "not_trading"
        else "unexplained"
        if gap["cause"] == "unresolved" and not gap["repaired_at"]
        else "explained"
        for gap in of
    }
    return next((kind for kind in ("not_trading", "explained", "unexplained") if kind in kinds), None)


def is_outside(average: Fraction, symbol: str, minute: datetime, traded: Mapping[tuple[str, datetime], Candle]) -> bool:
    _, high, low, *_ = traded[symbol, minute].values
    before = (minute - number * MINUTE for number in range(1, REACH // MINUTE + 1))
    previous = next((traded[symbol, at].values[3] for at in before if (symbol, at) in traded), low)
    return not min(low, previous) <= average <= max(high, previous)


def assert_equal(found: Quality, expected: Quality) -> None:
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        for name, value in row.items():
            actual = found[key][name]
            if isinstance(actual, float):
                assert actual == pytest.approx(float(value), rel=1e-9, abs=1e-9), (key, name)
            else:
                assert actual == value, (key, name)


instants = st.builds(
    lambda day, minute, second: FIRST + day * DAY + minute * MINUTE + second * SECOND,
    st.sampled_from([0, 0, 0, 1]),
    st.integers(0, 6) | st.integers(1436, 1439),
    st.sampled_from([0, 10, 20, 30, 40, 50]),
)
prices = st.sampled_from(["100.5", "101", "102", "103.00000001", "99.99999999", "104.25", "130"])
snapshots = st.lists(
    st.builds(
        Snapshot,
        at=instants,
        prices=st.dictionaries(st.sampled_from(["BTCUSDT", "ETHUSDT"]), prices, min_size=1),
        interval=st.just(10),
        source=st.sampled_from(["live", "live", "import"]),
    ),
    min_size=8,
    max_size=15,
    unique_by=lambda snapshot: (snapshot.source, snapshot.at),
)
days_of_candles = st.fixed_dictionaries(
    {
        symbol: st.dictionaries(
            st.integers(-1, 1),
            st.sets(st.integers(0, 7) | st.integers(1435, 1439), min_size=1, max_size=14),
            max_size=3,
        )
        for symbol in ("BTCUSDT", "ETHUSDT")
    }
)


@given(snapshots=snapshots, days=days_of_candles, data=st.data())
@settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])
def test_quality_equals_an_independent_computation(
    tmp_path_factory: pytest.TempPathFactory,
    snapshots: list[Snapshot],
    days: dict[str, dict[int, set[int]]],
    data: st.DataObject,
) -> None:
    """At once, in pieces, and made again: the same rows; and what is measured is not measured again."""
    candles_of = {
        symbol: [
            Candle(FIRST + day * DAY + minute * MINUTE, minute % 4, trades=7 * ((minute + day) % 3 > 0))
            for day, minutes in sorted(by_day.items())
            for minute in sorted(minutes)
        ]
        for symbol, by_day in days.items()
    }

    def made(name: str, steps: Sequence[tuple[Sequence[Snapshot], CandlesOf]]) -> ArchiveStore:
        store = ArchiveStore(tmp_path_factory.mktemp(name) / "live")
        store.land_info(METADATA, FIRST - 2 * DAY)
        for some, of_pairs in steps:
            if some:
                land(store, some)
            for symbol, its in of_pairs.items():
                for day, of_day in itertools.groupby(its, lambda it: it.at.date()):
                    store.land_candles(symbol, f"{day}", list(of_day))
            bring_up(store)
        return store

    at_once = made("once", [(snapshots, candles_of)])
    expected = expected_quality(at_once, snapshots, candles_of)
    assert_equal(quality(at_once), expected)
    cut = data.draw(st.integers(0, len(snapshots)))
    one, other = candles_of
    in_pieces = made(
        "pieces",
        [(snapshots[:cut], {one: candles_of[one]}), (snapshots[cut:], {other: candles_of[other]})],
    )
    assert quality(in_pieces) == quality(at_once)
    with in_pieces.warehouse.connect() as connection:
        assert measure_quality(connection) == 0
    at_once.rebuild()
    bring_candles_up(at_once)
    assert_equal(quality(at_once), expected)


# The rule


def compare(store: ArchiveStore, at: datetime, price: str, *of_minutes: Candle) -> list[tuple[str, str]]:
    store.land_prices({"BTCUSDT": price}, at)
    for day, its in itertools.groupby(of_minutes, lambda it: it.at.date()):
        store.land_candles("BTCUSDT", f"{day}", list(its))
    bring_up(store)
    assert quality(store)["BTCUSDT", at.date()]["compared_minutes"] == 1
    return unreconciled(store)


def test_a_standing_price_may_be_that_of_the_candle_before(store: ArchiveStore) -> None:
    """Low and high are 100 and 103; the close before is 112, five minutes older."""
    cases = {
        NOON + number * HOUR: case
        for number, case in enumerate(
            [("100", False), ("112", False), ("99.99999999", True), ("103.00000001", False), ("112.00000001", True)]
        )
    }
    for at, (price, _) in cases.items():
        store.land_prices({"BTCUSDT": price}, at)
    store.land_candles("BTCUSDT", TODAY, [it for at in cases for it in (Candle(at - 5 * MINUTE, 10), Candle(at))])
    bring_up(store)
    assert quality(store)["BTCUSDT", FIRST.date()]["compared_minutes"] == len(cases)
    assert unreconciled(store) == [("BTCUSDT", str(at)) for at, (_, is_named) in cases.items() if is_named]


def test_a_price_from_before_a_long_standstill_is_named(store: ArchiveStore) -> None:
    at = FIRST + 14 * HOUR
    assert compare(store, at, "110", Candle(at - REACH - MINUTE, 10), Candle(at)) == [("BTCUSDT", str(at))]


def test_candles_of_the_day_before_measure_the_first_minute_again(store: ArchiveStore) -> None:
    assert compare(store, FIRST, "110", Candle(FIRST)) == [("BTCUSDT", str(FIRST))]
    before = FIRST - MINUTE
    store.land_candles("BTCUSDT", f"{before:%Y-%m-%d}", [Candle(before, 10)])
    bring_up(store)
    assert unreconciled(store) == []


# What makes a day due


def test_a_day_that_changes_is_measured_again_and_no_other(store: ArchiveStore) -> None:
    for day in (0, 1, 2):
        for minute in (0, 1, 2):
            store.land_prices({"BTCUSDT": "101", "ETHUSDT": "101"}, FIRST + day * DAY + minute * MINUTE)
    bring_up(store)
    before = quality(store)
    assert len(before) == 6
    store.land_candles("BTCUSDT", f"{FIRST + DAY:%Y-%m-%d}", candles(FIRST + DAY))
    store.load_archive()
    with store.warehouse.connect() as connection:
        assert measure_quality(connection) == 2, "the day, and the one after it, of one pair"
        assert measure_quality(connection) == 0
    changed = {key for key, row in quality(store).items() if before[key] != row}
    assert changed == {("BTCUSDT", (FIRST + DAY).date())}
    store.load_archive()
    store.update(CARRY_LIMIT)
    store.land_candles("ETHUSDT", "2024-03", candles(FIRST, 60), retrieved_at="2026-03-01")
    store.load_archive()
    with store.warehouse.connect() as connection:
        assert measure_quality(connection) == 3, "every day of the month that the pair has"
    assert quality(store)["ETHUSDT", FIRST.date()]["compared_minutes"] == 3


def test_sealed_days_are_measured_alike(tmp_path: Path) -> None:
    found = []
    for name in ("sealed", "open"):
        store = ArchiveStore(tmp_path / name / "live")
        store.land_info(METADATA, FIRST - DAY)
        instants = [FIRST + day * DAY + minute * MINUTE for day in (0, 1, 2) for minute in (0, 1, 30)]
        store.landing.land_minute([store.sampled({"BTCUSDT": "101"}, at) for at in instants])
        store.update(CARRY_LIMIT)
        if name == "sealed":
            for day in (FIRST, FIRST + DAY):
                lake.seal(store.warehouse, day.date())
        for day in (0, 1, 2):
            at = FIRST + day * DAY
            store.land_candles("BTCUSDT", f"{at:%Y-%m-%d}", candles(at, 10))
        bring_up(store)
        found.append(quality(store))
    assert found[0] == found[1]
    first = found[0]["BTCUSDT", FIRST.date()]
    assert (first["compared_minutes"], first["observed_minutes"]) == (2, 11)


def test_a_day_without_any_answer_counts_when_the_outage_is_over(store: ArchiveStore) -> None:
    store.land_prices({"BTCUSDT": "101", "ETHUSDT": "101"}, NOON)
    bring_up(store)
    assert {day for _, day in quality(store)} == {NOON.date()}
    store.land_prices({"BTCUSDT": "101", "ETHUSDT": "101"}, NOON + 2 * DAY)
    bring_up(store)
    silent = {key: row for key, row in quality(store).items() if key[1] == (NOON + DAY).date()}
    assert silent.keys() == {("BTCUSDT", (NOON + DAY).date()), ("ETHUSDT", (NOON + DAY).date())}
    for row in silent.values():
        assert (row["completeness"], row["explained_minutes"], row["coverage"]) == (0, 1440, None)
        assert row["worst_staleness_seconds"] == 36 * 3600 - 10


def test_candles_from_the_api_are_compared_once_their_month_is_put_together(store: ArchiveStore) -> None:
    store.land_prices({"BTCUSDT": "101"}, NOON)
    bring_up(store)
    answered = as_body([Candle(NOON + number * MINUTE).line().split(",") for number in range(2)])
    endpoint = f"klines/BTCUSDT/{NOON:%Y%m%dT%H%M}/{NOON + MINUTE:%Y%m%dT%H%M}"
    store.landing.land(Capture(endpoint, "live", NOON + HOUR, answered, exchange_at=NOON + HOUR))
    store.load()
    with store.warehouse.connect() as connection:
        load_rest_candles(connection, store.landing)
        assert measure_quality(connection) == 0
    store.load_archive()
    with store.warehouse.connect() as connection:
        assert measure_quality(connection) == 1
    row = quality(store)["BTCUSDT", FIRST.date()]
    assert (row["compared_minutes"], row["outside_minutes"], row["observed_minutes"]) == (1, 0, 2)


def test_minutes_of_which_the_archive_contradicts_itself_are_counted(store: ArchiveStore) -> None:
    whole = candles(FIRST, 30)
    store.land_candles("BTCUSDT", "2024-03", whole)
    store.land_candles("BTCUSDT", TODAY, [Candle(it.at, 40) if it.at.minute < 7 else it for it in whole[:20]])
    bring_up(store)
    assert quality(store)["BTCUSDT", FIRST.date()]["differing_minutes"] == 7 + 10


# What the exchange recorded


def recorded_samples() -> list[tuple[datetime, str]]:
    """The last trade before each point of the grid, of two hours of trades."""
    text = gzip.decompress((RECORDINGS / "trades" / "BTCUSDT-trades-2019-04-01T00-02.csv.gz").read_bytes()).decode()
    trades = [
        (datetime(1970, 1, 1) + timedelta(milliseconds=int(row[4])), row[1])  # noqa: DTZ001 - naive UTC
        for row in csv.reader(text.splitlines())
        if row[0].isdigit()
    ]
    samples = []
    point, last = datetime(2019, 4, 1), None  # noqa: DTZ001 - naive UTC
    for at, price in trades:
        while at >= point:
            if last:
                samples.append((point, last))
            point += 10 * SECOND
        last = price
    return samples


def import_samples(store: ArchiveStore, samples: Iterable[tuple[datetime, str]]) -> None:
    lines = [f"BTCUSDT,{price},{at.isoformat()}Z" for at, price in samples]
    store.land_table(store.store.path.with_name("observations.csv"), lines)
    candle_lines = recorded_body(RECORDINGS / "klines" / "BTCUSDT-1m-2019-04-01T00-02.csv")
    store.land_text("BTCUSDT", "2019-04-01", candle_lines)
    bring_up(store)


@needs_recordings
def test_sampled_trades_agree_with_the_candles_of_the_same_hours(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "live")
    store.land_info([described("BTCUSDT", "BTC", "USDT")], datetime(2019, 3, 31))  # noqa: DTZ001 - naive UTC
    samples = recorded_samples()
    import_samples(store, samples)
    [row] = quality(store).values()
    assert (row["compared_minutes"], row["traded_minutes"], row["outside_minutes"]) == (120, 120, 0)
    assert unreconciled(store) == []
    recorded = as_recorded(recorded_body(RECORDINGS / "klines" / "BTCUSDT-1m-2019-04-01T00-02.csv"))
    of_minute = defaultdict(list)
    for at, price in samples:
        of_minute[at.replace(second=0)].append(Fraction(price))
    for at, _, high, low, *_ in recorded:
        assert low <= sum(of_minute[at]) / len(of_minute[at]) <= high
    deviations = [
        abs(sum(of_minute[at]) / len(of_minute[at]) * Fraction(volume) / Fraction(paid) - 1) * 10000
        for at, _, _, _, _, volume, paid, *_ in recorded
    ]
    assert row["mean_deviation_bp"] == pytest.approx(float(sum(deviations) / len(deviations)))
    assert row["worst_deviation_bp"] == pytest.approx(float(max(deviations)))
    assert 0.1 < row["mean_deviation_bp"] < 3, "of the order of a basis point"


@needs_recordings
def test_one_wrong_price_among_them_is_named_by_its_minute(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "live")
    store.land_info([described("BTCUSDT", "BTC", "USDT")], datetime(2019, 3, 31))  # noqa: DTZ001 - naive UTC
    wrong_at = datetime(2019, 4, 1, 1, 23, 40)  # noqa: DTZ001 - naive UTC
    import_samples(store, ((at, "4010.00" if at == wrong_at else price) for at, price in recorded_samples()))
    assert unreconciled(store) == [("BTCUSDT", "2019-04-01 01:23:00")]
    [row] = quality(store).values()
    assert (row["compared_minutes"], row["outside_minutes"]) == (120, 1)


# What the UI shows


def test_the_asset_shows_the_days_in_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_ASSETS_HOME", str(tmp_path))
    monkeypatch.setenv("BINANCE_SOURCE", "live")
    store = ArchiveStore(Home(tmp_path).store("live").path)
    store.land_info(METADATA, FIRST - DAY)
    for day in range(4):
        store.land_prices({"BTCUSDT": "101"}, FIRST + day * DAY)
    store.update(CARRY_LIMIT)
    store.land_candles("BTCUSDT", TODAY, candles(FIRST))
    store.load_archive()
    with store.warehouse.connect() as connection:
        assert len(newest_days(connection)) == 4
    with dg.DagsterInstance.ephemeral() as instance:
        made = dg.materialize([fact_quality_day], resources={"home": HomeResource()}, instance=instance)
    [event] = made.get_asset_materialization_events()
    shown = event.materialization.metadata
    markdown = str(shown["chart"].value)
    found = re.fullmatch(r"!\[[^]]+\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found, markdown
    svg = ElementTree.fromstring(base64.b64decode(found[1]))
    assert len(svg.findall("{http://www.w3.org/2000/svg}rect")) == 4 + 1, (
        "completeness of each day, and the deviation of the one that was compared"
    )
    assert len(markdown) < 20_000, "it goes into Dagster's event log"
    assert isinstance(shown["newest_days"].value, dg.TableMetadataValue | list) or shown["newest_days"]


def test_a_chart_of_days_that_nobody_compared_is_drawn(store: ArchiveStore) -> None:
    store.land_prices({"BTCUSDT": "101"}, FIRST)
    store.update(CARRY_LIMIT)
    with store.warehouse.connect() as connection:
        assert chart(newest_days(connection)).startswith("![")


def test_it_is_made_by_the_full_runs() -> None:
    for name in ("run_once", "refresh_all", "rebuild"):
        selected = defs.resolve_job_def(name).asset_layer.executable_asset_keys
        assert dg.AssetKey(["mart", "fact_quality_day"]) in selected
