"""The ways in which the sandbox exchange can be told to misbehave: one row of a table for each.

A fault acts on the finished answer: replaces it, changes its rows or its bytes, or how it is sent.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from email.utils import formatdate
from functools import cache
from typing import Any, ClassVar, NamedTuple

from pydantic import ConfigDict, TypeAdapter

from binance_assets.sandbox.coinmarketcap_envelope import CODES, envelope

Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer on its way out.

    Attributes:
        status: HTTP status.
        data: What the body says, for JSON.
        headers: Besides those that every answer has.
        raw: The body itself, in place of ``data``.
        delay: Seconds until anything is sent.
        duration: Seconds over which the body is sent, in small pieces.
        is_cut: Whether the connection is closed after half of the body.
        is_chunked: Whether it is sent without its length.
    """

    status: int = 200
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0.0
    duration: float = 0.0
    is_cut: bool = False
    is_chunked: bool = False

    @property
    def body(self) -> bytes:
        """The body, not compressed unless a header says so."""
        if self.raw is not None:
            return self.raw
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Fault:
    """Something that the sandbox does wrong. Without ``count`` and ``seconds`` it goes on until it is cleared.

    Its times are by the exchange's clock.

    Attributes:
        kind: One of ``KINDS``, such as ``429`` or ``truncated_json``.
        endpoint: Such as ``ticker/price`` or ``coinmarketcap/map``; None for all.
        count: For so many requests.
        seconds: For so long, from when it begins.
        begins_in: Seconds from when it is set until it begins.
        amount: How much, where that makes sense; what it means and is otherwise is in ``KINDS``.
        retry_after: The header ``Retry-After`` of 429, 418 and 1008, as it is. Without it 429 and 1008 have none.
        symbols: The symbols whose rows are meant, where rows are; else all, or made-up ones.

    Raises:
        ValueError: There is no such kind.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: str
    endpoint: str | None = None
    count: int | None = None
    seconds: float | None = None
    begins_in: float = 0.0
    amount: float | None = None
    retry_after: str | int | None = None
    symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are {', '.join(KINDS)}")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """A fault written as ``kind``, ``kind:endpoint`` or ``kind:endpoint:count``; the endpoint may be empty.

        Raises:
            ValueError: It is not written like that, or there is no such kind.
        """
        kind, endpoint, count, *rest = [*text.split(":"), "", ""]
        if rest[2:] or (count and not count.isdigit()):
            raise ValueError(f"{text!r} is not a fault; write kind:endpoint:count, such as 429:ticker/price:3")
        return cls(kind, endpoint=endpoint or None, count=int(count) if count else None)

    def apply(self, answer: Answer, moment: Moment) -> Answer:
        """What becomes of an answer."""
        kind = KINDS[self.kind]
        fault = self if self.amount is not None else replace(self, amount=kind.amount)
        return kind.apply(answer, fault, moment)


_FAULTS: TypeAdapter[Fault | list[Fault]] = TypeAdapter(Fault | list[Fault])


def read_faults(text: str | bytes) -> list[Fault]:
    """A fault, or a list of them, in JSON with the names of :class:`Fault`.

    Raises:
        ValueError: It is not.
    """
    faults = _FAULTS.validate_json(text)
    return faults if isinstance(faults, list) else [faults]


class Moment(NamedTuple):
    """When a fault meets a request.

    Attributes:
        now_ms: By the exchange's clock.
        answer_then: What the answer would have been when the fault began.
    """

    now_ms: int
    answer_then: Callable[[], Answer]


Apply = Callable[[Answer, Fault, Moment], Answer]


class Kind(NamedTuple):
    """A kind of fault: what it looks like, what it does, and its ``amount`` unless the fault says otherwise."""

    says: str
    apply: Apply
    amount: float | None = None


class Faults:
    """The faults that are set. Each request meets the first that is for it; when that is used up, the next."""

    def __init__(self) -> None:
        self._set: list[SetFault] = []

    def add(self, faults: Iterable[Fault], now_ms: int) -> None:
        """Sets faults, behind those that are set."""
        self._set = [*self._set, *(SetFault(fault, now_ms) for fault in faults)]

    def clear(self) -> None:
        """Sets all right again."""
        self._set = []

    def take(self, endpoint: str, now_ms: int) -> SetFault | None:
        """The fault that a request to an endpoint meets."""
        for it in self._set:
            if it.begins_ms <= now_ms and not it.is_over(now_ms) and it.fault.endpoint in (None, endpoint):
                if it.left is not None:
                    it.left -= 1
                return it
        return None

    def listed(self, now_ms: int) -> list[dict[str, Any]]:
        """Those that are not over, as JSON, with ``left``, the number of requests that are still to meet each."""
        return [{**asdict(it.fault), "left": it.left} for it in self._set if not it.is_over(now_ms)]


class SetFault:
    """A fault that is set.

    Attributes:
        fault: Which.
        left: How many requests are still to meet it.
        begins_ms: When it begins, by the exchange's clock.
    """

    def __init__(self, fault: Fault, now_ms: int) -> None:
        self.fault = fault
        self.left = fault.count
        self.begins_ms = now_ms + round(fault.begins_in * 1000)
        self._ends_ms = None if fault.seconds is None else self.begins_ms + round(fault.seconds * 1000)

    def is_over(self, now_ms: int) -> bool:
        """Whether no request meets it any more."""
        return self.left == 0 or (self._ends_ms is not None and now_ms >= self._ends_ms)


BAD_PRICES = (
    *("0", "0.00000000", "-1.00000000", "NaN", "1e-8", "0E-8", "Infinity", "", " 1 ", "1,000.00000000", "1_000"),
    *("1234567890123456789012345678901234567890", "0.1234567890123456789012345678901234567890"),
    *("\uff11\uff12.\uff13", "one", "1.00000000; drop table price_history"),
)
"""Prices that are not right: what is numeric in them must be taken exactly, or not at all."""

BAD_SYMBOLS = (
    *("", "../x", "..\\x", "CON", "=1+1", "@SUM(1)", "btcusdt", "BTC USDT", "BTC/USDT", "A" * 300),
    *("'; drop table core.pair; --", "BTC\u202eUSDT", "BTC\x00USDT", "\U0001f680USDT", "%s%s%n"),
)
"""Symbols that are not right, or look as if they were not."""

BAD_DESCRIPTIONS: tuple[Row, ...] = (
    *({"baseAsset": ""}, {"baseAsset": None}, {"quoteAsset": 7}, {"quoteAsset": None}, {"status": None}),
    *({"filters": None}, {"filters": [{"filterType": "PRICE_FILTER", "tickSize": "wide"}]}),
)
"""Metadata that is not right."""


def _json_error(status: int, code: int, message: str) -> Apply:
    return lambda *_: Answer(status, {"code": code, "msg": message})


def _html(status: int, title: str, **headers: str) -> Apply:
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return lambda *_: Answer(status, raw=page.encode(), headers={"Content-Type": "text/html; charset=utf-8", **headers})


def _too_many_requests(answer: Answer, fault: Fault, moment: Moment) -> Answer:
    return too_many_requests(6000, fault.retry_after)


def _banned(answer: Answer, fault: Fault, moment: Moment) -> Answer:
    seconds = fault.amount or 0
    return banned(moment.now_ms + round(seconds * 1000), fault.retry_after or round(seconds))


def too_many_requests(limit: int, retry_after: str | int | None) -> Answer:
    """What the exchange says beyond its limit."""
    message = f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE."
    return _refused(429, message, retry_after)


def banned(until_ms: int, retry_after: str | int) -> Answer:
    """What the exchange says to those who go on beyond its limit."""
    return _refused(418, f"Way too much request weight used; IP banned until {until_ms}.", retry_after)


def _refused(status: int, message: str, retry_after: str | int | None) -> Answer:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    advice = "Please use WebSocket Streams for live updates to avoid bans."
    return Answer(status, {"code": -1003, "msg": f"{message} {advice}"}, headers)


def coinmarketcap_refusal(code: int, now_ms: int, retry_after: str | int | None = None) -> Answer:
    """What CoinMarketCap says with one of its codes."""
    status, message = CODES[code]
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Answer(status, envelope(now_ms, code=code, message=message), headers)


def _coinmarketcap(code: int) -> Apply:
    return lambda _, fault, moment: coinmarketcap_refusal(code, moment.now_ms, fault.retry_after)


def _on_data(data: Any) -> Apply:
    return lambda answer, *_: replace(answer, data=data)


def _on_body(change: Callable[[bytes], bytes], **headers: str) -> Apply:
    return lambda answer, *_: replace(answer, raw=change(answer.body), headers={**answer.headers, **headers})


def _on_rows(change: Callable[[list[Row], Fault], list[Row]]) -> Apply:
    """A change of the rows: of a list of prices, of the symbols in ``exchangeInfo``, or the only one there is."""

    def apply(answer: Answer, fault: Fault, moment: Moment) -> Answer:
        data = answer.data
        match data:
            case _ if answer.status != 200:
                return answer
            case [dict(), *_]:
                data = change(data, fault)
            case {"symbols": list(rows)}:
                data = {**data, "symbols": change(rows, fault)}
            case dict():
                [data] = change([data], fault)[:1] or [{}]
        return replace(answer, data=data)

    return apply


def _on_each_row(change: Callable[[Row], Row]) -> Apply:
    """A change of the rows of the fault's symbols, or of all."""

    def on_rows(rows: list[Row], fault: Fault) -> list[Row]:
        return [change(row) if not fault.symbols or row.get("symbol") in fault.symbols else row for row in rows]

    return _on_rows(on_rows)


def _missing(rows: list[Row], fault: Fault) -> list[Row]:
    if fault.symbols:
        return [row for row in rows if row.get("symbol") not in fault.symbols]
    return [row for row in rows if _lot(row) >= (fault.amount or 0)]


def _shuffled(rows: list[Row], fault: Fault) -> list[Row]:
    return sorted(rows, key=_lot)


def _lot(row: Row) -> float:
    """A number from 0 to just below 1 that a row draws, always the same."""
    return zlib.crc32(str(row.get("symbol")).encode()) / 2**32


def _bad_rows(rows: list[Row], fault: Fault) -> list[Row]:
    """Spoils the rows of the fault's symbols; without any, adds bad ones and one symbol twice."""
    bad = [*BAD_DESCRIPTIONS] if "baseAsset" in rows[0] else [{"price": price} for price in BAD_PRICES]
    if fault.symbols:
        spoilt = {symbol: bad[number % len(bad)] for number, symbol in enumerate(fault.symbols)}
        return [{**row, **spoilt.get(row.get("symbol", ""), {})} for row in rows]
    added = [{**rows[0], "symbol": f"BAD{number}USDT", **it} for number, it in enumerate(bad)]
    added += [{**rows[0], "symbol": symbol} for symbol in BAD_SYMBOLS]
    return [*rows, *added, {"symbol": "NOTHINGUSDT"}, rows[0]]


def _other_types(row: Row) -> Row:
    def other_type(value: Any) -> Any:
        match value:
            case str() if re.fullmatch(r"-?\d+(\.\d+)?", value):
                return float(value)
            case str():
                return len(value)
            case bool() | int():
                return str(value)
            case _:
                return None

    return {name: other_type(value) for name, value in row.items()}


def _halted(answer: Answer, fault: Fault, moment: Moment) -> Answer:
    then = {row.get("symbol"): row for row in _rows(moment.answer_then().data)}

    def standing_still(row: Row) -> Row:
        return {**row, "status": "BREAK"} if "status" in row else then.get(row.get("symbol"), row)

    return _on_each_row(standing_still)(answer, fault, moment)


def _rows(data: Any) -> list[Row]:
    """The rows of data that has any, see ``_on_rows``."""
    match data:
        case list():
            return [row for row in data if isinstance(row, dict)]
        case {"symbol": _}:
            return [data]
        case _:
            return []


def _clock_off(answer: Answer, fault: Fault, moment: Moment) -> Answer:
    there_ms = moment.now_ms + round((fault.amount or 0) * 1000)
    data = answer.data
    if isinstance(data, dict) and "serverTime" in data:
        data = {**data, "serverTime": there_ms}
    return replace(answer, data=data, headers={**answer.headers, "Date": http_date(there_ms)})


def http_date(now_ms: int) -> str:
    """An instant as HTTP writes it."""
    return formatdate(now_ms / 1000, usegmt=True)


def _bomb(answer: Answer, fault: Fault, moment: Moment) -> Answer:
    return Answer(raw=_inflated_list(round(fault.amount or 0)), headers={"Content-Encoding": "gzip"})


@cache
def _inflated_list(megabytes: int) -> bytes:
    """A gzip file of an empty list with many spaces in it."""
    pieces: Iterable[bytes] = (b"[", *[b" " * 2**20] * megabytes, b"]")
    packer = zlib.compressobj(level=1, wbits=31)
    return b"".join([*(packer.compress(piece) for piece in pieces), packer.flush()])


KINDS: dict[str, Kind] = {
    # the exchange does not want to
    "429": Kind("too many requests, with the Retry-After of the fault", _too_many_requests),
    "418": Kind("banned for `amount` seconds", _banned, 120),
    "403": Kind("HTML of a web application firewall", _html(403, "403 Forbidden")),
    "451": Kind(
        "restricted location, code 0",
        _json_error(451, 0, "Service unavailable from a restricted location, according to the terms of use."),
    ),
    # it cannot
    "500": Kind("code -1000", _json_error(500, -1000, "An unknown error occurred while processing the request.")),
    "502": Kind("HTML of a gateway", _html(502, "502 Bad Gateway")),
    "503": Kind(
        "code -1008",
        _json_error(
            503, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."
        ),
    ),
    "504": Kind("HTML of a gateway", _html(504, "504 Gateway Time-out")),
    # it answers something else
    "redirect": Kind("302 to a page", _html(302, "302 Found", Location="/elsewhere")),
    "html": Kind("HTML with 200", _html(200, "Down for maintenance")),
    "error_object": Kind("an error object with 200", _json_error(200, -1003, "Too many requests.")),
    "empty": Kind("an empty body", _on_body(lambda _: b"")),
    "empty_list": Kind("an empty list", _on_data([])),
    "object": Kind("an object where a list belongs", _on_data({"rows": []})),
    # bytes that are no such JSON
    "truncated_json": Kind("half of the JSON, but complete HTTP", _on_body(lambda body: body[: len(body) // 2])),
    "truncated_gzip": Kind(
        "half of the gzip file, but complete HTTP",
        _on_body(lambda body: (packed := gzip.compress(body, 1))[: len(packed) // 2], **{"Content-Encoding": "gzip"}),
    ),
    "bomb": Kind("a small gzip file of `amount` MB", _bomb, 300),
    "bad_utf8": Kind("bytes that are no UTF-8", _on_body(lambda body: body.replace(b'"', b'"\xff\xc3', 1))),
    "lone_surrogate": Kind(
        "half of a character, which JSON can name and UTF-8 cannot",
        _on_body(lambda body: body.replace(b'"', rb'"\ud800', 1)),
    ),
    "bom": Kind("a byte order mark", _on_body(lambda body: b"\xef\xbb\xbf" + body)),
    "nan": Kind(
        "a bare NaN for the first number",
        _on_body(lambda body: re.sub(rb':"?\d[\d.]*"?(?=[,}])', b":NaN", body, count=1)),
    ),
    "duplicate_keys": Kind(
        "the first key twice", _on_body(lambda body: re.sub(rb'\{("[^"]*":)', rb"{\1null,\1", body, count=1))
    ),
    "deep": Kind("200,000 lists in each other", _on_body(lambda _: b"[" * 200_000 + b"]" * 200_000)),
    # it is sent badly
    "cut": Kind("half of the announced bytes", lambda answer, *_: replace(answer, is_cut=True)),
    "cut_chunked": Kind("half of the body, chunked", lambda answer, *_: replace(answer, is_cut=True, is_chunked=True)),
    "slow": Kind(
        "takes `amount` seconds, in drips", lambda answer, fault, _: replace(answer, duration=fault.amount or 0), 60
    ),
    "stall": Kind(
        "no byte for `amount` seconds", lambda answer, fault, _: replace(answer, delay=fault.amount or 0), 60
    ),
    "clock_off": Kind("the exchange's clock is `amount` seconds ahead", _clock_off, 600),
    # the rows are not as usual
    "wrong_types": Kind("numbers for strings, strings for numbers", _on_each_row(_other_types)),
    "new_fields": Kind(
        "fields that nobody knows", _on_each_row(lambda row: {**row, "novelty": {"since": 2031}, "isNovel": True})
    ),
    "unknown_status": Kind("a status that nobody knows", _on_each_row(lambda row: {**row, "status": "TWILIGHT"})),
    "halted": Kind("the prices of when the fault began, and the status BREAK", _halted),
    "missing_symbols": Kind("a share of `amount` of the symbols is missing", _on_rows(_missing), 0.2),
    "shuffled": Kind("the rows in another order", _on_rows(_shuffled)),
    "bad_rows": Kind("bad prices and bad symbols among the good", _on_rows(_bad_rows)),
    # CoinMarketCap does not want to
    **{str(code): Kind(f"CoinMarketCap: {it.message}", _coinmarketcap(code)) for code, it in CODES.items()},
}
"""All kinds of faults."""
