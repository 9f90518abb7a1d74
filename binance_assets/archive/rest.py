"""Loads candles that the exchange's API gave, by the rules that hold for those of the archive."""

from __future__ import annotations

from binance_assets.landing import Landing, LandingFile
from binance_assets.warehouse import Connection

BATCH_ROWS = 200_000
"""About how many candles are judged at once."""


def load_rest_candles(connection: Connection, landing: Landing) -> int:
    """Load the candles of the responses that are in ``raw.capture`` and were not looked at yet.

    Some files at a time, each time in one transaction. The months that the candles of minutes belong to are put
    together by the next :func:`load_archive`; those of hours and days are only compared with what minutes roll up to.
    What is wrong is in ``raw.quarantine``, with the reason. A candle that was running when its response came is left
    out.

    Returns:
        The number of candles.
    """
    loaded = 0
    while True:
        connection.run("archive/rest_response.sql", most_rows=BATCH_ROWS)
        names = connection.rows("select distinct file from kline_response order by file")
        files = [LandingFile(name) for (name,) in names]
        if not files:
            return loaded
        with connection.transaction():
            connection.run("archive/rest_lines.sql", files=[landing.absolute(file) for file in files])
            connection.run("archive/judged_lines.sql")
            connection.run("archive/rest_kline.sql")
            connection.run("archive/rest_progress.sql", file=files[-1].name, landed_at=files[-1].landed_at)
        loaded += connection.count("judged_candle")
