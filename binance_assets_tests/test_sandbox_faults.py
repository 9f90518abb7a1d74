"""The misbehaviours of the sandbox exchange, seen with plain HTTP, and its command."""

import gzip
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests
import typer
from click.testing import Result
from typer.testing import CliRunner

from binance_assets.cli.sandbox import sandbox as sandbox_command
from binance_assets.clients.binance import EPOCH
from binance_assets.sandbox import Fault, Sandbox
from binance_assets.sandbox.faults import BAD_PRICES, BAD_SYMBOLS, KINDS
from binance_assets_tests.simulated import NOON, SimulatedClock

COMMAND = [sys.executable, "-c", "import typer; from binance_assets.cli.sandbox import sandbox; typer.run(sandbox)"]


@pytest.fixture
def get(sandbox):
    with requests.Session() as session:
        yield lambda endpoint="ticker/price", **options: session.get(
            f"{sandbox.url}/api/v3/{endpoint}", timeout=10, allow_redirects=False, **options
        )


def raw_body(sandbox: Sandbox) -> bytes:
    """The body as it is sent, not decompressed."""
    with closing(http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=10)) as connection:
        connection.request("GET", "/api/v3/ticker/price", headers={"Accept-Encoding": "gzip"})
        with connection.getresponse() as answer:
            return answer.read()


# Which requests


def test_acts_on_so_many_requests(sandbox, get):
    sandbox.fail(Fault("503", count=2))
    assert [get("ping").status_code for _ in range(3)] == [503, 503, 200]


def test_acts_on_one_endpoint(sandbox, get):
    sandbox.fail(Fault("500", endpoint="time"))
    assert [get(endpoint).status_code for endpoint in ("time", "ping", "time")] == [500, 200, 500]
    sandbox.clear_faults()
    assert get("time").status_code == 200


@pytest.fixture
def clock(sandbox):
    """Simulated time, by which the sandbox goes."""
    clock = SimulatedClock()
    sandbox.clock, hosts = clock.exchange_ms, sandbox.clock
    yield clock
    sandbox.clock = hosts


def test_acts_for_some_time(sandbox, get, clock):
    sandbox.fail(Fault("500", seconds=300))
    for seconds, status in [(0, 500), (299.999, 500), (0.001, 200)]:
        clock.sleep(seconds)
        assert get("ping").status_code == status


def test_begins_when_it_is_time(sandbox, get, clock):
    sandbox.fail(
        Fault("500", begins_in=60, seconds=30),
        Fault("503", begins_in=60, seconds=60),  # the second half of it is seen
        Fault("429", begins_in=300, count=1),
    )
    statuses = []
    for _ in range(13):
        statuses.append(get("ping").status_code)
        clock.sleep(30)
    assert statuses == [200, 200, 500, 503, 200, 200, 200, 200, 200, 200, 429, 200, 200]


def test_requests_are_remembered_with_their_time(sandbox, get, clock):
    clock.sleep(1.5)
    get("ping")
    assert sandbox.requests[-1].at_ms == round((NOON - EPOCH).total_seconds() * 1000) + 1500


def test_faults_come_one_after_the_other(sandbox, get):
    sandbox.fail(Fault("503", count=2))
    sandbox.fail(Fault("429", count=1))
    assert [get("ping").status_code for _ in range(4)] == [503, 503, 429, 200]


def test_an_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"no fault 'flood'; there are 429, 418, "):
        Fault("flood")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("bom", Fault("bom")),
        ("429:ticker/price", Fault("429", endpoint="ticker/price")),
        ("429:ticker/price:3", Fault("429", endpoint="ticker/price", count=3)),
        ("503::2", Fault("503", count=2)),
    ],
)
def test_a_fault_can_be_written(text, fault):
    assert Fault.parse(text) == fault


@pytest.mark.parametrize("text", ["429:ticker/price:many", "429:ticker/price:3:4", "flood:ping", ""])
def test_what_is_no_fault_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a fault; write|there is no fault"):
        Fault.parse(text)


# What they do


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "halted"])  # which shows later
def test_every_kind_does_something_and_passes(sandbox, get, clock, kind):
    def seen() -> tuple[object, ...]:
        try:
            answer = get()
        except requests.RequestException as error:
            return (type(error),)
        return answer.status_code, answer.headers["Date"], answer.text

    good = seen()
    sandbox.fail(Fault(kind, count=1, amount={"slow": 0.5, "stall": 0.5, "bomb": 20}.get(kind)))
    began = time.monotonic()
    bad = seen()
    took = time.monotonic() - began
    assert took > 0.5 if kind in {"slow", "stall"} else bad != good
    assert seen() == good


@pytest.mark.parametrize("retry_after", [None, 7, "soon", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_429_has_the_retry_after_that_is_wanted(sandbox, get, retry_after):
    sandbox.fail(Fault("429", retry_after=retry_after))
    answer = get()
    assert answer.status_code == 429
    assert answer.json()["code"] == -1003
    assert answer.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))


def test_418_says_until_when(sandbox, get):
    sandbox.fail(Fault("418", amount=259_200))
    answer = get()
    assert (answer.status_code, answer.headers["Retry-After"]) == (418, "259200")
    until_ms = int(answer.json()["msg"].partition("banned until ")[2].partition(".")[0])
    assert until_ms == pytest.approx((time.time() + 259_200) * 1000, abs=5000)


@pytest.mark.parametrize(
    ("kind", "status", "start"),
    [
        ("403", 403, "<!DOCTYPE html>"),
        ("451", 451, '{"code":0,"msg":"Service unavailable from a restricted location'),
        ("500", 500, '{"code":-1000,'),
        ("502", 502, "<!DOCTYPE html>"),
        ("503", 503, '{"code":-1008,'),
        ("504", 504, "<!DOCTYPE html>"),
        ("redirect", 302, "<!DOCTYPE html>"),
        ("html", 200, "<!DOCTYPE html>"),
        ("error_object", 200, '{"code":-1003,'),
        ("empty", 200, ""),
        ("empty_list", 200, "[]"),
        ("object", 200, "{"),
        ("bom", 200, "\ufeff["),
        ("deep", 200, "[" * 200_000),
        ("nan", 200, '[{"symbol":"'),
    ],
)
def test_other_answers(sandbox, get, kind, status, start):
    sandbox.fail(Fault(kind))
    answer = get()
    assert answer.status_code == status
    assert answer.content.decode().startswith(start)
    assert answer.headers["X-Simulated"]
    assert bool(answer.content) == bool(start)


def test_bytes_that_are_no_json(sandbox, get):
    for kind, marks in {
        "nan": b'"price":NaN}',
        "duplicate_keys": b'[{"symbol":null,"symbol":"',
        "lone_surrogate": rb"\ud800",
        "bad_utf8": b"\xff\xc3",
    }.items():
        sandbox.fail(Fault(kind, count=1))
        assert marks in get().content
    sandbox.fail(Fault("truncated_json", count=1))
    answer = get()
    assert answer.content.startswith(b'[{"symbol"')
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_half_a_gzip_file_and_one_that_is_large(sandbox):
    sandbox.fail(Fault("truncated_gzip", count=1))
    with pytest.raises(EOFError):
        gzip.decompress(raw_body(sandbox))
    sandbox.fail(Fault("bomb", amount=20, count=1))
    bomb = raw_body(sandbox)
    assert len(bomb) < 200_000
    assert len(gzip.decompress(bomb)) > 20_000_000


@pytest.mark.parametrize("kind", ["cut", "cut_chunked"])
def test_a_body_that_breaks_off(sandbox, kind):
    sandbox.fail(Fault(kind, count=1))
    with pytest.raises(http.client.IncompleteRead) as raised:
        raw_body(sandbox)
    assert len(raised.value.partial) > 1000


def test_a_slow_body_drips_and_a_stalled_answer_does_not_begin(sandbox, get):
    sandbox.fail(Fault("slow", amount=0.6, count=1))
    began = time.monotonic()
    answer = get(stream=True)
    headers_after = time.monotonic() - began
    pieces = [time.monotonic() - began for _ in answer.raw.stream(100, decode_content=False)]
    assert headers_after < 0.3
    assert pieces[-1] - pieces[0] > 0.4

    sandbox.fail(Fault("stall", amount=0.6, count=1))
    began = time.monotonic()
    get(stream=True).close()
    assert time.monotonic() - began > 0.6


def test_a_stalled_answer_does_not_hold_up_others_nor_the_end():
    with Sandbox() as sandbox:
        sandbox.fail(Fault("stall", endpoint="time", amount=60))
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{sandbox.url}/api/v3/time", timeout=0.3)
        assert requests.get(f"{sandbox.url}/api/v3/ping", timeout=5).ok
        began = time.monotonic()
    assert time.monotonic() - began < 2


def test_a_clock_that_is_off_is_so_in_header_and_body(sandbox, get):
    sandbox.fail(Fault("clock_off", amount=-300))
    answer = get("time")
    assert answer.json()["serverTime"] / 1000 == pytest.approx(time.time() - 300, abs=5)
    assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == pytest.approx(time.time() - 300, abs=5)


def test_rows_that_are_not_as_usual(sandbox, get):
    def rows(fault: Fault, endpoint="ticker/price") -> list[dict]:
        sandbox.clear_faults()
        sandbox.fail(fault)
        data = get(endpoint).json()
        return data["symbols"] if endpoint == "exchangeInfo" else data

    symbols = [row["symbol"] for row in get().json()]
    share = len(rows(Fault("missing_symbols", amount=0.3))) / len(symbols)
    assert 0.65 < share < 0.75
    named = [row["symbol"] for row in rows(Fault("missing_symbols", symbols=("BTCUSDT",)))]
    assert named == [symbol for symbol in symbols if symbol != "BTCUSDT"]
    shuffled = [row["symbol"] for row in rows(Fault("shuffled"))]
    assert shuffled != symbols
    assert sorted(shuffled) == sorted(symbols)
    assert all(row["novelty"] for row in rows(Fault("new_fields")))
    wrong = rows(Fault("wrong_types"))
    assert {type(row["price"]) for row in wrong} == {float}
    assert {type(row["symbol"]) for row in wrong} == {int}
    statuses = {
        row["symbol"]: row["status"] for row in rows(Fault("unknown_status", symbols=("BTCUSDT",)), "exchangeInfo")
    }
    assert [symbol for symbol, status in statuses.items() if status == "TWILIGHT"] == ["BTCUSDT"]


def test_the_market_stands_still(sandbox, get, clock):
    def prices() -> dict[str, str]:
        return {row["symbol"]: row["price"] for row in get().json()}

    def statuses() -> dict[str, str]:
        return {row["symbol"]: row["status"] for row in get("exchangeInfo").json()["symbols"]}

    sandbox.fail(Fault("halted", begins_in=60, seconds=600))
    before, trading = prices(), statuses()
    clock.sleep(60)
    at_halt = prices()
    assert at_halt != before
    clock.sleep(599)
    assert prices() == at_halt
    assert get("ticker/price?symbol=BTCUSDT").json()["price"] == at_halt["BTCUSDT"]
    assert set(statuses().values()) == {"BREAK"}
    assert get("time").json()["serverTime"] == clock.exchange_ms()
    assert get("ticker/price?symbol=NOSUCHPAIR").status_code == 400
    clock.sleep(1)
    assert prices() != at_halt
    assert statuses() == trading


def test_one_symbol_stands_still(sandbox, get, clock):
    before = {row["symbol"]: row["price"] for row in get().json()}
    sandbox.fail(Fault("halted", symbols=("BTCUSDT",)))
    clock.sleep(600)
    after = {row["symbol"]: row["price"] for row in get().json()}
    assert after["BTCUSDT"] == before["BTCUSDT"]
    assert after["ETHUSDT"] != before["ETHUSDT"]
    statuses = {row["symbol"]: row["status"] for row in get("exchangeInfo").json()["symbols"]}
    assert (statuses["BTCUSDT"], statuses["ETHUSDT"]) == ("BREAK", "TRADING")


def test_symbols_can_be_missing_everywhere(sandbox, get):
    sandbox.fail(Fault("missing_symbols", symbols=("BTCUSDT",)))
    assert "BTCUSDT" not in {row["symbol"] for row in get().json()}
    assert "BTCUSDT" not in {row["symbol"] for row in get("exchangeInfo").json()["symbols"]}


def test_bad_rows_are_added_or_take_the_place_of_some(sandbox, get):
    good = get().json()
    sandbox.fail(Fault("bad_rows", count=1))
    rows = get().json()
    assert [row["symbol"] for row in rows[: len(good)]] == [row["symbol"] for row in good]
    added = rows[len(good) :]
    assert {row.get("price") for row in added} > {*BAD_PRICES}
    assert {row["symbol"] for row in added} > {*BAD_SYMBOLS}
    assert added[-1]["symbol"] == good[0]["symbol"]

    sandbox.fail(Fault("bad_rows", symbols=("BTCUSDT", "ETHUSDT")))
    prices = {row["symbol"]: row["price"] for row in get().json()}
    assert (prices["BTCUSDT"], prices["ETHUSDT"]) == BAD_PRICES[:2]
    assert len(prices) == len(good)
    descriptions = {row["symbol"]: row for row in get("exchangeInfo").json()["symbols"]}
    assert descriptions["BTCUSDT"]["baseAsset"] == ""


def test_an_error_of_the_exchange_stays_one(sandbox, get):
    sandbox.fail(Fault("bad_rows"))
    assert get("ticker/price?symbol=NOSUCHPAIR").json() == {"code": -1121, "msg": "Invalid symbol."}


# Over HTTP, and the command


def test_faults_over_http(sandbox, get):
    faults = f"{sandbox.url}/sandbox/faults"
    assert requests.get(faults, timeout=5).json() == []
    answer = requests.post(faults, json={"kind": "429", "endpoint": "ping", "count": 2, "symbols": ["A"]}, timeout=5)
    [listed] = answer.json()
    assert (listed["kind"], listed["endpoint"], listed["symbols"], listed["left"]) == ("429", "ping", ["A"], 2)
    assert get("ping").status_code == 429
    assert requests.get(faults, timeout=5).json()[0]["left"] == 1
    assert requests.delete(faults, timeout=5).json() == []
    assert get("ping").status_code == 200


def test_a_schedule_over_http(sandbox, get, clock):
    schedule = [{"kind": "503", "begins_in": 60, "seconds": 60}, {"kind": "429", "begins_in": 90, "seconds": 60}]
    faults = f"{sandbox.url}/sandbox/faults"
    assert [it["kind"] for it in requests.post(faults, json=schedule, timeout=5).json()] == ["503", "429"]
    statuses = []
    for _ in range(6):
        statuses.append(get("ping").status_code)
        clock.sleep(30)
    assert statuses == [200, 200, 503, 503, 429, 200]
    assert requests.get(faults, timeout=5).json() == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        *[('{"kind": "flood"}', "there is no fault"), ('[{"kind": "429"}, {"kind": "flood"}]', "there is no fault")],
        *[('{"kind": "429", "count": "few"}', "count"), ('{"kind": "429", "begin_in": 5}', "begin_in")],
        *[("7", ""), ("{", "")],
    ],
)
def test_what_is_no_fault_is_refused_over_http(sandbox, get, body, says):
    answer = requests.post(f"{sandbox.url}/sandbox/faults", data=body, timeout=5)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert get("ping").status_code == 200


def test_the_command_serves_until_it_is_told_to_stop(tmp_path):
    schedule = tmp_path / "faults.json"
    schedule.write_text('[{"kind": "500", "count": 1}, {"kind": "504", "begins_in": 3600}]')
    options = ["--port", "0", "--seed", "7", "--fault", "503:ping:1", "--faults", schedule, "--json"]
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        said = json.loads(process.stdout.readline())
        statuses = [requests.get(f"{said['url']}/api/v3/ping", timeout=5).status_code for _ in range(3)]
        process.terminate()
        _, errors = process.communicate(timeout=10)
    assert (said["seed"], said["simulated"]) == (7, True)
    assert statuses == [503, 500, 200]
    assert (process.returncode, errors) == (0, "")


def test_the_command_says_how_it_is_used():
    with subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGINT)
        process.wait(timeout=10)
    assert "SIMULATED" in lines[0]
    assert "BINANCE_API_URL=http://127.0.0.1:" in lines[3]
    assert "/sandbox/faults" in lines[4]
    assert process.returncode == 0


def command(*options: str) -> Result:
    app = typer.Typer()
    app.command()(sandbox_command)
    return CliRunner().invoke(app, options)


def test_the_command_refuses_what_it_cannot_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = command("--port", port)
    assert refused.exit_code == 1
    assert f"Port {port} cannot be used" in refused.stderr
    refused = command("--fault", "flood")
    assert refused.exit_code == 2
    assert "flood" in refused.stderr
    schedule = tmp_path / "faults.json"
    schedule.write_text('[{"kind": "flood"}]')
    refused = command("--faults", str(schedule))
    assert refused.exit_code == 2
    assert "flood" in refused.stderr


def test_the_help_has_an_example():
    shown = command("--help")
    assert shown.exit_code == 0
    assert "binance-assets sandbox --port 8700" in shown.stdout
    assert "truncated_json" in shown.stdout
    assert "begins_in" in shown.stdout
