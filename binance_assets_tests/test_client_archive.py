"""The client of the archive, against the sandbox's and against one that serves recordings."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import requests

from binance_assets.clients import (
    BadRequest,
    BadResponse,
    ExchangeServerError,
    ExchangeUnreachable,
    Forbidden,
    RateLimited,
    RestrictedLocation,
    WrongExchange,
)
from binance_assets.clients.archive import (
    ARCHIVE_LIMITS,
    ArchiveClient,
    ArchiveFile,
    ChecksumMismatch,
    NotInArchive,
    checked_symbol,
)
from binance_assets.clients.binance import EPOCH
from binance_assets.sandbox import Fault, Sandbox, archive
from binance_assets.sandbox.archive_defects import Defect
from binance_assets_tests.archive_server import FolderArchive
from binance_assets_tests.pipeline import ROOT
from binance_assets_tests.simulated import SimulatedClock

RECORDINGS = Path(os.environ.get("BINANCE_RECORDINGS") or ROOT.parent / "shared" / "recordings") / "klines"
NOW = datetime.fromisoformat("2026-03-05T12:00:00")
DAY = date(2025, 5, 6)

Save = Callable[[], Path]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(clock=lambda: (NOW - EPOCH) // timedelta(milliseconds=1)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    running.clear_faults()
    running.clear_defects()


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[ArchiveClient]:
    """A client for which pauses take no time."""
    with ArchiveClient(sandbox.url, simulated=True, clock=SimulatedClock()) as client:
        yield client


@pytest.fixture
def file(client: ArchiveClient) -> ArchiveFile:
    return client.files("ETHBTC", "daily", DAY, DAY)[0]


@pytest.fixture
def save(client: ArchiveClient, file: ArchiveFile, tmp_path: Path) -> Save:
    """Downloads a day, and gives where it is."""

    def run() -> Path:
        client.download(file, tmp_path / "saved", client.checksum(file))
        return tmp_path / "saved"

    return run


def asked(sandbox: Sandbox, start: int) -> list[tuple[str, int]]:
    return [(it.endpoint.removeprefix("archive/"), it.status) for it in sandbox.requests[start:]]


# Lists


def test_lists_the_files_of_a_span(client):
    months = client.files("ETHBTC", "monthly", date(2025, 11, 1), date(2026, 3, 4))
    assert [it.name for it in months] == [
        f"ETHBTC-1m-{month}.zip" for month in ("2025-11", "2025-12", "2026-01", "2026-02")
    ]
    assert [(it.first, it.last) for it in months][-1] == (date(2026, 2, 1), date(2026, 2, 28))
    days = client.files("币安人生USDT", "daily", date(2026, 2, 27), date(2026, 3, 9))
    assert [it.first.day for it in days] == [27, 28, 1, 2, 3, 4]
    assert days[0].key == "data/spot/daily/klines/币安人生USDT/1m/币安人生USDT-1m-2026-02-27.zip"
    assert days[0].last_modified == datetime.fromisoformat("2026-02-28T05:00:00")


def test_goes_on_until_the_listing_ends(client, sandbox, monkeypatch):
    monkeypatch.setattr(archive, "MOST_KEYS", 3)
    start = len(sandbox.requests)
    days = client.files("ETHBTC", "daily", date(2026, 2, 20), date(2026, 3, 1))
    assert [it.first for it in days] == [date(2026, 2, 20) + timedelta(days=day) for day in range(10)]
    assert asked(sandbox, start) == [("list", 200)] * 7


@pytest.mark.parametrize("symbol", ["../x", "..", "A/B", "btcusdt", "", "A" * 51, "A B", "A?B", "A\n"])
def test_a_symbol_is_no_path(symbol):
    with pytest.raises(ValueError, match="no symbol"):
        checked_symbol(symbol)


@pytest.mark.parametrize("url", ["data.binance.vision", "ftp://x", "https://user:word@x", "https://x/?a=b"])
def test_an_address_that_is_none(url):
    with pytest.raises(ValueError, match="no address of an archive"):
        ArchiveClient(url)


# Downloads


def test_saves_a_file_as_it_is(client, save, file, sandbox, tmp_path):
    content = requests.get(f"{sandbox.url}/{file.key}", timeout=10).content
    assert save().read_bytes() == content
    download = client.download(file, tmp_path / "again", client.checksum(file))
    assert download.checksum.sha256 == hashlib.sha256(content).hexdigest()
    assert (download.size, download.last_modified, download.etag) == (file.size, file.last_modified, file.etag)


@pytest.mark.parametrize("kind", ["checksum_mismatch", "flipped_byte", "truncated_zip"])
def test_a_mismatch_is_tried_once_more_and_named(save, file, sandbox, kind):
    sandbox.spoil(Defect(kind))
    start = len(sandbox.requests)
    with pytest.raises(ChecksumMismatch) as caught:
        save()
    assert asked(sandbox, start) == [("checksum", 200), ("file", 200)] * 2
    bad = requests.get(f"{sandbox.url}/{file.key}", timeout=10).content
    error = caught.value
    assert error.actual == hashlib.sha256(bad).hexdigest() != error.expected
    for part in (file.name, error.actual, error.expected, "What to do", "daily files"):
        assert part in str(error)


@pytest.mark.parametrize("kind", ["checksum_mismatch", "flipped_byte", "truncated_zip"])
def test_a_mismatch_that_passes(save, file, sandbox, kind):
    sandbox.spoil(Defect(kind, count=1))
    assert len(save().read_bytes()) == file.size


def test_a_file_that_is_replaced_while_it_is_downloaded(client, file, sandbox, tmp_path):
    checksum = client.checksum(file)
    sandbox.spoil(Defect("revised"))
    download = client.download(file, tmp_path / "saved", checksum)
    assert download.checksum.sha256 == hashlib.sha256((tmp_path / "saved").read_bytes()).hexdigest() != checksum.sha256


@pytest.mark.parametrize(
    ("fault", "error", "attempts"),
    [
        (Fault("403"), Forbidden, 1),
        (Fault("451"), RestrictedLocation, 1),
        (Fault("redirect"), BadResponse, 5),
        (Fault("503"), ExchangeServerError, 5),
        (Fault("504"), ExchangeServerError, 5),
        (Fault("429", retry_after=7), RateLimited, 5),
        (Fault("cut"), BadResponse, 5),
        (Fault("cut_chunked"), BadResponse, 5),
    ],
)
@pytest.mark.parametrize("endpoint", ["file", "checksum", "list"])
def test_faults_of_the_transport(client, save, sandbox, fault, error, attempts, endpoint):
    def ask() -> object:
        return client.files("ETHBTC", "daily", DAY, DAY) if endpoint == "list" else save()

    start = len(sandbox.requests)
    sandbox.fail(replace(fault, endpoint=f"archive/{endpoint}"))
    with pytest.raises(error, match="What to do"):
        ask()
    assert len([it for it, _ in asked(sandbox, start) if it == endpoint]) == attempts
    sandbox.clear_faults()
    if attempts > 1:
        sandbox.fail(replace(fault, endpoint=f"archive/{endpoint}", count=attempts - 1))
        assert ask()


def test_a_restricted_location_names_the_setting(save, sandbox):
    sandbox.fail(Fault("451"))
    with pytest.raises(RestrictedLocation, match="BINANCE_ARCHIVE_URL"):
        save()


def test_what_is_not_there_is_asked_for_once(client, save, file, sandbox):
    sandbox.spoil(Defect("not_uploaded"))
    start = len(sandbox.requests)
    with pytest.raises(NotInArchive, match=re.escape(file.name)):
        save()
    assert asked(sandbox, start) == [("checksum", 404)]
    assert client.files("ETHBTC", "daily", DAY, DAY) == []


@pytest.mark.parametrize("kind", ["html", "empty", "error_object"])
@pytest.mark.parametrize("endpoint", ["checksum", "list"])
def test_something_else_than_a_checksum_or_a_listing(client, save, sandbox, kind, endpoint):
    sandbox.fail(Fault(kind, endpoint=f"archive/{endpoint}"))
    with pytest.raises(BadResponse):
        client.files("ETHBTC", "daily", DAY, DAY) if endpoint == "list" else save()


def test_a_drip_without_end(sandbox, file, tmp_path):
    limits = replace(ARCHIVE_LIMITS, deadline=0.5)
    sandbox.fail(Fault("slow", endpoint="archive/file", amount=60))
    with (
        ArchiveClient(sandbox.url, simulated=True, limits=limits, attempts=1) as client,
        pytest.raises(BadResponse, match=re.escape("not complete after 0.5 s")),
    ):
        client.download(file, tmp_path / "saved", client.checksum(file))


def test_more_than_a_file_may_have(sandbox, file, tmp_path):
    limits = replace(ARCHIVE_LIMITS, max_wire_bytes=10_000)
    with (
        ArchiveClient(sandbox.url, simulated=True, limits=limits, attempts=1) as client,
        pytest.raises(BadResponse, match="larger than 10,000 bytes"),
    ):
        client.download(file, tmp_path / "saved", client.checksum(file))
    assert (tmp_path / "saved").stat().st_size <= 10_000


def test_nobody_there(tmp_path, file):
    nobody = ArchiveClient("http://127.0.0.1:9", simulated=True, clock=SimulatedClock())
    with nobody as client, pytest.raises(ExchangeUnreachable, match="refused"):
        client.checksum(file)


def test_a_full_disk_is_no_fault_of_the_archive(client, file, sandbox):
    start = len(sandbox.requests)
    with pytest.raises(OSError, match="No space left"):
        client.download(file, Path("/dev/full"), client.checksum(file))
    assert asked(sandbox, start) == [("checksum", 200), ("file", 200)]


def test_simulated_and_real_never_mix(sandbox, file, tmp_path):
    with ArchiveClient(sandbox.url) as client, pytest.raises(WrongExchange, match="a sandbox answers"):
        client.checksum(file)
    with (
        FolderArchive(tmp_path) as real,
        ArchiveClient(real.url, simulated=True) as client,
        pytest.raises(WrongExchange, match="not the sandbox"),
    ):
        client.files("ETHBTC", "daily", DAY, DAY)


def test_a_copy_without_a_listing(tmp_path):
    with (
        FolderArchive(tmp_path) as real,
        ArchiveClient(f"{real.url}/copy") as client,
        pytest.raises(BadRequest, match="BINANCE_ARCHIVE_URL has to list"),
    ):
        client.files("ETHBTC", "daily", DAY, DAY)


# Recordings


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"there are no recordings in {RECORDINGS}")
def test_recorded_files_verify_and_a_truncated_one_is_refused(tmp_path):
    recorded = sorted(RECORDINGS.glob("*.zip"))
    truncated = RECORDINGS.parent / "trades" / "BTCUSDT-trades-2019-04.truncated.zip"
    with FolderArchive(tmp_path / "archive") as real, ArchiveClient(real.url) as client:
        for path in recorded:
            told = path.with_name(f"{path.name}.CHECKSUM").read_text()
            real.put("BTCUSDT", "daily", path.name[-14:-4], path.read_bytes(), told.split()[0])
        real.put("BTCUSDT", "daily", "2020-01-04", truncated.read_bytes(), told.split()[0])
        *good, bad = client.files("BTCUSDT", "daily", date(2020, 1, 1), date(2020, 1, 4))
        for file, path in zip(good, recorded, strict=True):
            client.download(file, tmp_path / "saved", client.checksum(file))
            assert (tmp_path / "saved").read_bytes() == path.read_bytes()
        with pytest.raises(ChecksumMismatch, match="2020-01-04"):
            client.download(bad, tmp_path / "saved", client.checksum(bad))
