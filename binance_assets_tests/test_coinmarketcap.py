"""What is asked of CoinMarketCap and when, what a kill costs, and how whole runs end with it and without it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import dagster as dg
import duckdb
import pytest
from pydantic import SecretStr

from binance_assets.clients.coinmarketcap import CoinMarketCapClient
from binance_assets.home import Home
from binance_assets.landing import Landing
from binance_assets.landing.coinmarketcap import MEMORY, Fetched, fetch_due, wanted_categories
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.settings import SettingsError, load_settings
from binance_assets_tests.driven import wait_until
from binance_assets_tests.pipeline import ROOT
from binance_assets_tests.simulated import NOON as START
from binance_assets_tests.simulated import SimulatedClock

DAY = timedelta(days=1)

WANTED = ["DeFi", "Privacy", "Layer 2"]

MAP, LISTINGS, CATEGORIES, CATEGORY = (
    f"coinmarketcap/{name}" for name in ("map", "listings", "categories", "category")
)


class Fetching:
    """Asks the sandbox for what is due, in simulated time, each time with a new key."""

    def __init__(self, landing: Path, sandbox: Sandbox) -> None:
        self.clock = SimulatedClock()
        self.landing = Landing(landing, self.clock)
        self.sandbox = sandbox

    def fetch(self, wanted: list[str] | None = None) -> Fetched:
        names = WANTED if wanted is None else wanted
        return fetch_due(self._client, self.landing, "sandbox", names, self.clock.now())

    @contextmanager
    def _client(self) -> Iterator[CoinMarketCapClient]:
        key = SecretStr(str(uuid4()))
        with CoinMarketCapClient(key, self.sandbox.url, simulated=True, attempts=1) as client:
            yield client

    def asked(self, fetched: Fetched) -> Counter[str]:
        """What was asked for, the members of categories together."""
        names = [*fetched.landed, *fetched.unchanged]
        return Counter(CATEGORY if name.startswith(f"{CATEGORY}/") else name for name in names)


@pytest.fixture
def fetching(tmp_path: Path, sandbox: Sandbox) -> Fetching:
    return Fetching(tmp_path / "landing", sandbox)


EVERYTHING = Counter({MAP: 1, LISTINGS: 1, CATEGORIES: 1, CATEGORY: len(WANTED)})


# What is due


def test_coins_are_asked_for_once_a_day_and_categories_once_in_seven(fetching: Fetching) -> None:
    asked = [fetching.asked(fetching.fetch())]
    for hours in (1, 10, 1, 5 * 24, 23, 1):  # from noon: the next day begins after twelve hours
        fetching.clock.sleep(hours * 3600)
        asked.append(fetching.asked(fetching.fetch()))
    daily, nothing = Counter({MAP: 1, LISTINGS: 1}), Counter[str]()
    assert asked == [EVERYTHING, nothing, nothing, daily, daily, nothing, EVERYTHING]


def test_nobody_is_asked_when_nothing_is_due(fetching: Fetching, sandbox: Sandbox) -> None:
    fetching.fetch()
    since = len(sandbox.requests)
    assert fetching.fetch().credits_left is None
    assert sandbox.requests[since:] == []


def test_all_pages_of_a_piece_are_in_one_file_as_received(fetching: Fetching) -> None:
    fetched = fetching.fetch()
    files = fetching.landing.files_after(None)
    assert len(files) == len(fetched.landed) == EVERYTHING.total()
    with duckdb.connect() as duck:
        pages = duck.execute(
            "select filename, endpoint, count(*), bool_and(sha256 = sha256(body)), "
            "sum(json_array_length(coalesce(decode(body)::json -> '$.data.coins', decode(body)::json -> '$.data'))), "
            "any_value(decode(body)::json ->> '$.data.num_tokens')::int "
            "from read_parquet($files, filename = true) group by all",
            {"files": [fetching.landing.absolute(file) for file in files]},
        ).fetchall()
    assert {endpoint for _, endpoint, *_ in pages} == {*fetched.landed}
    assert all(is_whole for _, _, _, is_whole, *_ in pages)
    counts = {endpoint: (page_count, rows) for _, endpoint, page_count, _, rows, _ in pages}
    assert counts[MAP][0] == 2
    assert counts[MAP][1] > 5000
    assert counts[LISTINGS] == (1, 5000)
    assert all(rows == announced for *_, rows, announced in pages if announced)
    assert max(page_count for endpoint, (page_count, _) in counts.items() if CATEGORY in endpoint) == 2


def test_what_has_not_changed_is_not_landed_again_and_not_asked_for_again(fetching: Fetching, sandbox: Sandbox) -> None:
    stands_still = SimulatedClock().exchange_ms
    sandbox.clock, hosts = stands_still, sandbox.clock
    try:
        first = fetching.fetch()
        fetching.clock.sleep(DAY.total_seconds())
        second = fetching.fetch()
        third = fetching.fetch()
        fetching.clock.sleep(6 * DAY.total_seconds())
        (fetching.landing.path.parent / MEMORY).write_text("{", encoding="utf-8")
        week_later = fetching.fetch()
    finally:
        sandbox.clock = hosts
    assert fetching.asked(first) == EVERYTHING
    assert (second.landed, second.unchanged) == ([], [MAP, LISTINGS])
    assert (third.landed, third.unchanged) == ([], [])
    assert (week_later.landed, len(week_later.unchanged)) == ([], EVERYTHING.total())
    assert len(fetching.landing.files_after(None)) == EVERYTHING.total()


def test_what_never_changes_is_landed_again_in_time(fetching: Fetching, sandbox: Sandbox) -> None:
    sandbox.clock, hosts = SimulatedClock().exchange_ms, sandbox.clock
    try:
        landed = {}
        for day in (0, 7, 8, 9, 14):
            fetching.clock.sleep((START + day * DAY - fetching.clock.now()).total_seconds())
            landed[day] = fetching.fetch().landed
    finally:
        sandbox.clock = hosts
    assert landed[7] == landed[8] == []
    assert landed[9] == [MAP, LISTINGS, CATEGORIES]
    assert Counter([*landed[9], *landed[14]]) == Counter(landed[0])


def test_a_category_that_is_not_listed_is_said_and_stops_nothing(fetching: Fetching) -> None:
    fetched = fetching.fetch(["No Such Thing", *WANTED])
    assert fetching.asked(fetched) == EVERYTHING
    assert fetched.not_there == ["No Such Thing"]
    assert "no category named 'No Such Thing'" in fetched.trouble
    assert not fetched.needs_somebody


def test_the_sandbox_has_the_categories_that_the_project_wants(fetching: Fetching) -> None:
    assert len(wanted_categories()) > 10
    assert fetching.fetch(wanted_categories()).trouble == ""


# Errors


@pytest.mark.parametrize(
    ("fault", "landed", "needs_somebody"),
    [
        (Fault("1001"), {}, True),
        (Fault("1003"), {}, True),
        (Fault("1010", endpoint=LISTINGS), {MAP: 1}, False),
        (Fault("1011", endpoint=CATEGORIES), {MAP: 1, LISTINGS: 1}, False),
        (Fault("503", endpoint=LISTINGS), {MAP: 1}, False),
        (Fault("1006", endpoint=LISTINGS), EVERYTHING - Counter({LISTINGS: 1}), True),
        (Fault("1006", endpoint=CATEGORY), EVERYTHING - Counter({CATEGORY: 3}), True),
        (Fault("html", endpoint=CATEGORY, count=1), EVERYTHING - Counter({CATEGORY: 1}), False),
        (Fault("html", endpoint=CATEGORIES), {MAP: 1, LISTINGS: 1}, False),
    ],
    ids=lambda value: f"{value.kind}-{value.endpoint}" if isinstance(value, Fault) else None,
)
def test_an_error_costs_what_it_is_about_and_the_rest_comes_later(
    fetching: Fetching, sandbox: Sandbox, fault: Fault, landed: dict[str, int], needs_somebody: bool
) -> None:
    sandbox.fail(fault)
    fetched = fetching.fetch()
    assert fetching.asked(fetched) == Counter(landed)
    assert len(fetched.errors) == 1
    assert fetched.needs_somebody == needs_somebody
    assert str(fetched.errors[0]) == fetched.trouble
    sandbox.clear_faults()
    rest = fetching.fetch()
    assert fetching.asked(fetched) + fetching.asked(rest) == EVERYTHING
    assert rest.trouble == ""


def test_with_few_credits_only_what_they_pay_for_is_asked_for(tmp_path: Path) -> None:
    with Sandbox(coinmarketcap_credits=20) as sandbox:
        fetching = Fetching(tmp_path / "landing", sandbox)
        fetched = fetching.fetch()
        assert [name for name in fetched.landed if not name.startswith(f"{CATEGORY}/")] == [MAP, CATEGORIES]
        assert {request.status for request in sandbox.requests} == {200}
    assert "it would cost 25 credits and 18 are left" in fetched.trouble
    assert not fetched.needs_somebody


# A kill


INTERRUPTED = """
import sys
from binance_assets_tests.test_coinmarketcap import Fetching
from pathlib import Path

class Address:
    url = sys.argv[1]

Fetching(Path(sys.argv[2]), Address).fetch()
"""


def test_after_a_kill_nothing_is_asked_for_twice_that_was_landed(fetching: Fetching, sandbox: Sandbox) -> None:
    sandbox.fail(Fault("stall", endpoint=CATEGORY))
    since = len(sandbox.requests)
    arguments = [sandbox.url, str(fetching.landing.path)]
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED, *arguments], cwd=ROOT) as process:
        wait_until(lambda: CATEGORY in {request.endpoint for request in sandbox.requests[since:]})
        process.send_signal(signal.SIGKILL)
        process.wait()
    sandbox.clear_faults()
    before = fetching.landing.files_after(None)
    assert len(before) == 3
    since = len(sandbox.requests)
    fetched = fetching.fetch()
    assert fetching.asked(fetched) == Counter({CATEGORY: len(WANTED)})
    assert {request.endpoint for request in sandbox.requests[since:]} == {"coinmarketcap/key/info", CATEGORY}
    assert fetching.landing.files_after(None)[:3] == before


# Settings


CANARY = "c4nary-5ecret-0123456789-abcdef"


@pytest.mark.parametrize("value", [f"'{CANARY}'", f"{CANARY}\n", f"{CANARY} {CANARY}", CANARY[:7], CANARY + "ä"])
def test_what_is_no_key_is_refused_without_showing_it(home: Home, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("COINMARKETCAP_API_KEY", value)
    with pytest.raises(SettingsError, match=r"^COINMARKETCAP_API_KEY=\*\*\*: ") as refused:
        load_settings()
    assert CANARY[:7] not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


@pytest.mark.parametrize("address", ["http://pro-api.coinmarketcap.com", "pro-api.coinmarketcap.com", "ftp://x"])
def test_the_key_does_not_travel_in_clear(home: Home, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("COINMARKETCAP_API_URL", address)
    with pytest.raises(SettingsError, match="COINMARKETCAP_API_URL"):
        load_settings()


def test_the_settings_do_not_show_the_key(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINMARKETCAP_API_KEY", CANARY)
    settings = load_settings()
    assert settings.coinmarketcap_api_key
    assert CANARY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


# Whole runs


@pytest.fixture
def sandboxed(home: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home of the sandbox, with a key."""
    monkeypatch.setenv("BINANCE_SOURCE", "sandbox")
    monkeypatch.setenv("BINANCE_API_URL", sandbox.url)
    monkeypatch.setenv("COINMARKETCAP_API_KEY", str(uuid4()))
    return home


def run_landing(home: Home) -> dg.ExecuteInProcessResult:
    """The hourly job's step that asks CoinMarketCap, recorded in the home."""
    from binance_assets.definitions import defs

    with home.dagster_instance() as instance:
        return defs.resolve_job_def("refresh_all").execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(["landing", "coinmarketcap"])],
            raise_on_error=False,
        )


def landed(home: Home) -> int:
    return sum("_coinmarketcap_" in file.name for file in home.store("sandbox").landing.files_after(None))


@pytest.mark.parametrize(
    ("fault", "severity", "said"),
    [
        ("1001", "ERROR", "compare COINMARKETCAP_API_KEY"),
        ("1003", "ERROR", "activate or renew the plan"),
        ("1006", "ERROR", "use the key of a plan that includes it"),
        ("1009", "WARN", "wait for the next day"),
        ("1010", "WARN", "wait for the next month"),
        ("cut", "WARN", "between here and CoinMarketCap"),
    ],
)
def test_a_run_succeeds_and_its_check_says_what_to_do(
    sandboxed: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: str, severity: str, said: str
) -> None:
    monkeypatch.setattr(
        "binance_assets.exchange.CoinMarketCapClient", partial(CoinMarketCapClient, attempts=2, backoff=0.01)
    )
    sandbox.fail(*(Fault(fault, endpoint=endpoint) for endpoint in (MAP, LISTINGS, CATEGORIES)))
    result = run_landing(sandboxed)
    assert result.success
    assert len(result.get_asset_materialization_events()) == 1
    [check] = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.severity.value) == ("answered", False, severity)
    assert said in (check.description or "")
    assert landed(sandboxed) == 0


def test_a_run_without_a_key_says_so(sandboxed: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COINMARKETCAP_API_KEY")
    since = len(sandbox.requests)
    result = run_landing(sandboxed)
    assert result.success
    [event] = result.get_asset_materialization_events()
    assert "curated categories only" in str(event.materialization.metadata["asked"].value)
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
    assert sandbox.requests[since:] == []


RUN = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from binance_assets.home import Home
from binance_assets.runs import execute
from binance_assets.settings import load_settings

print(execute(Home.of(load_settings()), "refresh_all"))
"""


def test_the_key_is_nowhere(
    sandboxed: Home, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a wrong key, over the quota, and after a whole run that went well.

    Looked at are all files of the home, what was printed and logged, and what Dagster recorded, which the UI shows.
    """
    monkeypatch.setenv("COINMARKETCAP_API_KEY", CANARY)
    caplog.set_level(logging.DEBUG)
    for fault in ("1001", "1010"):
        sandbox.fail(Fault(fault, endpoint=LISTINGS))
        [check] = run_landing(sandboxed).get_asset_check_evaluations()
        assert f"code {fault}" in (check.description or "")
        sandbox.clear_faults()
    assert "/v1/key/info" in caplog.text
    ran = subprocess.run(
        [sys.executable, "-c", RUN], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "name='answered'" not in ran.stdout
    assert "/v1/cryptocurrency/listings/latest" in ran.stderr
    assert landed(sandboxed) == 3 + len(wanted_categories())
    with sandboxed.dagster_instance() as instance:
        events = "".join(str(event) for run in instance.get_runs() for event in instance.all_logs(run.run_id))
    assert "code 1010" in events
    assert not [told for told in (caplog.text, ran.stdout, ran.stderr, events) if CANARY in told]
    files = [path for path in sandboxed.path.rglob("*") if path.is_file()]
    assert len(files) > 30
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]
    # What is compressed cannot be searched as bytes.
    with duckdb.connect() as duck:
        bodies = duck.execute(
            "select count(*), count(*) filter (where contains(decode(body), $key)) from read_parquet($files)",
            {"files": str(sandboxed.store("sandbox").landing.path / "*" / "*.parquet"), "key": CANARY},
        ).fetchall()
    assert bodies[0][0] >= 20
    assert bodies[0][1] == 0
    with sandboxed.store("sandbox").warehouse.connect() as connection:
        tables = [name for (name,) in connection.rows("select schema_name || '.' || table_name from duckdb_tables()")]
        assert "raw.coinmarketcap_coin" in tables
        for name in tables:
            rows = connection.rows(f"select 1 from {name} as searched where contains(searched::text, $key)", key=CANARY)
            assert rows == [], name
