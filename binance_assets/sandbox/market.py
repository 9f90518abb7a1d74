"""The market of the sandbox exchange: what every pair costs at any moment, and its candles.

All of it is a function of the seed and the moment. There is no state and no clock: every process with the same seed
sees the same market, a restart goes on where it was, and a candle of last year can be computed at once.

Moments are seconds since 1970. Prices are whole numbers: of units of 1e-8, or of a pair's ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np

from binance_assets.sandbox.catalogue import UNITS, catalogue
from binance_assets.sandbox.walk import Floats, Ints, Walks, Words, keys_of, random_bits

DEFAULT_SEED = 20170714
"""The market that everybody sees who does not ask for another one."""

DAY_SECONDS = 86_400

_TRADE_VALUE = 200.0
"""What a typical trade is worth in USDT."""

_SIZES = np.exp(0.8 * (np.arange(65) - 32) / 4)
"""A trade's size, in usual ones, by the number of bits that are set in its random word: log-normal."""

_MEAN_SIZE = float(np.exp(0.8**2 / 2))

_LONG_STRETCH = 2**18
"""Seconds whose trades are held in memory at once."""

_SPARSE = 40
"""From this pace on it is quicker to look up single seconds of a walk than to compute all of them."""

_SIGNS = (1, 1, -1, -1)

Spans = Sequence[tuple[int, int]]
"""Spans of time in order, each from one second to before another."""


class Candles(NamedTuple):
    """Candles of a pair, one element each.

    Attributes:
        open: First price, in ticks; of a candle without trades the close before it, like the other three.
        high: Highest price, in ticks.
        low: Lowest price, in ticks.
        close: Last price, in ticks.
        volume: Traded base currency, in steps.
        quote_volume: Traded quote currency, in ticks times steps; of each trade whole units, what is below is lost.
        bought: What of the volume the takers bought.
        quote_bought: What of the quote volume they paid for that.
        trade_count: Number of trades.
    """

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote_volume: Ints
    bought: Ints
    quote_bought: Ints
    trade_count: Ints


class Day(NamedTuple):
    """24 hours of some pairs, one element each.

    Open and close, and the numbers of the trades, are exact. To be quick for the whole market, the rest is from one
    price in a quarter of an hour (high and low are within those of the candles), and volumes are expected ones.

    Attributes:
        open: In ticks, like the three after it.
        high: Highest.
        low: Lowest.
        close: Last.
        average: Mean price, in ticks.
        volume: In steps.
        first_trade: Number of the first trade, counted from the listing.
        last_trade: Number of the last one.
    """

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    average: Floats
    volume: Floats
    first_trade: Ints
    last_trade: Ints


class Market:
    """The market of one seed, of which ``Market.of`` builds only one.

    The listing is complete and does not change any more from 2025 on. Before that, there are candles.

    A pair is named by its place in ``pairs``. Its time is cut into slots of its pace in seconds, and it trades once in
    each, at a random second; its price is that of the walks of its currencies at its last trade.

    Attributes:
        pairs: All pairs, in the order in which they were listed.
        place_of: The place of a symbol.
        trading: The places of the pairs that trade.
    """

    def __init__(self, seed: int) -> None:
        currencies, self.pairs = catalogue(seed)
        self.place_of = {pair.symbol: place for place, pair in enumerate(self.pairs)}
        self._walks = Walks(
            keys=keys_of(seed, "currency", names=list(currencies)),
            volatility=np.array([currency.volatility for currency in currencies.values()]),
        )
        # The walks of base and quote, and of what these follow. That of USDT stands still and fills the gaps.
        walk_of = {code: walk for walk, code in enumerate(currencies)}
        self._legs = np.array(
            [
                [walk_of[currency.code], walk_of[currency.follows or "USDT"]]
                for pair in self.pairs
                for currency in (pair.base, pair.quote)
            ]
        ).reshape(-1, 4)
        self._level = np.log([pair.base.value / pair.quote.value for pair in self.pairs])
        self._tick: Ints = np.array([pair.tick for pair in self.pairs])
        self._pace: Ints = np.array([pair.pace for pair in self.pairs])
        self._usual_quantity = _TRADE_VALUE / np.array([pair.base.value * pair.step / UNITS for pair in self.pairs])
        symbols = [pair.symbol for pair in self.pairs]
        self._trade_keys = keys_of(seed, "trade", names=symbols)

        everything = np.arange(len(self.pairs))
        listed_at = np.array([pair.listed_at for pair in self.pairs])
        self._first_trade = self._last_trade_at(everything, listed_at) + 1
        is_trading = np.array([pair.halted_at is None for pair in self.pairs])
        self.trading = np.flatnonzero(is_trading)
        self._last_ticks = np.zeros(len(self.pairs), dtype=np.int64)
        halted = np.flatnonzero(~is_trading)
        self._last_ticks[halted] = self._ticks_at(
            halted, np.array([pair.halted_at for pair in self.pairs if pair.halted_at])
        )

    @classmethod
    @lru_cache(maxsize=4)
    def of(cls, seed: int) -> Self:
        """The market of a seed."""
        return cls(seed)

    def prices(self, second: int) -> Ints:
        """The price of every pair's last trade, in units. That of a halted pair stays what it was."""
        ticks = self._last_ticks.copy()
        ticks[self.trading] = self._ticks_at(self.trading, np.full(len(self.trading), second))
        return ticks * self._tick

    def life(self, place: int, second: int) -> tuple[int, int]:
        """When a pair traded for the first time, and until when it has traded, seen at a second."""
        first = self._trade_second(np.array([place]), self._first_trade[[place]])
        return int(first[0]), min(second, self.pairs[place].halted_at or second)

    def candles(self, place: int, bounds: Ints, second: int, outages: Spans = ()) -> Candles:
        """The candles of a pair between neighbouring bounds, from the trades up to a second.

        In the outages, each from one second to before another, nothing is traded.
        """
        parts = []
        while len(bounds) > 1:
            count = max(1, int(np.searchsorted(bounds, bounds[0] + _LONG_STRETCH)) - 1)
            parts.append(self._candles(place, bounds[: count + 1], second, outages))
            bounds = bounds[count:]
        return Candles(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def day(self, places: Ints, second: int) -> Day:
        """The 24 hours up to a second of some pairs that trade."""
        moments = np.arange(second - DAY_SECONDS, second + 1, DAY_SECONDS // 96)
        ticks = self._ticks_at(np.tile(places, len(moments)), np.repeat(moments, len(places)))
        ticks = ticks.reshape(len(moments), len(places))
        before = self._last_trade_at(places, np.full(len(places), second - DAY_SECONDS))
        last = self._last_trade_at(places, np.full(len(places), second))
        return Day(
            open=ticks[0],
            high=ticks.max(axis=0),
            low=ticks.min(axis=0),
            close=ticks[-1],
            average=ticks.mean(axis=0),
            volume=(last - before) * self._usual_quantity[places] * _MEAN_SIZE,
            first_trade=before + 1 - self._first_trade[places],
            last_trade=last - self._first_trade[places],
        )

    def _candles(self, place: int, bounds: Ints, second: int, outages: Spans) -> Candles:
        first, last = self.life(place, second)
        seconds, ticks, quantities, are_bought = self._trades(
            place, max(int(bounds[0]), first), min(int(bounds[-1]), last + 1)
        )
        close_at = bounds[:1] - 1
        for begins, ends in reversed(outages):
            traded_then = (seconds < begins) | (seconds >= ends)
            seconds, ticks, quantities, are_bought = (
                column[traded_then] for column in (seconds, ticks, quantities, are_bought)
            )
            close_at = np.where((begins <= close_at) & (close_at < ends), begins - 1, close_at)
        # One trade more before and behind, so that a close precedes each candle and each bound has an index.
        before = self._ticks_at(np.array([place]), close_at)
        padded = np.concatenate((before, ticks, before))
        paid = quantities * ticks
        paid -= paid % max(UNITS // (self.pairs[place].tick * self.pairs[place].step), 1)
        start = np.searchsorted(seconds, bounds) + 1
        previous_close, trade_count = padded[start[:-1] - 1], np.diff(start)

        def traded(values: Ints) -> Ints:
            return np.where(trade_count > 0, values, previous_close)

        def total(values: Ints) -> Ints:
            return np.where(trade_count > 0, np.add.reduceat(np.append(values, 0), start - 1)[:-1], 0)

        return Candles(
            open=traded(padded[start[:-1]]),
            high=traded(np.maximum.reduceat(padded, start)[:-1]),
            low=traded(np.minimum.reduceat(padded, start)[:-1]),
            close=padded[start[1:] - 1],
            volume=total(quantities),
            quote_volume=total(paid),
            bought=total(quantities * are_bought),
            quote_bought=total(paid * are_bought),
            trade_count=trade_count,
        )

    def _trades(self, place: int, start: int, stop: int) -> tuple[Ints, Ints, Ints, Ints]:
        """Second, price in ticks, quantity in steps, and 1 where the taker bought, of a pair's trades in a stretch."""
        ends = self._last_trade_at(np.full(2, place), np.array([start - 1, stop - 1]))
        numbers = np.arange(ends[0] + 1, ends[1] + 1)
        words = random_bits(self._trade_keys[place], numbers)
        seconds = _second_of(numbers, self._pace[place], words)
        if self._pace[place] < _SPARSE and len(seconds):
            moves = sum(
                sign * self._walks.stretch(walk, start, stop)[seconds - start]
                for sign, walk in zip(_SIGNS, self._legs[place], strict=True)
                if self._walks.volatility[walk]
            )
            ticks = _whole_ticks(self._level[place] + moves, self._tick[place])
        else:
            ticks = self._ticks_of_trades(np.full(len(seconds), place), seconds)
        quantities = np.maximum(np.rint(self._usual_quantity[place] * _SIZES), 1).astype(np.int64)
        return seconds, ticks, quantities[np.bitwise_count(words)], (words >> np.uint64(63)).astype(np.int64)

    def _ticks_at(self, places: Ints, seconds: Ints) -> Ints:
        """The prices of the last trades at some seconds."""
        return self._ticks_of_trades(places, self._trade_second(places, self._last_trade_at(places, seconds)))

    def _ticks_of_trades(self, places: Ints, seconds: Ints) -> Ints:
        moves = np.zeros(len(places))
        for sign, walks in zip(_SIGNS, self._legs[places].T, strict=True):
            moving = np.flatnonzero(self._walks.volatility[walks])
            moves[moving] += sign * self._walks.at(walks[moving], seconds[moving])
        return _whole_ticks(self._level[places] + moves, self._tick[places])

    def _last_trade_at(self, places: Ints, seconds: Ints) -> Ints:
        """The number of the last trade at or before a second."""
        slot = seconds // self._pace[places]
        return slot - (self._trade_second(places, slot) > seconds)

    def _trade_second(self, places: Ints, numbers: Ints) -> Ints:
        return _second_of(numbers, self._pace[places], random_bits(self._trade_keys[places], numbers))


def _second_of(numbers: Ints, pace: Ints, words: Words) -> Ints:
    """The seconds of some trades: each at random within the slot of its number."""
    return numbers * pace + (words % pace.astype(np.uint64)).astype(np.int64)


def _whole_ticks(log_prices: Floats, tick: Ints) -> Ints:
    return np.maximum(np.rint(np.exp(log_prices) * UNITS / tick), 1).astype(np.int64)
