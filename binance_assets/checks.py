"""Asset checks: what every table's declaration promises, and what only the market's own logic can say."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pandera.pandas as pa
from duckdb import ColumnExpression, ConstantExpression, DuckDBPyRelation, Expression, FunctionExpression
from pandera.errors import SchemaErrors

from binance_assets.archive import tables as archive
from binance_assets.assets import describe_check, label
from binance_assets.catalog import TABLES
from binance_assets.core.models import LEAST_PERCENT
from binance_assets.core.tables import (
    CATEGORIES,
    CURRENCY_CATEGORY,
    CURRENCY_COINMARKETCAP,
    MATCHING,
    PAIR,
    PRICE_HISTORY,
    PRICE_WITHOUT_METADATA,
    UNMATCHED_CURRENCY,
)
from binance_assets.mart.quality import SHOWN_DAYS, differing_candles, outside_minutes
from binance_assets.mart.tables import FACT_PARITY_HOUR, FACT_QUALITY_DAY, GAP
from binance_assets.raw import tables as raw
from binance_assets.raw.absence import SHRINK_LIMIT
from binance_assets.raw.tables import CAPTURE, EXCHANGE_INFO, QUARANTINE, TICKER_PRICE
from binance_assets.resources import HomeResource
from binance_assets.tables import Table
from binance_assets.warehouse import Connection

SHOWN_ROWS = 10
"""How many failing rows a check names."""

FRAME_UP_TO = 100_000
"""Rows up to which a table is checked as a frame, by pandera itself."""

WHOLE_UP_TO = 1_000_000
"""Rows up to which a table is checked as a whole; of a larger one, its newest minutes, so that a check costs the same
however long the history is. What is older was checked when it was the newest, and every row is also held to its rules
by the transaction that writes it."""

NEWEST = timedelta(minutes=10)
"""How much of a large table is checked."""

REFUSED_LIMIT = 0.2
"""Share of its rows that may be refused before a response counts as wrong itself."""

CLOCK_LIMIT = timedelta(seconds=5)
"""How far the host's clock may be from the exchange's."""

KNOWN_FILTERS = (
    "PRICE_FILTER", "PERCENT_PRICE", "PERCENT_PRICE_BY_SIDE", "LOT_SIZE", "MARKET_LOT_SIZE", "MIN_NOTIONAL", "NOTIONAL",
    "ICEBERG_PARTS", "TRAILING_DELTA", "MAX_NUM_ORDERS", "MAX_NUM_ALGO_ORDERS", "MAX_NUM_ICEBERG_ORDERS",
    "MAX_NUM_ORDER_AMENDS", "MAX_NUM_ORDER_LISTS", "MAX_POSITION", "MAX_ASSET",
)  # fmt: skip
"""The documented types of a symbol's filters (filters)."""

KNOWN_STATUSES = ("TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY")
"""The exchange's documented symbol statuses (rest-api, enum definitions)."""


@dataclass
class Findings:
    """The rows that break a rule: how many, and the first of them."""

    count: int = 0
    rules: dict[str, int] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, rule: str, count: int, rows: Sequence[dict[str, Any]]) -> None:
        """Add the rows that break one rule."""
        if count:
            self.count += count
            self.rules[rule] = count
            self.rows.extend({"rule": rule, **row} for row in rows[:SHOWN_ROWS])

    def result(self, rule: "Rule", source: str) -> dg.AssetCheckResult:
        """As Dagster shows it; a failing check names the rows."""
        metadata: dict[str, Any] = {"source": label(source)}
        told: dict[str, Any] = {}
        if self.count:
            told["description"] = "; ".join(f"{broken}: {count} rows" for broken, count in self.rules.items())
            metadata["failing_rows"] = self.count
            metadata["rows"] = dg.MetadataValue.json([{name: str(v) for name, v in row.items()} for row in self.rows])
        return dg.AssetCheckResult(
            passed=not self.count,
            asset_key=rule.table.asset_path,
            check_name=rule.name,
            severity=rule.severity,
            metadata=metadata,
            **told,
        )


def check_declaration(connection: Connection, declared: Table, findings: Findings) -> None:
    """Hold a table to its declaration: by pandera where it is small, by the same rules as SQL where it is large."""
    if declared.large or connection.count(declared.open_name) > FRAME_UP_TO:
        _check_in_sql(connection, declared, findings)
    else:
        _check_in_pandera(connection, declared, findings)


def check_references(connection: Connection, declared: Table, findings: Findings) -> None:
    """Find rows that point to nothing."""
    rows = newest_rows(connection, declared)
    for column, target in declared.references.items():
        target_table, _, target_column = target.rpartition(".")
        targets = connection.relation(target_table).select(ColumnExpression(target_column)).set_alias("target")
        pointing = rows.filter(ColumnExpression(column).isnotnull())
        orphans = pointing.set_alias("source").join(
            targets,
            ColumnExpression("source", column) == ColumnExpression("target", target_column),
            how="anti",
        )
        _add(findings, f"{column} is not in {target}", orphans)


def newest_rows(connection: Connection, declared: Table) -> DuckDBPyRelation:
    """All rows of a table, or those of its newest minutes if they are many."""
    rows = connection.relation(declared.name)
    if declared.is_monthly:
        return rows.filter(ColumnExpression("date") == ConstantExpression(_newest_day_of_candles(connection)))
    counted = declared.newest_in
    if declared.time_column is None or not connection.count(counted):
        return rows if not declared.lake_order else rows.limit(0)
    newest = connection.newest(counted, declared.time_column)
    if declared.is_view:  # the day keeps it from looking into all the sealed ones
        rows = rows.filter(ColumnExpression("date") >= ConstantExpression((newest - NEWEST).date()))
    if connection.count(counted) <= WHOLE_UP_TO:
        return rows
    return rows.filter(ColumnExpression(declared.time_column) >= ConstantExpression(newest - NEWEST))


def _newest_day_of_candles(connection: Connection) -> date | None:
    """The last day of the month that was made last. Any month may be: a backfill begins where it likes."""
    month = connection.value("select month from meta.kline_month order by made_at desc, month desc limit 1")
    day: date | None = connection.value("select max(date) from raw.kline_hour where month = $month", month=month)
    return day


def _check_in_pandera(connection: Connection, declared: Table, findings: Findings) -> None:
    frame = connection.table_frame(declared.name)
    try:
        declared.schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases
        for (column, rule), group in cases.groupby(["column", "check"], dropna=False):
            rows = [frame.loc[i].to_dict() for i in group["index"].dropna().unique()[:SHOWN_ROWS]]
            findings.add(f"{column}: {rule}", len(group), rows or [{"failure": str(group["failure_case"].iloc[0])}])


def _check_in_sql(connection: Connection, declared: Table, findings: Findings) -> None:
    rows = newest_rows(connection, declared)
    broken: dict[str, Expression] = {}
    for name, column in declared.columns.items():
        if not column.nullable:
            broken[f"{name}: not_nullable"] = ColumnExpression(name).isnull()
        for check in column.checks:
            broken[f"{name}: {describe_check(check)}"] = ~_predicate(ColumnExpression(name), check)
    counts = [FunctionExpression("count_if", predicate) for predicate in broken.values()]
    [found] = rows.aggregate(counts).fetchall()  # one scan for all rules
    for (rule, predicate), count in zip(broken.items(), found, strict=True):
        if count:
            _add(findings, rule, rows.filter(predicate))
    key = ", ".join(f'"{column}"' for column in declared.key)
    _add(findings, "key: unique", rows.aggregate(f"{key}, count(*) as times", key).filter("times > 1"))


def _predicate(column: Expression, check: pa.Check) -> Expression:
    """A rule of a column as SQL. The declarations use these rules and no others."""
    values = check.statistics or {}
    rules: dict[str, Callable[[], Expression]] = {
        "greater_than": lambda: column > ConstantExpression(values["min_value"]),
        "greater_than_or_equal_to": lambda: column >= ConstantExpression(values["min_value"]),
        "in_range": lambda: (
            (column >= ConstantExpression(values["min_value"])) & (column <= ConstantExpression(values["max_value"]))
        ),
        "isin": lambda: column.isin(*(ConstantExpression(value) for value in values["allowed_values"])),
    }
    return rules[str(check.name)]()


def _add(findings: Findings, rule: str, rows: DuckDBPyRelation) -> None:
    shown = rows.limit(SHOWN_ROWS)
    first = [dict(zip(shown.columns, row, strict=True)) for row in shown.fetchall()]
    if first:
        findings.add(rule, int(rows.count("*").fetchall()[0][0]), first)


@dataclass(frozen=True)
class Rule:
    """One check of one table.

    ``find`` adds what breaks it to the findings. A blocking rule keeps what is made of the table from being made.
    """

    table: Table
    name: str
    description: str
    find: Callable[[Connection, Findings], None]
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    blocking: bool = False

    @property
    def spec(self) -> dg.AssetCheckSpec:
        """How Dagster knows it."""
        return dg.AssetCheckSpec(
            self.name, asset=self.table.asset_path, description=self.description, blocking=self.blocking
        )

    def evaluate(self, connection: Connection, source: str) -> dg.AssetCheckResult:
        """Look for what breaks it, in a warehouse of some source."""
        findings = Findings()
        self.find(connection, findings)
        return findings.result(self, source)

    @property
    def key(self) -> dg.AssetCheckKey:
        """Its key in Dagster."""
        return self.spec.key


def declaration_rule(declared: Table) -> Rule:
    """The blocking rule of a table: columns, types, rules, keys, and that every reference points to something."""

    def find(connection: Connection, findings: Findings) -> None:
        check_declaration(connection, declared, findings)
        check_references(connection, declared, findings)

    description = "Columns, value rules, keys and references are as the table's declaration says."
    return Rule(declared, "declaration", description, find, blocking=True)


def _query_rule(
    table: Table,
    name: str,
    query: str,
    broken: str,
    description: str,
    severity: dg.AssetCheckSeverity,
    **parameters: Any,
) -> Rule:
    """A rule that is broken by the rows that its SQL file finds."""

    def find(connection: Connection, findings: Findings) -> None:
        rows = connection.records(query, **parameters)
        findings.add(broken, len(rows), rows)

    return Rule(table, name, description, find, severity)


def all_checks() -> Iterator[dg.AssetChecksDefinition]:
    """Every check of the project. Those of tables that one step fills are one step, too: each step costs its events."""
    together = {table.name: group for group in FILLED_TOGETHER for table in group}
    groups: dict[str, list[Rule]] = {}
    for rule in RULES:
        first = together.get(rule.table.name, (rule.table,))[0]
        groups.setdefault(first.name, []).append(rule)
    for name, rules in groups.items():
        yield _checks_of(name, rules)


def _checks_of(name: str, rules: Sequence[Rule]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(name=f"check_{name.replace('.', '_')}", specs=[rule.spec for rule in rules], can_subset=True)
    def check(context: dg.AssetCheckExecutionContext, home: HomeResource) -> Iterator[dg.AssetCheckResult]:
        store = home.store
        for rule in rules:
            if rule.key in context.selected_asset_check_keys:
                with store.warehouse.connect() as connection:
                    yield rule.evaluate(connection, store.source)

    return check


_ERROR, _WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN

KNOWN_FIELDS = (
    "symbol", "status", "baseAsset", "baseAssetPrecision", "quoteAsset", "quotePrecision", "quoteAssetPrecision",
    "baseCommissionPrecision", "quoteCommissionPrecision", "orderTypes", "icebergAllowed", "ocoAllowed", "otoAllowed",
    "opoAllowed", "quoteOrderQtyMarketAllowed", "allowTrailingStop", "cancelReplaceAllowed", "amendAllowed",
    "pegInstructionsAllowed", "isSpotTradingAllowed", "isMarginTradingAllowed", "filters", "permissions",
    "permissionSets", "defaultSelfTradePreventionMode", "allowedSelfTradePreventionModes",
)  # fmt: skip
"""The documented fields of a symbol in exchangeInfo (rest-api, general endpoints)."""


def _find_shrunken_categories(connection: Connection, findings: Findings) -> None:
    connection.run("core/category_list.sql", least_percent=LEAST_PERCENT)
    rows = connection.records("core/checks/shrunken_category.sql")
    findings.add("held back", len(rows), rows)


def _find_averages_out_of_range(connection: Connection, findings: Findings) -> None:
    rows = connection.records("archive/checks/average_in_range.sql", day=_newest_day_of_candles(connection))
    findings.add("what was paid over what was traded is not between low and high", len(rows), rows)


def _find_unreconciled(connection: Connection, findings: Findings) -> None:
    days = connection.rows("mart/unreconciled_days.sql", days=SHOWN_DAYS)
    rows: list[dict[str, Any]] = []
    for day, _ in days:
        if len(rows) < SHOWN_ROWS:
            rows += outside_minutes(connection, day)
    findings.add("the sampled average is not where the trades were", sum(count for _, count in days), rows)


def _find_not_rolled_up(connection: Connection, findings: Findings) -> None:
    count, rows = differing_candles(connection, SHOWN_ROWS)
    findings.add("the minutes do not roll up to the exchange's own candle", count, rows)


RULES: tuple[Rule, ...] = (
    *(declaration_rule(declared) for declared in TABLES if declared.layer != "meta"),
    _query_rule(
        TICKER_PRICE,
        "snapshot_size",
        "raw/checks/snapshot_size.sql",
        "the whole market lost symbols",
        f"No whole-market response has lost more than {SHRINK_LIMIT:.0%} of its symbols against the one before.",
        _ERROR,
        shrink_limit=SHRINK_LIMIT,
    ),
    _query_rule(
        TICKER_PRICE,
        "clock",
        "raw/checks/clock.sql",
        "the host's clock is off",
        f"The host's clock is within {CLOCK_LIMIT.seconds} s of the exchange's.",
        _ERROR,
        limit_seconds=CLOCK_LIMIT.total_seconds(),
    ),
    _query_rule(
        CAPTURE,
        "refused_share",
        "raw/checks/refused_share.sql",
        "the response is wrong, not a row of it",
        f"Of no response more than {REFUSED_LIMIT:.0%} of the rows were refused.",
        _ERROR,
        refused_limit=REFUSED_LIMIT,
    ),
    _query_rule(
        QUARANTINE,
        "refused_rows",
        "raw/checks/refused_rows.sql",
        "refused",
        "No row of the newest landing files was refused.",
        _WARN,
    ),
    _query_rule(
        EXCHANGE_INFO,
        "new_words",
        "raw/checks/new_words.sql",
        "not known to this project",
        "The newest metadata has no field, status or filter that this project does not know. New ones are kept.",
        _WARN,
        statuses=list(KNOWN_STATUSES),
        fields=list(KNOWN_FIELDS),
        filters=list(KNOWN_FILTERS),
    ),
    _query_rule(
        EXCHANGE_INFO,
        "partial_metadata",
        "raw/checks/partial_metadata.sql",
        "too small to be of the whole market: no symbol counts as removed by it, unless our own leave it out for a day",
        f"No metadata of the newest day lists less than {1 - SHRINK_LIMIT:.0%} as many symbols as were listed before, "
        "those that are believed to have been gone not counted.",
        _WARN,
        shrink_limit=SHRINK_LIMIT,
    ),
    _query_rule(
        PAIR,
        "base_and_quote",
        "core/checks/base_and_quote.sql",
        "differs from the exchange's metadata",
        "Base and quote of every pair are what the exchange's newest metadata says.",
        _ERROR,
    ),
    _query_rule(
        PRICE_WITHOUT_METADATA,
        "undescribed_symbols",
        "core/checks/undescribed_symbols.sql",
        "quoted, but not described",
        "Every symbol that the exchange quotes is in its metadata. Prices of others are kept apart.",
        _WARN,
    ),
    _query_rule(
        UNMATCHED_CURRENCY,
        "unmatched_currencies",
        "core/checks/unmatched_currencies.sql",
        "to be reviewed",
        "Every currency that may be a coin of CoinMarketCap is matched. The candidates of the others are in "
        "core.unmatched_currency_candidate.",
        _WARN,
    ),
    _query_rule(
        UNMATCHED_CURRENCY,
        "overrides_without_coin",
        "core/checks/overrides_without_coin.sql",
        "in no map",
        "Every coin that the reviewed list names for a currency was in a map of CoinMarketCap.",
        _WARN,
    ),
    _query_rule(
        CURRENCY_COINMARKETCAP,
        "contradicted_overrides",
        "core/checks/contradicted_overrides.sql",
        "reviewed, and the prices disagree",
        "Every coin that the reviewed list names for a currency has the price that the exchange has for it.",
        _WARN,
    ),
    Rule(
        CURRENCY_CATEGORY,
        "shrunken_category",
        f"The newest list of every category has at least {LEAST_PERCENT} % as many members as the list just before. "
        "One that has fewer is held back: it ends no membership and begins none, until the next list confirms it. An "
        "answer that has no member, or a page of it that is no list, is held back for good.",
        _find_shrunken_categories,
        _WARN,
    ),
    Rule(
        archive.KLINE,
        "average_in_range",
        "On the last day of the month of candles that was made last, what was paid over what was traded lies between "
        "low and high, as far as the decimals of what was paid tell.",
        _find_averages_out_of_range,
        _WARN,
    ),
    _query_rule(
        FACT_PARITY_HOUR,
        "parity",
        "mart/checks/parity.sql",
        "off by more than the threshold",
        "In the newest hour, what should agree does: stablecoins, wrapped coins, gold tokens, cross pairs.",
        _WARN,
    ),
    Rule(
        FACT_QUALITY_DAY,
        "reconciled",
        f"On the newest {SHOWN_DAYS} days that were sampled and have candles, too, the sampled average of every minute "
        "lies between the low and the high of its candle, or between these and the close of the candle before.",
        _find_unreconciled,
        _WARN,
    ),
    Rule(
        FACT_QUALITY_DAY,
        "rolled_up",
        f"On the newest {SHOWN_DAYS} days of which the exchange's own candles of hours and days are there, and in the "
        "hours of today that are over, they are what its candles of minutes roll up to, to the last digit.",
        _find_not_rolled_up,
        _WARN,
    ),
    _query_rule(
        GAP,
        "unresolved_gaps",
        "mart/checks/unresolved_gaps.sql",
        "nothing explains the gap",
        "Every gap that lasts or lasted within the newest day has a cause.",
        _WARN,
    ),
    _query_rule(
        GAP,
        "open_gaps",
        "mart/checks/open_gaps.sql",
        "the whole market is missing",
        "The newest answer of the exchange was usable.",
        _WARN,
    ),
)
"""Every rule."""

FILLED_TOGETHER = (raw.TABLES, (PRICE_HISTORY, PRICE_WITHOUT_METADATA), MATCHING, CATEGORIES, archive.OF_MINUTES)
"""Tables that one step fills."""
