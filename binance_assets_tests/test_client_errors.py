"""Which answer is which error: by status, code and shape, on answers made here and on recorded ones."""

import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_assets.clients import (
    Answer,
    BadRequest,
    BadResponse,
    Banned,
    ExchangeError,
    ExchangeServerError,
    Forbidden,
    RateLimited,
    RestrictedLocation,
    accept,
)
from binance_assets.clients.binance import EPOCH

RECORDINGS = Path(os.environ.get("BINANCE_RECORDINGS", Path(__file__).parents[2] / "shared" / "recordings"))
RECORDED_ERRORS = RECORDINGS / "errors"

NOW = datetime.fromisoformat("2025-01-01T00:00:12.500")


def judge(
    body: bytes | str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    endpoint: str = "ticker/price",
    params: Mapping[str, str] | None = None,
):
    body = body.encode() if isinstance(body, str) else body
    answer = Answer(f"https://exchange.example/api/v3/{endpoint}", status, headers or {}, body, NOW, NOW)
    return accept(answer, endpoint, params or {})


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"code":-1121,"msg":"Invalid symbol."}', BadRequest),
        (404, "<html>404</html>", BadRequest),
        (403, "<html>blocked</html>", Forbidden),
        (408, "", ExchangeServerError),
        (418, "", Banned),
        (429, "", RateLimited),
        (451, '{"code":0,"msg":"Service unavailable from a restricted location"}', RestrictedLocation),
        (451, "<html>", RestrictedLocation),
        (500, '{"code":-1000,"msg":"unknown"}', ExchangeServerError),
        (503, "<html>", ExchangeServerError),
        (400, '{"code":-1008,"msg":"Server is busy"}', ExchangeServerError),
        (400, '{"code":-1003,"msg":"Too many requests."}', RateLimited),
        (200, '{"code":-1003,"msg":"Too many requests."}', RateLimited),
        (200, '{"code":-1003,"msg":"Way too many requests; IP banned until 1515929738237"}', Banned),
        (200, '{"code":0,"msg":"Service unavailable from a restricted location"}', RestrictedLocation),
        (200, '{"code":0}', BadResponse),
        (200, '{"code":-1121,"msg":"Invalid symbol."}', BadResponse),
        (200, "<html>Down for maintenance</html>", BadResponse),
        (200, "", BadResponse),
        (204, "", BadResponse),
        (206, '[{"symbol":"A"}]', BadResponse),
        (302, "<html>", BadResponse),
        (200, "[]", BadResponse),
        (200, '{"symbol":"ETHBTC","price":"1"}', BadResponse),
        (200, "null", BadResponse),
        (200, '"text"', BadResponse),
        (200, "17", BadResponse),
    ],
)
def test_each_answer_is_the_error_of_what_can_be_done_about_it(status, body, error):
    with pytest.raises(ExchangeError) as raised:
        judge(body, status)
    assert type(raised.value) is error
    assert raised.value.endpoint == "ticker/price"
    assert raised.value.status == status
    assert str(raised.value).startswith("ticker/price from https://exchange.example/api/v3/ticker/price: ")
    assert "What to do: " in str(raised.value)
    assert body[:40] in str(raised.value)


def test_an_error_carries_the_code_and_the_words_of_the_exchange():
    with pytest.raises(BadRequest, match="HTTP 400, code -1121: Invalid symbol") as raised:
        judge('{"code":-1121,"msg":"Invalid symbol."}', 400)
    assert raised.value.code == -1121


def test_a_redirect_says_whereto():
    with pytest.raises(BadResponse, match="redirect to https://login"):
        judge("", 302, {"Location": "https://login.example/"})


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("Wed, 01 Jan 2025 00:00:30 GMT", 30),  # against the answer's own clock
        ("Tue, 31 Dec 2024 23:00:00 GMT", 0),
    ],
)
def test_a_limit_says_how_long_to_wait(retry_after, seconds):
    headers = {"Retry-After": retry_after, "Date": "Wed, 01 Jan 2025 00:00:00 GMT"}
    with pytest.raises(RateLimited) as raised:
        judge("", 429, headers)
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize(
    "retry_after",
    [None, "", "soon", "-5", "1.5", "\N{FULLWIDTH DIGIT ONE}", "\N{SUPERSCRIPT TWO}", "9" * 40, "Wed, 99 Foo 2025"],
)
def test_a_limit_that_does_not_say_how_long_lasts_until_the_minute_ends(retry_after):
    with pytest.raises(RateLimited) as raised:
        judge("", 429, {} if retry_after is None else {"Retry-After": retry_after})
    assert raised.value.retry_after == 47.5


def test_the_minute_of_a_limit_is_that_of_the_exchange():
    with pytest.raises(RateLimited) as raised:
        judge("", 429, {"Date": "Wed, 01 Jan 2025 00:00:50 GMT"})
    assert raised.value.retry_after == 10


@pytest.mark.parametrize(
    ("seconds_in_body", "retry_after", "seconds"),
    [
        (None, None, 120),
        (None, "600", 600),
        (900, None, 900),
        (900, "600", 900),
        (300, "600", 600),
        (-1000, None, 120),  # whose clock is wrong is not known: the shortest ban there is
        (1e9, "999999999", 3 * 24 * 3600),
    ],
)
def test_a_ban_lasts_as_long_as_the_later_of_body_and_header_says(seconds_in_body, retry_after, seconds):
    body = ""
    if seconds_in_body is not None:
        until_ms = round(((NOW - EPOCH).total_seconds() + seconds_in_body) * 1000)
        body = json.dumps({"code": -1003, "msg": f"Way too many requests; IP banned until {until_ms}."})
    with pytest.raises(Banned) as raised:
        judge(body, 418, {} if retry_after is None else {"Retry-After": retry_after})
    assert raised.value.until == NOW + timedelta(seconds=seconds)
    assert f"banned until {raised.value.until:%Y-%m-%d %H:%M:%S} UTC" in str(raised.value)


@pytest.mark.parametrize("hours_off", [-1, 0, 1])
def test_how_long_a_ban_lasts_does_not_depend_on_the_hosts_clock(hours_off):
    there = NOW.replace(microsecond=0) + timedelta(hours=hours_off)
    until_ms = ((there - EPOCH) // timedelta(seconds=1) + 300) * 1000
    body = json.dumps({"code": -1003, "msg": f"IP banned until {until_ms}."})
    with pytest.raises(Banned) as raised:
        judge(body, 418, {"Date": f"{there:%a, %d %b %Y %H:%M:%S} GMT"})
    assert raised.value.until == NOW + timedelta(seconds=300)


@pytest.mark.parametrize(
    ("endpoint", "params", "body"),
    [
        ("ping", {}, "{}"),
        ("time", {}, '{"serverTime":1700000000000}'),
        ("exchangeInfo", {}, '{"symbols":[{}]}'),
        ("exchangeInfo", {"symbolStatus": "HALT"}, '{"symbols":[]}'),
        ("ticker/price", {}, '[{"symbol":"ETHBTC","price":"-1"}, 5, null]'),  # rows are for the loader
        ("ticker/price", {"symbol": "ETHBTC"}, '{"symbol":"ETHBTC","price":"1"}'),
        ("ticker/price", {"symbols": '["ETHBTC"]'}, '[{"symbol":"ETHBTC","price":"1"}]'),
        ("ticker/price", {"symbolStatus": "HALT"}, "[]"),
        ("klines", {"symbol": "ETHBTC"}, "[]"),
        ("depth", {"symbol": "ETHBTC"}, '{"bids":[]}'),
    ],
)
def test_accepts_what_has_the_shape_of_its_endpoint(endpoint, params, body):
    assert judge(body, endpoint=endpoint, params=params) == json.loads(body)


@pytest.mark.parametrize(
    ("endpoint", "params", "body", "wrong"),
    [
        ("time", {}, '{"serverTime":"now"}', "an object where an object with a serverTime belongs"),
        ("exchangeInfo", {}, '{"symbols":[]}', "an empty list"),
        ("exchangeInfo", {}, "[]", "a list where an object with a list of symbols belongs"),
        ("exchangeInfo", {}, '{"timezone":"UTC"}', "an object where an object with a list of symbols belongs"),
        ("ticker/price", {}, '{"rows":[]}', "an object where a list belongs"),
        ("ticker/price", {"symbol": "ETHBTC"}, "[]", "a list where the object of one symbol belongs"),
        ("klines", {}, "{}", "an object where a list belongs"),
        ("depth", {}, "true", "a number or a truth value where an object or a list belongs"),
    ],
)
def test_refuses_what_has_not(endpoint, params, body, wrong):
    with pytest.raises(BadResponse, match=wrong):
        judge(body, endpoint=endpoint, params=params)


def test_a_long_or_unprintable_message_stays_readable():
    message = "x\x1b[31m\x00\n" + "y" * 100_000
    with pytest.raises(BadRequest) as raised:
        judge(json.dumps({"code": -1, "msg": message}), 400)
    assert str(raised.value).count("\n") == 2
    assert str(raised.value).replace("\n", "").isprintable()
    assert len(str(raised.value)) < 1000


@given(
    body=st.binary()
    | st.recursive(
        st.none() | st.integers() | st.floats() | st.text(alphabet=st.characters(codec="utf-8")),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["code", "msg", "symbols", "serverTime", "symbol"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    status=st.sampled_from([200, 204, 302, 400, 403, 418, 429, 451, 500]),
    endpoint=st.sampled_from(["time", "exchangeInfo", "ticker/price", "klines", "ping"]),
    retry_after=st.text(alphabet=st.characters(codec="latin-1")) | st.sampled_from(["9" * 9, "Mon"]),
    date=st.text(alphabet=st.characters(codec="latin-1")),
)
def test_whatever_comes_is_data_or_an_exchange_error(body, status, endpoint, retry_after, date):
    try:
        judge(body, status, {"Retry-After": retry_after, "Date": date}, endpoint)
    except ExchangeError as error:
        assert str(error)  # noqa: PT017
    else:
        assert status == 200


ERROR_OF_STATUS = {400: BadRequest, 403: Forbidden, 418: Banned, 429: RateLimited, 451: RestrictedLocation}


@pytest.mark.skipif(not RECORDED_ERRORS.is_dir(), reason=f"the recordings are not at {RECORDINGS}")
def test_recorded_errors_are_refused():
    lines = (RECORDED_ERRORS / "recorded_errors.jsonl").read_text().splitlines()
    recorded = [json.loads(line) for line in lines]
    assert {error["http_status"] for error in recorded} == set(ERROR_OF_STATUS)
    for error in recorded:
        with pytest.raises(ERROR_OF_STATUS[error["http_status"]]):
            judge(error["body"], error["http_status"], error["headers"])


@pytest.mark.skipif(not RECORDED_ERRORS.is_dir(), reason=f"the recordings are not at {RECORDINGS}")
@pytest.mark.parametrize("endpoint", ["exchangeInfo", "ticker/price"])
def test_recorded_refusals_without_their_status_are_refused_too(endpoint):
    bodies = sorted(RECORDED_ERRORS.glob("http451_*.json"))
    assert bodies
    for body in bodies:
        with pytest.raises(RestrictedLocation):
            judge(body.read_bytes(), endpoint=endpoint)
