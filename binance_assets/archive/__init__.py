"""The exchange's archive of one-minute candles: from landed zips to verified months in the lake.

::

    landing/archive/BTCUSDT/monthly/BTCUSDT-1m-2020-01.5f1f…e2.zip      as downloaded, with a .json beside it
        │  zips.py       checksum, one member, no bomb, CRC
        │  plain.py      is it written as the archive writes? Then DuckDB reads it as it stands (plain_rows.sql)
        │  lines.sql     a second, slow look at a file in which something is wrong, and in judged_lines.sql, what
        ▼
    lake/kline/month=2020-01/9a….parquet                                all pairs of a month (months.py)
        ▼
    raw.kline                                                           the view over the months that count

Bad lines never get into a month, the rest of their file does; a file that is wrong as a whole is refused. Each finding
is a row of ``raw.archive_defect``, each file one of ``raw.archive_file`` (load.py).

What the API gives is judged by the same rules (rest.py): candles of minutes, which fill what files lack, and the
exchange's own candles of hours and days in ``raw.long_kline``, which the scorecard of each day compares with them.
"""
