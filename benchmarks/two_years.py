"""Two years of one-minute candles of 50 pairs, every defect of the archive planted once, interrupted by 20 kills.

Two homes bring the same history in from the sandbox: one undisturbed, the other killed (signal 9) at random moments.
Then the gaps are repaired from the API, and the archive replaces a file. At the end every defect has to be found and
named, every minute there with the values that the market had, but those in which the exchange stood still; no file
that was complete may have been downloaded again, and both lakes have to be the same, byte for byte.

``binance_assets_tests/test_crash_backfill.py`` is the same, smaller.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
import random
import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from benchmarks.killed import Run, processes
from benchmarks.market import describe
from binance_assets.clients.archive import ArchiveClient, Scope
from binance_assets.clients.binance import EPOCH
from binance_assets.home import Home, Store
from binance_assets.sandbox import Sandbox
from binance_assets.sandbox.archive import Archive
from binance_assets.sandbox.archive_defects import KINDS, Defect
from binance_assets.sandbox.market import DEFAULT_SEED, Market
from binance_assets.warehouse import Connection

NOW = datetime(2026, 3, 5, 12)  # noqa: DTZ001 - naive UTC, as all instants of the project
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
LATER = NOW + 30 * DAY
"""When the archive replaces a file."""

OUTAGE_MINUTES = 2011
"""As long as the exchange's longest outage, of 2018-02-08."""

FOUND_AS = {
    "outage": "absent",
    "missing_rows": "absent",
    "cut_short": "cut_end",
    "repeated_rows": "repeated",
    "merged_line": "wrong_columns",
    "out_of_order": "out_of_order",
    "high_below_low": "high_below_low",
    "negative_volume": "negative",
    "open_candle": "outside_span",
    "futures_file": "futures",
    "header_row": "header",
    "wrong_unit": "wrong_unit",
    "two_members": "members",
    "bomb": "too_large",
}
"""Defects that are in a file that comes, with the kind of the finding in raw.archive_defect."""

NOT_HAD = ("checksum_mismatch", "flipped_byte", "truncated_zip")
"""Defects of which a file is not what its checksum says; it is not landed."""


@dataclass(frozen=True)
class Scale:
    """How much there is of it.

    Attributes:
        symbols: The pairs.
        first: The first day.
        last: The last day.
        scope: Of which files there are: those of months, or of days.
        step: What is killed: the whole command (``backfill``), or what it does with candles (``work``).
        kills: How often.
    """

    symbols: Sequence[str]
    first: date
    last: date
    scope: Scope = "monthly"
    step: str = "backfill"
    kills: int = 20

    @property
    def periods(self) -> list[str]:
        """What the files are of."""
        days = [self.first + number * DAY for number in range((self.last - self.first).days + 1)]
        return sorted({f"{day:%Y-%m}" if self.scope == "monthly" else f"{day}" for day in days})


@dataclass
class Result:
    """What came of it.

    Attributes:
        candles: In the undisturbed home.
        seconds: By what took them.
        found: For each kind of defect, how it was found.
        kills: How many processes were killed.
        downloads: Files that were asked for in the killed home.
        twice: Those of them that had been complete.
        differing: Files of the lake that are not the same in both homes.
    """

    candles: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)
    kills: int = 0
    downloads: int = 0
    twice: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


def planted(scale: Scale) -> dict[str, Defect]:
    """Each kind of defect once, each but the outage in a file of its own."""
    chance = random.Random(20260305)
    middle = datetime.combine(scale.first + (scale.last - scale.first) // 2, datetime.min.time()) + 99 * MINUTE
    outage = Defect("outage", start=middle, end=middle + OUTAGE_MINUTES * MINUTE)
    whole = [it for it in scale.periods if it not in {f"{middle:%Y-%m-%d}", f"{outage.end:%Y-%m-%d}"}]
    files = [(symbol, period) for symbol in scale.symbols for period in whole]
    kinds = [kind for kind in KINDS if kind not in {"outage", "futures_file"}]
    chosen = dict(zip(kinds, chance.sample(files, len(kinds)), strict=True))
    # Before 2025 a futures file of the sandbox is a spot file with a header.
    chosen["futures_file"] = next(it for it in files if it not in chosen.values() and it[1] >= "2025")
    found = {
        kind: Defect(kind, symbol=symbol, period=period, since=LATER if kind == "revised" else None, megabytes=40)
        for kind, (symbol, period) in chosen.items()
    }
    return {"outage": outage, **found}


def show_it(
    scale: Scale, sandbox: Sandbox, market: Market, folder: Path, describe_pairs: Callable[[Store], object]
) -> Result:
    """Bring history into two homes, one undisturbed and one killed, and compare them with each other and the truth.

    Args:
        scale: How much.
        sandbox: That serves the archive; it runs, and has no defects.
        market: The sandbox's.
        folder: An empty one.
        describe_pairs: Makes a store that knows the pairs.

    Raises:
        AssertionError: Something is not as it should be.
    """
    result = Result()
    defects = planted(scale)
    now = _Clock(sandbox)
    sandbox.spoil(*defects.values(), *_other_scope(scale), _day_of(defects["not_uploaded"]))
    whole, killed = (Home(folder / name).store("sandbox") for name in ("undisturbed", "killed"))
    describe_pairs(whole)
    shutil.copytree(whole.path, killed.path)
    settings = {"BINANCE_SOURCE": "sandbox", "BINANCE_API_URL": sandbox.url}
    result.seconds["the sandbox makes the files"] = _make_files(sandbox, scale)

    def processes_of(store: Store) -> Any:
        return processes(store.path.parent, list(scale.symbols), scale.first, scale.last, **settings)

    with processes_of(whole) as run_whole, processes_of(killed) as run_killed:
        result.seconds["undisturbed"] = _to_its_end(run_whole, scale.step)
        result.seconds["again, nothing to do"] = _to_its_end(run_whole, scale.step)
        longest = _longest(result.seconds, _to_its_end(run_whole, "work"), scale.kills)
        started = time.monotonic()
        _interrupt(run_killed, scale, sandbox, killed, result, longest)
        result.seconds["killed, and its end"] = time.monotonic() - started
        now.is_later = True
        for run in (run_whole, run_killed):
            before = sandbox.downloads.copy()
            _to_its_end(run, scale.step)
            came = sorted(_names(sandbox.downloads - before) - _names_of_refused(defects))
            assert came == [f"{_name(defects['revised'])}.zip"], f"what came after one file was replaced: {came}"
            result.seconds["repair"] = _to_its_end(run, "repair")
    with whole.warehouse.connect() as of_whole, killed.warehouse.connect() as of_killed:
        result.differing = _differing(whole.warehouse.lake, killed.warehouse.lake)
        _compare(of_whole, of_killed)
        result.candles = _check_candles(scale, market, of_whole, defects)
        result.found = {kind: _told(of_whole, kind, defect) for kind, defect in defects.items()}
    return result


def _make_files(sandbox: Sandbox, scale: Scale) -> float:
    """Have the sandbox make its files, so that the time that it takes is not the backfill's. Returns that."""
    started = time.monotonic()
    with ArchiveClient(sandbox.url, simulated=True) as client, ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(lambda symbol: client.files(symbol, scale.scope, scale.first, scale.last), scale.symbols))
    return time.monotonic() - started


class _Clock:
    """The sandbox's time: it goes on, and jumps when the archive replaces a file."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.is_later = False
        started = time.monotonic()

        def now() -> int:
            instant = (LATER if self.is_later else NOW) + timedelta(seconds=time.monotonic() - started)
            return (instant - EPOCH) // timedelta(milliseconds=1)

        sandbox.clock = now


def _other_scope(scale: Scale) -> list[Defect]:
    """At the scale of days, no month is there."""
    if scale.scope == "monthly":
        return []
    return [Defect("not_uploaded", period=month) for month in sorted({period[:7] for period in scale.periods})]


def _day_of(late: Defect) -> Defect:
    """Of the file that is late, a day is late as well."""
    assert late.period
    return Defect("not_uploaded", symbol=late.symbol, period=f"{late.period}-11"[:10])


def _to_its_end(run: Run, step: str) -> float:
    code, seconds = run(step)
    assert code == 0, f"{step} ended with {code}"
    return float(seconds)


def _interrupt(run: Run, scale: Scale, sandbox: Sandbox, store: Store, result: Result, longest: float) -> None:
    """Kill the step at random moments until it was killed often enough, and let it come to its end."""
    chance = random.Random(20260306)
    before = sandbox.downloads.copy()
    while True:
        complete = {f"{path.name.partition('.')[0]}.zip" for path in store.landing.path.glob("archive/*/*/*.zip.json")}
        so_far = sandbox.downloads.copy()
        is_last = result.kills == scale.kills
        ended = run(scale.step, None if is_last else chance.uniform(0, longest))
        assert ended.code in {0, -9}, f"after {result.kills} kills, it ended with {ended.code}"
        result.twice += sorted(complete & _names(sandbox.downloads - so_far))
        result.kills += ended.code == -9
        longest = min(longest, ended.seconds) if ended.code == 0 else longest
        if is_last:
            break
    result.downloads = (sandbox.downloads - before).total()


def _longest(seconds: Mapping[str, float], looking: float, kills: int) -> float:
    """Up to when to kill, so that it takes about as many kills to see the work through.

    Args:
        seconds: What a whole run took, and one with nothing to do.
        looking: How long it takes to find out what there is to do, which a killed run has done for nothing.
        kills: How many.
    """
    share = max(seconds["undisturbed"] - seconds["again, nothing to do"], 0) / kills
    return looking + share + math.sqrt(share**2 + 2 * looking * share)


def _names(keys: Iterable[str]) -> set[str]:
    return {key.rpartition("/")[2] for key in keys}


def _name(defect: Defect) -> str:
    return f"{defect.symbol}-1m-{defect.period}"


def _names_of_refused(defects: Mapping[str, Defect]) -> set[str]:
    """Files that are asked for each time, since they never are what their checksum says."""
    return {f"{_name(defects[kind])}.zip" for kind in NOT_HAD}


def _differing(*lakes: Path) -> list[str]:
    """The files of two lakes that are not the same bytes."""
    one, other = (_digests(lake) for lake in lakes)
    assert one, "there is nothing in the lake"
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _compare(*homes: Connection) -> None:
    """That two warehouses say the same."""
    for query in (
        "select * exclude (retrieved_at, loaded_at) from raw.archive_file order by file",
        "from raw.archive_defect order by file, number",
        "select * exclude (capture_id) from raw.rest_kline order by pair_id, open_at",
        "from meta.candle_gap order by all",
        "from mart.gap order by all",
        "from mart.fact_price_day where source in ('archive', 'rest') order by all",
    ):
        one, other = (home.rows(query) for home in homes)
        assert one == other, f"not the same in both homes: {query}"


def _digests(folder: Path) -> dict[str, str]:
    """The files of a lake by a hash, without what kills left under temporary names: housekeeping removes that."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("[!.]*/**/*.parquet"))
    }


def _check_candles(scale: Scale, market: Market, home: Connection, defects: Mapping[str, Defect]) -> int:
    """That every minute is there, and in the files that had a defect as the market was. Returns how many there are."""
    minutes = ((scale.last - scale.first).days + 1) * 1440 - OUTAGE_MINUTES
    counts = dict(
        home.rows(
            "select symbol, count(*) from raw.kline inner join core.pair using (pair_id) "
            "where open_at >= $first and open_at < $last::date + 1 group by symbol",
            first=scale.first,
            last=scale.last,
        )
    )
    assert counts == dict.fromkeys(scale.symbols, minutes)
    archive = Archive(market)
    archive.defects.add([defects["outage"], defects["revised"]])
    for kind, defect in defects.items():
        if kind != "outage":
            _check_file(archive, home, defect)
    archive.close()
    return sum(counts.values())


def _check_file(archive: Archive, home: Connection, defect: Defect) -> None:
    """That the candles of a file's time are those that it should have had."""
    scope = "monthly" if len(defect.period or "") == 7 else "daily"
    key = f"data/spot/{scope}/klines/{defect.symbol}/1m/{_name(defect)}.zip"
    answer = archive.answer(key, {}, (LATER + DAY - EPOCH) // timedelta(milliseconds=1))
    assert answer.status == 200
    with zipfile.ZipFile(io.BytesIO(answer.body)) as content, TemporaryDirectory() as folder:
        path = content.extract(f"{_name(defect)}.csv", folder)
        true = duckdb.execute(
            """
            select
                make_timestamp(column00 * if(column00 < 1e14, 1000, 1)), column01, column02, column03, column04,
                column05, column07, column08
            from read_csv($path, header = false, all_varchar = false, types = {
                'column00': 'bigint', 'column01': 'decimal(18, 8)', 'column02': 'decimal(18, 8)',
                'column03': 'decimal(18, 8)', 'column04': 'decimal(18, 8)', 'column05': 'decimal(38, 8)',
                'column07': 'decimal(38, 8)', 'column08': 'integer'
            })
            order by 1
            """,
            {"path": path},
        ).fetchall()
    stored = home.rows(
        "select open_at, open_price, high_price, low_price, close_price, volume, quote_volume, trade_count "
        "from raw.kline inner join core.pair using (pair_id) "
        "where symbol = $symbol and open_at between $first and $last order by open_at",
        symbol=defect.symbol,
        first=true[0][0],
        last=true[-1][0],
    )
    assert stored == true, f"{defect.kind} in {_name(defect)}: the candles are not those of the market"


def _told(home: Connection, kind: str, defect: Defect) -> str:
    """Where a defect is told, and what became of it."""
    if kind == "outage":
        kinds = "('absent', 'cut_end', 'late_start')"
        [(files,)] = home.rows(f"select count(distinct file) from raw.archive_defect where kind in {kinds}")
        gaps = home.rows("select from_utc, to_utc from mart.gap where cause = 'exchange_outage' order by from_utc")
        assert (gaps[0][0], gaps[-1][1]) == (defect.start, defect.end)
        assert sum((until - since for since, until in gaps), timedelta()) == OUTAGE_MINUTES * MINUTE
        return f"missing in {files} files; in the ledger exchange_outage of {OUTAGE_MINUTES:,} minutes"
    states = [
        (state, findings)
        for state, findings in home.rows(
            "select state, list(kind order by number) filter (where kind is not null) "
            "from raw.archive_file left join raw.archive_defect using (file) "
            "where contains(file, $name) group by file, state order by state",
            name=f"/{_name(defect)}.",
        )
    ]
    [(from_api,)] = home.rows(
        "select count(*) from raw.kline inner join core.pair using (pair_id) "
        "where symbol = $symbol and source = 'rest' and starts_with(open_at::varchar, $period)",
        symbol=defect.symbol,
        period=defect.period,
    )
    rest = f"; {from_api:,} minutes from the API" if from_api else ""
    if kind in {*NOT_HAD, "not_uploaded"}:
        assert states == [], f"{kind}: {states}"
        what = "no file" if kind == "not_uploaded" else "not what its checksum says, not landed"
        return f"{what}{'; its days instead' if len(defect.period or '') == 7 else ''}{rest}"
    if kind == "revised":
        assert [state for state, _ in states] == ["loaded", "superseded"]
        return "two versions are kept, the newer counts"
    [(state, findings)] = states
    assert FOUND_AS[kind] in (findings or ()), f"{kind} is not found: {findings}"
    return f"{FOUND_AS[kind]}, the file is {state}{rest}"


def main() -> None:
    """Run it and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_years", description=__doc__)
    parser.add_argument("--pairs", type=int, default=50, metavar="N", help="how many pairs (50)")
    parser.add_argument("--from", dest="first", default="2024-01-01", metavar="DAY", help="first day (2024-01-01)")
    parser.add_argument("--to", dest="last", default="2025-12-31", metavar="DAY", help="last day (2025-12-31)")
    parser.add_argument("--folder", type=Path, help="where the homes are made, and stay")
    parser.add_argument("--json", action="store_true", help="print for programs")
    arguments = parser.parse_args()
    market = Market.of(DEFAULT_SEED)
    first, last = date.fromisoformat(arguments.first), date.fromisoformat(arguments.last)
    scale = Scale(_symbols(market, first, arguments.pairs), first, last)
    with TemporaryDirectory() as temporary, Sandbox() as sandbox:
        folder = arguments.folder or Path(temporary)
        result = show_it(scale, sandbox, market, folder, _describe)
        sizes = {name: _size(folder / "undisturbed/sandbox" / name) for name in ("landing/archive", "lake")}
    if arguments.json:
        json.dump({**vars(result), "bytes": sizes}, sys.stdout)
    else:
        _show(scale, result, sizes)


def _symbols(market: Market, first: date, count: int) -> list[str]:
    """Pairs in USDT that were listed before a day and still trade, BTCUSDT among them."""
    since = (datetime.combine(first, datetime.min.time()) - EPOCH) // timedelta(seconds=1)
    lasting = [it for it in market.pairs if it.listed_at < since and it.halted_at is None and it.quote.code == "USDT"]
    ordered = sorted(lasting, key=lambda it: (it.symbol != "BTCUSDT", hashlib.sha256(it.symbol.encode()).digest()))
    return sorted(it.symbol for it in ordered[:count])


def _describe(store: Store) -> None:
    store.path.mkdir(parents=True)
    with store.warehouse.connect() as connection:
        describe(connection, store.landing, store.source)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _show(scale: Scale, result: Result, sizes: Mapping[str, int]) -> None:
    console = Console(width=120)
    months = len(scale.periods)
    console.print(
        f"{len(scale.symbols)} pairs, {months} months, {result.candles:,} candles; "
        + ", ".join(f"{name} {size / 1e9:.2f} GB" for name, size in sizes.items())
        + f"; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    for what, seconds in result.seconds.items():
        console.print(f"{what}: {seconds:,.0f} s")
    console.print(
        f"{result.kills} kills; {result.downloads:,} files asked for, {len(result.twice)} of them that were complete; "
        f"{len(result.differing)} files of the lake differ"
    )
    table = Table("defect", "how it was found", title=f"{len(result.found)} defects", title_justify="left")
    for kind, how in result.found.items():
        table.add_row(kind, how)
    console.print(table)


if __name__ == "__main__":
    main()
