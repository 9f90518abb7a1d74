"""What there is in a store: figures for the summary of a run, for `status`, and for programs."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from binance_assets.archive.tables import KLINE, KLINE_HOUR
from binance_assets.assets import label
from binance_assets.catalog import TABLES
from binance_assets.collector import running_process
from binance_assets.home import Home, Store
from binance_assets.housekeeping import free_bytes
from binance_assets.mart.tables import FACT_PRICE_HOUR, FACT_PRICE_MINUTE
from binance_assets.warehouse import Connection


def status_of(home: Home, store: Store) -> dict[str, Any]:
    """Everything worth telling about a store, ready for JSON; instants are naive UTC.

    Raises:
        WarehouseError: The warehouse cannot be opened.
    """
    status: dict[str, Any] = {
        "home": home.path,
        "source": store.source,
        "simulated": store.is_simulated,
        "other_stores": [other.source for other in home.stores if other.source != store.source],
        "warehouse": store.warehouse.path,
        "landing": store.landing.path,
        "lake": store.warehouse.lake,
        "export": store.export,
        "dagster": home.dagster,
        "collector": running_process(store),
        "free_bytes": free_bytes(home.path),
        "checks": _checks(home, store),
    }
    if store.warehouse.path.exists():
        with store.warehouse.connect() as connection:
            status |= _figures(connection)
    else:
        status["rows"] = {}
    return status


def _figures(connection: Connection) -> dict[str, Any]:
    now = datetime.now(UTC).replace(tzinfo=None)
    newest = connection.value("select max(observed_at) from meta.latest_price")
    rows = {table.name: connection.total(table.newest_in) for table in TABLES if table.layer != "meta"}
    # These views have the candles, too.
    rows[FACT_PRICE_MINUTE.name] += rows[KLINE.name]
    rows[FACT_PRICE_HOUR.name] += rows[KLINE_HOUR.name]
    [figures] = connection.records("status.sql", newest_at=newest)
    return {
        "rows": rows,
        **figures,
        "gaps": connection.records("mart/gap_summary.sql", newest_at=newest),
        "gap_counts": connection.records("mart/gap_counts.sql")[0],
        "age_seconds": (now - newest).total_seconds() if newest else None,
        "refused_rows": rows["raw.quarantine"],
        "highest_priced": connection.records("mart/highest_priced.sql", quote="USDT", top=10),
        "last_minute": next(iter(connection.records("mart/last_minute.sql", symbol="BTCUSDT")), None),
    }


def _checks(home: Home, store: Store) -> dict[str, Any]:
    """The newest completed result of every check on this store, as Dagster recorded it."""
    if not home.dagster.exists():
        return {"passed": 0, "failed": []}
    from binance_assets.definitions import defs  # noqa: PLC0415 - only where there is something to look up

    keys = list(defs.resolve_asset_graph().asset_check_keys)
    with home.dagster_instance() as instance:
        summaries = instance.event_log_storage.get_asset_check_summary_records(keys).values()
    records = [summary.last_completed_check_execution_record for summary in summaries]
    evaluations = [record.event.asset_check_evaluation for record in records if record and record.event]
    ours = [e for e in evaluations if e and e.metadata["source"].value == label(store.source)]
    return {
        "passed": sum(1 for evaluation in ours if evaluation.passed),
        "failed": [
            {
                "asset": evaluation.asset_key.to_user_string(),
                "check": evaluation.check_name,
                "severity": evaluation.severity.value,
                "description": evaluation.description,
            }
            for evaluation in ours
            if not evaluation.passed
        ],
    }


def sizes_of(store: Store) -> dict[str, int]:
    """Bytes on disk. Looks at every landing file, which takes a second for fifty thousand."""
    return {
        "warehouse": _size(store.warehouse.path),
        "landing": _size(store.landing.path),
        "lake": _size(store.warehouse.lake),
        "export": _size(store.export),
    }


def _size(path: Path) -> int:
    """Bytes of a file, or of all in a folder; of a file with several names once."""
    found = [file.lstat() for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    return sum({it.st_ino: it.st_size for it in found if not stat.S_ISLNK(it.st_mode)}.values())
