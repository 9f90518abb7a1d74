"""What the dashboard's page should say, by SQL over the warehouse that shares nothing with the page's own.

Each comparison takes a store and the data that is embedded in its page. They hold for stores that are sampled by one
source; candles are not looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from binance_assets.dashboard.page import PAGE
from binance_assets_tests.pipeline import HOUR, MINUTE, Pipeline

Data = Mapping[str, Any]
Comparison = Callable[[Pipeline, Data], None]

MOST_MINUTES = 48 * HOUR
MOST_PAIRS = 12

_PAIR = """
    with pair as (
        select *, if(is_listed, status, 'NOT LISTED') as word, coalesce(primary_sector, 'No sector') as sector_name
        from mart.dim_pair
    )
"""
_GROUP = ("quote", "status", "sector")


def embedded(pipeline: Pipeline) -> dict[str, Any]:
    """The data in a store's page, as a browser would read it."""
    html = (pipeline.store.export / PAGE).read_text(encoding="utf-8")
    [text] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    data: dict[str, Any] = json.loads(text)
    return data


def iso(instant: Any) -> Any:
    """An instant as the page has it."""
    return instant and f"{instant.isoformat()}Z"


def key_figures(pipeline: Pipeline, data: Data) -> None:
    """What the page says of the whole market, and of itself."""
    newest_at = _newest_at(pipeline)
    about, figures = data["about"], data["figures"]
    assert (about["source"], about["data_until"]) == (pipeline.source, iso(newest_at))
    assert about["simulated"] == (pipeline.source == "sandbox")
    [(pairs, trading)] = pipeline.rows("select sum(is_listed::int), sum(is_trading::int) from mart.dim_pair")
    [(currencies,)] = pipeline.rows(
        "select count(distinct code) from mart.dim_pair, unnest([base_code, quote_code]) as used (code) where is_listed"
    )
    told = {"pairs": pairs, "trading_pairs": trading, "currencies": currencies, "newest_price_at": iso(newest_at)}
    assert {name: figures[name] for name in told} == told
    hours = dict(
        pipeline.rows("select hour_utc, avg(coverage) from mart.fact_price_hour where source <> 'import' group by all")
    )
    newest = max(hours)
    [(first_at,)] = pipeline.rows("select min(observed_at) from core.price_history")
    # An hour of a silence that is too long for rows counts as nothing.
    first = max(newest - 23 * HOUR, first_at.replace(minute=0, second=0, microsecond=0))
    of_day = [hours.get(newest - number * HOUR, 0) for number in range((newest - first) // HOUR + 1)]
    assert figures["coverage_hour"] == iso(newest)
    assert figures["coverage_of_hour"] == pytest.approx(hours[newest])
    assert figures["coverage_of_day"] == pytest.approx(sum(of_day) / len(of_day))
    open_gaps = pipeline.rows(
        "select count(*) filter (where pair_key is null), count(pair_key) from mart.gap where to_utc is null"
    )
    assert [(figures["open_gaps_of_market"], figures["open_gaps_of_pairs"])] == open_gaps


def pairs_and_prices(pipeline: Pipeline, data: Data) -> None:
    """Every pair with its newest price: of them the page makes ranks, bins, and bars of sectors and statuses."""
    newest_at = _newest_at(pipeline)
    expected = pipeline.rows(
        _PAIR + "select symbol, base_code, quote_code, word, sector_name, is_trading, price::double, "
        "price_usdt::double, coalesce(is_stale, true), observed_at "
        "from pair left join mart.fact_price_latest using (pair_key) order by symbol"
    )
    ages = [at and (newest_at - at).total_seconds() for *_, at in expected]
    names = ("symbol", "base", *_GROUP, "is_trading", "price", "price_usdt", "is_stale")
    assert list(zip(*(data["pairs"][name] for name in names), strict=True)) == [row[:-1] for row in expected]
    assert expected
    assert data["pairs"]["age_seconds"] == ages


def coverage_by_hour(pipeline: Pipeline, data: Data) -> None:
    """How complete the sampling was, of every group of pairs that the filters can tell apart."""
    until = _newest_at(pipeline)
    expected = pipeline.rows(
        _PAIR + "select quote_code, word, sector_name, hour_utc, sum(coverage), count(*) "
        "from mart.fact_price_hour join pair using (pair_key) "
        "where source <> 'import' and hour_utc between $since and $until group by all order by all",
        since=until - 48 * HOUR,
        until=until,
    )
    found = sorted(
        (*(group[name] for name in _GROUP), hour, pairs, coverage)
        for group in data["coverage"]
        for hour, coverage, pairs in zip(data["coverage_hours"], group["coverage"], group["pairs"], strict=True)
        if pairs
    )
    assert [row[:5] for row in found] == [(*group, iso(hour), pairs) for *group, hour, _, pairs in expected]
    assert [row[5] for row in found] == pytest.approx([row[4] for row in expected], abs=1e-4)
    hours = sorted({row[3] for row in expected})
    between = [hours[0] + number * HOUR for number in range((hours[-1] - hours[0]) // HOUR + 1)]
    assert data["coverage_hours"] == [iso(hour) for hour in between]


def sector_development(pipeline: Pipeline, data: Data) -> None:
    """The changes of the project's own sectors, chained from the first of seven days."""
    rows = pipeline.rows(
        "select sector, hour_utc, change, pair_count from mart.fact_sector_hour "
        "where provider = 'curated' and source <> 'import' order by hour_utc"
    )
    newest = rows[-1][1]
    rows = [row for row in rows if row[1] > newest - 168 * HOUR]
    first = rows[0][1]
    expected: dict[str, list[float | None]] = {}
    level: dict[str, float] = {}
    of_pairs: dict[str, int] = {}
    for sector, hour, change, count in rows:
        line = expected.setdefault(sector, [None] * ((newest - first) // HOUR + 1))
        level[sector] = level.get(sector, 1.0) * (1 + change)
        line[(hour - first) // HOUR] = level[sector] - 1
        of_pairs[sector] = count
    assert [row["sector"] for row in data["sectors"]] == sorted(expected)
    for row in data["sectors"]:
        assert (row["from_utc"], row["pairs"]) == (iso(first), of_pairs[row["sector"]])
        _same(row["change"], expected[row["sector"]], abs=1e-12)


def parities(pipeline: Pipeline, data: Data) -> None:
    """What follows another currency, in its newest hour and over two days; and the other pairs in the newest hour."""
    names = ("kind", "code", "follows", "symbol", *_GROUP)
    numbers = ("price", "expected_price", "deviation_bp", "threshold_bp", "lowest_bp", "highest_bp")
    until = _newest_at(pipeline)
    rows = pipeline.rows(
        _PAIR + "select kind, code, follows_code, symbol, quote_code, word, sector_name, is_beyond, hour_utc, price, "
        "expected_price, deviation_bp, threshold_bp from mart.fact_parity_hour join pair using (pair_key) "
        "where source <> 'import' and hour_utc between $since and $until order by hour_utc",
        since=until - 48 * HOUR,
        until=until,
    )
    newest: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    spans: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        if row[0] != "cross":
            newest[row[:7]] = row[7:]
            spans.setdefault(row[:7], []).extend([] if row[11] is None else [row[11]])
    assert {tuple(row[name] for name in names) for row in data["parities"]} == newest.keys()
    assert len(data["parities"]) == len(newest) > 0
    for row in data["parities"]:
        which = tuple(row[name] for name in names)
        is_beyond, hour, *said = newest[which]
        assert (row["is_beyond"], row["hour_utc"]) == (is_beyond, iso(hour))
        off = spans[which] or [None]
        _same([row[name] for name in numbers], [*said, min(off), max(off)])

    last = rows[-1][8]
    crosses: dict[tuple[Any, ...], list[int]] = {}
    for kind, *_, quote, word, sector, is_beyond, hour, _, _, _, _ in rows:
        if kind == "cross" and hour == last:
            total = crosses.setdefault((quote, word, sector, iso(hour)), [0, 0])
            total[0] += 1
            total[1] += bool(is_beyond)
    found = {
        (*(row[name] for name in _GROUP), row["hour_utc"]): [row["pairs"], row["beyond"]] for row in data["crosses"]
    }
    assert found == crosses


def gaps_by_cause(pipeline: Pipeline, data: Data) -> None:
    """What is missing in seven days, and why, of every group of pairs; what lasts counts up to the last sample."""
    newest_at = _newest_at(pipeline)
    since = newest_at - 168 * HOUR
    [(failed_until,)] = pipeline.rows(
        "select max(due_at + to_seconds(sampling_interval_seconds)) from raw.missed_sample"
    )
    sampled_until = max(filter(None, (newest_at, failed_until)))
    expected: dict[tuple[Any, ...], dict[str, Any]] = {}
    for *group, pair, cause, from_utc, to_utc, repaired_at in pipeline.rows(
        _PAIR + "select quote_code, word, sector_name, pair_key, cause, from_utc, to_utc, repaired_at "
        "from mart.gap left join pair using (pair_key)"
    ):
        if (end := to_utc or sampled_until) <= since:
            continue
        its = expected.setdefault(
            (*group, cause), {"gaps": 0, "pairs": set(), "open_gaps": 0, "repaired": 0, "hours": 0.0}
        )
        its["gaps"] += 1
        its["pairs"] |= {pair} - {None}
        its["open_gaps"] += to_utc is None
        its["repaired"] += repaired_at is not None
        its["hours"] += (end - max(from_utc, since)) / HOUR
    found = {(*(row[name] for name in _GROUP), row["cause"]): row for row in data["gap_causes"]}
    assert found.keys() == expected.keys()
    assert len(found) == len(data["gap_causes"]) > 0
    for key, row in found.items():
        its = expected[key] | {"pairs": len(expected[key]["pairs"]), "hours": pytest.approx(expected[key]["hours"])}
        assert {name: row[name] for name in its} == its


def minutes(pipeline: Pipeline, data: Data) -> None:
    """Lowest, mean and highest price of each minute, from the prices themselves; a minute without any is empty."""
    newest = _newest_at(pipeline).replace(second=0, microsecond=0)
    rows = pipeline.rows(
        "select symbol, date_trunc('minute', observed_at) as minute_utc, min(price)::double, avg(price), "
        "max(price)::double from core.price_history join core.pair using (pair_id) "
        "where observed_at > $since and list_contains($watched, symbol) group by all",
        since=newest - MOST_MINUTES + MINUTE,
        watched=data["about"]["watch_list"],
    )
    observed: dict[str, dict[datetime, list[float]]] = {}
    for symbol, minute, *prices in rows:
        observed.setdefault(symbol, {})[minute] = prices
    watched = [symbol for symbol in data["about"]["watch_list"] if symbol in observed]
    assert [row["symbol"] for row in data["minutes"]] == watched[:MOST_PAIRS] != []
    first = min(minute for its in observed.values() for minute in its)
    grid = [first + number * MINUTE for number in range((newest - first) // MINUTE + 1)]
    for row in data["minutes"]:
        assert row["from_utc"] == iso(first)
        its = [observed[row["symbol"]].get(minute, [None] * 3) for minute in grid]
        low, average, high = (list(column) for column in zip(*its, strict=True))
        assert (row["low"], row["high"]) == (low, high)
        _same(row["average"], average)


def gaps_of_minutes(pipeline: Pipeline, data: Data) -> None:
    """What the ledger says of the pairs whose minutes are shown, and of the whole market."""
    newest = _newest_at(pipeline).replace(second=0, microsecond=0)
    shown = {row["symbol"] for row in data["minutes"]} | {None}
    expected = [
        (symbol, iso(since), iso(until), *why)
        for symbol, since, until, *why in pipeline.rows(
            "select symbol, from_utc, to_utc, cause, evidence from mart.gap left join mart.dim_pair using (pair_key) "
            "order by from_utc, symbol"
        )
        if symbol in shown and since <= newest and (until is None or until > newest - MOST_MINUTES)
    ]
    names = ("symbol", "from_utc", "to_utc", "cause", "evidence")
    assert [tuple(gap[name] for name in names) for gap in data["gaps"]] == expected
    assert expected


COMPARISONS: Sequence[Comparison] = (
    key_figures,
    pairs_and_prices,
    coverage_by_hour,
    sector_development,
    parities,
    gaps_by_cause,
    minutes,
    gaps_of_minutes,
)


def _newest_at(pipeline: Pipeline) -> datetime:
    [(newest_at,)] = pipeline.rows("select max(observed_at) from core.price_history")
    assert isinstance(newest_at, datetime)
    return newest_at


def _same(found: Sequence[float | None], expected: Sequence[float | None], **options: float) -> None:
    """Numbers that may be absent, as good as equal."""
    assert [value is None for value in found] == [value is None for value in expected]
    there = [value for value in expected if value is not None]
    assert [value for value in found if value is not None] == pytest.approx(there, **options)
