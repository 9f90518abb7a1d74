"""What can go wrong between here and CoinMarketCap: one class for each thing that can be done about it.

By its documented codes (API errors, 2026-09), or by the HTTP status where an answer has no code.
"""

from __future__ import annotations

from typing import Any, ClassVar

from binance_assets.clients.errors import ProviderError

_NO_HURRY = "what was fetched before stays in use, and prices do not depend on it."


class CoinMarketCapError(ProviderError):
    """CoinMarketCap gave no usable data. No text of these has the key in it.

    Attributes:
        passes: Whether it passes by itself; otherwise somebody has to do something.
        only_here: Whether it says nothing about other requests.
    """

    passes: ClassVar[bool] = True
    only_here: ClassVar[bool] = False


class WrongKey(CoinMarketCapError):
    """The key is wrong, missing or disabled: codes 1001, 1002, 1005, 1007, or HTTP 401."""

    passes = False
    advice = (
        "compare COINMARKETCAP_API_KEY (in the environment or in .env) with the key in the CoinMarketCap account; "
        "without that setting the curated categories are used."
    )


class KeyNotActive(CoinMarketCapError):
    """The key's plan is not paid for, or has expired: codes 1003, 1004, or HTTP 402."""

    passes = False
    advice = (
        "activate or renew the plan in the CoinMarketCap account; "
        "without COINMARKETCAP_API_KEY the curated categories are used."
    )


class PlanExcludesEndpoint(CoinMarketCapError):
    """The key is right, and its plan does not include this endpoint: code 1006."""

    passes = False
    only_here = True
    advice = (
        "use the key of a plan that includes it; without COINMARKETCAP_API_KEY the curated categories are used. "
        "The endpoints that the plan includes are asked all the same."
    )


class MinuteLimit(CoinMarketCapError):
    """Too many requests in a minute: code 1008, or HTTP 429.

    Attributes:
        retry_after: Seconds until the next request is welcome.
    """

    retryable = True
    advice = f"nothing; it is asked again within the hour. If it comes back, find what else uses this key; {_NO_HURRY}"

    def __init__(self, what: str, *, retry_after: float, **facts: Any) -> None:
        super().__init__(what, **facts)
        self.retry_after = retry_after


class DailyQuota(CoinMarketCapError):
    """The credits of the day are spent: code 1009."""

    advice = f"wait for the next day (UTC), or use the key of a larger plan; {_NO_HURRY}"


class MonthlyQuota(CoinMarketCapError):
    """The credits of the month are spent: code 1010."""

    advice = f"wait for the next month (UTC), or use the key of a larger plan; {_NO_HURRY}"


class CreditsShort(CoinMarketCapError):
    """A request would cost more credits than are left. It was not sent."""

    only_here = True
    advice = f"wait until the credits are counted anew, or use the key of a larger plan; {_NO_HURRY}"


class AddressRefused(CoinMarketCapError):
    """CoinMarketCap refuses this IP address for a time: code 1011, or its firewall's HTTP 403."""

    advice = f"find what else asks CoinMarketCap from this IP address; it is asked again within the hour; {_NO_HURRY}"


class CoinMarketCapUnreachable(CoinMarketCapError):
    """No answer: the name does not resolve, the connection is refused or lost, TLS fails, nothing comes."""

    retryable = True
    advice = (
        "check the network, the proxy and COINMARKETCAP_API_URL; "
        f"behind a proxy with certificates of its own, set REQUESTS_CA_BUNDLE; {_NO_HURRY}"
    )


class CoinMarketCapServerError(CoinMarketCapError):
    """CoinMarketCap has a fault of its own: HTTP 5xx, or such a code."""

    retryable = True
    advice = f"nothing on this side; it is asked again within the hour; {_NO_HURRY}"


class RefusedRequest(CoinMarketCapError):
    """CoinMarketCap understood the request and refuses it: HTTP 4xx, or a code that is not documented."""

    only_here = True
    advice = f"look for a newer version of this project, the API may have changed; {_NO_HURRY}"


class UnusableAnswer(CoinMarketCapError):
    """An answer that is not the data: cut, too slow, too large, not JSON, misshapen, or with the key in it.

    Nothing of it is stored. It is worth another try.
    """

    retryable = True
    only_here = True
    advice = f"if it stays, look at what stands between here and CoinMarketCap; {_NO_HURRY}"


class WrongCoinMarketCap(CoinMarketCapError):
    """The answer is simulated where the real CoinMarketCap was expected, or real where the sandbox was."""

    passes = False
    advice = "make BINANCE_SOURCE and COINMARKETCAP_API_URL agree; simulated and real data must never mix."
