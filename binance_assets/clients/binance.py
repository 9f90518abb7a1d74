"""Public market data of Binance Spot over REST: no key, any endpoint, and an error that says what to do.

Which error leads where:

- Unreachable, or at fault itself: the next base address is asked, then all of them again after a pause. The
  address is the last in order from then on, so that a call whose time it has used up is not followed by another.
- An answer that makes no sense: the same address again after a pause.
- 429: the same again when the exchange says so. 418: nothing until the ban ends, in any process, after any
  restart. Both are for the IP address, so no other base address is asked instead.
- 451: the exchange refuses the location per family of hosts (``binance.vision``, ``binance.com``). No host of
  the family is asked again in the call; one of another family is, because the exchange decides for each.
- 403, and 400s: raised at once.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    wait_exponential_jitter,
)

from binance_assets.clients.budget import HeldBack, WeightBudget
from binance_assets.clients.endpoints import check_shape, weight_of
from binance_assets.clients.errors import (
    BadRequest,
    BadResponse,
    Banned,
    ExchangeError,
    ExchangeServerError,
    ExchangeUnreachable,
    Forbidden,
    RateLimited,
    RestrictedLocation,
    WrongExchange,
    printable_start,
)
from binance_assets.clients.http import Answer, Limits, Transport, parse_json
from binance_assets.clock import Clock

log = logging.getLogger(__name__)

DEFAULT_BASE_URLS = (
    "https://data-api.binance.vision",
    "https://api.binance.com",
    "https://api-gcp.binance.com",
)
"""In the order they are tried: the public market-data host, then the general ones."""

SIMULATED_HEADER = "X-Simulated"
USED_WEIGHT_HEADER = "X-MBX-USED-WEIGHT-1M"

SHORTEST_BAN_SECONDS = 2 * 60
LONGEST_BAN_SECONDS = 3 * 24 * 3600
"""The shortest and the longest ban (exchange docs, rest-api limits), whatever an answer says."""

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all instants are naive UTC
MILLISECOND = timedelta(milliseconds=1)

_OWN_FAULTS = frozenset({-1000, -1001, -1006, -1007, -1008})
"""Unknown, disconnected inside, unexpected, timed out inside, overloaded (exchange docs, errors)."""

Param = str | int | bool | Sequence[str]


@dataclass(frozen=True)
class Response:
    """One accepted answer of the exchange.

    Attributes:
        endpoint: The exchange's name of what was asked, such as ``ticker/price``.
        params: As sent.
        base_url: The address that answered.
        requested_at: When the request left, naive UTC, host clock.
        received_at: When the answer's first line and headers arrived, naive UTC, host clock. The exchange
            reads its prices just before it sends them, and the body only adds the time of its transfer: of
            what can be observed from here, this is the nearest to that moment, and never before it.
        exchange_at: The exchange's own clock in the answer, naive UTC: its ``serverTime`` (to the
            millisecond) or else the ``Date`` header (to the second).
        body: As received, decompressed.
        data: The body parsed, fractions as ``Decimal``. Rows inside it have not been judged.
        used_weight: Request weight that the exchange has counted in this minute.
        simulated: Whether the sandbox answered.
    """

    endpoint: str
    params: Mapping[str, str]
    base_url: str
    requested_at: datetime
    received_at: datetime
    exchange_at: datetime | None
    body: bytes
    data: Any
    used_weight: int | None
    simulated: bool


class BinanceClient:
    """Asks the exchange, within its limits. Belongs to one thread; close it, or use it in a ``with``.

    Args:
        base_urls: Addresses of the same exchange, tried in order. The one that answered is asked first from
            then on.
        budget: Request weight, shared with all other processes of the home.
        simulated: Whether the sandbox is expected to answer. What answers otherwise is refused.
        limits: What one response may take.
        attempts: How often a request is tried that may yet succeed.
        give_up_after: Seconds after which a call is over, whatever it waits for: the next attempt, request weight,
            a response.
        backoff: Seconds of the first pause between attempts; it doubles; up to one is added at random.
        clock: By which it waits, and dates what it receives; the host's, if there is none.

    Raises:
        ValueError: There is no base address, or one that is none.
    """

    def __init__(
        self,
        base_urls: Sequence[str] = DEFAULT_BASE_URLS,
        *,
        budget: WeightBudget,
        simulated: bool = False,
        limits: Limits | None = None,
        attempts: int = 5,
        give_up_after: float = 90.0,
        backoff: float = 0.5,
        clock: Clock | None = None,
    ) -> None:
        self._base_urls = [_checked(url) for url in base_urls]
        if not self._base_urls:
            raise ValueError("no base address of the exchange is given")
        self._budget = budget
        # Limits are per IP address: all hosts of the real exchange share an account, a sandbox has its own.
        self._account = urlsplit(self._base_urls[0]).netloc if simulated else "binance"
        self._simulated = simulated
        self._clock = clock or Clock()
        self._transport = Transport(limits, headers={"Accept": "application/json"}, clock=self._clock)
        self._attempts = attempts
        self._patience = give_up_after
        self._pause = wait_exponential_jitter(multiplier=backoff, max=30, jitter=backoff)

    def get(self, endpoint: str, params: Mapping[str, Param | None] | None = None) -> Response:
        """Asks any endpoint of the public market data.

        Args:
            endpoint: Below ``/api/v3/``, such as ``"ticker/24hr"``.
            params: The exchange's own parameters; ``None`` leaves one out, a list becomes a JSON list.

        Raises:
            ExchangeError: One of its subclasses, by what can be done about it.
        """
        sent = {name: _encoded(value) for name, value in (params or {}).items() if value is not None}
        refused: dict[str, RestrictedLocation] = {}
        give_up_at = self._clock.monotonic() + self._patience
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, ExchangeError) and error.retryable),
            wait=self._wait,
            stop=lambda it: it.attempt_number >= self._attempts or it.upcoming_sleep >= self._left(give_up_at),
            sleep=self._clock.sleep,
            before_sleep=_say_what_is_tried_again,
            reraise=True,
        )
        return retrying(self._ask_in_order, endpoint, sent, refused, give_up_at)

    def server_time(self) -> Response:
        """The exchange's clock, in ``exchange_at``. Weight 1."""
        return self.get("time")

    def exchange_info(self) -> Response:
        """Metadata of every symbol, and the limits, which the budget learns from it. Weight 20.

        Without the permission sets, which are most of its bytes and say nothing about prices.
        """
        response = self.get("exchangeInfo", {"showPermissionSets": False})
        if weight_limit := _weight_limit(response.data):
            self._budget.set_limit(self._account, weight_limit)
        return response

    def prices(self) -> Response:
        """The last price of every symbol; a halted one's is that of its last trade, however old. Weight 4."""
        return self.get("ticker/price")

    def price(self, symbol: str) -> Response:
        """The last price of one symbol; ``data`` is one object. Weight 2."""
        return self.get("ticker/price", {"symbol": symbol})

    def prices_of(self, symbols: Sequence[str]) -> Response:
        """The last prices of some symbols, all of which the exchange must know. Weight 4.

        They travel in the address, which holds a few hundred; for more, ask for the whole market.
        """
        return self.get("ticker/price", {"symbols": symbols})

    def klines(
        self,
        symbol: str,
        interval: str = "1m",
        *,
        start_at: datetime | None = None,
        end_at: datetime | None = None,
        limit: int = 1000,
    ) -> Response:
        """Candles of one symbol, one request: the first ``limit`` from ``start_at``, else the last. Weight 2.

        The last candle may still be open: it is when its close time (element 6, in ms) is not before
        ``exchange_at``.

        Args:
            symbol: As the exchange names it.
            interval: ``1s``, ``1m`` … ``1M``; the case matters.
            start_at: Earliest open time, naive UTC.
            end_at: Latest open time, naive UTC.
            limit: At most 1,000.
        """
        params = {
            "symbol": symbol,
            "interval": interval,
            "startTime": _to_ms(start_at),
            "endTime": _to_ms(end_at),
            "limit": limit,
        }
        return self.get("klines", params)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask_in_order(
        self, endpoint: str, params: Mapping[str, str], refused: dict[str, RestrictedLocation], give_up_at: float
    ) -> Response:
        """Asks the base addresses in order until one answers; a family of hosts that refuses, only once."""
        failures: list[ExchangeError] = []
        for base_url in self._base_urls:
            if _family(base_url) in refused:
                continue
            if failures and self._left(give_up_at) <= 0:
                break
            try:
                response = self._ask(base_url, endpoint, params, give_up_at)
            except (ExchangeUnreachable, ExchangeServerError) as error:
                failures.append(error)
                self._base_urls = [*self._all_but(base_url), base_url]
            except RestrictedLocation as error:
                refused[_family(base_url)] = error
            else:
                self._base_urls = [base_url, *self._all_but(base_url)]
                return response
        failures += refused.values()
        failures[0].mention(failures[1:])
        raise failures[0]

    def _all_but(self, base_url: str) -> list[str]:
        return [url for url in self._base_urls if url != base_url]

    def _ask(self, base_url: str, endpoint: str, params: Mapping[str, str], give_up_at: float) -> Response:
        """One request to one base address, within the budget."""
        url = f"{base_url}/api/v3/{endpoint}"
        try:
            minute = self._budget.reserve(self._account, weight_of(endpoint, params), patience=self._left(give_up_at))
        except HeldBack as held:
            what = f"nothing was sent, no request is wanted before {held.until:%Y-%m-%d %H:%M:%S} UTC"
            if held.banned:
                raise Banned(what, until=held.until, endpoint=endpoint, url=url) from held
            raise RateLimited(what, retry_after=held.seconds, endpoint=endpoint, url=url) from held
        answer = self._transport.fetch(url, params, endpoint=endpoint, within=self._left(give_up_at))
        simulated = SIMULATED_HEADER in answer.headers
        if simulated and not self._simulated:
            raise WrongExchange("a sandbox answers at this address", endpoint=endpoint, url=url)
        used_weight = _used_weight(answer)
        if used_weight is not None:
            self._budget.settle(self._account, minute, used_weight)
        try:
            data = accept(answer, endpoint, params)
        except Banned as error:
            self._budget.hold(self._account, (error.until - answer.received_at).total_seconds(), banned=True)
            raise
        except RateLimited as error:
            self._budget.hold(self._account, error.retry_after, banned=False)
            raise
        if self._simulated and not simulated:
            raise WrongExchange("what answers at this address is not the sandbox", endpoint=endpoint, url=url)
        return Response(
            endpoint=endpoint,
            params=params,
            base_url=base_url,
            requested_at=answer.requested_at,
            received_at=answer.received_at,
            exchange_at=_server_time(data) or _date(answer),
            body=answer.body,
            data=data,
            used_weight=used_weight,
            simulated=simulated,
        )

    def _left(self, give_up_at: float) -> float:
        """Seconds until a call is over."""
        return give_up_at - self._clock.monotonic()

    def _wait(self, state: RetryCallState) -> float:
        """Seconds before the next attempt: what the exchange asks for, and the back-off on top."""
        error = state.outcome.exception() if state.outcome else None
        wanted = error.retry_after if isinstance(error, RateLimited) else 0.0
        return wanted + self._pause(state)


def _say_what_is_tried_again(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ExchangeError) and state.next_action:
        log.info("%s: %s; asked again in %.1f s", error.endpoint, error.what, state.next_action.sleep)


def accept(answer: Answer, endpoint: str, params: Mapping[str, str]) -> Any:
    """Parses an answer, or says why it is not what was asked for. Recorded answers are judged by it too.

    Args:
        answer: Complete, of whatever status.
        endpoint: What was asked.
        params: With which parameters.

    Returns:
        The parsed body, of the endpoint's shape.

    Raises:
        ExchangeError: One of its subclasses.
    """
    try:
        data = parse_json(answer.body)
        not_json = None
    except ValueError as error:
        data, not_json = None, error
    code, message = _error_object(data)
    said = f": {message}" if message else ""
    number = f", code {code}" if code is not None else ""
    what = f"HTTP {answer.status}{number}{said}".rstrip(".")
    facts: dict[str, Any] = {
        "endpoint": endpoint,
        "url": answer.url,
        "status": answer.status,
        "code": code,
        "body": answer.body,
    }

    banned_until = _banned_until(message)
    if answer.status == 418 or banned_until:
        wanted = max(_retry_after(answer) or 0.0, _seconds_until(banned_until, answer) if banned_until else 0.0)
        until = answer.received_at + timedelta(seconds=min(max(wanted, SHORTEST_BAN_SECONDS), LONGEST_BAN_SECONDS))
        raise Banned(f"{what} - banned until {until:%Y-%m-%d %H:%M:%S} UTC", until=until, **facts)
    if answer.status == 429 or code == -1003:
        retry_after = _retry_after(answer)
        raise RateLimited(what, retry_after=_to_next_minute(answer) if retry_after is None else retry_after, **facts)
    if answer.status == 451 or (code == 0 and "restricted location" in message):
        raise RestrictedLocation(what, **facts)
    if answer.status == 403:
        raise Forbidden(what, **facts)
    if answer.status >= 500 or answer.status == 408 or code in _OWN_FAULTS:
        raise ExchangeServerError(what, **facts)
    if 400 <= answer.status < 500:
        raise BadRequest(what, **facts)
    if answer.status != 200:
        location = answer.headers.get("Location")
        raise BadResponse(f"{what}, a redirect to {location}" if location else what, **facts)
    if not_json:
        raise BadResponse(f"the body cannot be read: {not_json}", **facts)
    if code is not None:
        raise BadResponse(f"an error in place of data, {what}", **facts)
    if wrong := check_shape(endpoint, params, data):
        raise BadResponse(wrong, **facts)
    return data


def _checked(base_url: str) -> str:
    parts = urlsplit(base_url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or "@" in parts.netloc  # would show in logs and tables
        or parts.path.strip("/")
        or parts.query
    ):
        raise ValueError(f"{base_url!r} is no base address of the exchange; one looks like {DEFAULT_BASE_URLS[0]}")
    return f"{parts.scheme}://{parts.netloc}"


def _family(base_url: str) -> str:
    """Hosts that the exchange runs as one: those that share the end of their name."""
    return ".".join(urlsplit(base_url).netloc.rsplit(".", 2)[-2:])


def _encoded(value: Param) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case _:  # the exchange takes a list as JSON, without spaces
            return json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))


def _to_ms(instant: datetime | None) -> int | None:
    return None if instant is None else (instant - EPOCH) // MILLISECOND


def _error_object(data: Any) -> tuple[int | None, str]:
    """The code and message of ``{"code": -1003, "msg": "…"}``; a code of 0 is an error too."""
    if isinstance(data, dict) and isinstance(code := data.get("code"), int):
        return code, printable_start(str(data.get("msg", "")).encode(errors="replace"))
    return None, ""


def _banned_until(message: str) -> datetime | None:
    found = re.search(r"banned until (\d{13})\b", message)
    return EPOCH + int(found[1]) * MILLISECOND if found else None


def _number(text: str) -> int | None:
    """A header's number; None for anything else and for what no weight or wait can be."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _retry_after(answer: Answer) -> float | None:
    """Seconds that the answer asks to wait, written as a number or as an instant; None for anything else."""
    text = answer.headers.get("Retry-After", "").strip()
    if (seconds := _number(text)) is not None:
        return float(seconds)
    instant = _http_date(text)
    return None if instant is None else max(0.0, _seconds_until(instant, answer))


def _to_next_minute(answer: Answer) -> float:
    """Limits are counted by the minute: what an answer without ``Retry-After`` means."""
    now = _date(answer) or answer.received_at
    return 60.0 - now.second - now.microsecond / 1e6


def _seconds_until(instant: datetime, answer: Answer) -> float:
    """From an answer to an instant of the exchange's, by the exchange's own clock where the answer shows it."""
    return (instant - (_date(answer) or answer.received_at)).total_seconds()


def _date(answer: Answer) -> datetime | None:
    return _http_date(answer.headers.get("Date", ""))


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
        return instant.replace(tzinfo=None) - (instant.utcoffset() or timedelta())
    except (ValueError, OverflowError):
        return None


def _server_time(data: Any) -> datetime | None:
    """The ``serverTime`` of ``time`` and ``exchangeInfo``."""
    milliseconds = data.get("serverTime") if isinstance(data, dict) else None
    try:
        return EPOCH + milliseconds * MILLISECOND if isinstance(milliseconds, int) else None
    except OverflowError:
        return None


def _used_weight(answer: Answer) -> int | None:
    return _number(answer.headers.get(USED_WEIGHT_HEADER, ""))


def _weight_limit(data: Any) -> int | None:
    """Request weight a minute in the ``rateLimits`` of the metadata."""
    limits = data.get("rateLimits")
    for limit in limits if isinstance(limits, list) else ():
        match limit:
            case {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": int(most),
            }:
                return most if most > 0 else None
    return None
