"""The ledger of gaps, against an independent computation."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from binance_assets import lake
from binance_assets.landing import Capture, MissedSample
from binance_assets.mart.models import METADATA_INTERVAL
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, SECOND, Pipeline, described

SYMBOLS = ("ABC", "DEF", "GHI", "JKL", "MNO")
DAY = timedelta(days=1)

Row = tuple[str | None, datetime, datetime | None, str]
"""A gap: pair or market, from, to, cause."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """A response of the sampling: when it came, which symbols it quotes, and which it quotes wrongly."""

    at: datetime
    symbols: frozenset[str]
    refused: frozenset[str] = frozenset()
    interval: int = 10


@dataclasses.dataclass(frozen=True)
class Failure:
    """A grid point without an answer."""

    at: datetime
    error: str = "ExchangeServerError"
    interval: int = 10


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What the exchange says of its pairs: the status of each that it lists."""

    at: datetime
    statuses: Mapping[str, str]


Evidence = Answer | Failure | Metadata


def land(pipeline: Pipeline, *evidence: Evidence) -> None:
    """In this order; samples that follow each other in one file."""
    for is_metadata, some in itertools.groupby(evidence, lambda each: isinstance(each, Metadata)):
        if not is_metadata:
            pipeline.landing.land_minute([as_sample(pipeline, each) for each in some])
            continue
        for each in some:
            symbols = [described(symbol, symbol[:2], symbol[2:], status) for symbol, status in each.statuses.items()]
            pipeline.land_info(symbols, each.at)


def as_sample(pipeline: Pipeline, evidence: Evidence) -> Capture | MissedSample:
    match evidence:
        case Answer(at, symbols, refused, interval):
            rows = [{"symbol": symbol, "price": "1.5"} for symbol in sorted(symbols)]
            rows += [{"symbol": symbol, "price": "-1"} for symbol in sorted(refused - symbols)]
            return pipeline.sampled(rows, at, interval=interval)
        case Failure(at, error, interval):
            return MissedSample("ticker/price", pipeline.source, at, interval, error, "HTTP 503")
    raise TypeError(evidence)


def grid_point(at: datetime, interval: int) -> datetime:
    return at - (at - NOON) % (interval * SECOND)


def expected_gaps(landed: Sequence[Evidence]) -> set[Row]:
    """The ledger in plain Python, from all evidence at once."""
    answers = [e for e in landed if isinstance(e, Answer)]
    failures = [e for e in landed if isinstance(e, Failure)]
    return market_gaps(answers, failures) | pair_gaps(answers, [e for e in landed if isinstance(e, Metadata)])


def market_gaps(answers: Sequence[Answer], failures: Sequence[Failure]) -> set[Row]:
    steps: dict[datetime, timedelta] = {}
    errors: dict[datetime, str | None] = {}
    for failure in failures:
        steps[failure.at] = min(steps.get(failure.at, DAY), failure.interval * SECOND)
        errors[failure.at] = failure.error
    for answer in answers:
        point = grid_point(answer.at, answer.interval)
        steps[point] = min(steps.get(point, DAY), answer.interval * SECOND)
        errors[point] = None
    points = sorted(steps)
    spans: list[tuple[datetime, datetime | None, str]] = []
    for point, following in itertools.zip_longest(points, points[1:]):
        end = None if following is None else min(following, point + steps[point])
        error = errors[point]
        if error:
            cause = "collector_down" if error in {"WrongExchange", "BadRequest"} else "exchange_outage"
            spans.append((point, end, f"failed: {cause}"))
        if end and following > end:
            spans.append((end, following, "silent: collector_down"))
    runs: set[Row] = set()
    while spans:
        start, end, kind = spans.pop(0)
        while spans and spans[0][0] == end and spans[0][2] == kind:
            end = spans.pop(0)[1]
        runs.add((None, start, end, kind.partition(": ")[2]))
    return runs


def pair_gaps(answers: Sequence[Answer], metadata: Sequence[Metadata]) -> set[Row]:
    quoted: dict[datetime, set[str]] = {}
    refused: dict[datetime, set[str]] = {}
    for answer in answers:
        point = grid_point(answer.at, answer.interval)
        quoted.setdefault(point, set()).update(answer.symbols)
        refused.setdefault(point, set()).update(answer.refused - answer.symbols)
    points = sorted(quoted)
    known = {symbol for m in metadata for symbol in m.statuses}
    gaps: set[Row] = set()
    absences: list[tuple[str, datetime, datetime | None]] = []
    before: dict[datetime, int] = {}
    for symbol in known:
        first = next((point for point in points if symbol in quoted[point]), None)
        start = None
        for previous, point in itertools.pairwise(points):
            before[point] = len(quoted[previous] & known)
            if first is None or point <= first:
                continue
            if start is None and symbol not in quoted[point]:
                start = point
            elif start is not None and symbol in quoted[point]:
                absences.append((symbol, start, point))
                start = None
        if start is not None:
            absences.append((symbol, start, None))
        trading_from = min((m.at for m in metadata if m.statuses.get(symbol) == "TRADING"), default=None)
        expected = next((point for point in points if trading_from and point >= trading_from), None)
        if expected and (first is None or expected < first):
            cause = cause_of(symbol, expected, metadata)
            if first or not is_delisted(symbol, expected, metadata):
                gaps.add((symbol, expected, first, cause))
    at_once = {
        span
        for span, count in Counter((start, end) for _, start, end in absences).items()
        if 2 * count > before[span[0]]
    }
    gaps |= {(None, start, end, "exchange_outage") for start, end in at_once}
    for symbol, start, end in absences:
        if (start, end) not in at_once:
            was_refused = symbol in refused[start]
            gaps.add((symbol, start, end, "exchange_outage" if was_refused else cause_of(symbol, start, metadata)))
    return gaps


def words_of(symbol: str, start: datetime, metadata: Sequence[Metadata]) -> set[str]:
    """What the metadata calls a symbol from the start of a gap to the time when it must have told, GONE included."""
    listed: set[str] = set()
    words: list[tuple[datetime, str]] = []
    for answer in sorted(metadata, key=lambda answer: answer.at):
        gone = listed - answer.statuses.keys()
        if 5 * len(gone) > len(listed):
            gone = set()  # it is not of the whole market
        listed = (listed - gone) | answer.statuses.keys()
        if symbol in answer.statuses or symbol in gone:
            words.append((answer.at, answer.statuses.get(symbol, "GONE")))
    spans = zip(
        [datetime.min, *(since for since, _ in words[1:])],  # noqa: DTZ901
        (word for _, word in words),
        [*(since for since, _ in words[1:]), datetime.max],  # noqa: DTZ901
        strict=True,
    )
    return {word for since, word, until in spans if since <= start + METADATA_INTERVAL and until > start}


def is_delisted(symbol: str, start: datetime, metadata: Sequence[Metadata]) -> bool:
    return "GONE" in words_of(symbol, start, metadata)


def cause_of(symbol: str, start: datetime, metadata: Sequence[Metadata]) -> str:
    return "unresolved" if words_of(symbol, start, metadata) <= {"TRADING"} else "not_trading"


def gaps(pipeline: Pipeline) -> set[Row]:
    rows = pipeline.rows(
        "select dim_pair.symbol, gap.from_utc, gap.to_utc, gap.cause from mart.gap "
        "left join mart.dim_pair using (pair_key)"
    )
    assert len({(symbol, since) for symbol, since, _, _ in rows}) == len(rows), "a key stands twice"
    return set(rows)


def evidence(pipeline: Pipeline) -> list[str]:
    return [text for (text,) in pipeline.rows("select evidence from mart.gap order by from_utc, pair_key")]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    pipeline = Pipeline(tmp_path / "live")
    land(pipeline, ALL_TRADING)
    return pipeline


ALL_TRADING = Metadata(NOON - HOUR, dict.fromkeys(SYMBOLS, "TRADING"))
ALL = frozenset(SYMBOLS)

instants = st.builds(
    lambda block, number, milliseconds: NOON + block + number * 10 * SECOND + timedelta(milliseconds=milliseconds),
    st.sampled_from([timedelta(0), timedelta(0), timedelta(0), 40 * MINUTE, 30 * HOUR]),
    st.integers(0, 25),
    st.integers(0, 9999),
)
symbol_sets = st.one_of(
    st.just(ALL), st.sets(st.sampled_from(SYMBOLS), min_size=3), st.sets(st.sampled_from(SYMBOLS))
).map(frozenset)
answers = st.builds(
    Answer,
    at=instants,
    symbols=symbol_sets,
    refused=st.sets(st.sampled_from(SYMBOLS), max_size=1).map(frozenset),
    interval=st.sampled_from([10, 10, 10, 5]),
).filter(lambda answer: answer.symbols | answer.refused)
failures = st.builds(
    Failure,
    at=instants.map(lambda at: grid_point(at, 10)),
    error=st.sampled_from(["ExchangeServerError", "RateLimited", "WrongExchange"]),
)
metadata = st.builds(
    Metadata,
    at=st.builds(
        lambda minutes, milliseconds: NOON + minutes * MINUTE + timedelta(milliseconds=milliseconds),
        st.sampled_from([-60, -1, 1, 2, 3, 41, 100, 1801]),
        st.integers(0, 59_999),
    ),
    statuses=st.dictionaries(
        st.sampled_from(SYMBOLS), st.sampled_from(["TRADING", "TRADING", "TRADING", "BREAK"]), min_size=2
    ),
)
landings = st.lists(
    st.one_of(answers, answers, answers, answers, failures, metadata),
    min_size=10,
    max_size=40,
    unique_by=lambda evidence: (type(evidence), evidence.at),
)


@given(landed=landings, batches=st.integers(1, 4), is_in_order=st.booleans())
@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])
def test_the_ledger_equals_an_independent_computation(
    tmp_path_factory: pytest.TempPathFactory, landed: list[Evidence], batches: int, is_in_order: bool
) -> None:
    """In whatever order, and in however many loads, the evidence comes."""
    pipeline = Pipeline(tmp_path_factory.mktemp("gaps"))
    if is_in_order:
        landed.sort(key=lambda evidence: evidence.at)
    size = -(-len(landed) // batches)
    for number in range(batches):
        land(pipeline, *landed[number * size : (number + 1) * size])
        pipeline.update()
    assert gaps(pipeline) == expected_gaps(landed)
    assert pipeline.rows("select * from mart.gap where pair_key is null and source <> 'live'") == []
    before = pipeline.tables()
    pipeline.rebuild()
    after = pipeline.tables()
    assert all(after[name] == before[name] for name in ("mart.gap", "meta.pair_gap", "meta.expected_pair"))


def sample(pipeline: Pipeline, points: range, symbols: frozenset[str] = ALL, start: datetime = NOON) -> None:
    """Answers at some points of a grid of ten seconds, each a third of a second late."""
    land(pipeline, *(Answer(start + number * 10 * SECOND + SECOND / 3, symbols) for number in points))


def test_an_outage_is_one_row_that_tells_what_the_exchange_said(pipeline: Pipeline) -> None:
    sample(pipeline, range(2))
    pipeline.land_missed(
        *(NOON + number * 10 * SECOND for number in (2, 3, 4)), error="RateLimited", message="HTTP 429"
    )
    pipeline.update()
    assert gaps(pipeline) == {(None, NOON + 20 * SECOND, None, "exchange_outage")}, "it lasts"
    pipeline.land_missed(
        NOON + 50 * SECOND, error="ExchangeUnreachable", message="connection refused\nCheck the network"
    )
    sample(pipeline, range(6, 8))
    pipeline.update()
    assert gaps(pipeline) == {(None, NOON + 20 * SECOND, NOON + MINUTE, "exchange_outage")}
    assert evidence(pipeline) == [
        "4 samples failed: 3 RateLimited (HTTP 429), 1 ExchangeUnreachable (connection refused). From no answer it "
        "cannot be told whether the exchange or the network on this side was down"
    ]


def test_a_killed_collector_leaves_a_row_without_a_whole_minute(pipeline: Pipeline) -> None:
    sample(pipeline, range(2))
    pipeline.update()
    sample(pipeline, range(5, 8))
    pipeline.update()
    assert gaps(pipeline) == {(None, NOON + 20 * SECOND, NOON + 50 * SECOND, "collector_down")}
    assert evidence(pipeline) == ["no sample was attempted between 2024-03-01 12:00:10 and 2024-03-01 12:00:50"]
    assert pipeline.rows("select count(*) from mart.fact_price_minute where is_gap") == [(0,)]


def test_neighbouring_gaps_of_different_causes_are_rows_of_their_own(pipeline: Pipeline) -> None:
    """On a grid of one second: failed, then wrongly asked, then not asked at all."""
    second = {number: NOON + number * SECOND for number in range(20)}
    land(pipeline, Answer(second[0] + SECOND / 2, ALL, interval=1))
    pipeline.land_missed(second[1], second[2], interval=1)
    pipeline.land_missed(second[3], interval=1, error="WrongExchange", message="a sandbox answers")
    land(pipeline, Answer(second[9] + SECOND / 2, ALL, interval=1))
    pipeline.update()
    assert gaps(pipeline) == {
        (None, second[1], second[3], "exchange_outage"),
        (None, second[3], second[4], "collector_down"),
        (None, second[4], second[9], "collector_down"),
    }


def test_a_pair_that_the_metadata_halts_within_the_hour_is_not_trading(pipeline: Pipeline) -> None:
    sample(pipeline, range(3))
    sample(pipeline, range(3, 9), ALL - {"ABC", "DEF"})
    pipeline.update()
    assert {cause for *_, cause in gaps(pipeline)} == {"unresolved"}
    land(pipeline, Metadata(NOON + 40 * MINUTE, {**ALL_TRADING.statuses, "ABC": "BREAK"}))
    pipeline.update()
    start = NOON + 30 * SECOND
    assert gaps(pipeline) == {("ABC", start, None, "not_trading"), ("DEF", start, None, "unresolved")}
    assert evidence(pipeline) == [
        "the metadata of 2024-03-01 12:40:00 calls ABC BREAK",
        "DEF was missing from answers with the other pairs, and the metadata calls it TRADING",
    ]
    land(pipeline, Metadata(NOON + 50 * MINUTE, dict.fromkeys(ALL - {"DEF"}, "TRADING")))
    sample(pipeline, range(2), ALL - {"DEF"}, NOON + 2 * HOUR)
    pipeline.update()
    back = NOON + 2 * HOUR
    assert gaps(pipeline) - {(None, NOON + 90 * SECOND, back, "collector_down")} == {
        ("ABC", start, back, "not_trading"),
        ("DEF", start, None, "not_trading"),
    }, "a gap of the market interrupts no pair's"


def test_a_refused_row_is_the_exchange_s_fault(pipeline: Pipeline) -> None:
    sample(pipeline, range(2))
    land(pipeline, Answer(NOON + 20 * SECOND, ALL - {"ABC"}, refused=frozenset({"ABC"})))
    sample(pipeline, range(3, 5))
    pipeline.update()
    assert gaps(pipeline) == {("ABC", NOON + 20 * SECOND, NOON + 30 * SECOND, "exchange_outage")}
    assert evidence(pipeline) == ["ABC was refused: its price is negative"]


@pytest.mark.parametrize("refused", [frozenset(), ALL])
def test_most_pairs_missing_at_once_are_one_gap_of_the_market(pipeline: Pipeline, refused: frozenset[str]) -> None:
    sample(pipeline, range(2))
    kept = frozenset() if refused else frozenset({"ABC"})
    for number in (2, 3):
        land(pipeline, Answer(NOON + number * 10 * SECOND, kept, refused))
        pipeline.update()
    sample(pipeline, range(4, 6))
    pipeline.update()
    assert gaps(pipeline) == {(None, NOON + 20 * SECOND, NOON + 40 * SECOND, "exchange_outage")}
    assert evidence(pipeline) == [
        "5 of 5 pairs were missing, refused because its price is negative" if refused else "4 of 5 pairs were missing"
    ]


def test_a_trading_pair_that_was_never_quoted_is_unresolved_until_it_is(pipeline: Pipeline) -> None:
    sample(pipeline, range(3), ALL - {"ABC"})
    pipeline.update()
    assert gaps(pipeline) == {("ABC", NOON, None, "unresolved")}
    sample(pipeline, range(3, 5))
    pipeline.update()
    assert gaps(pipeline) == {("ABC", NOON, NOON + 30 * SECOND, "unresolved")}
    land(pipeline, Answer(NOON + 5 * SECOND, ALL))
    pipeline.update()
    assert gaps(pipeline) == {("ABC", NOON + 10 * SECOND, NOON + 30 * SECOND, "unresolved")}, (
        "two answers for one grid point are one chance"
    )


def test_prices_of_pairs_that_are_described_later_count_from_the_first(pipeline: Pipeline) -> None:
    symbols = ALL | {"NEW"}
    sample(pipeline, range(3), symbols)
    sample(pipeline, range(3, 5))
    sample(pipeline, range(5, 7), symbols)
    pipeline.update()
    assert gaps(pipeline) == set()
    land(pipeline, Metadata(NOON + 2 * MINUTE, dict.fromkeys(symbols, "TRADING")))
    pipeline.update()
    assert gaps(pipeline) == {("NEW", NOON + 30 * SECOND, NOON + 50 * SECOND, "unresolved")}


def test_gaps_are_told_by_the_checks_and_the_summary(pipeline: Pipeline) -> None:
    sample(pipeline, range(2))
    sample(pipeline, range(4, 6), ALL - {"ABC", "DEF"})
    pipeline.land_missed(NOON + MINUTE)
    pipeline.update()
    unresolved = pipeline.records("mart/checks/unresolved_gaps.sql")
    assert [(row["symbol"], row["to_utc"]) for row in unresolved] == [("ABC", None), ("DEF", None)]
    assert [row["cause"] for row in pipeline.records("mart/checks/open_gaps.sql")] == ["exchange_outage"]
    summary = pipeline.rows("mart/gap_summary.sql", newest_at=NOON + 50 * SECOND)
    assert summary == [
        ("collector_down", True, 1, 0, NOON + 20 * SECOND, NOON + 40 * SECOND),
        ("exchange_outage", True, 1, 1, NOON + MINUTE, None),
        ("unresolved", False, 2, 2, NOON + 40 * SECOND, None),
    ]
    assert len(pipeline.rows("mart/gap_summary.sql", newest_at=NOON + 3 * DAY)) == 2, "of old gaps, those that last"


def test_imports_are_not_sampled_and_have_no_gaps(pipeline: Pipeline) -> None:
    for at in (NOON, NOON + HOUR):
        pipeline.land_prices({"ABC": "1"}, at, interval=None, source="import")
    pipeline.update()
    assert gaps(pipeline) == set()


def test_sealed_days_are_looked_into_where_evidence_comes_late(tmp_path: Path) -> None:
    """Answers on three days, all sealed; then evidence in between, before all, and after all."""
    landed: list[Evidence] = [ALL_TRADING]
    landed += [Answer(NOON + day * DAY + number * 10 * SECOND, ALL) for day in (0, 2, 4) for number in range(2)]
    landed[3] = Answer(NOON + 2 * DAY, ALL - {"ABC"})
    late = [
        Failure(NOON + 3 * DAY),
        Answer(NOON + DAY, ALL - {"DEF"}),
        Answer(NOON - 10 * SECOND, ALL - {"GHI"}),
        Answer(NOON + 6 * DAY, ALL - {"JKL"}),
    ]
    pipeline = Pipeline(tmp_path / "live")
    land(pipeline, *landed)
    pipeline.update()
    with pipeline.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    for day in days:
        lake.seal(pipeline.warehouse, day)
    assert pipeline.rows("select count(*) from open.price_history") == [(0,)]
    land(pipeline, *late)
    pipeline.update()
    assert gaps(pipeline) == expected_gaps([*landed, *late])
