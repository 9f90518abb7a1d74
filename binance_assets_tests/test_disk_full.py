"""A disk that is full: everybody is told so, nothing is lost, and all goes on by itself when there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from binance_assets import lake
from binance_assets.export.publish import publish
from binance_assets.home import Home
from binance_assets.landing import Capture
from binance_assets_tests.driven import Driven, Sample, wait_until
from binance_assets_tests.pipeline import HOUR, MINUTE, SECOND, Pipeline
from binance_assets_tests.pipeline import NOON as MARCH
from binance_assets_tests.simulated import NOON, SimulatedClock
from binance_assets_tests.small_market import SmallSandbox
from binance_assets_tests.test_crash import landed_observations, stored_observations

SIZE = "48m"


class Disk:
    """A small disk, which can be filled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Fill it, but for so many KiB."""
        with self._ballast.open("wb", buffering=0) as ballast:
            os.posix_fallocate(ballast.fileno(), 0, self.free - leave * 1024)

    def make_room(self) -> None:
        self._ballast.unlink()

    @property
    def free(self) -> int:
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize

    @contextmanager
    def full(self, leave: int = 0) -> Iterator[None]:
        self.fill(leave)
        try:
            yield
        finally:
            self.make_room()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root, on Linux, outside of most containers")
    yield Disk(path)
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def home(home: Home, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with its store and the request weights on that disk."""
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setattr(Home, "weights", disk.path / "weights.sqlite")
    home.path.mkdir()
    (disk.path / "sandbox").mkdir()
    (home.path / "sandbox").symlink_to(disk.path / "sandbox")
    return home


LEFT = (0, 4, 32, 160, 400, 900)
"""KiB that are left on the full disk, one after the other: for nothing, a landing file, a transaction, a checkpoint."""


def test_collecting_goes_on_and_everything_is_landed_and_closed_when_there_is_room(
    home: Home, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for three minutes of each five."""
    monkeypatch.setattr("binance_assets.collector.minutes.RETRY_SECONDS", 0.05)
    clock = SimulatedClock(NOON, request_seconds=0.05)
    pipeline = Pipeline(home.store("sandbox").path, "sandbox")
    until = NOON + 5 * len(LEFT) * MINUTE + MINUTE
    with SmallSandbox(clock.exchange_ms) as exchange:
        monkeypatch.setenv("BINANCE_API_URL", exchange.url)
        driven = Driven(home, clock)

        def fill_and_make_room(sample: Sample) -> None:
            assert sample.due_at
            number, passed = divmod(sample.due_at - NOON, 5 * MINUTE)
            if number < len(LEFT) and passed == 80 * SECOND:
                disk.fill(LEFT[number])
                driven.in_step = False
                driven.trouble.clear()
            if number < len(LEFT) and passed == 260 * SECOND:
                disk.make_room()
                driven.in_step = True
            if number < len(LEFT) and LEFT[number] == 0 and passed == 240 * SECOND:
                wait_until(lambda: driven.trouble)
                assert "No space left on device" in driven.trouble[0]
                assert "It is tried again until it succeeds; nothing is lost meanwhile." in driven.trouble[0]

        driven.before_next = fill_and_make_room
        driven.collect(until)

    assert all(isinstance(sample, Capture) for sample in driven.samples)
    assert [sample.due_at for sample in driven.samples] == [
        NOON + number * 10 * SECOND for number in range(1, (until - NOON) // (10 * SECOND) + 1)
    ]
    assert [minute.minute_utc for minute in driven.minutes] == [
        NOON + number * MINUTE for number in range((until - NOON) // MINUTE)
    ]
    landed = landed_observations(pipeline)
    assert set(landed.values()) == {1}
    assert len({at for _, at, _ in landed}) == len(driven.samples)
    assert stored_observations(pipeline) == landed
    pipeline.update()
    assert pipeline.rows("select * from mart.gap") == []
    assert pipeline.rows(
        "select distinct coverage from mart.fact_price_minute where minute_utc > $first", first=NOON
    ) == [(1.0,)]
    before = pipeline.tables()
    pipeline.rebuild()
    assert pipeline.tables() == before


@pytest.fixture
def pipeline(home: Home) -> Pipeline:
    """A day that can be sealed, and some of the next."""
    pipeline = Pipeline(home.store("sandbox").path, "sandbox")
    pipeline.land_info(at=MARCH - HOUR)
    prices = ({"BTCUSDT": f"{60000 + number}.5", "ETHBTC": "0.05"} for number in range(38))
    pipeline.landing.land_minute([pipeline.sampled(it, MARCH + number * HOUR) for number, it in enumerate(prices)])
    pipeline.update()
    return pipeline


@pytest.mark.parametrize("leave", [0, 32])
def test_sealing_leaves_the_day_open_and_succeeds_later(disk: Disk, pipeline: Pipeline, leave: int) -> None:
    before = pipeline.tables()
    with pipeline.warehouse.connect() as connection:
        day = lake.sealable_days(connection)[0]
    with disk.full(leave), pytest.raises((OSError, duckdb.Error), match="No space left on device"):
        lake.seal(pipeline.warehouse, day)
    assert list(pipeline.warehouse.lake.glob(".*")) == []
    assert pipeline.tables() == before
    assert pipeline.rows("select count(*) from meta.sealed_partition") == [(0,)]
    assert lake.seal(pipeline.warehouse, day)
    assert pipeline.tables() == before


@pytest.mark.parametrize("leave", [0, 32])
def test_an_export_that_finds_no_room_leaves_the_last_one(
    home: Home, disk: Disk, pipeline: Pipeline, leave: int
) -> None:
    store = home.store("sandbox")
    publish(store)
    before = {path.name: path.read_bytes() for path in store.export.iterdir() if path.is_file()}
    pipeline.land_prices({"BTCUSDT": "1.0", "ETHBTC": "0.05"}, MARCH + 40 * HOUR)
    pipeline.update()
    with disk.full(leave), pytest.raises((OSError, duckdb.Error), match="No space left on device"):
        publish(store)
    assert {path.name: path.read_bytes() for path in store.export.iterdir() if path.is_file()} == before
    publish(store)
    assert (store.export / "fact_price.parquet").read_bytes() != before["fact_price.parquet"]


@pytest.mark.parametrize("leave", [0, 300, 1500])
def test_the_warehouse_keeps_what_was_committed_before_the_disk_was_full(
    disk: Disk, pipeline: Pipeline, leave: int
) -> None:
    """Whether it is full in a transaction, at a commit or at a checkpoint."""
    committed = 0
    with disk.full(leave), pytest.raises(duckdb.Error, match="No space left on device"):  # noqa: PT012 - any of them
        for number in range(1000):
            with pipeline.warehouse.transaction() as connection:
                connection.duck.execute("create table if not exists main.some (number integer, noise varchar)")
                connection.duck.execute(
                    "insert into main.some select $number, uuid()::varchar from range(2000)", {"number": number}
                )
            committed += 1
    [(count, numbers)] = (
        pipeline.rows("select count(*), count(distinct number) from main.some") if committed else [(0, 0)]
    )
    assert committed <= numbers <= committed + 1, "one may be committed although its checkpoint failed"
    assert count == 2000 * numbers
    pipeline.land_prices({"BTCUSDT": "1.0", "ETHBTC": "0.05"}, MARCH + 40 * HOUR)
    pipeline.update()
    assert stored_observations(pipeline) == landed_observations(pipeline)
