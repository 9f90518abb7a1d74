"""The sandbox's archive, seen with plain HTTP: the same candles as in klines, the listing, and every defect."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from xml.etree import ElementTree as XmlTree

import numpy as np
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from binance_assets.cli import app
from binance_assets.clients.binance import EPOCH
from binance_assets.sandbox import Sandbox, archive
from binance_assets.sandbox.archive_defects import FUTURES_HEADER, KINDS, Defect
from binance_assets.sandbox.catalogue import catalogue
from binance_assets.sandbox.csv_lines import Column, csv_lines
from binance_assets.sandbox.market import DEFAULT_SEED

NOW = datetime.fromisoformat("2026-03-05T12:00:00")
MINUTE = timedelta(minutes=1)
PAIRS = {pair.symbol: pair for pair in catalogue(DEFAULT_SEED).pairs}

Lines = list[str]
GetFile = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """A sandbox at a fixed time, with nothing wrong in it."""
    at(running, NOW)
    yield running
    running.clear_faults()
    running.clear_defects()


@pytest.fixture
def get(sandbox: Sandbox) -> Iterator[Callable[..., requests.Response]]:
    with requests.Session() as session:
        yield lambda path, **params: session.get(f"{sandbox.url}/{path}", params=params, timeout=30)


@pytest.fixture
def file(get: Callable[..., requests.Response]) -> GetFile:
    """Asks for a zip, or its checksum."""

    def ask(symbol: str, period: str, ending: str = ".zip") -> requests.Response:
        scope = "monthly" if len(period) == 7 else "daily"
        return get(f"data/spot/{scope}/klines/{symbol}/1m/{symbol}-1m-{period}{ending}")

    return ask


@pytest.fixture
def lines(file: GetFile) -> Callable[[str, str], Lines]:
    """The lines in a zip."""
    return lambda symbol, period: unzipped(file(symbol, period).content, f"{symbol}-1m-{period}.csv")


def at(sandbox: Sandbox, instant: datetime) -> None:
    sandbox.clock = lambda: (instant - EPOCH) // timedelta(milliseconds=1)


def unzipped(content: bytes, name: str) -> Lines:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        text = archive.read(name).decode()
    assert text.endswith("\n")
    return text.splitlines()


def entries(answer: requests.Response) -> list[dict[str, str]]:
    root = XmlTree.fromstring(answer.content)
    return [{field.tag.rpartition("}")[2]: field.text or "" for field in it} for it in root.iterfind("{*}Contents")]


# Candles


@given(st.lists(st.tuples(st.integers(0, 10**16 - 1), st.integers(0, 2**63 - 1)), max_size=30))
def test_numbers_are_written_as_python_writes_them(rows):
    whole, units = (np.array([row[at] for row in rows], dtype=np.int64) for at in (0, 1))
    expected = "".join(f"{number},{unit // 10**8}.{unit % 10**8:08}\n" for number, unit in rows)
    assert csv_lines([Column(whole, 0), Column(units, 8)]).decode() == expected


def test_a_number_that_is_none_of_a_candle():
    for wrong in (-1, 10**16):
        with pytest.raises(ValueError, match="not from 0"):
            csv_lines([Column(np.array([1, wrong]), 0)])


@pytest.mark.parametrize(
    ("symbol", "day"),
    [
        ("BTCUSDT", "2024-12-31"),
        ("BTCUSDT", "2025-01-01"),
        ("USDTIDR", "2025-06-01"),  # the largest prices, and the smallest below
        ("PEPEUSDT", "2025-06-01"),
        ("币安人生USDT", "2025-06-01"),
        ("XLMTRY", f"{EPOCH + PAIRS['XLMTRY'].listed_at * timedelta(seconds=1):%Y-%m-%d}"),  # begins in the day
        ("DAIUSDT", f"{EPOCH + (PAIRS['DAIUSDT'].halted_at or 0) * timedelta(seconds=1):%Y-%m-%d}"),  # ends in it
    ],
)
def test_a_day_has_the_candles_of_klines_digit_for_digit(get, lines, symbol, day):
    start = datetime.fromisoformat(day)
    rows = []
    for part in (start, start + 720 * MINUTE):
        bounds = {"startTime": ms(part), "endTime": ms(part + 719 * MINUTE), "limit": 1000}
        rows += get("api/v3/klines", symbol=symbol, interval="1m", **bounds).json()
    in_micros = day >= "2025"
    for row in rows:
        row[0], row[6] = (row[0] * 1000, row[6] * 1000 + 999) if in_micros else (row[0], row[6])
    assert rows
    assert [",".join(map(str, row)) for row in rows] == lines(symbol, day)


def ms(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(milliseconds=1)


def test_a_month_is_its_days(lines):
    days = [lines("XLMTRY", f"2024-02-{day:02}") for day in range(1, 30)]
    assert lines("XLMTRY", "2024-02") == [line for day in days for line in day]


def test_the_same_bytes_each_time_with_their_checksum(file, sandbox):
    first = file("ETHBTC", "2025-03-05")
    with Sandbox(clock=sandbox.clock) as other:
        second = requests.get(first.url.replace(sandbox.url, other.url), timeout=30)
    assert first.content == second.content
    assert (
        file("ETHBTC", "2025-03-05", ".zip.CHECKSUM").text
        == f"{hashlib.sha256(first.content).hexdigest()}  ETHBTC-1m-2025-03-05.zip"
    )
    assert first.headers["ETag"] == f'"{hashlib.md5(first.content).hexdigest()}"'
    assert first.headers["Last-Modified"] == "Thu, 06 Mar 2025 05:00:00 GMT"


@pytest.mark.parametrize(
    ("period", "due"),
    [
        ("2026-03-04", "2026-03-05T05:00:00"),
        ("2026-01", "2026-02-02T05:00:00"),  # the first Monday
        ("2025-11", "2025-12-01T05:00:00"),  # the first of the month is one
    ],
)
def test_a_file_is_there_from_when_it_is_due(sandbox, file, period, due):
    for instant, status in ((datetime.fromisoformat(due) - MINUTE, 404), (datetime.fromisoformat(due), 200)):
        at(sandbox, instant)
        assert file("ETHBTC", period).status_code == status


@pytest.mark.parametrize(
    ("symbol", "period"), [("ETHBTC", "2017-01"), ("ETHBTC", "2026-13"), ("NOPE", "2024-01"), ("DAIUSDT", "2026-01")]
)
def test_what_is_not_there_is_an_error_of_s3(file, symbol, period):
    answer = file(symbol, period)
    assert answer.status_code == 404
    assert XmlTree.fromstring(answer.content).findtext("Code") == "NoSuchKey"


# The listing


def test_lists_every_file_with_what_it_is(get, file):
    folder = "data/spot/daily/klines/ETHBTC/1m/"
    found = entries(get("", prefix=f"{folder}ETHBTC-1m-2026-03"))
    names = [f"ETHBTC-1m-2026-03-{day:02}.zip{end}" for day in range(1, 5) for end in ("", ".CHECKSUM")]
    assert [it["Key"] for it in found] == [folder + name for name in names]
    for it in found:
        answer = get(it["Key"])
        assert (int(it["Size"]), it["ETag"]) == (len(answer.content), answer.headers["ETag"])
    assert {it["LastModified"] for it in found} == {f"2026-03-{day:02}T05:00:00.000Z" for day in range(2, 6)}


def test_lists_in_pages(get):
    folder = "data/spot/daily/klines/ETHBTC/1m/"
    query = {"prefix": f"{folder}ETHBTC-1m-2026-02", "max-keys": 7}
    whole, marker, pages = [it["Key"] for it in entries(get("", prefix=query["prefix"]))], "", []
    while True:
        answer = get("", **query, marker=marker)
        pages.append([it["Key"] for it in entries(answer)])
        if XmlTree.fromstring(answer.content).findtext("{*}IsTruncated") == "false":
            break
        marker = pages[-1][-1]
    assert [len(page) for page in pages] == [7] * 8
    assert [key for page in pages for key in page] == whole == sorted(whole)


def test_a_page_that_takes_long_ends_early(get, monkeypatch):
    monkeypatch.setattr(archive, "LONGEST_PAGE_SECONDS", 0.0)
    answer = get("", prefix="data/spot/daily/klines/ETHBTC/1m/ETHBTC-1m-2025-04")
    assert entries(answer) == []
    assert XmlTree.fromstring(answer.content).findtext("{*}IsTruncated") == "true"


def test_lists_folders(get):
    def folders(**query: str) -> list[str]:
        root = XmlTree.fromstring(get("", delimiter="/", **query).content)
        return [it.text or "" for it in root.iterfind("{*}CommonPrefixes/{*}Prefix")]

    assert folders(prefix="data/spot/") == ["data/spot/daily/", "data/spot/monthly/"]
    assert folders(prefix="data/spot/monthly/klines/ETHBTC/") == ["data/spot/monthly/klines/ETHBTC/1m/"]
    found = folders(prefix="data/spot/monthly/klines/")
    assert len(found) == 1000
    while page := folders(prefix="data/spot/monthly/klines/", marker=found[-1]):
        found += page
    assert [it.split("/")[-2] for it in found] == sorted(PAIRS)


# Defects


def values(line: str, **changes: Callable[[list[str]], str]) -> str:
    row = line.split(",")
    names = ("opened", "open", "high", "low", "close", "volume", "closed", "quote", "count")
    return ",".join([*(changes[name](row) if name in changes else row[at] for at, name in enumerate(names)), *row[9:]])


DAY_OF = date(2025, 5, 6)
IN_MILLISECONDS = {"opened": lambda row: row[0][:-3], "closed": lambda row: row[6][:-3]}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("missing_rows", lambda rows: rows[:699] + rows[701:]),
        ("cut_short", lambda rows: rows[:699]),
        ("repeated_rows", lambda rows: rows[:699] + rows[699:701] * 3 + rows[701:]),
        ("merged_line", lambda rows: [*rows[:699], rows[699][: len(rows[699]) // 2] + rows[700], *rows[701:]]),
        ("out_of_order", lambda rows: rows[:699] + rows[700:698:-1] + rows[701:]),
        (
            "high_below_low",
            lambda rows: [
                *rows[:699],
                *(values(row, high=lambda it: it[3], low=lambda it: it[2]) for row in rows[699:701]),
                *rows[701:],
            ],
        ),
        (
            "negative_volume",
            lambda rows: [*rows[:699], *(values(r, volume=lambda it: f"-{it[5]}") for r in rows[699:701]), *rows[701:]],
        ),
        (
            "revised",
            lambda rows: [
                *rows[:699],
                *(values(r, count=lambda it: str(int(it[8]) + 1)) for r in rows[699:701]),
                *rows[701:],
            ],
        ),
        ("futures_file", lambda rows: [FUTURES_HEADER, *(values(row, **IN_MILLISECONDS) for row in rows)]),
        ("header_row", lambda rows: [FUTURES_HEADER, *rows]),
        ("wrong_unit", lambda rows: [values(row, **IN_MILLISECONDS) for row in rows]),
        ("two_members", lambda rows: rows),
    ],
)
def test_defects_of_the_rows(sandbox, file, lines, kind, expected):
    period = f"{DAY_OF}"
    good, other = lines("BTCUSDT", period), file("ETHUSDT", period).content
    sandbox.spoil(Defect(kind, symbol="BTCUSDT", period=period, row=700, rows=2))
    assert lines("BTCUSDT", period) == expected(good)
    bad = file("BTCUSDT", period).content
    assert file("BTCUSDT", period, ".zip.CHECKSUM").text.startswith(hashlib.sha256(bad).hexdigest())
    assert file("ETHUSDT", period).content == other
    with zipfile.ZipFile(io.BytesIO(bad)) as archive:
        assert len(archive.namelist()) == (2 if kind == "two_members" else 1)
    sandbox.clear_defects()
    assert lines("BTCUSDT", period) == good


def test_an_open_candle_is_the_next_ones_beginning(sandbox, lines):
    good, after = lines("BTCUSDT", "2025-05-06"), lines("BTCUSDT", "2025-05-07")[0]
    sandbox.spoil(Defect("open_candle", period="2025-05-06"))
    *rest, last = lines("BTCUSDT", "2025-05-06")
    [unfinished], [finished] = csv.reader([last]), csv.reader([after])
    assert rest == good
    assert unfinished[:2] == finished[:2]
    assert unfinished[6] == finished[6]
    assert int(unfinished[8]) < int(finished[8])


@pytest.mark.parametrize("kind", ["checksum_mismatch", "flipped_byte", "truncated_zip"])
def test_defects_of_the_zip_contradict_the_checksum(sandbox, file, kind):
    good, told = file("ETHBTC", "2025-05-06").content, file("ETHBTC", "2025-05-06", ".zip.CHECKSUM").text
    sandbox.spoil(Defect(kind, symbol="ETHBTC"))
    bad, says = file("ETHBTC", "2025-05-06").content, file("ETHBTC", "2025-05-06", ".zip.CHECKSUM").text
    assert hashlib.sha256(bad).hexdigest() != says.split()[0]
    assert (bad == good, says == told) == ((True, False) if kind == "checksum_mismatch" else (False, True))


def test_a_bomb(sandbox, file):
    sandbox.spoil(Defect("bomb", megabytes=20))
    content = file("ETHBTC", "2025-05-06").content
    assert len(content) < 2**18
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.infolist()[0].file_size > 20 * 2**20


def test_an_outage_is_one_of_all_pairs_and_of_klines(sandbox, get, lines):
    start, end = datetime(2025, 5, 6, 10, 30), datetime(2025, 5, 6, 11, 45)  # noqa: DTZ001
    before = {symbol: lines(symbol, "2025-05-06") for symbol in ("BTCUSDT", "XLMTRY")}
    sandbox.spoil(Defect("outage", start=start, end=end))
    for symbol, rows in before.items():
        left = lines(symbol, "2025-05-06")
        assert [row.split(",")[0] for row in left] == [
            row.split(",")[0] for at, row in enumerate(rows) if not 630 <= at < 705
        ]
        assert left[:630] == rows[:630]
    around = get("api/v3/klines", symbol="XLMTRY", interval="1m", startTime=ms(start - MINUTE), limit=3).json()
    assert [row[0] for row in around] == [ms(start - MINUTE), ms(end), ms(end + MINUTE)]
    latest = get("api/v3/klines", symbol="XLMTRY", interval="1m", endTime=ms(end), limit=2).json()
    assert latest == around[:2]
    hours = get("api/v3/klines", symbol="XLMTRY", interval="1h", startTime=ms(start - 30 * MINUTE), limit=2).json()
    for hour in hours:
        minutes = get("api/v3/klines", symbol="XLMTRY", interval="1m", startTime=hour[0], endTime=hour[6]).json()
        assert hour[8] == sum(row[8] for row in minutes)
        assert (hour[1], hour[4]) == (minutes[0][1], minutes[-1][4])


def test_a_file_is_late(sandbox, get, file):
    sandbox.spoil(Defect("not_uploaded", period="2026-03-04", until=datetime(2026, 3, 5, 18)))  # noqa: DTZ001
    prefix = "data/spot/daily/klines/ETHBTC/1m/ETHBTC-1m-2026-03-04"
    assert (file("ETHBTC", "2026-03-04").status_code, entries(get("", prefix=prefix))) == (404, [])
    at(sandbox, datetime(2026, 3, 5, 18))  # noqa: DTZ001
    assert file("ETHBTC", "2026-03-04").headers["Last-Modified"] == "Thu, 05 Mar 2026 18:00:00 GMT"
    assert len(entries(get("", prefix=prefix))) == 2


def test_a_file_is_replaced_silently(sandbox, get, file):
    sandbox.spoil(Defect("revised", symbol="ETHBTC", since=NOW + MINUTE))
    first = file("ETHBTC", "2025-05-06")
    at(sandbox, NOW + MINUTE)
    second = file("ETHBTC", "2025-05-06")
    assert first.content != second.content
    assert [it.headers["Last-Modified"] for it in (first, second)] == [
        "Wed, 07 May 2025 05:00:00 GMT",
        "Thu, 05 Mar 2026 12:01:00 GMT",
    ]
    [listed, _] = entries(get("", prefix="data/spot/daily/klines/ETHBTC/1m/ETHBTC-1m-2025-05-06"))
    assert (listed["ETag"], listed["LastModified"]) == (second.headers["ETag"], "2026-03-05T12:01:00.000Z")


def test_acts_on_so_many_downloads(sandbox, file):
    sandbox.spoil(Defect("flipped_byte", count=2))
    got = [file("ETHBTC", "2025-05-06").content for _ in range(3)]
    assert got[0] == got[1] != got[2]


def test_defects_by_http(sandbox, lines):
    url = f"{sandbox.url}/sandbox/archive-defects"
    good = lines("ETHBTC", "2025-05-06")
    answer = requests.post(url, json=[{"kind": "cut_short", "period": "2025-05-06", "row": 11}], timeout=5)
    assert [it["kind"] for it in answer.json()] == ["cut_short"]
    assert lines("ETHBTC", "2025-05-06") == good[:10]
    assert requests.delete(url, timeout=5).json() == requests.get(url, timeout=5).json() == []
    for wrong in ({"kind": "nonsense"}, {"kind": "outage"}, {"kind": "bomb", "since": "2025-01-01T00:00:00Z"}, "x"):
        assert requests.post(url, json=wrong, timeout=5).status_code == 400


def test_the_command_says_what_is_wrong_with_its_defects(tmp_path):
    schedule = tmp_path / "defects.json"
    schedule.write_text('[{"kind": "nonsense"}]')
    result = CliRunner().invoke(app, ["sandbox", "--archive-defects", str(schedule)])
    assert result.exit_code == 2
    assert "there is no defect 'nonsense'" in " ".join(result.output.replace("│", " ").split())


def test_every_kind_is_described():
    assert all(kind.says for kind in KINDS.values())
