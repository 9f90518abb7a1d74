"""Which rows of a table are published, and how they look there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from duckdb import (
    CaseExpression,
    ColumnExpression,
    ConstantExpression,
    DuckDBPyRelation,
    Expression,
)

from binance_assets.export import contract
from binance_assets.mart.tables import FACT_PRICE, FACT_PRICE_MINUTE
from binance_assets.settings import Settings
from binance_assets.tables import COINMARKETCAP, Table
from binance_assets.warehouse import Connection

NEWEST_PRICES = timedelta(hours=1)
"""What is published of mart.fact_price, back from its newest row."""


@dataclass(frozen=True)
class Scope:
    """What is published of the minutes, and whether CoinMarketCap's own data is."""

    watch_list: tuple[str, ...] = Settings.model_fields["watch_list"].default
    days: int = Settings.model_fields["export_days"].default
    coinmarketcap: bool = Settings.model_fields["publish_coinmarketcap"].default

    @classmethod
    def of(cls, settings: Settings) -> Scope:
        """The scope that the settings name."""
        return cls(settings.watch_list, settings.export_days, settings.publish_coinmarketcap)

    def limit_of(self, table: Table) -> str | None:
        """What a table's rows are limited to, in words; None where all are published."""
        if table is FACT_PRICE:
            return "the newest hour"
        if table is FACT_PRICE_MINUTE:
            pairs = "all pairs" if "*" in self.watch_list else ", ".join(self.watch_list)
            return f"the newest {self.days} days of {pairs}"
        return None


def published_rows(connection: Connection, table: Table, scope: Scope) -> DuckDBPyRelation:
    """The rows of a table that are published, with its own columns."""
    rows = _newest(connection, table, scope)
    if scope.coinmarketcap:
        return rows
    if table.provider_column:
        return rows.filter(ColumnExpression(table.provider_column) != ConstantExpression(COINMARKETCAP))
    for column, target in table.references.items():
        name, _, key = target.rpartition(".")
        other = contract.TABLES[name.removeprefix("mart.")]
        if other.provider_column:
            there = published_rows(connection, other, scope).select(ColumnExpression(key).alias(column))
            rows = rows.join(there, column, how="semi")
    return rows


def as_published(rows: DuckDBPyRelation, table: Table, scope: Scope) -> DuckDBPyRelation:
    """Rows of a table with the columns and types of the contract."""
    return rows.select(*(_value(column, table, scope).alias(column.name) for column in contract.columns(table)))


def _value(column: contract.Column, table: Table, scope: Scope) -> Expression:
    value = ColumnExpression(column.of)
    licensed = table.properties(column.of).get("licensed")
    if licensed and not scope.coinmarketcap:
        nothing = ConstantExpression(None)
        if licensed is True:
            value = nothing
        else:
            value = CaseExpression(ColumnExpression(licensed) != ConstantExpression(COINMARKETCAP), value)
    return value.cast(column.type)


def _newest(connection: Connection, table: Table, scope: Scope) -> DuckDBPyRelation:
    def of(view: str) -> DuckDBPyRelation:
        rows = connection.relation(view)
        if table is FACT_PRICE:
            return _since(connection, table, rows, NEWEST_PRICES)
        if table is FACT_PRICE_MINUTE:
            rows = _since(connection, table, rows, timedelta(days=scope.days))
            return rows if "*" in scope.watch_list else _of_pairs(connection, rows, scope.watch_list)
        return rows

    return preferred(of(table.name), of(table.preferred_in), table) if table.preferred_in else of(table.name)


def preferred(rows: DuckDBPyRelation, chosen: DuckDBPyRelation, table: Table) -> DuckDBPyRelation:
    """Of rows of several sources those that count, in order of time.

    Only on days of which there are several sources ``chosen`` is read, the same rows through the table's
    ``preferred_in``, since choosing and sorting costs far more than reading.
    """
    day = "date" if "date" in table.columns else table.time_column
    sources = rows.aggregate(f"{day} as day, min(source) as first_source, max(source) as last_source", day)
    days = [found for (found,) in sources.filter("first_source <> last_source").select("day").order("day").fetchall()]
    if not days:
        return rows
    contested = ColumnExpression(day or "").isin(*map(ConstantExpression, days))
    between = ColumnExpression(day or "").between(ConstantExpression(days[0]), ConstantExpression(days[-1]))
    ordered = chosen.filter(contested & between).order(f"{table.time_column}, pair_key")
    return rows.filter(~contested).union(ordered)


def _since(connection: Connection, table: Table, rows: DuckDBPyRelation, span: timedelta) -> DuckDBPyRelation:
    """Those of the rows that are no older than the newest by more than the span."""
    newest = newest_instant(connection, table)
    if newest is None:
        return rows
    since = newest - span
    return rows.filter(ColumnExpression("date") >= ConstantExpression(since.date())).filter(
        ColumnExpression(table.time_column or "") >= ConstantExpression(since)
    )


def _of_pairs(connection: Connection, rows: DuckDBPyRelation, symbols: tuple[str, ...]) -> DuckDBPyRelation:
    listed = connection.relation("mart.dim_pair").filter(
        ColumnExpression("symbol").isin(*map(ConstantExpression, symbols))
    )
    keys = [key for (key,) in listed.select("pair_key").fetchall()]
    # The keys as literals, which the readers of the lake's files can use to skip most of them.
    return rows.filter(ColumnExpression("pair_key").isin(*map(ConstantExpression, keys or [0])))


def newest_instant(connection: Connection, table: Table) -> datetime | None:
    """The newest instant of a fact; the end of the newest sealed day, if no row is open; None if there is no row.

    Of minutes it may be that of a candle.
    """
    found = [_newest_sampled(connection, table)]
    if table is FACT_PRICE_MINUTE:
        found.append(newest_candle(connection))
    return max(filter(None, found), default=None)


def newest_candle(connection: Connection) -> datetime | None:
    """The minute of the newest candle; None if there is none."""
    month = connection.value("select max(month) from meta.kline_month")
    newest: datetime | None = connection.value("select max(open_at) from raw.kline where month = $month", month=month)
    return newest


def sampled_until(connection: Connection) -> datetime | None:
    """Up to when the market was asked for prices, with an answer or without; None if it never was."""
    answered: datetime | None = connection.value("export/answered_until.sql")
    failed = connection.value("export/failed_until.sql", since=answered.date() if answered else date.min)
    return max(filter(None, (answered, failed)), default=None)


def _newest_sampled(connection: Connection, table: Table) -> datetime | None:
    if connection.count(table.newest_in):
        return connection.newest(table.newest_in, table.time_column or "")
    [(day,)] = connection.rows(
        'select max(date) from meta.sealed_partition where "table" = $table', table=table.newest_in.partition(".")[2]
    )
    return datetime.combine(day, time()) + timedelta(days=1) if day else None
