"""What can go wrong between here and a data provider: one class for each thing the caller can do about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

BODY_START = 200


class ProviderError(Exception):
    """A request that gave no usable data. Its text says what happened, where, and what to do.

    Attributes:
        what: What happened, in half a sentence.
        endpoint: The provider's name of what was asked, such as ``ticker/price``.
        url: The address that was asked, without parameters.
        status: HTTP status of the answer, if there was one.
        code: The provider's own error code in the body, if there was one.
        body_start: The first characters of the body, on one line and printable.
        advice: What to do.
        retryable: Whether the same request may succeed a little later.
    """

    retryable: ClassVar[bool] = False
    advice: ClassVar[str] = ""

    def __init__(
        self,
        what: str,
        *,
        endpoint: str,
        url: str,
        status: int | None = None,
        code: int | None = None,
        body: bytes = b"",
    ) -> None:
        self.what = what
        self.endpoint = endpoint
        self.url = url
        self.status = status
        self.code = code
        self.body_start = printable_start(body)
        parts = [f"{endpoint} from {url}: {what}."]
        if self.body_start:
            parts.append(f"The answer begins: {self.body_start}")
        if self.advice:
            parts.append(f"What to do: {self.advice}")
        super().__init__("\n".join(parts))


class ExchangeError(ProviderError):
    """The exchange gave no usable data."""

    def mention(self, others: Iterable[ExchangeError]) -> None:
        """Adds to the text what happened at the other addresses that were asked."""
        also = [f"Also {other.endpoint} from {other.url}: {other.what}." for other in others]
        self.args = ("\n".join([str(self), *also]),)


class ExchangeUnreachable(ExchangeError):
    """No answer: the name does not resolve, the connection is refused or lost, TLS fails, nothing comes."""

    retryable = True
    advice = (
        "check the network, the proxy and the address; "
        "behind a proxy with certificates of its own, set REQUESTS_CA_BUNDLE."
    )


class ExchangeServerError(ExchangeError):
    """The exchange has a fault of its own: HTTP 5xx, or a code for being busy or disconnected inside."""

    retryable = True
    advice = "nothing on this side; try again in a few minutes."


class RateLimited(ExchangeError):
    """Too many requests in too short a time: HTTP 429 or code -1003.

    Attributes:
        retry_after: Seconds until the next request is welcome.
    """

    retryable = True
    advice = "wait; if it comes back, find what else asks the exchange from this IP address."

    def __init__(
        self,
        what: str,
        *,
        retry_after: float,
        **facts: Any,
    ) -> None:
        super().__init__(what, **facts)
        self.retry_after = retry_after


class Banned(ExchangeError):
    """The exchange bans this IP address for a time (HTTP 418), because limits were ignored.

    Attributes:
        until: When the ban ends, naive UTC.
    """

    advice = "nothing is sent until then; find what else asks the exchange from this IP address."

    def __init__(
        self,
        what: str,
        *,
        until: datetime,
        **facts: Any,
    ) -> None:
        super().__init__(what, **facts)
        self.until = until


class RestrictedLocation(ExchangeError):
    """The exchange does not serve the place this request came from: HTTP 451. Trying again does not help."""

    advice = (
        "set BINANCE_API_URL to an address of the exchange that serves this location, "
        "or work with simulated prices: BINANCE_SOURCE=sandbox."
    )


class Forbidden(ExchangeError):
    """The exchange's firewall refuses this address or this request: HTTP 403."""

    advice = "send nothing for five minutes at least; the block of a country or network does not pass by waiting."


class BadRequest(ExchangeError):
    """The exchange understood the request and refuses it: HTTP 4xx with its code and message."""

    advice = "correct the parameters; the same request gets the same answer."


class BadResponse(ExchangeError):
    """An answer that is not the data: cut, too slow, too large, not JSON, an error with HTTP 200, misshapen.

    Nothing of it is to be stored. It is worth another try: such answers come from something broken on the
    way.
    """

    retryable = True
    advice = "nothing of it was used; if it stays, look at what stands between here and the exchange."


class WrongExchange(ExchangeError):
    """The answer is simulated where the real exchange was expected, or real where the sandbox was."""

    advice = "make BINANCE_SOURCE and BINANCE_API_URL agree; simulated and real prices must never mix."


def printable_start(body: bytes) -> str:
    """The beginning of a body as one line of printable text, for messages.

    Args:
        body: The bytes as received, of any encoding.
    """
    text = body[: 4 * BODY_START].decode("utf-8", errors="replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= BODY_START else line[:BODY_START] + "…"
