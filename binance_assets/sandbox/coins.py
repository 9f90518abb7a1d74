"""The coins and categories of the sandbox's CoinMarketCap. All of it follows from the seed, and members from the week.

The exchange's majors have the ids that they really have; everybody else is made up, and so are all ranks. Symbols are
shared as they are in truth: by imitators that are worth nothing, by coins that are long gone, and now and then by a
coin of a better rank than the one that the exchange means.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple, Self

import numpy as np

from binance_assets.sandbox.catalogue import LAUNCH, UNITS, Currency, Pair
from binance_assets.sandbox.market import Market
from binance_assets.sandbox.walk import Floats, Ints, key_of, uniform

Status = Literal["active", "inactive", "untracked"]

HOUR_SECONDS = 3600
WEEK_SECONDS = 7 * 86_400

_NOISE = 0.005
"""By how much the price of a listed coin is off the exchange's at most, as a share."""

_KNOWN_IDS = """
    BTC 1 ETH 1027 BNB 1839 SOL 5426 XRP 52 DOGE 74 ADA 2010 TRX 1958 AVAX 5805 LINK 1975 SUI 20947 TON 11419 PEPE 24478
    SHIB 5994 DOT 6636 LTC 2 BCH 1831 NEAR 6535 UNI 7083 APT 21794 ICP 8916 AAVE 7278 ETC 1321 FIL 2280 ATOM 3794
    ARB 11841 OP 11840 XLM 512 HBAR 4642 VET 3077 INJ 7226 TAO 22974 RENDER 5690 WLD 13502 FET 3773 SEI 23149 TIA 22861
    ALGO 4030 GRT 6719 LDO 8000 ENA 30171 JUP 29210 BONK 23095 FLOKI 10804 WIF 28752 RUNE 4157 CRV 6538 SAND 6210
    MANA 1966 AXS 6783 GALA 7080 YFI 5864 MKR 1518 COMP 5692 SNX 2586 SUSHI 6758 1INCH 8104 0G 38337 2Z 38515 4 38557
    T 17751 D 11374 W 29587 G 32120 A 36462 C 37340 S 32684 LUNC 4172 WIN 4206 HOT 2682 DENT 1886 XEC 10791 IOTA 1720
    NEO 1376 QTUM 1684 ZEC 1437 DASH 131 CHZ 4066 ENJ 2130 BAT 1697 KAVA 4846 ROSE 7653 CAKE 7186 币安人生 38590
    XMR 328 OMG 1808 WAVES 1274 BTG 2083 SALT 1996 LUNA 20314 EOS 1765 REN 2539 SRM 6187 MIR 7857 MATIC 3890
    USDT 825 USDC 3408 FDUSD 26081 TUSD 2563 DAI 4943 BUSD 4687 USDP 3330 USDS 33039 VAI 7824 PAXG 4705 WBTC 3717
    WBETH 24760 BETH 8353 BNSOL 32882 EURI 32644 AEUR 28596 IDRT 4702 XAUT 5176 UST 7129 BTTC 16086
    TOMO 2570 FTM 3513 LEND 2239 MCO 1776 STORM 2297 FUN 1757
"""

_KNOWN_NAMES = {
    "BTC": "Bitcoin", "ETH": "Ethereum", "BNB": "BNB", "SOL": "Solana", "XRP": "XRP", "DOGE": "Dogecoin",
    "ADA": "Cardano", "TRX": "TRON", "AVAX": "Avalanche", "LINK": "Chainlink", "PEPE": "Pepe", "SHIB": "Shiba Inu",
    "LTC": "Litecoin", "UNI": "Uniswap", "JUP": "Jupiter", "LUNA": "Terra", "LUNC": "Terra Classic",
    "MATIC": "Polygon", "USDT": "Tether USDt", "USDC": "USDC", "DAI": "Dai", "WBTC": "Wrapped Bitcoin",
    "PAXG": "PAX Gold", "XMR": "Monero", "ZEC": "Zcash",
}  # fmt: skip

_MULTIPLES = {
    "1000SATS": ("SATS", "SATS (Ordinals)", 28194, 1000),
    "1000CAT": ("CAT", "Simon's Cat", 32724, 1000),
    "1MBABYDOGE": ("BabyDoge", "Baby Doge Coin", 10407, 1_000_000),
}
"""What the exchange prices by the thousand or million: symbol, name, id and how many of them."""

_OTHER_SYMBOLS = {"XAUT": "XAUt", "UST": "USTC", "BTTC": "BTT", "TOMO": "VIC"}
"""Where CoinMarketCap writes what the exchange lists in another way."""

_NOT_THERE = frozenset({"PAX", "BIDR", "BKRW", "BVND", "BCC", "VEN", "ERD", "NPXS"})
"""Currencies of the exchange that have no coin of that symbol, or none any more."""

_NO_LONGER_TRACKED = frozenset({"MATIC", "EOS", "MIR", "FTM", "LEND", "MCO", "STORM"})

_FIRST_MADE_UP_ID = 50_001
_IMITATED_MAJORS = 40
_IMITATORS_OF_MADE_UP = 60
_TAIL = 5400
_GONE_TAIL = 1600

_STRANGE = (
    *(("stETH", "Lido Staked ETH"), ("wstETH", "Wrapped stETH"), ("gOHM", "Governance OHM"), ("aUSDC", "Aave USDC")),
    *(("Ɖ", "Old Doge"), ("₿", "Bit Sign"), ("火币", "Fire Coin"), ("$ME", "My Own"), ("USD₮0", "Bridged Dollar")),
)
"""Symbols in lower case and beyond ASCII, of coins that the exchange does not list."""


@dataclass(frozen=True)
class Coin:
    """A coin of the sandbox.

    Attributes:
        coin_id: CoinMarketCap's number of it.
        symbol: Which others may have, too.
        name: As shown.
        status: Only active ones have a rank and a price.
        size: Its place among the active ones is by this, the smallest first.
        worth: In USD; or how much of the currency it follows.
        follows: The exchange's currency of which it has the price.
        categories: Those that it is in for certain.
    """

    coin_id: int
    symbol: str
    name: str
    status: Status
    size: float
    worth: float
    follows: str | None = None
    categories: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Its name in addresses, which nobody shares."""
        return f"{self.name.lower().replace(' ', '-')}-{self.coin_id}"


class Category(NamedTuple):
    """A category: its name, the share of the made-up coins that are in it, and the majors that are."""

    name: str
    share: float
    majors: tuple[str, ...] = ()

    @property
    def category_id(self) -> str:
        """CoinMarketCap's id of it: 24 hexadecimal digits."""
        return hashlib.blake2b(self.name.encode(), digest_size=12).hexdigest()


def _category(name: str, share: float, majors: str = "") -> Category:
    return Category(name, share, tuple(majors.split()))


CATEGORIES = (
    _category("DeFi", 0.24, "UNI AAVE LINK LDO ENA JUP RUNE CRV YFI MKR COMP SNX SUSHI 1INCH CAKE INJ GRT"),
    _category("Memes", 0.36, "DOGE SHIB PEPE BONK FLOKI WIF 1MBABYDOGE 1000CAT 1000SATS 币安人生 4"),
    _category("Layer 1", 0.02, "BTC ETH BNB SOL XRP ADA TRX AVAX SUI TON DOT LTC BCH NEAR APT ICP ATOM SEI TIA ALGO A"),
    _category("Layer 2", 0.02, "ARB OP MATIC"),
    _category("Smart Contracts", 0.05, "ETH BNB SOL ADA TRX AVAX DOT NEAR APT ALGO XTZ NEO QTUM"),
    _category("Gaming", 0.08, "AXS SAND MANA GALA ENJ"),
    _category("Play To Earn", 0.04, "AXS GALA"),
    _category("Metaverse", 0.04, "AXS SAND MANA"),
    _category("Collectibles & NFTs", 0.07, "AXS SAND MANA ENJ CHZ"),
    _category("Privacy", 0.02, "XMR ZEC DASH ROSE"),
    _category("Stablecoin", 0.01, "USDT USDC FDUSD TUSD DAI BUSD USDP USDS EURI AEUR IDRT VAI"),
    _category("Centralized Exchange (CEX) Token", 0.01, "BNB"),
    _category("Decentralized Exchange (DEX) Token", 0.04, "UNI SUSHI 1INCH CAKE CRV RUNE JUP"),
    _category("Lending & Borrowing", 0.02, "AAVE COMP MKR"),
    _category("Yield Farming", 0.03, "YFI CRV CAKE"),
    _category("AI & Big Data", 0.06, "TAO RENDER FET WLD GRT NEAR ICP 0G"),
    _category("AI Agents", 0.03, "FET"),
    _category("Wrapped Tokens", 0.01, "WBTC WBETH"),
    _category("Tokenized Gold", 0.002, "PAXG"),
    _category("Oracles", 0.01, "LINK"),
    _category("Storage", 0.01, "FIL"),
    _category("DePIN", 0.02, "RENDER FIL HNT"),
    _category("Real World Assets", 0.03, "LINK MKR"),
    _category("Liquid Staking Derivatives", 0.01, "LDO BNSOL"),
    _category("Mineable", 0.02, "BTC DOGE LTC BCH ETC ZEC DASH XMR"),
    _category("Solana Ecosystem", 0.12, "SOL JUP BONK WIF"),
)

_RESTLESS = 0.02
"""The share of the made-up coins that are in a category in some weeks and not in others."""


class Coins:
    """All coins of one seed, of which ``Coins.of`` builds only one.

    Attributes:
        everyone: Every coin, by id.
        ranked: The active ones, the best rank first.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._market = Market.of(seed)
        currencies = {it.code: it for pair in self._market.pairs for it in (pair.base, pair.quote)}
        self.everyone = tuple(sorted(_coins(seed, currencies), key=lambda coin: coin.coin_id))
        self.ranked = tuple(
            sorted((coin for coin in self.everyone if coin.status == "active"), key=lambda coin: coin.size)
        )
        self.rank_of = {coin.coin_id: rank for rank, coin in enumerate(self.ranked, start=1)}
        self._ids: Ints = np.array([coin.coin_id for coin in self.ranked])
        self._worth: Floats = np.array([coin.worth for coin in self.ranked])
        self._noise_key = key_of(seed, "coin price")
        # The price of a followed currency: that of a pair, turned round or not, and perhaps times that of BTC.
        ways = [_way(coin.follows, currencies, self._market.place_of, self._market.pairs) for coin in self.ranked]
        self._ways = _Ways(*(np.array(column) for column in zip(*ways, strict=True)))

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, seed: int) -> Self:
        """The coins of a seed."""
        return cls(seed)

    def prices(self, second: int) -> Floats:
        """What each ranked coin costs in USD, taking USDT for one. It is off the exchange's price by a little."""
        pair_prices = self._market.prices(second) / UNITS
        bitcoin = pair_prices[self._market.place_of["BTCUSDT"]]
        followed = np.where(self._ways.place < 0, self._ways.value, pair_prices[self._ways.place])
        followed = np.where(self._ways.is_inverted, 1 / followed, followed) * np.where(self._ways.by_btc, bitcoin, 1.0)
        luck = uniform(self._noise_key, self._ids * 1_000_003 + second // HOUR_SECONDS)
        return followed * self._worth * (1 + _NOISE * (2 * luck - 1))

    def members(self, category: Category, second: int) -> Ints:
        """The places among the ranked ones of a category's members, in the week of a second."""
        week = second // WEEK_SECONDS
        is_in = uniform(key_of(self._seed, "member", category.name), self._ids) < category.share
        is_restless = uniform(key_of(self._seed, "restless", category.name), self._ids) < _RESTLESS
        comes = uniform(key_of(self._seed, "week", week, category.name), self._ids) < category.share
        is_made_up = self._ids >= _FIRST_MADE_UP_ID
        is_certain = np.array([category.name in coin.categories for coin in self.ranked])
        return np.flatnonzero(np.where(is_restless, comes, is_in) & is_made_up | is_certain)


class _Ways(NamedTuple):
    place: Ints
    value: Floats
    is_inverted: Ints
    by_btc: Ints


def _way(
    code: str | None, currencies: dict[str, Currency], place_of: dict[str, int], pairs: Sequence[Pair]
) -> tuple[int, float, bool, bool]:
    """How a currency's price in USD is found: the place of a pair (-1 for none), else a value; inverted; by BTC."""
    if code is None or code == "USDT":
        return -1, 1.0, False, False
    ways = ((code + "USDT", False, False), ("USDT" + code, True, False), (code + "BTC", False, True))
    found = [(place_of[symbol], 1.0, inverted, by_btc) for symbol, inverted, by_btc in ways if symbol in place_of]
    trading = [way for way in found if pairs[way[0]].halted_at is None]
    return next(iter([*trading, *found]), (-1, currencies[code].value, False, False))


def _coins(seed: int, listed: dict[str, Currency]) -> Iterator[Coin]:
    """All coins, for the currencies that the exchange lists and for nobody."""
    words = _KNOWN_IDS.split()
    known = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    ids = itertools.count(_FIRST_MADE_UP_ID)
    currencies = [
        currency
        for currency in listed.values()
        if currency.kind not in ("fiat", "leveraged_token") and currency.code not in _NOT_THERE
    ]
    majors = {code: place for place, code in enumerate([*known, *_MULTIPLES]) if code in listed}
    others = [currency for currency in currencies if currency.code not in majors]
    for code, place in majors.items():
        yield _major(code, known, float(place))
        if place < _IMITATED_MAJORS:
            yield _imitator(seed, next(ids), code, "AI" if place % 2 else "Inu")
    for place, currency in enumerate(others):
        yield from _of_currency(seed, ids, currency, place)
    for code in ("EUR", "TRY", "GBP", "BTCUP"):
        yield _imitator(seed, next(ids), code, "Token")
    for place, currency in enumerate(currencies[:: len(currencies) // 30]):
        yield Coin(next(ids), currency.code, f"Old {currency.code.title()}", "inactive", 0, place)
    for symbol, name in _STRANGE:
        yield Coin(next(ids), symbol, name, "active", 150.0 + len(name), 7.0)
    yield from _tail(seed, ids, {*listed})


def _major(code: str, known: dict[str, int], size: float) -> Coin:
    categories = tuple(category.name for category in CATEGORIES if code in category.majors)
    if code in _MULTIPLES:
        symbol, name, coin_id, units = _MULTIPLES[code]
        return Coin(coin_id, symbol, name, "active", size, 1 / units, code, categories)
    status: Status = "untracked" if code in _NO_LONGER_TRACKED else "active"
    symbol = _OTHER_SYMBOLS.get(code, code)
    return Coin(known[code], symbol, _KNOWN_NAMES.get(code, code.title()), status, size, 1.0, code, categories)


def _of_currency(seed: int, ids: Iterator[int], currency: Currency, place: int) -> Iterator[Coin]:
    """The coins with the symbol of a made-up currency: as a rule its own, and in some cases what makes that unclear."""
    code = currency.code
    size = 100.0 + 3 * place
    own = Coin(next(ids), code, code.title(), "active", size, 1.0, code)
    match place:
        case 0 | 1 | 2 | 3 | 4:  # outranked by another one
            yield own
            yield Coin(next(ids), code, f"{code.title()} Network", "active", size - 50, 7 * currency.value)
        case 5 | 6 | 7:  # not there at all
            return
        case 8 | 9:  # a bridged one has the same price
            yield own
            yield replace(own, coin_id=next(ids), name=f"Bridged {code.title()}", size=size + 900)
        case 10 | 11 | 12:  # another coin has the symbol
            yield Coin(next(ids), code, f"{code.title()} Finance", "active", size, 40 * currency.value)
        case 13 | 14 | 15 | 16:  # written in lower case
            yield replace(own, symbol=code.lower())
        case _ if place < 17 + _IMITATORS_OF_MADE_UP:
            yield own
            yield _imitator(seed, next(ids), code, "Inu")
        case _ if place > 350 and place % 2:  # gone from the exchange, and from here
            yield replace(own, status="inactive" if place % 3 else "untracked")
        case _:
            yield own


def _imitator(seed: int, coin_id: int, code: str, kind: str) -> Coin:
    """A coin that is worth next to nothing and has the symbol of another."""
    luck = float(uniform(key_of(seed, "imitator", code), np.arange(1))[0])
    return Coin(coin_id, code, f"{code.title()} {kind}", "active", 3000 + 3000 * luck, 1e-9 * (1 + 1000 * luck))


def _tail(seed: int, ids: Iterator[int], taken: set[str]) -> Iterator[Coin]:
    """Coins of which the exchange lists none."""
    luck = uniform(key_of(seed, "tail"), np.arange(2 * (_TAIL + _GONE_TAIL))).reshape(-1, 2).tolist()
    for number, (size, worth) in enumerate(luck):
        digits = f"{number:04}"
        symbol = f"{'QXZJ'[number % 4]}{''.join('ABCDEFGHIK'[int(digit)] for digit in digits)}"
        if symbol not in taken:
            gone: Status = "inactive" if number % 2 else "untracked"
            status: Status = "active" if number < _TAIL else gone
            yield Coin(next(ids), symbol, f"{symbol.title()} Coin", status, 200 + 6000 * size, 0.5 * worth**6)


def first_seen(coin: Coin) -> int:
    """When a coin came, in seconds since 1970."""
    return LAUNCH + (coin.coin_id * 7919) % 40_000 * HOUR_SECONDS // 10
