"""The dashboard's server: prices over any span are what the warehouse says, also while files are replaced."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isclose
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_assets import lake
from binance_assets.dashboard.minutes import PriceHistory
from binance_assets.dashboard.server import Dashboard
from binance_assets.export.publish import publish
from binance_assets.export.selection import Scope
from binance_assets.home import Home, Store
from binance_assets.landing import Capture
from binance_assets_tests.klines import DAY, ArchiveStore, Candle
from binance_assets_tests.pipeline import HOUR, MINUTE, NOON, PAIRS, ROOT, SECOND, prices_body

FIRST = NOON - 12 * HOUR - 3 * DAY
"""The first minute of candles."""

END = NOON + 2 * DAY + 6 * HOUR
SILENT = (NOON + 6 * HOUR, NOON + 9 * HOUR)
"""When nothing was sampled, and there are no candles."""

ROUNDS = 2
"""How often files are replaced under a reader."""

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001
COLUMNS = "low_price, high_price, average_price, source, observation_count, observed_minutes, volume, quote_volume"
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Served:
    """A store that is served, and what its warehouse says of each pair: minutes, hours and days, gaps left out."""

    store: ArchiveStore
    url: str
    truth: Mapping[tuple[str, str], Mapping[datetime, Row]] = field(repr=False)

    def get(self, **asked: object) -> requests.Response:
        given = {name.rstrip("_"): str(value) for name, value in asked.items()}
        return requests.get(f"{self.url}api/minutes", params=given, timeout=30)

    def prices(self, symbol: str, since: datetime, until: datetime, points: int = 2900) -> dict[str, Any]:
        answer = self.get(symbol=symbol, from_=since.isoformat(), to=until.isoformat(), points=points)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document


def truth_of(store: ArchiveStore) -> dict[tuple[str, str], dict[datetime, Row]]:
    found: dict[tuple[str, str], dict[datetime, Row]] = {}
    for span, at in {"minute": "minute_utc", "hour": "hour_utc", "day": "date_utc::timestamp"}.items():
        columns = COLUMNS.replace("observed_minutes", "1") if span == "minute" else COLUMNS
        for symbol, instant, *row in store.rows(
            f"select symbol, {at}, {columns} from mart.price_{span} inner join mart.dim_pair using (pair_key) "
            "where observation_count > 0"
        ):
            found.setdefault((symbol, span), {})[instant] = tuple(row)
    return found


def fill(store: ArchiveStore) -> None:
    """Sampled days and candles that overlap: of both there are minutes that the other has not."""
    store.land_info(PAIRS, FIRST - DAY)
    samples = []
    at, number = NOON - DAY, 0
    while at < END:
        if not SILENT[0] <= at < SILENT[1]:
            prices = {"BTCUSDT": f"{61 + number % 13}.5{number % 7}", "ETHBTC": f"0.05{number % 97:02}"}
            body = prices_body(prices)
            samples.append(Capture("ticker/price", "live", at, body, requested_at=at, sampling_interval_seconds=60))
        number += 1
        at += (7 if number % 11 else 173) * MINUTE
    store.landing.land_minute(samples)
    for day in range(4):
        since = FIRST + day * DAY
        rows = [
            Candle(since + minute * MINUTE, minute, trades=0 if minute % 5 == 0 or (day == 1 and minute < 130) else 7)
            for minute in range(1440)
            if minute % 17 and not (day == 2 and 600 <= minute < 840) and not (day == 3 and minute > 1000)
        ]
        store.land_candles("BTCUSDT", f"{since:%Y-%m-%d}", rows)
    store.load()
    store.update()
    store.load_archive()
    store.update()
    with store.warehouse.connect() as connection:
        days = lake.sealable_days(connection)
    for sealable in days[:-1]:
        lake.seal(store.warehouse, sealable)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> ArchiveStore:
    store = ArchiveStore(tmp_path_factory.mktemp("dashboard") / "live")
    fill(store)
    return store


@pytest.fixture(scope="module")
def served(filled: ArchiveStore) -> Iterator[Served]:
    publish(filled.store, Scope(watch_list=("BTCUSDT",), days=1))
    with Dashboard(filled.store) as dashboard:
        yield Served(filled, dashboard.url, truth_of(filled))


# The numbers


def expected_average(rows: list[Row]) -> float:
    """Of some minutes, hours or days: candles by volume, samples by observations, both by their minutes."""
    candles = [row for row in rows if row[3] in {"archive", "rest"}]
    samples = [row for row in rows if row[3] == "live"]
    parts = []
    if candles:
        minutes = sum(row[5] for row in candles)
        paid, traded = sum(row[7] for row in candles), sum(row[6] for row in candles)
        parts.append((float(paid / traded) if paid else sum(row[2] * row[5] for row in candles) / minutes, minutes))
    if samples:
        observations = sum(row[4] for row in samples)
        parts.append((sum(row[2] * row[4] for row in samples) / observations, sum(row[5] for row in samples)))
    return float(sum(average * minutes for average, minutes in parts) / sum(minutes for _, minutes in parts))


@settings(max_examples=120, deadline=None)
@given(
    symbol=st.sampled_from(["BTCUSDT", "ETHBTC"]),
    start=st.integers(0, (END - FIRST) // MINUTE - 1),
    length=st.one_of(st.integers(1, 300), st.integers(300, 12_000)),
    points=st.one_of(st.integers(2, 40), st.integers(40, 2900)),
)
def test_each_bucket_is_what_the_warehouse_says_of_its_span(
    served: Served, symbol: str, start: int, length: int, points: int
) -> None:
    since = FIRST + start * MINUTE
    answer = served.get(symbol=symbol, from_=since, to=since + length * MINUTE, points=points)
    if answer.status_code == 404:  # outside of what there is of this pair
        covers = answer.json()["covers"]
        assert f"{since.isoformat()}Z" >= covers["to"] or f"{(since + length * MINUTE).isoformat()}Z" <= covers["from"]
        return
    found = answer.json()
    step = found["bucket_seconds"]
    times = [EPOCH + second * SECOND for second in found["minute_utc"]]
    assert 1 <= len(times) <= points
    assert [b - a for a, b in itertools.pairwise(times)] == [step * SECOND] * (len(times) - 1)
    assert times[0].isoformat() + "Z" == found["from"]
    span = "minute" if step < 3600 else "hour" if step < 86400 else "day"
    buckets: dict[int, list[Row]] = {}
    for at, row in served.truth[symbol, span].items():
        buckets.setdefault((at - times[0]) // (step * SECOND), []).append(row)
    if span == "day":  # the running day is made of its hours
        over = max(served.truth[symbol, "hour"]).date()
        for at, row in served.truth[symbol, "hour"].items():
            if at.date() == over and datetime(over.year, over.month, over.day) not in served.truth[symbol, "day"]:  # noqa: DTZ001
                buckets.setdefault((at - times[0]) // (step * SECOND), []).append(row)
    for number, (low, average, high) in enumerate(zip(found["low"], found["average"], found["high"], strict=True)):
        rows = buckets.get(number)
        if not rows:
            assert (low, average, high) == (None, None, None), "a gap stays one"
            continue
        assert low == float(min(row[0] for row in rows))
        assert high == float(max(row[1] for row in rows))
        assert isclose(average, expected_average(rows), rel_tol=1e-12)


def test_a_minute_is_the_one_that_counts(served: Served) -> None:
    """Over days of which the lake and the export have samples and candles, and over those that only one has."""
    minutes = served.truth["BTCUSDT", "minute"]
    kinds = set()
    for since in (FIRST, NOON - DAY, NOON, END - DAY):
        found = served.prices("BTCUSDT", since, since + DAY)
        assert found["bucket_seconds"] == 60
        for second, low, average in zip(found["minute_utc"], found["low"], found["average"], strict=True):
            row = minutes.get(EPOCH + second * SECOND)
            assert (low is None) == (row is None)
            if row:
                assert isclose(average, row[2], rel_tol=2e-15)
                kinds.add((row[3], bool(row[7])))
    assert kinds == {("archive", True), ("archive", False), ("live", False)}


def test_a_gap_is_told_with_its_cause(served: Served) -> None:
    found = served.prices("BTCUSDT", SILENT[0] - 2 * HOUR, SILENT[1] + 2 * HOUR, 1000)
    told = [gap for gap in found["gaps"] if gap["from"] <= f"{(SILENT[0] + HOUR).isoformat()}Z" < (gap["to"] or "9")]
    assert {gap["cause"] for gap in told} & {"collector_down", "unresolved"}
    rows = served.store.rows(
        "select cause from mart.gap where from_utc < $until and (to_utc > $since or to_utc is null)",
        since=SILENT[0],
        until=SILENT[1],
    )
    assert {gap["cause"] for gap in told} <= {cause for (cause,) in rows}
    silent = range(int((SILENT[0] - EPOCH).total_seconds()), int((SILENT[1] - EPOCH).total_seconds()), 60)
    prices = dict(zip(found["minute_utc"], found["average"], strict=True))
    assert {prices[second] for second in silent} == {None}
    whole = served.prices("BTCUSDT", FIRST, FIRST + HOUR, points=2)
    assert None not in whole["low"]
    assert whole["gaps"] == [], "nothing is missing there"


def test_of_a_pair_that_is_not_watched_the_newest_days_are_hours(served: Served) -> None:
    watched, other = (served.prices(symbol, END - 6 * HOUR, END) for symbol in ("BTCUSDT", "ETHBTC"))
    assert (watched["bucket_seconds"], other["bucket_seconds"]) == (60, 3600)
    sealed = served.prices("ETHBTC", NOON, NOON + 6 * HOUR)
    assert sealed["bucket_seconds"] == 60


def test_all_there_is_and_its_ends(served: Served) -> None:
    found = served.get(symbol="btcusdt").json()
    assert found["symbol"] == "BTCUSDT"
    assert (found["source"], found["simulated"]) == ("live", False)
    assert found["covers"]["from"] == f"{FIRST.isoformat()}Z"
    newest = max(served.truth["BTCUSDT", "minute"]) + MINUTE
    assert found["covers"]["to"] == f"{newest.isoformat()}Z", "not the end of the hour that it lies in"
    beyond = served.prices("BTCUSDT", FIRST - 1000 * DAY, END + 1000 * DAY)
    assert (beyond["low"], beyond["minute_utc"]) == (found["low"], found["minute_utc"])
    offset = served.get(symbol="BTCUSDT", from_="2024-03-01T13:00:00+01:00", to="2024-03-01T12:30:00Z").json()
    assert (offset["from"], offset["to"]) == ("2024-03-01T12:00:00Z", "2024-03-01T12:30:00Z")


# What makes no sense


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({}, 400, "symbol=BTCUSDT"),
        ({"symbol": "NOSUCHPAIR"}, 404, "no pair NOSUCHPAIR"),
        ({"symbol": "<img onerror=x>"}, 404, "no pair"),
        ({"symbol": "XRPTRY"}, 404, "no hour of XRPTRY in the export yet"),
        ({"symbol": "BTCUSDT", "from": "yesterday"}, 400, "from=yesterday"),
        ({"symbol": "BTCUSDT", "to": "9999-12-31T23:59:59-12:00"}, 400, "to="),
        ({"symbol": "BTCUSDT", "from": "2024-03-02", "to": "2024-03-01"}, 400, "should be before"),
        ({"symbol": "BTCUSDT", "from": "2024-03-01", "to": "2024-03-01"}, 400, "should be before"),
        ({"symbol": "BTCUSDT", "from": "2031-01-01"}, 404, "from 2024-02-27 00:00 UTC"),
        ({"symbol": "BTCUSDT", "to": "2017-01-01"}, 404, "from 2024-02-27 00:00 UTC"),
        ({"symbol": "BTCUSDT", "points": "1"}, 400, "2 to 2900"),
        ({"symbol": "BTCUSDT", "points": "2901"}, 400, "2 to 2900"),
        ({"symbol": "BTCUSDT", "points": "-5"}, 400, "2 to 2900"),
        ({"symbol": "BTCUSDT", "points": "9" * 5000}, 400, "2 to 2900"),
        ({"symbol": "BTCUSDT", "pionts": "5"}, 400, "pionts"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_why(
    served: Served, asked: dict[str, str], status: int, words: str
) -> None:
    answer = requests.get(f"{served.url}api/minutes", params=asked, timeout=30)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert answer.headers["Content-Type"] == "application/json"


def test_only_this_machine_is_answered_and_nothing_can_be_changed(served: Served) -> None:
    address = served.url.removeprefix("http://").strip("/")

    def asked(method: str, host: str, path: str = "/api/minutes?symbol=BTCUSDT") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(address, timeout=30)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    port = address.partition(":")[2]
    assert asked("GET", address)[0] == asked("GET", f"localhost:{port}")[0] == asked("GET", "LOCALHOST")[0] == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "localhost.evil.example"):
        status, body = asked("GET", host)
        assert status == 421
        assert "localhost" in json.loads(body)["error"]
        assert asked("GET", host, "/")[0] == 421, "nor the page"
    for method in ("POST", "PUT", "DELETE"):
        status, body = asked(method, address)
        assert (status, json.loads(body)["error"]) == (405, "Method Not Allowed")
    assert asked("GET", address, "/../../etc/passwd")[0] == 404
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", int(port)), timeout=5)


def test_what_is_not_there_yet_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path / "live", "live")
    with Dashboard(store) as dashboard:
        page, prices = (requests.get(f"{dashboard.url}{path}", timeout=30) for path in ("", "api/minutes?symbol=X"))
        assert (page.status_code, prices.status_code) == (404, 404)
        assert "binance-assets run" in page.text
        assert "binance-assets run" in prices.json()["error"]
        store.export.mkdir(parents=True)
        (store.export / "dashboard.html").write_text("<p>made meanwhile", encoding="utf-8")
        page = requests.get(dashboard.url, timeout=30)
        assert (page.status_code, page.text) == (200, "<p>made meanwhile")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"


def test_an_export_without_its_lake_is_shown_hour_by_hour(served: Served, tmp_path: Path) -> None:
    shutil.copytree(served.store.store.export, tmp_path / "live" / "export", symlinks=True)
    with Dashboard(Store(tmp_path / "live", "live")) as dashboard:
        answer = requests.get(f"{dashboard.url}api/minutes?symbol=ETHBTC", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["bucket_seconds"] == 3600


# While files are replaced


def test_a_month_that_is_put_together_anew_between_looking_and_reading_is_looked_for_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = served.prices("BTCUSDT", FIRST, FIRST + HOUR)
    looked: list[list[str]] = []
    candles = PriceHistory._candles

    def stale_at_first(history: PriceHistory, since: datetime, until: datetime) -> list[str]:
        files = candles(history, since, until)
        looked.append(files)
        return [f"{file}.gone" for file in files] if len(looked) == 1 else files

    monkeypatch.setattr(PriceHistory, "_candles", stale_at_first)
    assert served.prices("BTCUSDT", FIRST, FIRST + HOUR) == expected
    assert len(looked) == 2
    monkeypatch.setattr(PriceHistory, "_candles", lambda *_: ["gone.parquet"])
    answer = served.get(symbol="BTCUSDT", from_=FIRST, to=FIRST + HOUR)
    assert (answer.status_code, "try again" in answer.json()["error"]) == (503, True)


def test_an_export_that_is_damaged_is_said(served: Served, tmp_path: Path) -> None:
    shutil.copytree(served.store.store.path, tmp_path / "live", symlinks=True)
    store = ArchiveStore(tmp_path / "live").store
    (store.export / "manifest.json").resolve().write_text("{", encoding="utf-8")
    with Dashboard(store) as dashboard:
        answer = requests.get(f"{dashboard.url}api/minutes?symbol=BTCUSDT", timeout=30)
    assert (answer.status_code, "binance-assets run" in answer.json()["error"]) == (503, True)


def test_answers_stay_the_same_while_the_store_is_published_sealed_and_loaded(
    filled: ArchiveStore, tmp_path: Path
) -> None:
    shutil.copytree(filled.store.path, tmp_path / "live", symlinks=True)
    store = ArchiveStore(tmp_path / "live")
    scope = Scope(watch_list=("ETHBTC",), days=1)
    publish(store.store, scope)
    questions = [("BTCUSDT", FIRST, FIRST + 2 * DAY), ("ETHBTC", NOON, NOON + DAY), ("BTCUSDT", FIRST, NOON)]
    seen: list[int] = []
    wrong: list[str] = []
    over = threading.Event()

    with Dashboard(store.store) as dashboard:
        served = Served(store, dashboard.url, {})
        before = [served.prices(*question, points=2900) for question in questions]
        assert [it["bucket_seconds"] for it in before] == [60, 60, 120]

        def ask() -> None:
            while not over.wait(0.05):
                for question, expected in zip(questions, before, strict=True):
                    symbol, since, until = question
                    answer = served.get(symbol=symbol, from_=since, to=until, points=2900)
                    found = answer.json()
                    if any(found.get(name) != expected[name] for name in ("minute_utc", "low", "average", "high")):
                        wrong.append(f"{answer.status_code} {question} {answer.text[:200]}")
                seen.append(len(wrong))

        reader = threading.Thread(target=ask)
        reader.start()
        try:
            for number in range(ROUNDS):
                day = FIRST + number * DAY
                store.land_candles("ETHBTC", f"{day:%Y-%m-%d}", [Candle(day, number)])
                store.load_archive()  # puts February together anew
                with store.warehouse.transaction() as connection:
                    lake.reopen(connection, NOON - 2 * HOUR, NOON - 2 * HOUR)
                lake.seal(store.warehouse, NOON.date())
                publish(store.store, scope)
        finally:
            over.set()
            reader.join()
    assert wrong == []
    assert len(seen) > ROUNDS


def test_a_file_that_takes_the_place_of_another_is_read_anew(filled: ArchiveStore, tmp_path: Path) -> None:
    """Footers are kept, of all threads' cursors, but not those of a file that is gone."""
    shutil.copytree(filled.store.path, tmp_path / "live", symlinks=True)
    store = Store(tmp_path / "live", "live")
    publish(store, Scope(watch_list=("BTCUSDT",), days=1))
    day = store.warehouse.lake / "fact_price_minute" / f"date={NOON.date()}" / "data.parquet"
    history = PriceHistory(store)
    try:
        assert history._rows("select current_setting('parquet_metadata_cache')", {}) == [(True,)]
        before = [history.prices("ETHBTC", NOON, NOON + HOUR).low for _ in range(2)]
        with duckdb.connect() as duck:
            duck.execute("set threads = 1")
            cheaper = duck.read_parquet(str(day)).select("* replace ((close_price / 2)::decimal(18, 8) as close_price)")
            cheaper.write_parquet(f"{day}.new")
        Path(f"{day}.new").replace(day)
        after = history.prices("ETHBTC", NOON, NOON + HOUR).low
    finally:
        history.close()
    assert before[0] == before[1]
    pairs = [(old, new) for old, new in zip(before[0], after, strict=True) if old is not None or new is not None]
    assert pairs
    assert all(old and new and new < old for old, new in pairs)


# The command


def test_the_command_serves_until_it_is_stopped(home: Home) -> None:
    command = [sys.executable, "-m", "binance_assets", "dashboard", "--port", "0", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        assert told == {"url": told["url"], "source": "live", "simulated": False}
        assert "binance-assets run" in requests.get(told["url"], timeout=30).text
        port = told["url"].rpartition(":")[2].strip("/")
        taken = subprocess.run(
            [*command[:-3], "--port", port], env=environment, capture_output=True, text=True, check=False
        )
        assert (taken.returncode, f"Port {port} cannot be used" in taken.stderr) == (1, True)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    wrong = subprocess.run(
        [*command, "--source", "elsewhere"], env=environment, capture_output=True, text=True, check=False
    )
    assert (wrong.returncode, "live or sandbox" in wrong.stderr) == (2, True)
