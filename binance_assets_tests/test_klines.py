"""Zips of the archive: what is right in them is stored digit for digit, and everything that is not is named."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import os
import random
import re
import shutil
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from binance_assets.archive import months
from binance_assets.archive.zips import LARGEST_CSV, DamagedLanding
from binance_assets_tests.klines import DAY, HEADER, ArchiveStore, Candle, candles, flipped, rows_of, text_of, zipped
from binance_assets_tests.pipeline import HOUR, MINUTE, ROOT, described

RECORDINGS = Path(os.environ.get("BINANCE_RECORDINGS") or ROOT.parent / "shared" / "recordings")

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"there are no recordings in {RECORDINGS}; BINANCE_RECORDINGS says where they are"
)

BTC, ETH, NEAR = (described(f"{base}USDT", base, "USDT") for base in ("BTC", "ETH", "NEAR"))
FIRST = datetime(2024, 3, 1)  # noqa: DTZ001 - naive UTC
PERIOD = "2024-03-01"


@pytest.fixture(scope="module")
def described_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = ArchiveStore(tmp_path_factory.mktemp("described") / "live")
    store.describe(BTC, ETH, NEAR)
    return store.store.path


@pytest.fixture
def store(described_store: Path, tmp_path: Path) -> ArchiveStore:
    return copied(described_store, tmp_path / "live")


def copied(described_store: Path, path: Path) -> ArchiveStore:
    shutil.copytree(described_store, path)
    return ArchiveStore(path)


def recorded(name: str) -> bytes:
    content = (RECORDINGS / name).read_bytes()
    return gzip.decompress(content) if name.endswith(".gz") else content


def as_recorded(text: bytes) -> list[tuple[Any, ...]]:
    """The candles of a spot file, by nothing but Python."""
    read = []
    for row in csv.reader(io.StringIO(text.decode())):
        time = int(row[0])
        at = datetime(1970, 1, 1) + timedelta(microseconds=time if time >= 10**14 else time * 1000)  # noqa: DTZ001
        read.append((at, *map(Decimal, row[1:6]), Decimal(row[7]), int(row[8]), *map(Decimal, row[9:11])))
    return read


@needs_recordings
def test_recorded_zips_are_stored_digit_for_digit(store: ArchiveStore) -> None:
    days = ("2020-01-01", "2020-01-02", "2020-01-03")
    texts = []
    for day in days:
        content = recorded(f"klines/BTCUSDT-1m-{day}.zip")
        checksum = recorded(f"klines/BTCUSDT-1m-{day}.zip.CHECKSUM").decode().split()[0]
        store.land_zip("BTCUSDT", day, content, sha256=checksum)
        texts.append(_only_member(content))
    [month] = store.load_archive()
    assert (month.candles, month.refused, month.defects) == (4320, 0, 0)
    assert store.stored("BTCUSDT") == [row for text in texts for row in as_recorded(text)]


@needs_recordings
def test_the_switch_to_microseconds_leaves_no_gap(store: ArchiveStore) -> None:
    days = ("2024-12-31", "2025-01-01")
    texts = [recorded(f"klines/BTCUSDT-1m-{day}.csv") for day in days]
    for day, text in zip(days, texts, strict=True):
        store.land_text("BTCUSDT", day, text)
    store.load_archive()
    stored = store.stored("BTCUSDT")
    assert stored == [row for text in texts for row in as_recorded(text)]
    assert [later[0] - row[0] for row, later in itertools.pairwise(stored)] == [MINUTE] * (2 * 1440 - 1)
    assert store.defects() == []


@needs_recordings
def test_a_recorded_outage_is_one_span(store: ArchiveStore) -> None:
    for day in ("2018-02-08", "2018-02-09"):
        store.land_text("BTCUSDT", day, recorded(f"klines/BTCUSDT-1m-{day}.csv"))
    store.load_archive()
    absent = store.rows("archive/absent_minutes.sql", month="2018-02")
    outage = (datetime(2018, 2, 8, 0, 29), datetime(2018, 2, 9, 10))  # noqa: DTZ001
    assert absent == [(None, *outage, 2011, 1)]
    assert [(kind, line, count) for kind, line, *_, count in store.defects()] == [
        ("closes_early", 29, 1),
        ("cut_end", None, 1411),
        ("late_start", None, 600),
    ]


@needs_recordings
def test_recorded_damage_and_futures_are_refused(store: ArchiveStore) -> None:
    whole = recorded("klines/BTCUSDT-1m-2020-01-01.zip")
    checksum = recorded("klines/BTCUSDT-1m-2020-01-01.zip.CHECKSUM").decode().split()[0]
    damaged = flipped(whole, len(whole) // 2)
    store.land_zip("BTCUSDT", "2020-01-01", damaged, sha256=checksum)
    store.land_zip("BTCUSDT", "2020-01-01", damaged)
    store.land_zip("BTCUSDT", "2019-04", recorded("trades/BTCUSDT-trades-2019-04.truncated.zip"))
    store.land_text("NEARUSDT", "2025-02", recorded("klines/usdm_futures_NEARUSDT-1m-2025-02.csv.gz"))
    assert [month.candles for month in store.load_archive()] == [0, 0, 0]
    assert set(store.states().values()) == {"refused"}
    assert sorted(found[0] for found in store.defects()) == ["checksum", "futures", "not_a_zip", "not_a_zip"]
    assert store.rows("from raw.kline") == []


def _only_member(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(archive.namelist()[0])


def test_minutes_without_trades_are_candles(store: ArchiveStore) -> None:
    rows = [Candle(FIRST + n * MINUTE, 3, trades=n % 2) for n in range(1440)]
    store.land_candles("BTCUSDT", PERIOD, rows)
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(rows)
    assert store.defects() == []


def minute(number: int) -> datetime:
    return FIRST + number * MINUTE


DAY_ROWS = candles(FIRST)


def changed(line: int, **fields: object) -> list[Candle | str]:
    """The day with some fields of a line (counted from 1) changed."""
    return [*DAY_ROWS[: line - 1], DAY_ROWS[line - 1].line(**fields), *DAY_ROWS[line:]]


ABSENT_700 = ("absent", None, None, minute(699), minute(700), 1)


@pytest.mark.parametrize(
    ("rows", "missing", "found"),
    [
        pytest.param(
            [*DAY_ROWS[:699], *DAY_ROWS[704:]],
            range(699, 704),
            [("absent", None, None, minute(699), minute(704), 5)],
            id="absent minutes",
        ),
        pytest.param(
            DAY_ROWS[:1000], range(1000, 1440), [("cut_end", None, None, minute(1000), minute(1440), 440)], id="cut end"
        ),
        pytest.param(
            DAY_ROWS[10:], range(10), [("late_start", None, None, minute(0), minute(10), 10)], id="late start"
        ),
        pytest.param(
            [*DAY_ROWS[:699], *DAY_ROWS[699:702] * 3, *DAY_ROWS[702:]],
            [],
            [("repeated", 703, 708, minute(699), minute(702), 6)],
            id="rows three times",
        ),
        pytest.param(
            [*DAY_ROWS[:699], *reversed(DAY_ROWS[699:702]), *DAY_ROWS[702:]],
            [],
            [("out_of_order", 701, 702, minute(699), minute(701), 2)],
            id="rows backwards",
        ),
        pytest.param(
            [*DAY_ROWS[:700], Candle(minute(699), 5), *DAY_ROWS[700:]],
            [699],
            [("contradicting", 700, 701, minute(699), minute(700), 2), ABSENT_700],
            id="two candles of a minute",
        ),
        pytest.param(
            [*DAY_ROWS[:699], DAY_ROWS[699].line()[:50] + DAY_ROWS[700].line(), *DAY_ROWS[701:]],
            [699, 700],
            [
                ("wrong_columns", 700, 700, minute(699), minute(700), 1),
                ("absent", None, None, minute(699), minute(701), 2),
            ],
            id="merged lines",
        ),
        pytest.param(
            [*DAY_ROWS[:699], DAY_ROWS[699].line()[:50], *DAY_ROWS[700:]],
            [699],
            [("wrong_columns", 700, 700, minute(699), minute(700), 1), ABSENT_700],
            id="half a line",
        ),
        pytest.param([HEADER, *DAY_ROWS], [], [("header", 1, 1, None, None, 1)], id="header"),
        pytest.param(
            [*DAY_ROWS, Candle(FIRST + DAY)],
            [],
            [("outside_span", 1441, 1441, minute(1440), minute(1441), 1)],
            id="candle of the next day, not over",
        ),
        *(
            pytest.param(
                changed(700, **fields),
                [699],
                [(kind, 700, 700, *((minute(699), minute(700)) if has_time else (None, None)), 1), ABSENT_700],
                id=f"{kind}: {fields}",
            )
            for kind, has_time, fields in (
                ("high_below_low", True, {"high": "100.00000000", "low": "120.00000000"}),
                ("negative", True, {"volume": "-1.00000000"}),
                ("negative", True, {"taker_quote": "-1.00000000"}),
                ("negative", True, {"low": "0.00000000"}),
                ("negative", True, {"trades": "-3"}),
                ("volume_without_trades", True, {"volume": "0.00000000"}),
                ("volume_without_trades", True, {"trades": "0"}),
                ("not_exact", True, {"high": "190.123456789"}),
                ("not_exact", True, {"high": "12345678901.00000000"}),
                ("malformed", True, {"close": "1e2"}),
                ("malformed", True, {"close": ""}),
                ("malformed", True, {"volume": " 1.00000000"}),
                ("malformed", True, {"trades": "1_000"}),
                ("malformed", True, {"quote_volume": "NaN"}),
                ("wrong_columns", True, {"ignored": "0,0"}),
            )
        ),
        pytest.param(
            changed(700, closed="1709293154788"),
            [],
            [("closes_early", 700, 700, minute(699), minute(700), 1)],
            id="closes early",
        ),
        pytest.param(
            changed(700, closed="1709293200000"),
            [699],
            [("not_a_minute", 700, 700, minute(699), minute(700), 1), ABSENT_700],
            id="closes late",
        ),
        pytest.param(
            changed(700, opened="1709293140001"),
            [699],
            [
                (
                    "not_a_minute",
                    700,
                    700,
                    minute(699) + timedelta(milliseconds=1),
                    minute(700) + timedelta(milliseconds=1),
                    1,
                ),
                ABSENT_700,
            ],
            id="opens late",
        ),
        pytest.param(
            changed(700, opened="1709293140"),
            [699],
            [("wrong_unit", 700, 700, None, None, 1), ABSENT_700],
            id="in seconds",
        ),
    ],
)
def test_a_defect_is_named_by_line_or_span_and_the_rest_is_stored(
    store: ArchiveStore, rows: list[Candle | str], missing: list[int], found: list[tuple[Any, ...]]
) -> None:
    store.land_candles("BTCUSDT", PERIOD, rows)
    store.load_archive()
    assert store.defects() == found
    assert store.stored("BTCUSDT") == rows_of([it for n, it in enumerate(DAY_ROWS) if n not in set(missing)])
    assert store.states() == {f"BTCUSDT-1m-{PERIOD}": "loaded"}


MEMBER = f"BTCUSDT-1m-{PERIOD}.csv"
ONE_DAY = text_of(DAY_ROWS)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b"", "not_a_zip", id="nothing"),
        pytest.param(b"<html>403</html>", "not_a_zip", id="a page"),
        pytest.param(zipped({MEMBER: ONE_DAY})[:5000], "not_a_zip", id="cut"),
        pytest.param(flipped(zipped({MEMBER: ONE_DAY}), 5000), "not_a_zip", id="flipped inside"),
        pytest.param(flipped(zipped({MEMBER: ONE_DAY}), 2), "not_a_zip", id="no header of the member"),
        pytest.param(zipped({MEMBER: ONE_DAY, "README.txt": b""}), "members", id="two members"),
        pytest.param(zipped({"../../evil.csv": ONE_DAY}), "members", id="another name"),
        pytest.param(zipped({}), "members", id="no member"),
        pytest.param(zipped({MEMBER: bytes(LARGEST_CSV + 1)}), "too_large", id="bomb"),
        pytest.param(zipped({MEMBER: b""}), "empty", id="empty"),
        pytest.param(zipped({MEMBER: f"{HEADER}\n".encode()}), "empty", id="nothing but a header"),
        pytest.param(zipped({MEMBER: b"\x00\xff\n" * 3}), "wrong_columns", id="bytes"),
        pytest.param(zipped({MEMBER: ONE_DAY.replace(b",0\n", b",0,0\n")}), "wrong_columns", id="13 columns"),
        pytest.param(zipped({MEMBER: ONE_DAY.replace(b"000,", b",")}), "futures", id="fewer decimals"),
        pytest.param(
            zipped({MEMBER: text_of(it.line(unit=timedelta(microseconds=1)) for it in DAY_ROWS)}),
            "wrong_unit",
            id="microseconds in 2024",
        ),
        pytest.param(zipped({MEMBER: text_of(candles(FIRST + DAY))}), "outside_span", id="another day"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused_with_one_reason(
    store: ArchiveStore, content: bytes, kind: str
) -> None:
    store.land_zip("BTCUSDT", PERIOD, content)
    [month] = store.load_archive()
    assert (month.files, month.refused, month.defects, month.candles) == (1, 1, 1, 0)
    assert [found[0] for found in store.defects()] == [kind]
    assert store.rows("from raw.kline") == []
    assert store.load_archive() == []


@pytest.mark.parametrize("header", [[], [HEADER]], ids=["no header", "header"])
def test_milliseconds_after_the_switch_are_refused(store: ArchiveStore, header: list[str]) -> None:
    rows = [*header, *(it.line(unit=timedelta(milliseconds=1)) for it in candles(datetime(2025, 6, 1)))]  # noqa: DTZ001
    store.land_candles("BTCUSDT", "2025-06-01", rows)
    store.load_archive()
    assert [found[0] for found in store.defects()] == ["futures" if header else "wrong_unit"]
    assert store.rows("from raw.kline") == []


def test_a_flipped_byte_is_refused_by_the_checksum_and_without_one_by_the_crc(store: ArchiveStore) -> None:
    content = bytearray(zipped({MEMBER: ONE_DAY}))
    right = bytes(content)
    content[len(content) // 2] ^= 4
    store.land_zip("BTCUSDT", PERIOD, bytes(content))
    store.land_zip("ETHUSDT", PERIOD, bytes(content), sha256=hashlib.sha256(right).hexdigest())
    store.load_archive()
    assert sorted(found[0] for found in store.defects()) == ["checksum", "not_a_zip"]
    assert store.rows("from raw.kline") == []


def test_symbols_without_metadata_wait(store: ArchiveStore) -> None:
    store.land_candles("NEWUSDT", PERIOD, DAY_ROWS)
    assert store.load_archive() == []
    assert store.states() == {f"NEWUSDT-1m-{PERIOD}": "waiting"}
    assert store.load_archive() == []
    store.describe(BTC, ETH, NEAR, described("NEWUSDT", "NEW", "USDT"))
    assert [month.candles for month in store.load_archive()] == [1440]
    assert store.states() == {f"NEWUSDT-1m-{PERIOD}": "loaded"}


def test_a_monthly_file_replaces_daily_ones_and_differences_are_told(store: ArchiveStore) -> None:
    daily = [*DAY_ROWS[:1000], Candle(minute(1000), 8), *DAY_ROWS[1001:]]
    store.land_candles("BTCUSDT", PERIOD, daily)
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(daily)
    monthly = [*DAY_ROWS[:500], *DAY_ROWS[505:]]
    store.land_candles("BTCUSDT", "2024-03", monthly)
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(DAY_ROWS)
    sources = store.rows(
        "select archive_file.scope, count(*), min(kline.open_at), max(kline.open_at) from raw.kline "
        "inner join raw.archive_file using (file_key) group by 1 order by 1"
    )
    assert sources == [
        ("daily", 5, minute(500), minute(504)),
        ("monthly", 1435, minute(0), minute(1439)),
    ]
    [(count, first, detail)] = store.rows(
        "select affected_count, from_utc, detail from raw.archive_defect where kind = 'monthly_differs_from_daily'"
    )
    assert (count, first) == (6, minute(500))
    assert detail.startswith("1 minutes with other values, 5 only in the daily file, 0 only in the monthly one; ")


def test_of_the_versions_of_a_file_the_newest_that_can_be_used_counts(store: ArchiveStore) -> None:
    revised = [Candle(it.at, it.number + 1) for it in DAY_ROWS]
    store.land_candles("BTCUSDT", PERIOD, revised, retrieved_at="2026-03-01")
    store.load_archive()
    store.land_candles("BTCUSDT", PERIOD, DAY_ROWS, retrieved_at="2026-02-01")
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(revised)
    store.land_zip("BTCUSDT", PERIOD, b"no zip", retrieved_at="2026-05-01")
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(revised)
    last = DAY_ROWS[:700]
    store.land_candles("BTCUSDT", PERIOD, last, retrieved_at="2026-04-01")
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(last)
    states = store.rows("select state, count(*) from raw.archive_file group by 1 order by 1")
    assert states == [("loaded", 1), ("refused", 1), ("superseded", 2)]


def test_a_version_that_the_archive_has_gone_back_to_counts_again(store: ArchiveStore) -> None:
    revised = [Candle(it.at, it.number + 1) for it in DAY_ROWS]
    store.land_candles("BTCUSDT", PERIOD, DAY_ROWS, retrieved_at="2026-02-01")
    store.land_candles("BTCUSDT", PERIOD, revised, retrieved_at="2026-03-01")
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(revised)
    store.land_candles("BTCUSDT", PERIOD, DAY_ROWS, retrieved_at="2026-04-01")
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(DAY_ROWS)
    assert store.load_archive() == []


def test_a_file_that_is_landed_again_as_it_was_doubles_nothing(store: ArchiveStore) -> None:
    store.land_candles("BTCUSDT", PERIOD, DAY_ROWS, retrieved_at="2026-02-01")
    store.load_archive()
    store.land_candles("BTCUSDT", PERIOD, DAY_ROWS, retrieved_at="2026-04-01")
    store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(DAY_ROWS)
    assert store.rows("select count(*) from raw.kline") == [(len(DAY_ROWS),)]


def test_what_a_killed_load_has_left_goes_with_the_next_one(store: ArchiveStore) -> None:
    left = store.warehouse.lake / "kline" / f".{'0' * 32}"
    left.mkdir(parents=True)
    (left / "month.parquet").write_bytes(b"half")
    store.land_candles("BTCUSDT", PERIOD, DAY_ROWS)
    store.load_archive()
    assert [path.name for path in left.parent.iterdir()] == ["month=2024-03"]


def test_candles_from_the_api_fill_what_the_files_lack(store: ArchiveStore) -> None:
    store.land_candles("BTCUSDT", PERIOD, [*DAY_ROWS[:10], *DAY_ROWS[20:]])
    store.load_archive()
    store.add_rest([Candle(it.at, 40) for it in DAY_ROWS[:5]] + DAY_ROWS[10:20])
    assert [month.files for month in store.load_archive()] == [1]
    assert store.stored("BTCUSDT") == rows_of(DAY_ROWS)
    assert store.rows("select count(*), min(open_at) from raw.kline where source = 'rest'") == [(10, minute(10))]
    assert store.rows("select count(*) from raw.kline where (file_key is null) <> (source = 'rest')") == [(0,)]
    assert store.load_archive() == []


def test_a_file_that_counts_and_is_damaged_later_keeps_its_candles(store: ArchiveStore) -> None:
    place = store.land_candles("BTCUSDT", PERIOD, DAY_ROWS)
    store.load_archive()
    place.write_bytes(place.read_bytes()[:100])
    store.land_candles("BTCUSDT", "2024-03", DAY_ROWS[:100])
    with pytest.raises(DamagedLanding, match=place.name):
        store.load_archive()
    assert store.stored("BTCUSDT") == rows_of(DAY_ROWS)
    place.with_name(f"{place.name}.json").write_text("{", encoding="utf-8")
    with pytest.raises(DamagedLanding, match=place.name):
        store.load_archive()


def test_absent_minutes_of_all_pairs_are_told_from_those_of_some(store: ArchiveStore) -> None:
    eth = candles(FIRST + HOUR, 1380, 5)  # listed an hour later
    store.land_candles("BTCUSDT", PERIOD, [it for n, it in enumerate(DAY_ROWS) if not 100 <= n < 130])
    store.land_candles("ETHUSDT", PERIOD, [it for it in eth if not minute(110) <= it.at < minute(140)])
    store.land_candles("ETHUSDT", "2024-03-03", candles(FIRST + 2 * DAY, 1000))
    store.load_archive()
    ids = dict(store.rows("select symbol, pair_id from core.pair"))
    assert store.rows("archive/absent_minutes.sql", month="2024-03") == [
        (None, minute(110), minute(130), 20, 2),
        (ids["BTCUSDT"], minute(100), minute(110), 10, None),
        (ids["ETHUSDT"], minute(130), minute(140), 10, None),
    ]


def test_rates_in_usdt_go_over_the_pairs_of_the_minute(store: ArchiveStore) -> None:
    store.describe(
        BTC, ETH, described("ETHBTC", "ETH", "BTC"), described("USDTTRY", "USDT", "TRY"), described("XTRY", "X", "TRY")
    )
    first, silent = Candle(FIRST, 3), Candle(FIRST + MINUTE, 4, trades=0)
    for symbol in ("BTCUSDT", "ETHBTC", "USDTTRY", "XTRY"):
        store.land_candles(symbol, PERIOD, [first, silent, Candle(FIRST + 2 * MINUTE, 9)][: 2 + (symbol == "XTRY")])
    store.load_archive()
    rates = store.rows(
        "select symbol, usdt_rate, usdt_path from raw.kline inner join core.pair using (pair_id) "
        "order by symbol, open_at"
    )
    traded, close = 103.0, 106.0  # volume-weighted: the low
    assert rates == [
        ("BTCUSDT", 1, "USDT"),
        ("BTCUSDT", 1, "USDT"),
        ("ETHBTC", traded, "BTCUSDT"),
        ("ETHBTC", close, "BTCUSDT"),
        ("USDTTRY", 1 / traded, "1/USDTTRY"),
        ("USDTTRY", 1 / close, "1/USDTTRY"),
        ("XTRY", 1 / traded, "1/USDTTRY"),
        ("XTRY", 1 / close, "1/USDTTRY"),
        ("XTRY", None, None),
    ]
    before = store.partitions()
    assert store.load_archive() == []
    store.land_candles("ETHUSDT", PERIOD, [first])
    store.load_archive()
    assert store.partitions().keys() != before.keys()


Order = Callable[[ArchiveStore], None]


def steps() -> list[Order]:
    """What comes for a month, as things that can come in any order."""
    day_two = candles(FIRST + DAY, 300, 7)
    return [
        lambda store: store.land_candles("BTCUSDT", PERIOD, DAY_ROWS[:400]) and None,
        lambda store: store.land_candles("BTCUSDT", "2024-03-02", day_two) and None,
        lambda store: store.land_candles("ETHUSDT", "2024-03-02", day_two) and None,
        lambda store: store.land_candles("ETHUSDT", "2024-03-01", DAY_ROWS[:50]) and None,
        lambda store: store.land_candles("BTCUSDT", "2024-03", [*DAY_ROWS[:200], *day_two[:20]]) and None,
        lambda store: store.land_candles("BTCUSDT", "2024-03", DAY_ROWS[50:300], retrieved_at="2026-02-09") and None,
        lambda store: store.land_candles("BTCUSDT", PERIOD, DAY_ROWS[:450], retrieved_at="2026-02-03") and None,
        lambda store: store.add_rest(DAY_ROWS[440:460]),
    ]


@pytest.mark.parametrize("in_pieces", [False, True], ids=["at once", "in pieces"])
@pytest.mark.parametrize("seed", range(2))
def test_the_bytes_do_not_depend_on_the_order_in_which_files_came(
    described_store: Path, tmp_path: Path, seed: int, in_pieces: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_pieces:  # as a month of thousands of pairs is written, with smaller numbers
        monkeypatch.setattr(months, "BATCH_ROWS", 100)
        monkeypatch.setattr(months, "_ROW_GROUP", 128)
    at_once = copied(described_store, tmp_path / "at once")
    in_steps = copied(described_store, tmp_path / "in steps")
    for step in steps():
        step(at_once)
    at_once.load_archive()
    chance = random.Random(seed)
    for step in chance.sample(steps(), len(steps())):
        step(in_steps)
        if chance.random() < 0.7:
            in_steps.load_archive()
    in_steps.load_archive()
    assert in_steps.partitions() == at_once.partitions()
    for table in ("archive_file", "archive_defect"):
        query = f"select * exclude (loaded_at) from raw.{table}" if table == "archive_file" else f"from raw.{table}"
        assert in_steps.rows(f"{query} order by all") == at_once.rows(f"{query} order by all")


def test_a_rebuild_gives_the_same_bytes(store: ArchiveStore) -> None:
    for step in steps()[:-1]:
        step(store)
    store.load_archive()
    before, rows = store.partitions(), store.rows("from raw.kline order by all")
    store.rebuild()
    assert store.rows("from raw.kline") == []
    store.load_archive()
    assert store.partitions() == before
    assert store.rows("from raw.kline order by all") == rows


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of some minutes, with any mixture of defects."""
    lines = [it.line() for it in DAY_ROWS[: draw(st.integers(1, 25))]]
    for _ in range(draw(st.integers(0, 6))):
        if not lines:
            break
        place = draw(st.integers(0, len(lines) - 1))
        lines[place : place + 1] = draw(st.sampled_from(DAMAGES))(lines[place], draw)
    if draw(st.booleans()):
        lines[:0] = [HEADER]
    end = draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))
    text = end.join(lines) + draw(st.sampled_from([end, end, "", end * 2]))
    return text.encode("utf-8", "surrogateescape")


Damage = Callable[[str, st.DrawFn], list[str]]

WRITTEN = (
    "", "0", "0.00000000", "-1.00000000", "1e2", "1_0", " 1", "+1", "NaN", "x", "1.123456789", "1.1234567800", "1.5",
    "12345678901.00000000", "9" * 40, "1709251200000", "1709251260000", "1709251200", "1709251200000000", "-5",
    "\uff12", "\udcff", "\0", "105.00000000", "101.5.5",
)  # fmt: skip


def _field(line: str, draw: st.DrawFn) -> list[str]:
    fields = line.split(",")
    fields[draw(st.integers(0, len(fields) - 1))] = draw(st.sampled_from(WRITTEN))
    return [",".join(fields)]


def _moved(line: str, draw: st.DrawFn) -> list[str]:
    moved = Candle(FIRST + draw(st.integers(-3, 30)) * MINUTE, draw(st.integers(0, 2)))
    return draw(st.sampled_from([[line, moved.line()], [moved.line(), line], [moved.line()]]))


DAMAGES: tuple[Damage, ...] = (
    lambda line, draw: [],
    lambda line, draw: [line] * draw(st.integers(2, 3)),
    lambda line, draw: [line[: draw(st.integers(0, len(line)))]],
    lambda line, draw: [line[: len(line) // 2] + line],
    lambda line, draw: [line + draw(st.sampled_from([",0", ",", "\r", " ", '"', ";"]))],
    lambda line, draw: [line, ""],
    _field,
    _field,
    _moved,
    _moved,
)


def model(text: bytes) -> dict[datetime, tuple[Any, ...]]:
    """What should be stored of a file, line by line in plain Python."""
    lines = re.sub(r"\r?\n\Z", "", text.decode("utf-8", "replace")).split("\n")
    good: dict[datetime, set[tuple[Any, ...]]] = {}
    has_form = False
    for line in lines:
        fields = line.rstrip("\r").split(",")
        if len(fields) != 12:
            continue
        integers = [fields[0], fields[6], fields[8]]
        decimals = [*fields[1:6], fields[7], fields[9], fields[10]]
        if not all(re.fullmatch(r"-?[0-9]{1,18}", it) for it in integers):
            continue
        if not all(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", it) for it in decimals):
            continue
        has_form |= all(re.fullmatch(r"-?[0-9]+\.[0-9]{8}", it) for it in decimals)
        if not all(re.fullmatch(r"-?[0-9]+(\.[0-9]{1,8}0*)?", it) for it in decimals):
            continue
        opened, closed, trades = map(int, integers)
        o, h, low, c, v, q, t, tq = numbers = [Decimal(it) for it in decimals]
        at = datetime(1970, 1, 1) + timedelta(milliseconds=opened) if 10**12 <= opened < 10**13 else None  # noqa: DTZ001
        if (
            at
            and FIRST <= at < FIRST + DAY
            and opened % 60_000 == 0
            and 0 <= closed - opened <= 59_999
            and all(abs(it) < 10**10 for it in (o, h, low, c))
            and all(abs(it) < 10**30 for it in (v, q, t, tq))
            and 0 <= trades < 2**31
            and min(numbers) >= 0
            and min(o, h, low, c) > 0
            and low <= min(o, c)
            and h >= max(o, c)
            and (v == 0) == (trades == 0)
        ):
            good.setdefault(at, set()).add((o, h, low, c, v, q, trades, t, tq))
    if not has_form:
        return {}
    return {at: next(iter(said)) for at, said in good.items() if len(said) == 1}


SPARE = [f"C{number}USDT" for number in range(400)]


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> ArchiveStore:
    store = ArchiveStore(tmp_path_factory.mktemp("spare") / "live")
    store.describe(*(described(symbol, symbol.removesuffix("USDT"), "USDT") for symbol in SPARE))
    return store


@given(texts=st.lists(damaged(), min_size=20, max_size=20))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_any_mixture_of_defects_stores_what_a_plain_model_does(spare: ArchiveStore, texts: list[bytes]) -> None:
    used = spare.rows("select count(*) from raw.archive_file")[0][0]
    files = dict(zip(SPARE[used:], texts, strict=False))
    for symbol, text in files.items():
        spare.land_text(symbol, PERIOD, text)
    spare.load_archive()
    for symbol, text in files.items():
        assert spare.stored(symbol) == [(at, *values) for at, values in sorted(model(text).items())], text
