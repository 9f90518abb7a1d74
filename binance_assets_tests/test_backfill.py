"""History from the archive: the command, the partitions in Dagster, and the daily run that follows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from binance_assets.archive import history
from binance_assets.archive.choice import Choice, UnknownPairs, choose_pairs
from binance_assets.archive.jobs import months_tags
from binance_assets.archive.onlooker import Onlooker
from binance_assets.cli import app
from binance_assets.clients.archive import ArchiveClient, ArchiveFile
from binance_assets.definitions import defs
from binance_assets.export.query import answer
from binance_assets.export.versions import current
from binance_assets.home import Home
from binance_assets.landing.archive import LandedZip, Outcome, Progress, Span
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.sandbox.archive_defects import Defect
from binance_assets_tests.klines import ArchiveStore
from binance_assets_tests.pipeline import ROOT
from binance_assets_tests.small_history import NOW, asked, at, store_at, words
from binance_assets_tests.small_market import small_market

DAY_MINUTES = 1440
SYMBOLS = sorted(pair.symbol for pair in small_market().pairs)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["backfill", *map(str, arguments)])


def brought(*arguments: object) -> dict[str, Any]:
    """The document of a call that ends well."""
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


# A whole run


def test_a_new_home_asks_for_the_pairs_and_is_filled_and_a_second_run_downloads_nothing(
    home: Home, small_exchange: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", small_exchange.url)
    arguments = ["backfill", "--symbols", "btcusdt, XRPUSDC", "--from", "2026-01-30", "--to", "2026-03-02"]
    process = subprocess.run(
        [sys.executable, "-m", "binance_assets", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    assert "SIMULATED" in process.stdout
    said = words(process.stdout)
    assert "8 files downloaded" in said
    assert "3 months loaded" in said
    assert f"{2 * (31 + 28 + 2) * DAY_MINUTES:,} candles of BTCUSDT, XRPUSDC" in said
    assert "8 files of" in process.stderr
    assert "8 of 8 files" in process.stderr
    assert "3/3 months loaded" in process.stderr

    store = ArchiveStore(home.store("sandbox").path, "sandbox")
    [(candles, first, last)] = store.rows("select count(*), min(open_at), max(open_at) from raw.kline")
    assert candles == 2 * (31 + 28 + 2) * DAY_MINUTES
    assert (first, last) == (datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-03-02T23:59"))
    measured = "select count(*), min(completeness), min(date_utc), max(date_utc) from fact_quality_day"
    with answer(current(store.store.export) or home.path, measured) as result:
        assert result.fetchall() == [(2 * (31 + 28 + 2), 1.0, first.date(), last.date())]
    assert (home.store("sandbox").export / "manifest.json").exists()
    before = store.partitions()
    with asked(small_exchange) as zips:
        again = call(*arguments[1:])
    assert again.exit_code == 0
    assert zips == []
    assert "0 files downloaded (0.0 MB), 8 were there" in words(again.stdout)
    assert "0 months loaded" in words(again.stdout)
    assert store.partitions() == before


# Which pairs, which days


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--symbols", "BTCUSDT", "--all"], "exclude each other"),
        (["--quote", "USDT", "--all"], "exclude each other"),
        (["--symbols", " , "], "should name a pair"),
        (["--quote", ""], "should be a currency"),
        (["--from", "2017-07-13"], "opened on 2017-07-14"),
        (["--from", "2020-13-01"], "a day such as"),
        (["--to", "2999-01-01"], "in the future"),
        (["--from", "2020-02-01", "--to", "2020-01-31"], "before --from"),
    ],
)
def test_a_call_that_makes_no_sense_ends_with_2(home: Home, arguments: list[str], said: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert said in words(result.stderr)
    assert not home.path.exists()


def test_an_unknown_pair_is_refused_with_near_names(backfilled: ArchiveStore, small_exchange: Sandbox) -> None:
    with asked(small_exchange) as zips:
        result = call("--symbols", "BTC/USDT,VALUUSDT,NOSUCHPAIR")
    assert result.exit_code == 2
    assert "There is no pair BTC/USDT (did you mean BTCUSDT" in words(result.stderr)
    assert "There is no pair NOSUCHPAIR." in words(result.stderr)
    assert "VALUUSDT" not in words(result.stderr).replace("VALUUSDT?", "")
    assert zips == []


def test_pairs_are_chosen_by_symbol_quote_all_or_the_watch_list(backfilled: ArchiveStore) -> None:
    of_quote = sorted(pair.symbol for pair in small_market().pairs if pair.quote.code == "TRY")
    with backfilled.warehouse.connect() as connection:

        def chosen(choice: Choice, *watch_list: str) -> list[str]:
            return choose_pairs(connection, choice, watch_list)

        assert chosen(Choice(quote="try")) == of_quote
        assert "币安人生TRY" in of_quote
        assert chosen(Choice(all_pairs=True)) == chosen(Choice(), "*") == SYMBOLS
        assert chosen(Choice(("xrpusdc", "BTCUSDT", "XRPUSDC"))) == ["BTCUSDT", "XRPUSDC"]
        assert chosen(Choice(), "SOLUSDT", "BTCUSDT") == ["BTCUSDT"], "this exchange has no SOLUSDT"
        with pytest.raises(ValueError, match="by one of these"):
            Choice(("BTCUSDT",), quote="TRY")
        with pytest.raises(UnknownPairs, match="BINANCE_WATCH_LIST"):
            chosen(Choice(), "SOLUSDT")
        with pytest.raises(UnknownPairs, match=r"no quote currency USDX \(did you mean USD"):
            chosen(Choice(quote="USDX"))


def test_all_pairs_and_those_that_have_nothing(backfilled: ArchiveStore) -> None:
    found = brought("--all", "--from", "2026-03-01", "--to", "2026-03-02")
    assert found["pairs"] == SYMBOLS
    loaded = {symbol for (symbol,) in backfilled.rows("select distinct symbol from raw.archive_file")}
    assert found["downloaded"]["files"] == 2 * len(loaded)
    lacking = {it["symbol"]: it["days"] for it in found["missing"]}
    assert lacking.keys() == set(SYMBOLS) - loaded, "those that were halted before"
    assert set(lacking.values()) == {2}
    assert found["from_api"] == []


# Days that no file brings


def klines(sandbox: Sandbox, since: int) -> list[str]:
    """What the API was asked for since some request."""
    return [it.query for it in sandbox.requests[since:] if it.endpoint == "klines" and "interval=1m" in it.query]


def test_what_is_not_in_the_archive_yet_comes_from_the_api_and_gives_way_to_its_file(
    backfilled: ArchiveStore, small_exchange: Sandbox
) -> None:
    late = NOW + timedelta(hours=1)
    small_exchange.spoil(
        Defect("not_uploaded", period="2026-02"),
        *(Defect("not_uploaded", symbol="BTCUSDT", period=f"2026-02-{day}", until=late) for day in (11, 12, 13)),
    )
    arguments = ["--symbols", "BTCUSDT,XRPUSDC", "--from", "2026-02-10", "--to", "2026-03-02"]
    before = len(small_exchange.requests)
    found = brought(*arguments)
    assert found["from_api"] == [
        {"symbol": "BTCUSDT", "first": "2026-02-11", "last": "2026-02-13", "days": 3, "candles": 3 * DAY_MINUTES}
    ]
    assert (found["missing"], found["api_not_asked"]) == ([], None)
    assert len(klines(small_exchange, before)) == 5, "4,320 candles, a thousand in an answer"
    assert backfilled.rows("select source, count(*) from raw.kline group by source order by source") == [
        ("archive", (2 * 21 - 3) * DAY_MINUTES),
        ("rest", 3 * DAY_MINUTES),
    ]
    stored, before = backfilled.stored("BTCUSDT"), len(small_exchange.requests)
    assert brought(*arguments)["from_api"] == found["from_api"]
    assert klines(small_exchange, before) == []

    at(small_exchange, late)
    assert brought(*arguments)["from_api"] == []
    assert backfilled.stored("BTCUSDT") == stored, "digit for digit what the files say"
    assert backfilled.rows("select distinct source from raw.kline") == [("archive",)]


def test_an_api_that_does_not_answer_ends_nothing_and_is_asked_the_next_time(
    backfilled: ArchiveStore, small_exchange: Sandbox
) -> None:
    small_exchange.spoil(Defect("not_uploaded", period="2026-02"), Defect("not_uploaded", period="2026-02-11"))
    small_exchange.fail(Fault("451", endpoint="klines"))
    arguments = ["--symbols", "BTCUSDT", "--from", "2026-02-10", "--to", "2026-02-12"]
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    assert "The API could not be asked" in words(result.stdout)
    assert "Days that neither a file nor the API brings, 1 in all: BTCUSDT 2026-02-11" in words(result.stdout)
    small_exchange.clear_faults()
    assert [it["candles"] for it in brought(*arguments)["from_api"]] == [DAY_MINUTES]


def test_days_before_the_first_file_of_a_pair_are_not_missing() -> None:
    listed, first = Span("NEWUSDT", date(2020, 1, 1), date(2020, 7, 31)), date(2020, 8, 1)
    hole = Span("NEWUSDT", date(2020, 8, 30), date(2020, 9, 2))
    nothing = Span("NOUSDT", date(2020, 1, 1), date(2020, 9, 30))
    zips = tuple(
        LandedZip(ArchiveFile("NEWUSDT", scope, day, 5, NOW, None), "", "", "", NOW)
        for scope, day in (("monthly", first), ("daily", date(2020, 9, 3)))
    )
    outcome = Outcome(zips, (), (listed, hole, nothing), Progress())
    assert history.missing(outcome) == [hole, nothing]
    assert history.begins_later(outcome) == {"NEWUSDT": first}
    months = history.per_month(outcome)
    assert {month: it.missing_days for month, it in months.items() if month >= "2020-08"} == {
        "2020-08": 31 + 2,
        "2020-09": 30 + 2,
    }
    assert (months["2020-08"].files, months["2020-09"].bytes, months["2020-02"].missing_days) == (1, 5, 29)


# What goes wrong


def test_what_is_wrong_in_the_archive_is_named_and_ends_nothing(
    backfilled: ArchiveStore, small_exchange: Sandbox
) -> None:
    small_exchange.spoil(
        Defect("flipped_byte", symbol="BTCUSDT", period="2026-01"),
        Defect("not_uploaded", symbol="BTCUSDT", period="2026-01-30"),
        Defect("two_members", symbol="XRPUSDC", period="2026-01"),
        Defect("repeated_rows", symbol="XRPUSDC", period="2026-02", row=100, rows=3),
    )
    arguments = ["--symbols", "BTCUSDT,XRPUSDC", "--from", "2026-01-29", "--to", "2026-02-28"]
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    said = words(result.stdout)
    assert "2 refused" in said
    assert "BTCUSDT-1m-2026-01.zip: ChecksumMismatch, its sha256 is" in said
    assert re.search(r"XRPUSDC-1m-2026-01\.[0-9a-f]{16}\.zip: members, it holds", said)
    assert "Days that no file brings, from the API, 1 in all: BTCUSDT 2026-01-30: 1,440 candles" in said
    assert "repeated: 1 in 1 files" in said
    assert "raw.archive_defect" in said
    days = backfilled.rows("select count(distinct open_at::date) from raw.kline")
    assert days == [(3 + 28,)]

    found = brought(*arguments)
    assert [(it["symbol"], it["kind"]) for it in found["refused"]] == [
        ("BTCUSDT", "ChecksumMismatch"),
        ("XRPUSDC", "members"),
    ]
    assert [(it["symbol"], it["first"], it["candles"]) for it in found["from_api"]] == [("BTCUSDT", "2026-01-30", 1440)]
    assert found["missing"] == []
    assert [(it["kind"], it["findings"]) for it in found["defects"]] == [("repeated", 1)]
    assert (found["downloaded"]["files"], found["already_there"]["files"]) == (0, 5)


def test_what_does_not_fit_on_the_disk_is_not_begun(
    backfilled: ArchiveStore, small_exchange: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "free_bytes", lambda path: history.RESERVE + 10**6)
    with asked(small_exchange) as zips:
        result = call("--symbols", "BTCUSDT", "--from", "2026-02-01", "--to", "2026-02-28")
    assert result.exit_code == 1
    assert "1 files of 0.0 GB are to come" in words(result.stderr)
    assert "Make room, or choose fewer" in words(result.stderr)
    assert zips == []


def test_an_archive_that_refuses_ends_with_3_and_another_load_with_1(
    backfilled: ArchiveStore, small_exchange: Sandbox
) -> None:
    small_exchange.fail(Fault("451", endpoint="archive/file"))
    refused = call("--symbols", "BTCUSDT", "--from", "2026-03-01", "--to", "2026-03-01")
    assert refused.exit_code == 3
    assert "BINANCE_ARCHIVE_URL" in words(refused.stderr)
    small_exchange.clear_faults()
    backfilled.warehouse.lake.mkdir(parents=True, exist_ok=True)
    with FileLock(backfilled.warehouse.lake / "kline.lock"):
        beside = call("--symbols", "BTCUSDT", "--from", "2026-03-01", "--to", "2026-03-01")
    assert beside.exit_code == 1
    assert "Another process is loading the archive" in words(beside.stderr)


def test_two_downloads_at_once_are_one_after_the_other(backfilled: ArchiveStore, small_exchange: Sandbox) -> None:
    other = FileLock(backfilled.store.path / "archive.lock")
    other.acquire()

    class Patient(Onlooker):
        waited_for = ""

        def waits(self, what_for: str) -> None:
            self.waited_for = what_for
            other.release()

    onlooker, day = Patient(), date(2026, 3, 1)
    with ArchiveClient(small_exchange.url, simulated=True) as client:
        outcome = history.bring(backfilled.store, client, ["BTCUSDT"], day, day, onlooker)
    assert onlooker.waited_for == "another download from the archive"
    assert outcome.progress.downloaded.files == 1


# In Dagster


def run_of_months(first: str, last: str, **config: Any) -> dg.ExecuteInProcessResult:
    """What the UI starts when somebody materializes partitions of the job."""
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def("backfill").execute_in_process(
            run_config={"ops": {"landing__archive": {"config": config}}},
            instance=instance,
            tags=months_tags(date.fromisoformat(f"{first}-01"), date.fromisoformat(f"{last}-01")),
        )


def test_a_backfill_of_three_partitions_is_one_run_that_loads_what_the_command_does(
    backfilled: ArchiveStore, small_exchange: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_exchange.spoil(Defect("not_uploaded", symbol="XRPUSDC", period="2025-12"))
    small_exchange.spoil(Defect("not_uploaded", symbol="XRPUSDC", period="2025-12-24"))
    result = run_of_months("2025-11", "2026-01", symbols=["BTCUSDT", "XRPUSDC"])
    assert result.success
    told = {
        it.partition: {name: value.value for name, value in it.metadata.items()}
        for it in result.asset_materializations_for_node("landing__archive")
    }
    assert {month: (it["files"], it["refused"], it["missing_days"]) for month, it in told.items()} == {
        "2025-11": (2, 0, 0),
        "2025-12": (1 + 30, 0, 1),
        "2026-01": (2, 0, 0),
    }
    assert all(it["bytes"] > 0 for it in told.values())
    job = defs.resolve_job_def("backfill")
    assert job.backfill_policy == dg.BackfillPolicy.single_run()
    assert job.partitions_def
    assert job.partitions_def.get_first_partition_key() == "2017-08"
    assert len(job.partitions_def.get_partition_keys()) < 1000

    other = Home(tmp_path / "other")
    monkeypatch.setenv("BINANCE_ASSETS_HOME", str(other.path))
    monkeypatch.setenv("DAGSTER_HOME", str(other.path / "dagster"))
    by_command = store_at(other.store("sandbox").path)
    brought("--symbols", "BTCUSDT,XRPUSDC", "--from", "2025-11-01", "--to", "2026-01-31")
    assert by_command.partitions() == backfilled.partitions()
    assert len({name.split("/")[1] for name in by_command.partitions()}) == 3


def test_the_daily_run_brings_what_was_replaced_and_the_newest_days(
    backfilled: ArchiveStore, small_exchange: Sandbox
) -> None:
    small_exchange.spoil(Defect("revised", symbol="BTCUSDT", period="2026-02", until=NOW + timedelta(hours=20)))
    brought("--symbols", "BTCUSDT", "--from", "2026-02-01", "--to", "2026-03-03")
    [old] = backfilled.rows("select file from raw.archive_file where month = '2026-02'")
    before = backfilled.stored("BTCUSDT")

    def daily(now: datetime) -> list[str]:
        at(small_exchange, now)
        tick = defs.resolve_schedule_def("follow_archive_daily")
        [request] = tick.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=now)).run_requests or ()
        with dg.DagsterInstance.ephemeral() as instance, asked(small_exchange) as zips:
            result = defs.resolve_job_def("follow_archive").execute_in_process(
                run_config=request.run_config, instance=instance, tags=request.tags
            )
        assert result.success
        assert len(result.all_events) < 60, "it has to cost little where there is nothing to do"
        return sorted(it for it in zips if not it.endswith(".CHECKSUM"))

    assert daily(NOW) == ["BTCUSDT-1m-2026-01.zip", "BTCUSDT-1m-2026-03-04.zip"]
    assert daily(NOW) == []
    assert daily(NOW + timedelta(days=1)) == ["BTCUSDT-1m-2026-02.zip", "BTCUSDT-1m-2026-03-05.zip"]
    states = dict(backfilled.rows("select file, state from raw.archive_file where month = '2026-02'"))
    assert len(states) == 2
    assert states[old[0]] == "superseded"
    after = backfilled.stored("BTCUSDT")
    assert len({row for row in before if row[0].month == 2} - set(after)) > 0, "the new version counts"
    [(newest,)] = backfilled.rows("select max(open_at) from raw.kline where source = 'archive'")
    assert newest == datetime.fromisoformat("2026-03-05T23:59")
