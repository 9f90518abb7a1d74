"""Landing: durable, whole or absent, in an order that never goes back."""

import itertools
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from binance_assets import landing as landing_module
from binance_assets.clock import Clock
from binance_assets.landing import Capture, Landing
from binance_assets_tests.pipeline import NOON, SECOND, prices_body


def capture(number: int = 0, at: datetime = NOON) -> Capture:
    return Capture("ticker/price", "live", at, prices_body({"BTCUSDT": str(number + 1)}))


def visible_files(landing: Landing) -> set[str]:
    return {path.name for path in landing.path.rglob("*") if path.is_file() and not path.name.startswith(".")}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing")


def test_a_landed_response_can_be_read_back_byte_by_byte(landing: Landing) -> None:
    landed = Capture(
        "exchangeInfo", "live", NOON, '{"symbols": ["币安人生USDT"]}'.encode(), base_url="https://x", used_weight=20
    )
    file = landing.land(landed)
    assert landing.files_after(None) == [file]
    with duckdb.connect() as duck:
        row = duck.execute(
            "select capture_id, received_at, body, used_weight, sha256(body) = sha256 from read_parquet(?)",
            [landing.absolute(file)],
        ).fetchall()
    assert row == [(landed.capture_id, NOON, landed.body, 20, True)]


def test_the_same_response_has_the_same_id_and_any_other_a_different_one() -> None:
    variants = [
        capture(),
        capture(1),
        capture(at=NOON + SECOND),
        Capture("ticker/24hr", "live", NOON, capture().body),
        Capture("ticker/price", "sandbox", NOON, capture().body),
    ]
    assert capture().capture_id == capture().capture_id
    assert len({variant.capture_id for variant in variants}) == len(variants)


def test_a_file_that_cannot_be_finished_is_never_seen(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []

    def fail(path: Path) -> None:
        seen.append(visible_files(landing))
        raise OSError("No space left on device")

    first = landing.land(capture())
    monkeypatch.setattr(landing_module, "sync", fail)
    with pytest.raises(OSError, match="No space"):
        landing.land(capture(1))
    assert seen == [{Path(first.name).name}], "the file was visible before it was whole and on disk"
    assert landing.files_after(None) == [first]
    assert {path.name for path in landing.path.iterdir()} <= {".lock", ".newest", Path(first.name).parent.name}


def test_names_grow_when_the_clock_goes_back(landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    readings = itertools.cycle([NOON, NOON, NOON - timedelta(days=1), NOON - SECOND, NOON + SECOND])

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return next(readings)

    monkeypatch.setattr(landing_module, "datetime", Clock)
    files = [landing.land(capture(number)) for number in range(10)]
    assert files == sorted(set(files))
    assert landing.files_after(None) == files
    assert all(later.landed_at > earlier.landed_at for earlier, later in itertools.pairwise(files))


@pytest.mark.parametrize("damage", ["missing", "empty"])
def test_the_order_survives_the_loss_of_the_newest_instant(landing: Landing, damage: str) -> None:
    """A power cut may leave the file of the newest instant empty; the landing files say it too."""
    first = landing.land(capture())
    newest = landing.path / ".newest"
    newest.unlink() if damage == "missing" else newest.write_text("")
    second = landing.land(capture(1))
    assert landing.files_after(None) == [first, second]


def test_files_after_gives_what_came_later_and_nothing_else(tmp_path: Path) -> None:
    instants = iter([NOON + timedelta(hours=5 * number) for number in range(8)])

    class Hours(Clock):
        def now(self) -> datetime:
            return next(instants)

    landing = Landing(tmp_path / "landing", Hours())
    files = [landing.land(capture(number)) for number in range(8)]
    assert len({file.name.partition("/")[0] for file in files}) > 1, "the test should cross midnight"
    for position, file in enumerate(files):
        assert landing.files_after(file.name) == files[position + 1 :]


def test_two_processes_land_at_once_and_the_order_holds(landing: Landing) -> None:
    script = (
        "import sys; from pathlib import Path; from binance_assets.landing import Landing\n"
        "from binance_assets_tests.test_landing import capture\n"
        "landing = Landing(Path(sys.argv[1]))\n"
        "for n in range(20): print(landing.land(capture(int(sys.argv[2]) + n)).name)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, landing.path, start], stdout=subprocess.PIPE, text=True)
        for start in ("0", "100")
    ]
    printed = [writer.communicate()[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    for names in printed:
        assert len(names) == 20
        assert names == sorted(names), "a later call got an earlier name"
    assert [file.name for file in landing.files_after(None)] == sorted(printed[0] + printed[1])


def test_the_same_table_of_observations_lands_once(landing: Landing, tmp_path: Path) -> None:
    table = tmp_path / "prices.csv"
    table.write_text("Symbol,Price,Retrieval_Timestamp\nBTCUSDT,1,2024-03-01T12:00:00Z\n", encoding="utf-8")
    file = landing.land_observations(table)
    assert file is not None
    assert file.is_observations
    assert (landing.path / file.name).read_bytes() == table.read_bytes()
    assert landing.land_observations(table) is None
