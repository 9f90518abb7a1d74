"""Files of the archive, landed: which ones, each once, whatever interrupts it."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from binance_assets.cli.downloads import download_bar
from binance_assets.clients import ExchangeServerError, Forbidden
from binance_assets.clients.archive import ArchiveClient, ArchiveFile, ChecksumMismatch, Scope
from binance_assets.clients.binance import EPOCH
from binance_assets.exchange import open_archive
from binance_assets.housekeeping.files import sweep
from binance_assets.landing import Landing
from binance_assets.landing.archive import (
    CONNECTIONS,
    Progress,
    Span,
    choose,
    download,
    landed,
    recheck,
)
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.sandbox.archive_defects import Defect
from binance_assets.settings import load_settings
from binance_assets_tests.archive_server import FolderArchive
from binance_assets_tests.pipeline import ROOT
from binance_assets_tests.simulated import SimulatedClock

NOW = datetime.fromisoformat("2026-03-05T12:00:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

KILLS = 12


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    at(running, NOW)
    yield running
    running.clear_faults()
    running.clear_defects()


@pytest.fixture
def archive(sandbox: Sandbox) -> Iterator[ArchiveClient]:
    with ArchiveClient(sandbox.url, simulated=True, clock=SimulatedClock()) as client:
        yield client


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing")


def at(sandbox: Sandbox, instant: datetime) -> None:
    sandbox.clock = lambda: (instant - EPOCH) // timedelta(milliseconds=1)


@contextmanager
def asked(sandbox: Sandbox) -> Iterator[list[str]]:
    """What the sandbox is asked for in the block: listings, checksums, and files by their names."""
    start = len(sandbox.requests)
    found: list[str] = []
    yield found
    for it in sandbox.requests[start:]:
        kind = it.endpoint.removeprefix("archive/")
        found.append(it.query.rpartition("/")[2] if kind == "file" else kind)


def names(landing: Landing) -> list[str]:
    """Names of the zips that are there, without their hashes."""
    found = [path.name for path in landing.path.glob("archive/*/*/*.zip")]
    return sorted(f"{name.split('.')[0]}.zip" for name in found)


# Which files


class Listed(ArchiveClient):
    """An archive that has the files of some months and days."""

    def __init__(self, months: set[date], days: set[date]) -> None:
        super().__init__("http://127.0.0.1:9")
        self.firsts: dict[Scope, set[date]] = {"monthly": months, "daily": days}

    def files(self, symbol: str, scope: Scope, first: date, last: date) -> list[ArchiveFile]:
        found = sorted(day for day in self.firsts[scope] if first <= day <= last)
        return [ArchiveFile(symbol, scope, day, 1, NOW, None) for day in found]


FIRST = date(2023, 11, 1)
days = st.integers(0, 500).map(lambda days: FIRST + days * DAY)


@given(
    months=st.sets(days.map(lambda day: day.replace(day=1))),
    singles=st.sets(days) | st.just({FIRST + n * DAY for n in range(500)}),
    one=days,
    other=days,
    scopes=st.sampled_from([("monthly", "daily"), ("monthly",), ("daily",)]),
)
def test_a_plan_covers_each_day_once(months, singles, one, other, scopes):
    first, last = min(one, other), max(one, other)
    plan = choose(Listed(months, singles), "BTCUSDT", first, last, scopes)
    spans = [(it.first, it.last) for it in [*plan.files, *plan.missing]]
    covered = sorted(
        day for begin, end in spans for n in range((end - begin).days + 1) if first <= (day := begin + n * DAY) <= last
    )
    assert covered == [first + n * DAY for n in range((last - first).days + 1)]
    assert all(it.scope in scopes for it in plan.files)
    for span in plan.missing:
        for n in range((span.last - span.first).days + 1):
            day = span.first + n * DAY
            assert "daily" not in scopes or day not in singles
            assert "monthly" not in scopes or day.replace(day=1) not in months


def test_months_where_there_are_any_days_for_the_rest_and_what_is_in_neither_is_told(sandbox, archive, landing):
    sandbox.spoil(Defect("not_uploaded", period="2026-01"), Defect("not_uploaded", period="2026-01-17"))
    told: list[Progress] = []
    outcome = download(landing, archive, ["XLMTRY"], date(2025, 12, 30), date(2026, 3, 6), on_progress=told.append)
    single = [f"XLMTRY-1m-2026-01-{day:02}.zip" for day in range(1, 32) if day != 17]
    single += [f"XLMTRY-1m-2026-03-{day:02}.zip" for day in range(1, 5)]
    assert names(landing) == sorted(["XLMTRY-1m-2025-12.zip", "XLMTRY-1m-2026-02.zip", *single])
    assert outcome.missing == (
        Span("XLMTRY", date(2026, 1, 17), date(2026, 1, 17)),
        Span("XLMTRY", date(2026, 3, 5), date(2026, 3, 6)),
    )
    assert [it.file.first for it in outcome.landed] == sorted(it.file.first for it in outcome.landed)
    assert told[-1] == outcome.progress
    assert outcome.progress.downloaded == outcome.progress.listed
    assert [now.downloaded.files for now in told] == [0, *range(1, len(single) + 3)]


def test_a_zip_lies_there_as_published_with_a_note_beside_it(archive, landing):
    [it] = download(landing, archive, ["ETHBTC"], date(2025, 5, 6), date(2025, 5, 6), scopes=["daily"]).landed
    path = landing.path / it.name
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    assert it.name == f"archive/ETHBTC/daily/ETHBTC-1m-2025-05-06.{sha256[:16]}.zip"
    note = json.loads(path.with_name(f"{path.name}.json").read_text())
    assert note.pop("retrieved_at") > "2026"
    assert note.pop("etag")
    assert note == {
        "symbol": "ETHBTC",
        "scope": "daily",
        "first_day": "2025-05-06",
        "url": f"{archive.url}/data/spot/daily/klines/ETHBTC/1m/ETHBTC-1m-2025-05-06.zip",
        "sha256": sha256,
        "size": path.stat().st_size,
        "last_modified": "2025-05-07T05:00:00",
        "checksum": f"{sha256}  ETHBTC-1m-2025-05-06.zip",
    }
    assert zipfile.ZipFile(path).testzip() is None
    assert landed(path.parent) == {date(2025, 5, 6): it}


def test_what_is_there_is_not_downloaded_again(sandbox, archive, landing):
    span = date(2026, 2, 1), date(2026, 3, 4)
    download(landing, archive, ["XLMTRY", "ETHBTC"], *span)
    with asked(sandbox) as again:
        outcome = download(landing, archive, ["ETHBTC", "XLMTRY"], *span)
    assert again == ["list"] * 4
    assert outcome.progress.skipped == outcome.progress.listed
    assert len(outcome.landed) == 10
    (landing.path / outcome.landed[0].name).unlink()
    with asked(sandbox) as again:
        download(landing, archive, ["ETHBTC", "XLMTRY"], *span)
    assert sorted(again) == sorted(["list"] * 4 + ["checksum", "ETHBTC-1m-2026-02.zip"])


def test_symbols_and_days_that_are_none(archive, landing):
    with pytest.raises(ValueError, match="no symbol"):
        download(landing, archive, ["../../x"], date(2026, 2, 1), date(2026, 2, 2))
    with pytest.raises(ValueError, match="before the first"):
        download(landing, archive, ["ETHBTC"], date(2026, 2, 2), date(2026, 2, 1))
    assert not landing.path.exists()


# What cannot be had


@pytest.mark.parametrize("kind", ["flipped_byte", "truncated_zip", "checksum_mismatch"])
def test_of_a_damaged_month_the_days_are_taken(sandbox, archive, landing, kind):
    sandbox.spoil(Defect(kind, symbol="XLMTRY", period="2026-02"))
    outcome = download(landing, archive, ["XLMTRY", "ETHBTC"], date(2026, 2, 20), date(2026, 2, 28))
    [refused] = outcome.refused
    assert (refused.file.name, type(refused.error)) == ("XLMTRY-1m-2026-02.zip", ChecksumMismatch)
    assert names(landing) == ["ETHBTC-1m-2026-02.zip", *(f"XLMTRY-1m-2026-02-{day}.zip" for day in range(20, 29))]
    assert outcome.missing == ()
    assert outcome.progress.refused.files == 1
    assert not [path for path in landing.path.iterdir() if path.name != "archive"]


def test_a_damaged_day_is_told(sandbox, archive, landing):
    sandbox.spoil(Defect("flipped_byte", period="2026-03-02"))
    outcome = download(landing, archive, ["ETHBTC"], date(2026, 3, 1), date(2026, 3, 4))
    assert [it.file.name for it in outcome.refused] == ["ETHBTC-1m-2026-03-02.zip"]
    assert outcome.missing == (Span("ETHBTC", date(2026, 3, 2), date(2026, 3, 2)),)
    assert len(names(landing)) == 3


@pytest.mark.parametrize(("kind", "error"), [("403", Forbidden), ("503", ExchangeServerError)])
def test_an_archive_that_does_not_want_to_ends_it_and_what_came_stays(sandbox, archive, landing, kind, error):
    def stop(now: Progress) -> None:
        if now.downloaded.files == 5:
            sandbox.fail(Fault(kind, endpoint="archive/file"))

    span = date(2026, 2, 1), date(2026, 2, 28)
    with pytest.raises(error):
        download(landing, archive, ["ETHBTC"], *span, scopes=["daily"], on_progress=stop)
    there = names(landing)
    assert 5 <= len(there) <= 5 + 2 * CONNECTIONS
    sandbox.clear_faults()
    with asked(sandbox) as again:
        download(landing, archive, ["ETHBTC"], *span, scopes=["daily"])
    assert len(names(landing)) == 28
    assert not set(again) & set(there)


def test_asks_for_so_many_files_at_once(tmp_path, landing):
    with FolderArchive(tmp_path / "archive") as real, ArchiveClient(real.url) as archive:
        for day in range(1, 29):
            content = f"{day}".encode() * 1000
            real.put("ETHBTC", "daily", f"2026-02-{day:02}", content, hashlib.sha256(content).hexdigest())
        real.wait_for = CONNECTIONS
        download(landing, archive, ["ETHBTC"], date(2026, 2, 1), date(2026, 2, 14), scopes=["daily"])
        assert real.most == CONNECTIONS
        real.most, real.wait_for = 0, 2
        download(landing, archive, ["ETHBTC"], date(2026, 2, 1), date(2026, 2, 28), scopes=["daily"], connections=2)
        assert real.most == 2


# Replaced


def test_a_replaced_file_gets_a_second_version(sandbox, archive, landing):
    span = date(2026, 3, 1), date(2026, 3, 4)
    first = download(landing, archive, ["ETHBTC"], *span).landed
    sandbox.spoil(Defect("revised", period="2026-03-02", since=NOW + HOUR, until=NOW + 2 * HOUR))
    folder = landing.path / "archive/ETHBTC/daily"
    versions = {}
    for hours, count in ((0, 4), (1, 5), (2, 5)):
        at(sandbox, NOW + hours * HOUR)
        with asked(sandbox) as requests:
            outcome = recheck(landing, archive, date(2026, 3, 1))
        assert len(list(folder.glob("*.zip"))) == len(list(folder.glob("*.zip.json"))) == count
        versions[hours] = landed(folder)[date(2026, 3, 2)]
        assert [it.sha256 for it in outcome.landed] == [it.sha256 for it in landed(folder).values()]
        assert (
            requests
            == {
                0: ["list"],
                1: ["list", "checksum", "ETHBTC-1m-2026-03-02.zip"],
                2: ["list", "checksum"],  # as it was at first: that version is there, and counts again
            }[hours]
        )
    assert versions[0] == first[1]
    assert versions[0].sha256 == versions[2].sha256 != versions[1].sha256
    assert versions[0].retrieved_at < versions[1].retrieved_at < versions[2].retrieved_at
    assert versions[2].file.last_modified == NOW + 2 * HOUR
    assert recheck(landing, archive, date(2026, 3, 1)).progress.skipped.files == 4
    with asked(sandbox) as requests:
        recheck(landing, archive, date(2026, 3, 5))
    assert requests == []


def test_a_file_that_was_only_uploaded_again_is_not_downloaded(sandbox, archive, landing):
    span = date(2026, 3, 2), date(2026, 3, 2)
    [before] = download(landing, archive, ["ETHBTC"], *span).landed
    sandbox.spoil(Defect("revised", since=NOW + HOUR, until=NOW + 2 * HOUR))
    at(sandbox, NOW + 3 * HOUR)
    for expected in (["list", "checksum"], ["list"]):
        with asked(sandbox) as requests:
            [after] = recheck(landing, archive, span[0]).landed
        assert requests == expected
    assert after.file.last_modified == NOW + 2 * HOUR
    assert (after.sha256, after.retrieved_at) == (before.sha256, before.retrieved_at)


def test_a_download_takes_what_was_replaced(sandbox, archive, landing):
    span = date(2026, 2, 1), date(2026, 2, 2)
    [before] = download(landing, archive, ["ETHBTC"], *span).landed
    sandbox.spoil(Defect("revised", period="2026-02"))
    [after] = download(landing, archive, ["ETHBTC"], *span).landed
    assert before.sha256 != after.sha256
    assert (landing.path / before.name).is_file()


# Interrupted

RUNNER = """
# For each line of input, seconds or "": a download in a process of its own, killed after so many seconds.
import os, signal, sys, threading, time
from datetime import date
from pathlib import Path
from binance_assets.clients.archive import ArchiveClient
from binance_assets.landing import Landing
from binance_assets.landing.archive import download

url, folder = sys.argv[1:]
for line in sys.stdin:
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        with ArchiveClient(url, simulated=True) as archive:
            download(Landing(Path(folder)), archive, ["ETHBTC", "XLMTRY"], date(2026, 1, 31), date(2026, 2, 20),
                     scopes=["daily"])
        os._exit(0)
    timer = threading.Timer(float(line.strip() or 60), os.kill, (child, signal.SIGKILL))
    timer.start()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    print(os.waitstatus_to_exitcode(status), time.monotonic() - started, flush=True)
"""


def test_killed_at_any_moment_it_resumes(sandbox, archive, landing, tmp_path):
    sandbox.fail(Fault("slow", endpoint="archive/file", amount=0.1))
    whole = Landing(tmp_path / "whole")
    span = date(2026, 1, 31), date(2026, 2, 20)
    download(whole, archive, ["ETHBTC", "XLMTRY"], *span, scopes=["daily"])
    moments = random.Random(5)
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, sandbox.url, str(landing.path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        killed = 0
        for attempt in range(KILLS + 1):
            notes = list(landing.path.glob("archive/*/*/*.json"))
            complete = {f"{note.name.split('.')[0]}.zip" for note in notes}
            with asked(sandbox) as requests:
                process.stdin.write(f"{moments.uniform(0.02, 0.5) if attempt < KILLS else ''}\n")
                process.stdin.flush()
                code, _ = process.stdout.readline().split()
            assert not complete & set(requests)
            killed += code == "-9"
            for note in landing.path.glob("archive/*/*/*.json"):
                content = note.with_suffix("").read_bytes()
                assert hashlib.sha256(content).hexdigest() == json.loads(note.read_text())["sha256"]
        process.stdin.close()
    assert code == "0"
    assert killed >= 3
    assert zips(landing) == zips(whole)
    sweep([landing.path], timedelta())
    assert left_over(landing) == left_over(whole) == []


def zips(landing: Landing) -> dict[str, bytes]:
    return {path.relative_to(landing.path).as_posix(): path.read_bytes() for path in landing.path.rglob("*.zip")}


def left_over(landing: Landing) -> list[Path]:
    return [path for path in landing.path.iterdir() if path.is_file()]


# The rest of the landing folder


def test_the_collectors_files_are_not_mixed_up_with_it(archive, landing):
    download(landing, archive, ["ETHBTC"], date(2026, 3, 1), date(2026, 3, 1))
    assert landing.files_after(None) == []
    assert not landing.has("1m")
    before = zips(landing)
    sweep([landing.path], timedelta())
    assert zips(landing) == before


def test_the_sandbox_of_a_home_has_an_archive(home, landing):
    yesterday = datetime.now().date() - 2 * DAY  # noqa: DTZ005 - some day that is over
    with open_archive(load_settings(), "sandbox") as archive:
        outcome = download(landing, archive, ["ETHBTC"], yesterday, yesterday, scopes=["daily"])
    assert len(outcome.landed) == 1


def test_the_bar_says_what_is_skipped_and_refused(sandbox, archive, landing):
    span = date(2026, 3, 1), date(2026, 3, 4)
    download(landing, archive, ["ETHBTC"], span[0], span[0])
    sandbox.spoil(Defect("flipped_byte", period="2026-03-04"))
    text = StringIO()
    with download_bar(Console(file=text, force_terminal=True, width=200)) as on_progress:
        download(landing, archive, ["ETHBTC"], *span, on_progress=on_progress)
    assert "3 of 3 files, 1 were there" in text.getvalue()
    assert "1 refused" in text.getvalue()
