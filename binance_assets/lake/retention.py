"""Drops landing files that have been kept long enough, once all that they held is in the lake."""

from __future__ import annotations

from datetime import date, timedelta

from binance_assets.landing import Landing
from binance_assets.warehouse import Warehouse


def drop_landed_files(warehouse: Warehouse, landing: Landing, keep_days: int) -> int:
    """Delete the landing files of days that were sealed and ended ``keep_days`` before the newest sealed one.

    Files of metadata are kept for ever: ids, rules and categories are made from them. A file that holds anything of a
    day that is not in the lake is kept, too.

    Returns:
        How many were deleted.
    """
    with warehouse.connect() as connection:
        newest: date | None = connection.value("select max(date) from meta.sealed_partition")
        if newest is None:
            return 0
        droppable = connection.rows("lake/droppable_files.sql", first_kept=newest - timedelta(days=keep_days - 1))
    files = [landing.path / file for (file,) in droppable]
    present = [file for file in files if file.exists()]
    for file in present:
        file.unlink()
    for folder in {file.parent for file in present}:
        if not any(folder.iterdir()):
            folder.rmdir()
    return len(present)
