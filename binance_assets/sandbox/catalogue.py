"""Which currencies and pairs the sandbox exchange lists. All of it follows from the seed; none of it ever changes.

The majors and the money have their real names and plausible values; the long tail is made up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from binance_assets.sandbox.walk import key_of, keys_of, random_bits, uniform

Kind = Literal["crypto", "stablecoin", "fiat", "wrapped", "leveraged_token", "commodity_token"]
Status = Literal["TRADING", "HALT", "BREAK", "END_OF_DAY"]

UNITS = 10**8
"""Prices, steps and notionals are whole numbers of units of 1e-8."""

LAUNCH = 1_500_000_000
"""When the first pairs were listed, in seconds since 1970 (July 2017)."""

COMPLETE = 1_735_689_600
"""When the last pair had been listed or halted (the beginning of 2025)."""


@dataclass(frozen=True)
class Currency:
    """A currency of the sandbox.

    Attributes:
        code: Such as ``BTC``.
        kind: What it is.
        value: Around how many USDT it is worth.
        volatility: Standard deviation of a day's change of its value, as a share; 0.03 is 3 %.
        follows: The code of the currency from which its value moves away only by its own small walk.
    """

    code: str
    kind: Kind
    value: float
    volatility: float
    follows: str | None = None


@dataclass(frozen=True)
class Pair:
    """A pair of the sandbox.

    Attributes:
        symbol: Base and quote, written together.
        base: What is priced.
        quote: What it is priced in.
        status: As the exchange names it; only TRADING ones trade.
        listed_at: When it began to trade, in seconds since 1970.
        halted_at: When it stopped, None while it trades.
        pace: Seconds from one trade to the next, on average.
        tick: Tick size, in units.
        step: Step size, in units.
        min_notional: Smallest order in the quote currency, in units.
    """

    symbol: str
    base: Currency
    quote: Currency
    status: Status
    listed_at: int
    halted_at: int | None
    pace: int
    tick: int
    step: int
    min_notional: int


class QuoteMarket(NamedTuple):
    """How many pairs there are in a quote currency, and by how much they trade less than those in USDT."""

    trading: int
    halted: int
    slowness: float


MARKETS = {
    "USDT": QuoteMarket(400, 190, 1),
    "USDC": QuoteMarket(240, 60, 3),
    "TRY": QuoteMarket(260, 60, 3),
    "FDUSD": QuoteMarket(100, 60, 2),
    "BTC": QuoteMarket(150, 290, 4),
    "ETH": QuoteMarket(45, 170, 6),
    "BNB": QuoteMarket(45, 280, 5),
    "EUR": QuoteMarket(45, 70, 4),
    "JPY": QuoteMarket(35, 20, 6),
    "BRL": QuoteMarket(22, 30, 5),
    "TUSD": QuoteMarket(6, 130, 9),
    "MXN": QuoteMarket(5, 2, 9),
    "PLN": QuoteMarket(5, 0, 9),
    "EURI": QuoteMarket(4, 0, 9),
    "IDR": QuoteMarket(4, 0, 9),
    "UAH": QuoteMarket(4, 15, 9),
    "ARS": QuoteMarket(3, 2, 9),
    "ZAR": QuoteMarket(3, 3, 9),
    "RON": QuoteMarket(3, 0, 9),
    "TRX": QuoteMarket(3, 20, 9),
    "XRP": QuoteMarket(2, 8, 9),
    "DOGE": QuoteMarket(2, 4, 9),
    "COP": QuoteMarket(2, 0, 9),
    "CZK": QuoteMarket(2, 0, 9),
    "SOL": QuoteMarket(1, 2, 9),
    "BUSD": QuoteMarket(0, 360, 3),
    "AUD": QuoteMarket(0, 50, 9),
    "GBP": QuoteMarket(0, 40, 9),
    "BIDR": QuoteMarket(0, 40, 9),
    "PAX": QuoteMarket(0, 25, 9),
    "RUB": QuoteMarket(0, 25, 9),
    "USDS": QuoteMarket(0, 15, 9),
    "IDRT": QuoteMarket(0, 12, 9),
    "UST": QuoteMarket(0, 10, 9),
    "USDP": QuoteMarket(0, 10, 9),
    "DAI": QuoteMarket(0, 10, 9),
    "NGN": QuoteMarket(0, 10, 9),
    "BKRW": QuoteMarket(0, 8, 9),
    "AEUR": QuoteMarket(0, 4, 9),
    "BVND": QuoteMarket(0, 3, 9),
    "VAI": QuoteMarket(0, 3, 9),
    "DOT": QuoteMarket(0, 2, 9),
}

COIN_QUOTES = ("BTC", "ETH", "BNB", "SOL", "XRP", "TRX", "DOGE", "DOT")
"""Coins that are quotes as well; an earlier one is never priced in a later one."""

COINS = """
    BTC 68000 ETH 3400 BNB 600 SOL 160 XRP 0.62 DOGE 0.15 ADA 0.48 TRX 0.13 AVAX 32 LINK 15 SUI 1.9 TON 5.6 PEPE 1.1e-5
    SHIB 1.8e-5 DOT 6.1 LTC 78 BCH 430 NEAR 5.4 UNI 8.7 APT 8.2 ICP 10.5 AAVE 120 ETC 24 FIL 4.8 ATOM 6.9 ARB 0.85
    OP 1.9 XLM 0.11 HBAR 0.08 VET 0.028 INJ 22 TAO 380 RENDER 6.4 WLD 2.4 FET 1.4 SEI 0.42 TIA 6.3 ALGO 0.15 GRT 0.2
    LDO 1.8 ENA 0.55 JUP 0.95 BONK 2.2e-5 FLOKI 1.6e-4 WIF 2.1 RUNE 4.9 CRV 0.35 SAND 0.34 MANA 0.36 AXS 6.2 GALA 0.03
    YFI 6100 MKR 2500 COMP 52 SNX 1.9 SUSHI 0.9 1INCH 0.4 1000SATS 2.4e-4 1000CAT 0.03 1MBABYDOGE 0.0021 0G 2.6 2Z 0.3
    4 0.09 T 0.024 D 0.06 W 0.31 G 0.021 A 0.5 C 0.14 S 0.6 LUNC 9.0e-5 BTTC 1.0e-6 WIN 9.0e-5 HOT 0.0018 DENT 0.0009
    XEC 3.4e-5 IOTA 0.18 NEO 12 QTUM 2.8 ZEC 27 DASH 26 CHZ 0.08 ENJ 0.19 BAT 0.2 KAVA 0.42 ROSE 0.08 CAKE 2.2
    币安人生 0.18 雪月花 0.0031 金狗 0.00047
"""

GONE_COINS = """
    BCC 1100 VEN 3 HSR 8 NPXS 1.5e-4 STORM 0.002 ERD 0.0012 LEND 0.4 MATIC 0.55 XMR 150 OMG 0.7 WAVES 2.1 BTG 25 MCO 4
    TOMO 1.2 SALT 0.4 WABI 0.1 LUNA 0.6 FTM 0.5 EOS 0.6 REN 0.06 SRM 0.04 MIR 0.03
"""

LEVERAGED_COINS = ("BTC", "ETH", "BNB", "XRP", "ADA", "LINK", "DOT", "LTC", "TRX", "UNI", "SUSHI", "AAVE", "FIL", "YFI")

DOLLARS = ("USDC", "FDUSD", "TUSD", "DAI", "BUSD", "PAX", "USDS", "USDP", "UST", "VAI")

FIATS = {
    "EUR": 1.08, "GBP": 1.27, "AUD": 0.66, "TRY": 0.030, "BRL": 0.18, "JPY": 0.0066, "MXN": 0.055, "PLN": 0.25,
    "IDR": 6.2e-5, "UAH": 0.025, "ARS": 0.0011, "ZAR": 0.055, "RON": 0.22, "COP": 0.00025, "CZK": 0.043, "RUB": 0.011,
    "NGN": 0.00065, "KRW": 0.00073, "VND": 4.0e-5,
}  # fmt: skip

FOLLOWERS = (
    Currency("EURI", "stablecoin", 1.08, 1e-4, follows="EUR"),
    Currency("AEUR", "stablecoin", 1.08, 1e-4, follows="EUR"),
    Currency("IDRT", "stablecoin", 6.2e-5, 1e-4, follows="IDR"),
    Currency("BIDR", "stablecoin", 6.2e-5, 1e-4, follows="IDR"),
    Currency("BKRW", "stablecoin", 0.00073, 1e-4, follows="KRW"),
    Currency("BVND", "stablecoin", 4.0e-5, 1e-4, follows="VND"),
    Currency("WBTC", "wrapped", 68000, 1e-4, follows="BTC"),
    Currency("WBETH", "wrapped", 3400 * 1.06, 1e-4, follows="ETH"),
    Currency("BETH", "wrapped", 3400, 1e-4, follows="ETH"),
    Currency("BNSOL", "wrapped", 160 * 1.04, 1e-4, follows="SOL"),
    Currency("XAUT", "commodity_token", 2700, 2e-4, follows="PAXG"),
)

MONEY_PAIRS = """
    USDC/USDT FDUSD/USDT TUSD/USDT EUR/USDT EURI/USDT XAUT/USDT PAXG/USDT PAXG/BTC PAXG/TRY WBTC/USDT WBTC/BTC
    WBETH/USDT WBETH/ETH BNSOL/USDT BNSOL/SOL USDT/TRY USDT/BRL USDT/JPY USDT/MXN USDT/PLN USDT/IDR USDT/UAH
    USDT/ARS USDT/ZAR USDT/RON USDT/COP USDT/CZK FDUSD/TRY FDUSD/USDC EUR/TRY EUR/USDC
"""
"""Trading, besides the coins."""

GONE_MONEY_PAIRS = """
    BUSD/USDT DAI/USDT PAX/USDT USDS/USDT USDP/USDT UST/USDT AEUR/USDT GBP/USDT AUD/USDT USDT/RUB USDT/NGN USDT/IDRT
    USDT/BIDR USDT/BKRW USDT/BVND USDT/DAI USDC/BUSD TUSD/BUSD EUR/BUSD GBP/BUSD AUD/BUSD WBTC/BUSD PAXG/BUSD PAXG/BNB
    BETH/ETH BETH/USDT BNB/VAI BUSD/TRY BUSD/BRL
"""

_MADE_UP_COINS = 350
_MADE_UP_GONE_COINS = 280
_SYLLABLES = tuple(consonant + vowel for consonant in "BCDFGHJKLMNPRSTVXYZ" for vowel in "AEIOU")

_SLOWEST_PACE = 600
_HALTED_BUT_NOT_BREAK: tuple[Status, ...] = ("HALT", "HALT", "HALT", "END_OF_DAY")


class Catalogue(NamedTuple):
    """What the exchange lists: currencies by code, and pairs in the order in which they were listed."""

    currencies: dict[str, Currency]
    pairs: tuple[Pair, ...]


def catalogue(seed: int) -> Catalogue:
    """The catalogue of a seed, the same in every process."""
    money = _money()
    coins, gone_coins = _coins(COINS), _coins(GONE_COINS)
    taken = {*money, *coins, *gone_coins}
    coins |= _made_up_coins(seed, "coin", _MADE_UP_COINS, taken)
    gone_coins |= _made_up_coins(seed, "gone coin", _MADE_UP_GONE_COINS, taken)
    currencies = money | coins | gone_coins

    # The first coin is the most popular. A coin that is gone was as popular as one that is there.
    rank = {code: place for place, code in enumerate(coins)}
    rank |= {code: place * len(coins) // len(gone_coins) for place, code in enumerate(gone_coins)}

    listings = _money_listings(currencies)
    for quote, market in MARKETS.items():
        for is_halted, count, codes in (
            (False, market.trading, list(coins)),
            (True, market.halted, [*coins, *gone_coins]),
        ):
            luck = 0.5 + uniform(key_of(seed, "demand", quote, is_halted), np.arange(len(codes)))
            demanded = sorted(zip(codes, luck, strict=True), key=lambda coin: rank[coin[0]] * coin[1])
            candidates = [
                _Listing(currencies[code], currencies[quote], is_halted, rank[code] * market.slowness)
                for code, _ in demanded
            ]
            new = [it for it in candidates if it.symbol not in listings and it.makes_sense]
            listings |= {listing.symbol: listing for listing in new[:count]}

    pairs = _pairs(seed, list(listings.values()))
    return Catalogue(currencies, tuple(sorted(pairs, key=lambda pair: (pair.listed_at, pair.symbol))))


class _Listing(NamedTuple):
    base: Currency
    quote: Currency
    is_halted: bool
    slowness: float

    @property
    def symbol(self) -> str:
        return self.base.code + self.quote.code

    @property
    def price(self) -> float:
        return self.base.value / self.quote.value

    @property
    def makes_sense(self) -> bool:
        """Whether the pair is the right way round, and its price has any digits within eight decimals."""
        if self.base.code in COIN_QUOTES and self.quote.code in COIN_QUOTES:
            return COIN_QUOTES.index(self.base.code) > COIN_QUOTES.index(self.quote.code)
        return self.price >= 1 / UNITS


def _money() -> dict[str, Currency]:
    """All currencies that are not simply coins."""
    listed = [
        Currency("USDT", "stablecoin", 1, 0),
        *(Currency(code, "stablecoin", 1, 1e-4) for code in DOLLARS),
        *(Currency(code, "fiat", value, 0.004) for code, value in FIATS.items()),
        Currency("PAXG", "commodity_token", 2700, 0.008),
        *FOLLOWERS,
        *(Currency(coin + way, "leveraged_token", 8, 0.06) for coin in LEVERAGED_COINS for way in ("UP", "DOWN")),
    ]
    return {currency.code: currency for currency in listed}


def _coins(text: str) -> dict[str, Currency]:
    """The coins of a list of codes and values."""
    words = text.split()
    return {
        code: Currency(code, "crypto", float(value), 0.03 if float(value) > 50 else 0.05)
        for code, value in zip(words[::2], words[1::2], strict=True)
    }


def _made_up_coins(seed: int, label: str, count: int, taken: set[str]) -> dict[str, Currency]:
    """Coins with pronounceable codes, and values of which many are tiny. Their codes are taken from then on."""
    coins: dict[str, Currency] = {}
    numbers = itertools.count()
    while len(coins) < count:
        key = key_of(seed, label, next(numbers))
        syllables = [_SYLLABLES[word % len(_SYLLABLES)] for word in random_bits(key, np.arange(3)).tolist()]
        length, chance = uniform(key, np.array([3, 4])).tolist()
        code = "".join(syllables)[: 3 + int(4 * length)]
        if code not in taken:
            taken.add(code)
            coins[code] = Currency(code, "crypto", max(3.0 * (1 - chance) ** 3.7, 1e-7), 0.03 + 0.05 * chance)
    return coins


def _money_listings(currencies: dict[str, Currency]) -> dict[str, _Listing]:
    """The pairs that are not in the coin markets."""
    leveraged = [f"{code}/USDT" for code, currency in currencies.items() if currency.kind == "leveraged_token"]
    names = dict.fromkeys(MONEY_PAIRS.split(), False) | dict.fromkeys([*GONE_MONEY_PAIRS.split(), *leveraged], True)
    listings = {}
    for name, is_halted in names.items():
        base, quote = name.split("/")
        listings[base + quote] = _Listing(currencies[base], currencies[quote], is_halted, slowness=10)
    return listings


def _pairs(seed: int, listings: list[_Listing]) -> Iterator[Pair]:
    symbols = [listing.symbol for listing in listings]
    luck, early, late = uniform(keys_of(seed, "pair", names=symbols)[:, None], np.arange(3)[None, :]).T.tolist()
    halted = [place for place, listing in enumerate(listings) if listing.is_halted]
    statuses: dict[int, Status] = dict.fromkeys(halted, "BREAK")
    statuses |= zip(sorted(halted, key=lambda place: luck[place]), _HALTED_BUT_NOT_BREAK, strict=False)
    for place, listing in enumerate(listings):
        base, quote, is_halted, slowness = listing
        end = int(LAUNCH + (COMPLETE - LAUNCH) * (0.2 + 0.8 * late[place])) if is_halted else COMPLETE
        youth = early[place] * min(1.0, (1 + slowness) / 100)  # the popular ones were there first
        yield Pair(
            symbol=listing.symbol,
            base=base,
            quote=quote,
            status=statuses.get(place, "TRADING"),
            listed_at=int(LAUNCH + (end - LAUNCH) * youth),
            halted_at=end if is_halted else None,
            pace=round(min(max((0.15 * slowness) ** 1.1 * (0.5 + luck[place]), 1), _SLOWEST_PACE)),
            tick=max(1, min(_power_of_ten(listing.price / 1e4), _power_of_ten(0.01 / quote.value))),
            step=min(UNITS, _power_of_ten(1 / base.value)),
            min_notional=_power_of_ten(10 / quote.value),
        )


def _power_of_ten(amount: float) -> int:
    """The power of ten at or below an amount, in units; 0 if it is less than one unit."""
    exponent = math.floor(math.log10(amount * UNITS))
    return 10**exponent if exponent >= 0 else 0
