"""CoinMarketCap's coins and categories over REST, within the plan of the key, and an error that says what to do.

The key travels in a header and nowhere else. An answer with the key in it is refused, and whatever an error quotes of
an answer has the key taken out.

Which error leads where:

- Unreachable, at fault itself, or an answer that makes no sense: the same again after a pause.
- Too many requests in the minute: the same again when CoinMarketCap says so, or after a minute.
- Everything else is raised at once. A request that the credits left do not pay for is not sent.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter

from binance_assets.clients.binance import SIMULATED_HEADER
from binance_assets.clients.coinmarketcap_errors import (
    AddressRefused,
    CoinMarketCapError,
    CoinMarketCapServerError,
    CoinMarketCapUnreachable,
    CreditsShort,
    DailyQuota,
    KeyNotActive,
    MinuteLimit,
    MonthlyQuota,
    PlanExcludesEndpoint,
    RefusedRequest,
    UnusableAnswer,
    WrongCoinMarketCap,
    WrongKey,
)
from binance_assets.clients.errors import BadResponse, ExchangeUnreachable, printable_start
from binance_assets.clients.http import Answer, Limits, Transport, is_loopback, parse_json
from binance_assets.clock import Clock

log = logging.getLogger(__name__)

DEFAULT_BASE_URL = "https://pro-api.coinmarketcap.com"

KEY_HEADER = "X-CMC_PRO_API_KEY"

DEFAULT_REQUESTS_A_MINUTE = 30
"""Where the plan says nothing: what the smallest plan is reported to have."""

MINUTE_SECONDS = 60.0

MOST_PAGES = 100
"""More than any list has: a list that does not end is no list."""

_ERRORS: dict[int, type[CoinMarketCapError]] = {
    1001: WrongKey,
    1002: WrongKey,
    1003: KeyNotActive,
    1004: KeyNotActive,
    1005: WrongKey,
    1006: PlanExcludesEndpoint,
    1007: WrongKey,
    1008: MinuteLimit,
    1009: DailyQuota,
    1010: MonthlyQuota,
    1011: AddressRefused,
    401: WrongKey,
    402: KeyNotActive,
    403: AddressRefused,
    408: CoinMarketCapServerError,
    429: MinuteLimit,
}
"""By CoinMarketCap's code, or by the HTTP status where there is none."""


class Endpoint(NamedTuple):
    """An endpoint, and what it costs (API documentation, 2026-09).

    Attributes:
        name: As landed and in errors.
        path: Below ``/v1/``.
        page_rows: The most rows that one request may ask for.
        credits_per_request: Credits of each request, whatever it returns.
        rows_per_credit: Rows returned for one credit more; None where they cost nothing.
    """

    name: str
    path: str
    page_rows: int = 0
    credits_per_request: int = 0
    rows_per_credit: int | None = None

    def cost(self, rows: int) -> int:
        """Credits that so many rows cost."""
        requests = max(1, -(-rows // self.page_rows))
        return requests * self.credits_per_request + (-(-rows // self.rows_per_credit) if self.rows_per_credit else 0)


KEY_INFO = Endpoint("coinmarketcap/key/info", "key/info")
MAP = Endpoint("coinmarketcap/map", "cryptocurrency/map", 5000, credits_per_request=1)
LISTINGS = Endpoint("coinmarketcap/listings", "cryptocurrency/listings/latest", 5000, rows_per_credit=200)
CATEGORIES = Endpoint("coinmarketcap/categories", "cryptocurrency/categories", 5000, 1, rows_per_credit=200)
CATEGORY = Endpoint("coinmarketcap/category", "cryptocurrency/category", 1000, 1, rows_per_credit=200)

MAP_ROWS = 50_000
CATEGORIES_ROWS = 1000
"""About the most that there are, for the credits to reserve; what an answer says it cost is what counts."""


@dataclass(frozen=True)
class Page:
    """One accepted answer of CoinMarketCap.

    Attributes:
        base_url: The address that answered.
        requested_at: When the request left, naive UTC, host clock.
        received_at: When the answer's first line and headers arrived, naive UTC, host clock.
        body: As received, decompressed.
        data: What stands under ``data``, fractions as ``Decimal``. Rows inside it have not been judged.
        credits: What it cost.
    """

    base_url: str
    requested_at: datetime
    received_at: datetime
    body: bytes
    data: Any
    credits: int


@dataclass(frozen=True)
class Usage:
    """What the plan of a key allows, as it says itself.

    Attributes:
        credits_left: Of the day or of the month, whichever is less; None where neither is limited.
        counted_anew: When these credits are counted anew, in CoinMarketCap's words.
        requests_a_minute: How many requests it takes.
    """

    credits_left: int | None
    counted_anew: str | None
    requests_a_minute: int


class CoinMarketCapClient:
    """Asks CoinMarketCap, within the plan of a key. Belongs to one thread; close it, or use it in a ``with``.

    Args:
        key: Of an account at CoinMarketCap.
        base_url: Where it is.
        simulated: Whether the sandbox is expected to answer. What answers otherwise is refused.
        limits: What one response may take.
        attempts: How often a request is tried that may yet succeed.
        give_up_after: Seconds after which a request is over, with all its attempts.
        backoff: Seconds of the first pause between attempts; it doubles; up to one is added at random.
        clock: By which it waits, and dates what it receives; the host's, if there is none.
    """

    def __init__(
        self,
        key: SecretStr,
        base_url: str = DEFAULT_BASE_URL,
        *,
        simulated: bool = False,
        limits: Limits | None = None,
        attempts: int = 4,
        give_up_after: float = 180.0,
        backoff: float = 0.5,
        clock: Clock | None = None,
    ) -> None:
        self._base_url = base_url
        self._simulated = simulated
        self._clock = clock or Clock()
        self._key = key
        self._transport = Transport(
            limits, headers={"Accept": "application/json", KEY_HEADER: key.get_secret_value()}, clock=self._clock
        )
        self._attempts = attempts
        self._patience = give_up_after
        self._pause = wait_exponential_jitter(multiplier=backoff, max=30, jitter=backoff)
        self._usage: Usage | None = None
        self._credits_spent = 0
        self._sent_at: deque[float] = deque()

    def usage(self) -> Usage:
        """What the plan allows; the client keeps to it from then on. No credits."""
        data = self._get(KEY_INFO, {}).data
        self._usage = _usage(data)
        self._credits_spent = 0
        return self._usage

    @property
    def credits_left(self) -> int | None:
        """Credits left by what the plan said and what was spent since; None where they are not limited or not known."""
        if self._usage is None or self._usage.credits_left is None:
            return None
        return self._usage.credits_left - self._credits_spent

    def coins(self) -> list[Page]:
        """Every coin: active, inactive and untracked ones. About ten credits."""
        aux = "platform,first_historical_data,last_historical_data,is_active,status"
        query = {"listing_status": "active,inactive,untracked", "sort": "id", "aux": aux}
        return self._pages(MAP, query, MAP_ROWS)

    def listings(self) -> list[Page]:
        """The 5,000 coins of the best rank, with their prices in USD. 25 credits."""
        return self._pages(LISTINGS, {"aux": "cmc_rank"}, LISTINGS.page_rows)

    def categories(self) -> list[Page]:
        """Every category, without its members. A few credits."""
        return self._pages(CATEGORIES, {}, CATEGORIES_ROWS)

    def category(self, category_id: str, coin_count: int) -> list[Page]:
        """The members of a category, with their prices in USD. One credit for each page of 1,000 and for 200 members.

        Args:
            category_id: 24 hexadecimal digits.
            coin_count: How many members it has, as the list of categories says.
        """
        return self._pages(CATEGORY, {"id": category_id}, coin_count)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _afford(self, endpoint: Endpoint, rows: int) -> None:
        """Compare what so many rows cost with the credits left.

        Raises:
            CreditsShort: They do not suffice.
        """
        usage = self._usage or self.usage()
        left, cost = self.credits_left, endpoint.cost(rows)
        if left is not None and cost > left:
            anew = f", counted anew {usage.counted_anew}" if usage.counted_anew else ""
            what = f"it would cost {cost} credits and {max(left, 0)} are left{anew}; nothing was sent"
            raise CreditsShort(what, **self._facts(endpoint))

    def _pages(self, endpoint: Endpoint, query: Mapping[str, str], rows: int) -> list[Page]:
        """All pages of a list of about so many rows."""
        self._afford(endpoint, rows)
        pages: list[Page] = []
        got = 0
        while len(pages) < MOST_PAGES:
            page = self._get(endpoint, {**query, "start": str(got + 1), "limit": str(endpoint.page_rows)})
            count = len(_rows(page.data))
            got += count
            if not got and endpoint is not CATEGORY:
                raise UnusableAnswer("the list is empty", **self._facts(endpoint))
            if count or not pages:
                pages.append(page)
            if _is_last(endpoint, page.data, count, got):
                return pages
        raise UnusableAnswer(f"the list does not end after {MOST_PAGES} pages", **self._facts(endpoint))

    def _get(self, endpoint: Endpoint, query: Mapping[str, str]) -> Page:
        give_up_at = self._clock.monotonic() + self._patience
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, CoinMarketCapError) and error.retryable),
            wait=self._wait,
            stop=lambda it: it.attempt_number >= self._attempts or it.upcoming_sleep >= self._left(give_up_at),
            sleep=self._clock.sleep,
            before_sleep=_say_what_is_tried_again,
            reraise=True,
        )
        return retrying(self._ask, endpoint, query, give_up_at)

    def _ask(self, endpoint: Endpoint, query: Mapping[str, str], give_up_at: float) -> Page:
        """One request, when the minute has room for it."""
        facts = self._facts(endpoint)
        if self._simulated and not is_loopback(self._base_url):
            raise WrongCoinMarketCap("nothing was sent, this address is not the sandbox's on this machine", **facts)
        self._wait_for_room()
        answer = self._fetch(endpoint, query, max(self._left(give_up_at), 1.0))
        simulated = SIMULATED_HEADER in answer.headers
        if simulated and not self._simulated:
            raise WrongCoinMarketCap("a sandbox answers at this address", **facts)
        data, credits_spent = self._accept(answer, endpoint)
        if self._simulated and not simulated:
            raise WrongCoinMarketCap("what answers at this address is not the sandbox", **facts)
        self._credits_spent += credits_spent
        return Page(self._base_url, answer.requested_at, answer.received_at, answer.body, data, credits_spent)

    def _fetch(self, endpoint: Endpoint, query: Mapping[str, str], within: float) -> Answer:
        """One complete answer; the transport's errors, which may quote the key, end here."""
        url = self._facts(endpoint)["url"]
        failure: ExchangeUnreachable | BadResponse
        try:
            return self._transport.fetch(url, query, endpoint=endpoint.name, within=within)
        except (ExchangeUnreachable, BadResponse) as error:
            failure = error
        kind = CoinMarketCapUnreachable if isinstance(failure, ExchangeUnreachable) else UnusableAnswer
        raise kind(self._hidden(failure.what), **self._facts(endpoint), status=failure.status)

    def _accept(self, answer: Answer, endpoint: Endpoint) -> tuple[Any, int]:
        """The data of an answer and its credits, or the error that it is."""
        hidden = self._hidden(answer.body.decode("utf-8", errors="replace")).encode()
        facts = {**self._facts(endpoint), "status": answer.status, "body": hidden}
        try:
            body = parse_json(hidden if answer.status != 200 else answer.body)
            not_json = ""
        except ValueError as error:
            body, not_json = None, str(error)
        status = body.get("status") if isinstance(body, dict) else None
        code = _integer(status.get("error_code")) if isinstance(status, dict) else None
        if code or answer.status >= 400:
            message = printable_start(str(status.get("error_message") or "").encode()) if code and status else ""
            number = f", code {code}" if code else ""
            said = f": {self._hidden(message)}" if message else ""
            what = f"HTTP {answer.status}{number}{said}".rstrip(".")
            told = {"code": code, "body": b""} if message else {}
            raise _error(code or answer.status, what, answer, {**facts, **told})
        if answer.status != 200:
            raise UnusableAnswer(f"HTTP {answer.status}", **facts)
        if not_json:
            raise UnusableAnswer(f"the body cannot be read: {not_json}", **facts)
        if hidden != answer.body:
            raise UnusableAnswer("the answer has the key in it, or is no text", **facts)
        if code is None:
            raise UnusableAnswer("the answer has no error_code, as all of CoinMarketCap's have", **facts)
        if wrong := _wrong_shape(endpoint, body.get("data")):
            raise UnusableAnswer(wrong, **facts)
        return body["data"], _integer(status.get("credit_count")) or 0  # type: ignore[union-attr]  # it has a code

    def _facts(self, endpoint: Endpoint) -> dict[str, Any]:
        """What every error says."""
        return {"endpoint": endpoint.name, "url": f"{self._base_url}/v1/{endpoint.path}"}

    def _hidden(self, text: str) -> str:
        return re.sub(re.escape(self._key.get_secret_value()), "[the key]", text, flags=re.IGNORECASE)

    def _wait_for_room(self) -> None:
        """Wait until the last minute has had less requests than the plan allows."""
        most = self._usage.requests_a_minute if self._usage else DEFAULT_REQUESTS_A_MINUTE
        while len(self._sent_at) >= most:
            wait = self._sent_at.popleft() + MINUTE_SECONDS - self._clock.monotonic()
            if wait > 0:
                log.info("CoinMarketCap takes %d requests a minute; waiting %.0f s", most, wait)
                self._clock.sleep(wait)
        self._sent_at.append(self._clock.monotonic())

    def _left(self, give_up_at: float) -> float:
        return give_up_at - self._clock.monotonic()

    def _wait(self, state: RetryCallState) -> float:
        """Seconds before the next attempt: what CoinMarketCap asks for, and the back-off on top."""
        error = state.outcome.exception() if state.outcome else None
        return self._pause(state) + (error.retry_after if isinstance(error, MinuteLimit) else 0.0)


def _say_what_is_tried_again(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, CoinMarketCapError) and state.next_action:
        log.info("%s: %s; asked again in %.1f s", error.endpoint, error.what, state.next_action.sleep)


def _error(code: int, what: str, answer: Answer, facts: dict[str, Any]) -> CoinMarketCapError:
    """The error of a code, which may be an HTTP status too."""
    kind = _ERRORS.get(code, CoinMarketCapServerError if 500 <= code < 600 else RefusedRequest)
    if kind is MinuteLimit:
        wanted = _integer(answer.headers.get("Retry-After"))
        return MinuteLimit(what, retry_after=MINUTE_SECONDS if wanted is None else float(wanted), **facts)
    return kind(what, **facts)


def _usage(data: Any) -> Usage:
    """Read ``key/info``, of which plans leave out what they do not limit."""
    plan, used = _part(data, "plan"), _part(data, "usage")
    lefts: list[tuple[int, str | None]] = []
    for span, limit in (("current_day", "credit_limit_daily"), ("current_month", "credit_limit_monthly")):
        left = _integer(_part(used, span).get("credits_left"))
        if left is not None and plan.get(limit) != 0:  # a limit of 0 is none
            reset = plan.get(f"{limit}_reset_timestamp")
            lefts.append((left, f"at {reset}" if reset else None))
    credits_left, counted_anew = min(lefts, key=lambda it: it[0], default=(None, None))
    rate = _integer(plan.get("rate_limit_minute"))
    return Usage(credits_left, counted_anew, rate or DEFAULT_REQUESTS_A_MINUTE)


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}


def _integer(value: object) -> int | None:
    """A number that may be written as text, which CoinMarketCap does now and then; None for anything else."""
    text = str(value)
    return int(text) if re.fullmatch("-?[0-9]{1,18}", text) else None


def _rows(data: Any) -> list[Any]:
    """The rows of a page: those of a list, or the coins of a category."""
    rows: list[Any] = data["coins"] if isinstance(data, dict) else data
    return rows


def _is_last(endpoint: Endpoint, data: Any, count: int, got: int) -> bool:
    """Whether a page of so many rows, with which there are so many, is the last one to ask for."""
    if endpoint is CATEGORY:  # it says how many there are
        return not count or got >= (_integer(data.get("num_tokens")) or 0)
    return endpoint is LISTINGS or count < endpoint.page_rows


def _wrong_shape(endpoint: Endpoint, data: Any) -> str | None:
    """What is wrong with the outer shape of an endpoint's data, if anything is; rows are for the loader to judge."""
    if endpoint is KEY_INFO:
        return None if isinstance(data, dict) else "there is no object under data"
    if endpoint is CATEGORY:
        is_right = isinstance(data, dict) and isinstance(data.get("coins"), list)
        return None if is_right else "there is no list of coins under data"
    return None if isinstance(data, list) else "there is no list under data"
