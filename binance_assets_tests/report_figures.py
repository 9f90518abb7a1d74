"""What the report should say of a day, found in the warehouse in other ways: observations and spans, in Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from math import prod
from statistics import median
from typing import Any

from binance_assets_tests.pipeline import HOUR, Pipeline

DAY = timedelta(days=1)
NEVER = datetime.max  # noqa: DTZ901


@dataclass(frozen=True)
class Rule:
    """What the metadata said of a pair for a time."""

    since: datetime
    until: datetime
    is_trading: bool
    tick: Decimal | None


@dataclass(frozen=True)
class Quoted:
    """The price of a pair by which a day is told."""

    symbol: str
    base: str
    quote: str
    price: Decimal
    at: datetime
    tick: Decimal | None
    is_trading: bool
    is_counted: bool


class Figures:
    """The figures of a day.

    Args:
        pipeline: The store.
        day: Which.
        is_newest: Whether it is told by the newest prices, not by the last ones of the day.
    """

    def __init__(self, pipeline: Pipeline, day: date, *, is_newest: bool) -> None:
        self._rows = pipeline.rows
        self.is_newest = is_newest
        self.since = datetime.combine(day, time())
        self.until = self.since + DAY
        self.rules: dict[int, list[Rule]] = defaultdict(list)
        for pair, since, until, status, tick in self._rows(
            "select pair_id, valid_from, valid_to, status, tick_size from core.pair_history "
            "order by pair_id, valid_from"
        ):
            self.rules[pair].append(Rule(since, until or NEVER, status == "TRADING", tick))
        self.names = {
            pair: names
            for pair, *names in self._rows(
                "select pair_id, symbol, base.code, quote.code from core.pair "
                "join core.currency as base on base.currency_id = base_currency_id "
                "join core.currency as quote on quote.currency_id = quote_currency_id"
            )
        }
        self.quoted = list(self._newest() if is_newest else self._last_of_day())
        self.counted = [it for it in self.quoted if it.is_counted]
        by_pairs = sorted(self.by_quote.items(), key=lambda it: (-len(it[1]), it[0]))
        self.quote = "USDT" if "USDT" in self.by_quote else by_pairs[0][0]

    def _newest(self) -> Any:
        stale = dict(self._rows("select pair_key, is_stale from mart.fact_price_latest"))
        rows = self._rows(
            "select pair_id, observed_at, price from core.price_history "
            "qualify row_number() over (partition by pair_id order by observed_at desc) = 1"
        )
        for pair, at, price in rows:
            newest = self.rules[pair][-1]
            is_trading = newest.is_trading and newest.until == NEVER
            yield Quoted(*self.names[pair], price, at, newest.tick, is_trading, not stale[pair])

    def _last_of_day(self) -> Any:
        observed: dict[int, list[tuple[datetime, Decimal]]] = defaultdict(list)
        for pair, at, price in self._rows(
            "select pair_id, observed_at, price from core.price_history "
            "where observed_at >= $since and observed_at < $until order by observed_at",
            since=self.since,
            until=self.until,
        ):
            observed[pair].append((at, price))
        for pair, prices in observed.items():
            at, price = prices[-1]
            known = [rule for rule in self.rules[pair] if rule.since < self.until]
            is_trading = not known or (known[-1].is_trading and known[-1].until >= self.until)
            hours = {at.replace(minute=0, second=0, microsecond=0) for at, _ in prices}
            is_unmoved = len({price for _, price in prices}) == 1 and len(hours) >= 23
            tick = known[-1].tick if known else None
            yield Quoted(*self.names[pair], price, max(hours), tick, is_trading, is_trading and not is_unmoved)

    @property
    def by_quote(self) -> dict[str, list[Quoted]]:
        """The pairs that count in each quote currency, highest price first."""
        found: dict[str, list[Quoted]] = defaultdict(list)
        for it in sorted(self.counted, key=lambda it: (-it.price, it.symbol)):
            found[it.quote].append(it)
        return found

    def market(self) -> dict[str, Any]:
        return {
            "priced_pairs": len(self.quoted),
            "pairs": len(self.counted),
            "halted_pairs": sum(not it.is_trading for it in self.quoted),
            "unmoved_pairs": sum(it.is_trading and not it.is_counted for it in self.quoted),
            "quotes": len(self.by_quote),
            "quote": self.quote,
            "priced_until": max(it.at for it in self.quoted),
        }

    def leaders(self) -> list[tuple[Any, ...]]:
        """Quote currency, pairs, the highest, the next, and how many times as much the first is."""
        ranked = sorted(self.by_quote.items(), key=lambda it: (-len(it[1]), it[0]))
        return [
            (
                quote,
                len(its),
                *(its[0].symbol, its[0].base, its[0].price),
                *((its[1].symbol, its[1].price, float(its[0].price / its[1].price)) if its[1:] else (None, None, None)),
            )
            for quote, its in ranked
        ]

    def shares(self) -> dict[str, Any]:
        small, micro = Decimal(1), Decimal("0.0001")
        ours = self.by_quote[self.quote]
        return {
            "pairs": len(self.counted),
            "below_one": sum(it.price < small for it in self.counted),
            "micro": sum(it.price < micro for it in self.counted),
            "coarse": sum(it.tick is not None and 100 * it.tick >= it.price for it in self.counted),
            "pairs_in_quote": len(ours),
            "below_one_in_quote": sum(it.price < small for it in ours),
            "micro_in_quote": sum(it.price < micro for it in ours),
            "median_in_quote": float(median(it.price for it in ours)),
        }

    def coarsest(self) -> list[float]:
        """The largest shares that a step is of a price."""
        return sorted((float(it.tick / it.price) for it in self.counted if it.tick), reverse=True)[:5]

    def bands(self) -> list[tuple[int, int, int]]:
        """Decade, pairs, and those of them in the quote currency."""
        powers = [(it.price.adjusted(), it.quote == self.quote) for it in self.counted]
        lowest, highest = min(powers)[0], max(powers)[0]
        return [
            (power, sum(it == power for it, _ in powers), powers.count((power, True)))
            for power in range(lowest, highest + 1)
        ]

    def _parities(self, condition: str) -> list[dict[str, Any]]:
        names = ["code", "follows_code", "hour_utc", "price", "deviation_bp", "threshold_bp", "is_beyond", "symbol"]
        rows = self._rows(
            f"select {', '.join(names)} from mart.fact_parity_hour join mart.dim_pair using (pair_key) "
            f"where {condition} and hour_utc between $since and $last order by hour_utc",
            since=self.since,
            last=self.until - HOUR,
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def pegs(self) -> dict[tuple[str, str], dict[str, Any]]:
        found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in self._parities("kind <> 'cross'"):
            found[row["code"], row["follows_code"]].append(row)
        told = {}
        for peg, rows in found.items():
            compared = [row for row in rows if row["deviation_bp"] is not None]
            told[peg] = {
                name: rows[-1][name] for name in ("hour_utc", "price", "deviation_bp", "threshold_bp", "is_beyond")
            } | {
                "worst": max((abs(row["deviation_bp"]) for row in compared), default=None),
                "hours_beyond": sum(row["is_beyond"] is True for row in rows),
                "hours": len(rows),
            }
        return told

    def crosses(self) -> dict[str, Any] | None:
        rows = self._parities("kind = 'cross'")
        if not rows:
            return None
        newest = [row for row in rows if row["hour_utc"] == rows[-1]["hour_utc"]]
        return {
            "hour_utc": rows[-1]["hour_utc"],
            "pairs": len(newest),
            "pairs_beyond": sum(row["is_beyond"] for row in newest),
            "median_bp": median(abs(row["deviation_bp"]) for row in newest),
            "worst": max(abs(row["deviation_bp"]) / row["threshold_bp"] for row in newest),
        }

    def events(self) -> set[tuple[str, str, datetime]]:
        first = min(rules[0].since for rules in self.rules.values())
        found = set()
        for pair, rules in self.rules.items():
            symbol = self.names[pair][0]
            found.add(("listed", symbol, rules[0].since))
            has_traded = rules[0].is_trading
            for before, after in pairwise(rules):
                if before.until < after.since:
                    found |= {("delisted", symbol, before.until), ("listed again", symbol, after.since)}
                elif before.is_trading != after.is_trading:
                    event = "halted" if before.is_trading else "resumed" if has_traded else "opened"
                    found.add((event, symbol, after.since))
                has_traded = has_traded or after.is_trading
            found.add(("delisted", symbol, rules[-1].until))
        return {(event, symbol, at) for event, symbol, at in found if first < at and self.since <= at < self.until}

    def sectors(self) -> dict[str, tuple[float, int, int, int]]:
        """Change, hours, minutes, and the pairs in the last hour."""
        found: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
        for sector, *told in self._rows(
            "select sector, change, observed_minutes, pair_count from mart.fact_sector_hour where provider = 'curated' "
            "and observed_minutes > 1 and hour_utc >= $since and hour_utc < $until order by hour_utc",
            since=self.since,
            until=self.until,
        ):
            found[sector].append(tuple(told))
        return {
            sector: (prod(1 + change for change, *_ in its) - 1, len(its), sum(it[1] for it in its), its[-1][2])
            for sector, its in found.items()
        }

    def coverage(self) -> dict[datetime, float | None]:
        """How much of each hour is there, from its minutes."""
        rows = self._rows(
            "select date_trunc('hour', minute_utc), pair_key, sum(coverage) / 60 from mart.price_minute "
            "where date = $day and minute_utc < (select max(hour_utc) + interval 1 hour from mart.price_hour) "
            "group by all",
            day=self.since.date(),
        )
        pairs = {self.names[pair][0] for _, pair, _ in rows} | {it.symbol for it in self.quoted if it.at >= self.since}
        hours: dict[datetime, float | None] = {self.since + number * HOUR: None for number in range(24)}
        for hour, _, covered in rows:
            hours[hour] = (hours[hour] or 0) + covered / len(pairs)
        return hours

    def quality(self) -> dict[str, Any] | None:
        rows = self._rows(
            "select expected_minutes, observed_minutes, unexplained_minutes, compared_minutes, outside_minutes "
            "from mart.fact_quality_day where date_key = $key",
            key=int(f"{self.since:%Y%m%d}"),
        )
        if not rows:
            return None
        expected, observed, unexplained, compared, outside = (
            sum(it or 0 for it in column) for column in zip(*rows, strict=True)
        )
        return {
            "pairs": len(rows),
            "whole_pairs": sum(row[0] == row[1] for row in rows),
            "expected_minutes": expected,
            "observed_minutes": observed,
            "completeness": observed / expected,
            "unexplained_minutes": unexplained,
            "compared_minutes": compared,
            "outside_minutes": outside,
        }

    def gaps(self) -> dict[tuple[str, bool], tuple[int, int, int, int, int]]:
        """By cause, and whether it is the market's: gaps, pairs, those that last or were repaired, longest seconds."""
        [(asked_until,)] = self._rows(
            "select max(asked) from (select max(received_at) as asked from raw.capture where endpoint = 'ticker/price' "
            "union all select max(due_at + to_seconds(sampling_interval_seconds)) from raw.missed_sample)"
        )
        found: dict[tuple[str, bool], list[tuple[int | None, bool, bool, int]]] = defaultdict(list)
        for pair, since, ended, cause, repaired_at in self._rows(
            "select pair_key, from_utc, to_utc, cause, repaired_at from mart.gap"
        ):
            until = ended or max(asked_until, since)
            if since < self.until and until > self.since:
                seconds = _whole(min(until, self.until)) - _whole(max(since, self.since))
                its = found[cause, pair is None]
                its.append((pair, ended is None, repaired_at is not None, round(seconds.total_seconds())))
        return {
            kind: (
                len(its),
                len({pair for pair, *_ in its if pair}),
                sum(lasts for _, lasts, _, _ in its),
                sum(repaired for _, _, repaired, _ in its),
                max(seconds for *_, seconds in its),
            )
            for kind, its in found.items()
        }


def _whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


def as_told(row: dict[str, Any], names: Sequence[str]) -> tuple[Any, ...]:
    """Some columns of a row."""
    return tuple(row[name] for name in names)
