"""The simulated market: realistic, the same for everybody, and its candles made of its ticks."""

import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest

from binance_assets.sandbox.catalogue import UNITS
from binance_assets.sandbox.intervals import INTERVALS, candle_at, openings
from binance_assets.sandbox.market import DAY_SECONDS, DEFAULT_SEED, Market
from binance_assets.sandbox.walk import Walks, keys_of

NOON = 1_790_000_000 // 86_400 * 86_400 + 43_200
SOME_PAIRS = ("BTCUSDT", "ETHBTC", "WBTCBTC", "USDCUSDT", "USDTTRY", "TUSDT", "PEPEUSDT", "SHIBTRY")


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.of(DEFAULT_SEED)


@pytest.fixture(scope="module")
def sleepy(market) -> str:
    """A pair that trades less than once in a minute."""
    return next(market.pairs[place].symbol for place in market.trading if market.pairs[place].pace > 100)


def price(market: Market, symbol: str, second: int) -> float:
    return market.prices(second)[market.place_of[symbol]] / UNITS


# What is listed


def test_has_the_proportions_of_the_real_exchange(market):
    statuses = Counter(pair.status for pair in market.pairs)
    assert len(market.pairs) == pytest.approx(3500, rel=0.03)
    assert statuses["TRADING"] == pytest.approx(1400, rel=0.03)
    assert statuses["HALT"] == 3
    assert statuses["END_OF_DAY"] == 1
    assert statuses["BREAK"] == len(market.pairs) - len(market.trading) - 4


def test_symbols_are_as_odd_as_the_real_ones(market):
    pairs = market.pairs
    assert len({pair.symbol for pair in pairs}) == len(pairs)
    assert all(pair.symbol == pair.base.code + pair.quote.code and pair.base != pair.quote for pair in pairs)
    assert {len(pair.quote.code) for pair in pairs} == {3, 4, 5}
    assert len({pair.quote.code for pair in pairs}) > 35
    bases = {pair.base.code for pair in pairs if pair.status == "TRADING"}
    assert any(code[0].isdigit() for code in bases)
    assert any(len(code) == 1 for code in bases)
    assert any(not code.isascii() for code in bases)


def test_the_majors_trade_and_what_is_gone_does_not(market):
    trading = {market.pairs[place].symbol for place in market.trading}
    assert trading >= {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ETHBTC", "BTCIDR", "币安人生USDT"}
    gone = [pair for pair in market.pairs if pair.quote.code == "BUSD" or pair.base.kind == "leveraged_token"]
    assert len(gone) > 300
    assert all(pair.status != "TRADING" and pair.halted_at for pair in gone)
    assert all(pair.listed_at < pair.halted_at < 1_735_689_600 for pair in market.pairs if pair.halted_at)


# Prices


def test_every_process_sees_the_same_market(market):
    command = (
        "from binance_assets.sandbox.market import Market; import sys;"
        f"m = Market.of({DEFAULT_SEED}); sys.stdout.write(repr([(p.symbol, v) for p, v in "
        f"zip(m.pairs, m.prices({NOON}).tolist())]))"
    )
    seen = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    expected = zip((pair.symbol for pair in market.pairs), market.prices(NOON).tolist(), strict=True)
    assert seen == repr(list(expected))


def test_another_seed_makes_another_market(market):
    other = Market(DEFAULT_SEED + 1)
    assert price(other, "BTCUSDT", NOON) != price(market, "BTCUSDT", NOON)
    assert {pair.symbol for pair in other.pairs} != {pair.symbol for pair in market.pairs}
    assert {"BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ETHBTC"} <= {
        other.pairs[place].symbol for place in other.trading
    }


@pytest.mark.parametrize("seed", [DEFAULT_SEED, 1, 2**40])
def test_prices_are_whole_ticks_from_a_hundred_millionth_to_a_billion(seed):
    market = Market(seed)
    prices, ticks = market.prices(NOON), np.array([pair.tick for pair in market.pairs])
    assert (prices > 0).all()
    assert (prices % ticks == 0).all()
    assert prices.min() <= 5
    assert 2e8 < prices.max() / UNITS < 9.9e9
    in_dollars = np.array([p for p, pair in zip(prices, market.pairs, strict=True) if pair.quote.code == "USDT"])
    shares = [(in_dollars / UNITS < limit).mean() for limit in (1e-5, 1e-3, 1e-1, 10)]
    assert shares == sorted(shares)
    assert 0.005 < shares[0] < 0.1, "some coins cost next to nothing"
    assert 0.3 < shares[2] < 0.6, "many are cheap"


@pytest.mark.parametrize("seconds", [5, 7, 10])
def test_most_prices_stay_from_one_sample_to_the_next(market, seconds):
    samples = [market.prices(NOON + 600 * n) == market.prices(NOON + 600 * n + seconds) for n in range(20)]
    assert 0.83 < np.mean(samples) < 0.92


def test_the_price_of_a_halted_pair_stays_that_of_its_last_trade(market):
    halted = [place for place, pair in enumerate(market.pairs) if pair.halted_at]
    before, after = market.prices(NOON)[halted], market.prices(NOON + 10**7)[halted]
    assert (before == after).all()
    for place in halted[::200]:
        pair = market.pairs[place]
        last = market.candles(place, np.array([pair.halted_at - 10_000, pair.halted_at + 1]), NOON)
        assert last.close[0] * pair.tick == market.prices(NOON)[place]


def test_what_is_worth_the_same_costs_the_same(market):
    for second in range(NOON, NOON + 10**7, 10**6):
        assert price(market, "WBTCBTC", second) == pytest.approx(1, abs=0.003)
        assert price(market, "USDCUSDT", second) == pytest.approx(1, abs=0.003)
        assert price(market, "FDUSDUSDT", second) == pytest.approx(1, abs=0.003)
        assert price(market, "XAUTUSDT", second) == pytest.approx(price(market, "PAXGUSDT", second), rel=0.01)
        assert 20_000 < price(market, "BTCUSDT", second) < 200_000


def test_a_cross_pair_agrees_with_its_legs(market):
    assert {market.pairs[market.place_of[it]].pace for it in ("ETHBTC", "ETHUSDT", "BTCUSDT")} == {1}
    for second in range(NOON, NOON + 100):
        by_legs = price(market, "ETHUSDT", second) / price(market, "BTCUSDT", second)
        assert price(market, "ETHBTC", second) == pytest.approx(by_legs, abs=1.5e-7)  # a tick is 1e-7


def test_a_step_and_an_order_are_worth_what_people_can_trade(market):
    for pair in market.pairs:
        assert pair.step == 10 ** (len(str(pair.step)) - 1) <= UNITS
        assert pair.step / UNITS * pair.base.value <= max(1, pair.base.value * 1.0001)
        assert 0.9 < pair.min_notional / UNITS * pair.quote.value <= 10.01


# Candles


@pytest.fixture(scope="module")
def every_second(market) -> np.ndarray:
    """The prices of all pairs at every second of five minutes, and at the one before."""
    return np.array([market.prices(second) for second in range(NOON - 1, NOON + 300)])


@pytest.mark.parametrize("symbol", [*SOME_PAIRS, "sleepy"])
def test_candles_agree_with_the_prices_of_every_second(market, every_second, sleepy, symbol):
    place = market.place_of[sleepy if symbol == "sleepy" else symbol]
    pair, minutes = market.pairs[place], 5
    ticks = (every_second[:, place] // pair.tick).tolist()
    candles = market.candles(place, np.arange(NOON, NOON + 60 * minutes + 1, 60), NOON + 10_000)
    for minute in range(minutes):
        before, *seen = ticks[60 * minute : 60 * minute + 61]
        open_, high, low, close, *_, count = (int(column[minute]) for column in candles)
        assert close == seen[-1]
        assert {open_, high, low} <= {*seen}
        assert all(low <= tick <= high for tick in seen if tick != before)
        changes = sum(earlier != later for earlier, later in zip([before, *seen], seen, strict=False))
        assert changes <= count
        if not count:
            assert {open_, high, low, close} == {before}
    assert candles.trade_count.sum() == pytest.approx(60 * minutes / pair.pace, abs=2)
    assert ((candles.volume > 0) == (candles.trade_count > 0)).all()


def test_a_pair_that_trades_seldom_has_minutes_without_trades(market, sleepy):
    candles = market.candles(market.place_of[sleepy], np.arange(NOON, NOON + 3601, 60), NOON + 10_000)
    silent = candles.trade_count == 0
    assert silent.any()
    assert (candles.volume[silent] == 0).all()
    assert (candles.quote_volume[silent] == 0).all()
    assert (candles.open[1:][silent[1:]] == candles.close[:-1][silent[1:]]).all()


@pytest.mark.parametrize("symbol", ["BTCUSDT", "WBTCBTC", "sleepy"])
@pytest.mark.parametrize(("short", "long"), [(1, 1200), (60, 3600), (3600, 5 * 86_400)])
def test_long_candles_are_made_of_short_ones(market, sleepy, symbol, short, long):
    place = market.place_of[sleepy if symbol == "sleepy" else symbol]
    start = NOON - 2 * long
    fine = market.candles(place, np.arange(start, NOON + 1, short), NOON)
    coarse = market.candles(place, np.arange(start, NOON + 1, long), NOON)
    parts = {name: column.reshape(2, -1) for name, column in fine._asdict().items()}
    traded = parts["trade_count"] > 0
    assert coarse.open.tolist() == [opens[has][0] for opens, has in zip(parts["open"], traded, strict=True)]
    assert (coarse.high == np.where(traded, parts["high"], 0).max(axis=1)).all()
    assert (coarse.low == np.where(traded, parts["low"], 2**60).min(axis=1)).all()
    assert (coarse.close == parts["close"][:, -1]).all()
    for total in ("volume", "quote_volume", "bought", "quote_bought", "trade_count"):
        assert (getattr(coarse, total) == parts[total].sum(axis=1)).all(), total


def test_the_running_candle_knows_only_what_has_happened(market):
    place, bounds = market.place_of["BTCUSDT"], np.array([NOON, NOON + 60])
    running = market.candles(place, bounds, NOON + 29)
    assert running.trade_count[0] == 30
    assert running.close[0] * market.pairs[place].tick == market.prices(NOON + 29)[place]


def test_the_day_agrees_with_the_candles(market):
    places = market.trading[::50]
    day = market.day(places, NOON)
    for column, place in enumerate(places.tolist()):
        # The 24 hours behind the trade that was the last one when they began.
        candle = market.candles(place, np.array([NOON - DAY_SECONDS + 1, NOON + 1]), NOON)
        tick = market.pairs[place].tick
        assert day.open[column] * tick == market.prices(NOON - DAY_SECONDS)[place]
        assert day.close[column] == candle.close[0]
        assert day.last_trade[column] - day.first_trade[column] + 1 == candle.trade_count[0]
        assert max(day.high[column], day.open[column]) <= max(candle.high[0], day.open[column])
        assert min(day.low[column], day.open[column]) >= min(candle.low[0], day.open[column])
        assert day.volume[column] == pytest.approx(candle.volume[0], rel=0.5)


def test_whole_market_and_candles_are_quick(market):
    def cpu_seconds(work) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            work()
            times.append(time.process_time() - began)
        return min(times)

    assert cpu_seconds(lambda: market.prices(NOON)) < 0.03
    bounds = np.arange(NOON - 60_000, NOON + 1, 60)
    assert cpu_seconds(lambda: market.candles(market.place_of["ETHBTC"], bounds, NOON)) < 0.5
    assert cpu_seconds(lambda: Market(DEFAULT_SEED)) < 0.5


# Walks


def test_a_stretch_of_a_walk_is_what_single_seconds_are():
    walks = Walks(keys_of(1, names=["a", "b"]), np.array([0.05, 0.0]))
    start, stop = NOON - 5000, NOON + 5001
    seconds = np.arange(start, stop)
    assert np.array_equal(walks.stretch(0, start, stop), walks.at(np.zeros_like(seconds), seconds))
    assert not walks.stretch(1, start, stop).any()


def test_a_walk_moves_by_its_volatility_and_stays_near_its_level():
    walks = Walks(keys_of(2, names=["a"]), np.array([0.05]))
    path = walks.stretch(0, NOON, NOON + 10**6)
    for seconds in (1, 60, 3600):
        steps = path[seconds::seconds] - path[:-seconds:seconds]
        assert steps.std() == pytest.approx(0.05 * np.sqrt(seconds / DAY_SECONDS), rel=0.2)
        assert abs(steps.mean()) < 0.1 * steps.std() + 4 * steps.std() / np.sqrt(len(steps))
    decades = np.arange(NOON, NOON + 10**9, 10**6)
    assert np.abs(walks.at(np.zeros_like(decades), decades)).max() < 2


# Intervals


@pytest.mark.parametrize("interval", INTERVALS)
def test_a_second_lies_in_its_candle(interval):
    for second in (NOON, NOON + 1, NOON + 59, 1_709_164_800, 1_709_251_199):  # the last two: 29 February 2024
        number = candle_at(interval, second)
        opens, closes = openings(interval, number, number).tolist()
        assert opens <= second < closes


def test_weeks_begin_on_mondays_and_months_on_the_first():
    monday, first, second = (
        int(np.datetime64(text, "s").astype(int)) for text in ("2026-09-14", "2026-09-01", "2026-09-16T12:00")
    )
    assert openings("1w", candle_at("1w", second), candle_at("1w", second)).tolist() == [monday, monday + 7 * 86_400]
    assert openings("1M", candle_at("1M", second), candle_at("1M", second)).tolist() == [first, first + 30 * 86_400]
