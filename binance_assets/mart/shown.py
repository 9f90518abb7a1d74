"""What the Dagster UI shows of the newest prices beside a table."""

from __future__ import annotations

from binance_assets.sparkline import sparkline
from binance_assets.warehouse import Connection

SHOWN_PAIR = "BTCUSDT"
"""The pair that is drawn: the one that everybody knows."""


def last_day(connection: Connection) -> str:
    """The last 24 hours of the pair that is drawn, as Markdown with a line in it, or why there is none.

    They end with the hour of the newest price of all. Hours without observations are breaks in the line.
    """
    newest_at = connection.value("select max(observed_at) from mart.fact_price_latest")
    hours = connection.rows("mart/newest_hours.sql", newest_at=newest_at, symbol=SHOWN_PAIR) if newest_at else []
    prices = [price for _, price in hours]
    there = [price for price in prices if price is not None]
    if not there:
        return f"no hour of {SHOWN_PAIR} that is over"
    since = f"{SHOWN_PAIR}, hourly means since {hours[0][0]:%Y-%m-%d %H:%M} UTC"
    return f"{since}, {min(there):,.2f} to {max(there):,.2f} USDT\n\n{sparkline(prices, SHOWN_PAIR)}"
