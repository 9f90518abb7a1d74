"""The dashboard in a browser: from disk and served, every picture and filter, by keyboard, and for everybody."""

from __future__ import annotations

import itertools
import math
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from binance_assets.dashboard.page import PAGE, write_page
from binance_assets.dashboard.server import Dashboard
from binance_assets.export.publish import publish
from binance_assets_tests.dashboard_market import MINUTES, MISSED, ODD_STATUS, ODD_SYMBOL, backfilled, sampled
from binance_assets_tests.pipeline import Pipeline
from binance_assets_tests.recorded import needs_recordings
from binance_assets_tests.recorded_market import recorded_market

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TOOLS = os.environ.get("BROWSER_TOOLS")
"""A folder with playwright and axe; `.ci/run` makes it, and then there has to be a browser."""

if TOOLS:
    sys.path.append(TOOLS)
else:
    pytest.importorskip("playwright", reason="BROWSER_TOOLS names no folder with playwright: `.ci/run` makes one")
    pytest.importorskip("axe_playwright_python", reason="axe is not here: `.ci/run` installs it")
    if not shutil.which("chromium"):
        pytest.skip("there is no chromium here; `.ci/run` installs it", allow_module_level=True)

PICTURES = {
    "highest",
    "distribution",
    "rank",
    "sectors",
    "statuses",
    "development",
    "minutes",
    "parities",
    "coverage",
    "freshness",
    "causes",
}
ALL_DRAWN = """
() => [...document.querySelectorAll(".card")].every((card) => ["drawn", "empty"].includes(card.dataset.ready))
"""
SHOWN_ROWS = 300
FIRST_RENDER_MS = 2500
WCAG_AA = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}

OF_PAIRS = """
    with pair as (
        select *, if(is_listed, status, 'NOT LISTED') as word, coalesce(primary_sector, 'No sector') as sector_name
        from mart.dim_pair left join mart.fact_price_latest using (pair_key)
        where quote_code = coalesce($quote, quote_code)
    ),
    shown as (
        select * from pair where word = coalesce($status, word) and sector_name = coalesce($sector, sector_name)
    )
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return sampled(tmp_path_factory.mktemp("browser") / "sandbox")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "there is no chromium; `.ci/run` installs it"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


class Visit:
    """A page that was opened, and what it said and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, url: str) -> None:
        self.page.goto(url)
        self.wait()

    def wait(self) -> None:
        """Return when every picture is drawn."""
        self.page.wait_for_function(ALL_DRAWN, timeout=20_000)

    def choose(self, **choices: str) -> None:
        for name, value in choices.items():
            self.page.select_option(f"#{name}", value)
        self.wait()

    def table(self, picture: str) -> list[list[str]]:
        """The rows of a picture's table, which is opened for it."""
        self.page.eval_on_selector(f"#{picture} details", "details => { details.open = true; }")
        self.page.wait_for_selector(f"#{picture} tbody", state="attached")
        rows: list[list[str]] = self.page.eval_on_selector_all(
            f"#{picture} tbody tr", "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
        )
        return rows

    def behind(self, picture: str) -> int:
        """How many pairs are behind a picture."""
        return int(self.page.get_attribute(f"#{picture}", "data-pairs") or -1)

    def violations(self) -> list[str]:
        """What axe knows to be wrong by WCAG AA in the page as it is now."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, options=WCAG_AA).response["violations"]
        return [f"{it['id']}: {it['nodes'][0]['html']}" for it in found]

    def unevenly_labelled(self) -> list[str]:
        """The pictures on whose lower axis some labels were left out because there was no room, and others not."""
        found = []
        for picture in ("highest", "distribution", "sectors", "statuses", "freshness"):
            texts = self.page.eval_on_selector_all(
                f"#{picture} .plot svg text",
                "its => its.map(it => [it.textContent, it.getBoundingClientRect().bottom])",
            )
            below = [(numbers(text), bottom) for text, bottom in texts if re.fullmatch(r"[\d,.]+", text)]
            axis = max(bottom for _, bottom in below)
            labels = sorted(number for number, bottom in below if abs(bottom - axis) < 1)
            if picture in {"highest", "distribution"}:
                labels = [round(math.log10(label)) for label in labels]
            if len({after - before for before, after in itertools.pairwise(labels)}) != 1:
                found.append(f"{picture}: {labels}")
        return found

    def states(self) -> dict[str, str]:
        cards = self.page.query_selector_all(".card")
        return {str(card.get_attribute("id")): str(card.get_attribute("data-ready")) for card in cards}


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        yield Visit(context.new_page())


@contextmanager
def quiet(server: ThreadingHTTPServer) -> Iterator[None]:
    """A server of files that runs, and prints nothing."""
    thread = Thread(target=server.serve_forever)
    thread.start()
    with mock.patch.object(SimpleHTTPRequestHandler, "log_message"):
        yield
    server.shutdown()
    thread.join()


def on_disk(pipeline: Pipeline) -> str:
    return (pipeline.store.export / PAGE).as_uri()


def numbers(text: str) -> float:
    return float(text.replace(",", "").replace("\N{MINUS SIGN}", "-").removesuffix("\N{NO-BREAK SPACE}%"))


def test_from_disk_it_is_drawn_without_a_word_or_a_request(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    assert visit.states() == dict.fromkeys(PICTURES, "drawn")
    assert visit.said == []
    assert visit.asked == [on_disk(market)]
    for picture in PICTURES:
        assert visit.page.query_selector(f"#{picture} .plot svg path"), f"{picture} is drawn"
        assert visit.page.inner_text(f"#{picture} .reading"), f"{picture} says what it shows"
        assert visit.page.inner_text(f"#{picture} .behind"), f"{picture} says what is behind it"
    assert "SIMULATED" in visit.page.inner_text(".simulated")


def test_it_is_drawn_soon(market: Pipeline, browser: Browser) -> None:
    """The best of three, since other tests run meanwhile."""
    taken = []
    for _ in range(3):
        with browser.new_context() as context:
            visit = Visit(context.new_page())
            visit.open(on_disk(market))
            taken.append(visit.page.evaluate("performance.now()"))
        if taken[-1] < FIRST_RENDER_MS:
            return
    assert min(taken) < FIRST_RENDER_MS


def test_key_figures_are_those_of_the_warehouse(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    [(pairs, trading)] = market.rows("select count(*), sum(is_trading::int) from mart.dim_pair")
    figure = "[data-figure=%s]"
    assert visit.page.inner_text(figure % "pairs").startswith(f"{pairs}\n")
    assert visit.page.inner_text(figure % "trading_pairs").startswith(f"{trading}\n")
    assert visit.page.inner_text(figure % "newest_price_at").startswith("14:09\nUTC, 2024-03-01")
    [(day,)] = market.rows("select avg(coverage) from mart.fact_price_hour")
    assert visit.page.inner_text(figure % "coverage_of_day").startswith(
        f"{day:.1%}".replace("%", "\N{NO-BREAK SPACE}%")
    )


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"quote": "USDT"},
        {"quote": "BTC"},
        {"status": "BREAK"},
        {"status": ODD_STATUS},
        {"sector": "Layer 1 & Layer 2"},
        {"quote": "USDT", "status": "TRADING", "sector": "DeFi"},
    ],
    ids=lambda chosen: ",".join(chosen.values()) or "all",
)
def test_filters_change_the_numbers_to_what_sql_says(market: Pipeline, visit: Visit, chosen: dict[str, str]) -> None:
    visit.open(on_disk(market))
    assert_numbers_are_those_of_sql(market, visit, chosen)
    assert visit.said == []


@needs_recordings
def test_of_recordings_too(tmp_path: Path, visit: Visit) -> None:
    pipeline = recorded_market(tmp_path / "live")
    visit.open(on_disk(pipeline))
    assert visit.states() == dict.fromkeys(PICTURES, "drawn")
    assert visit.page.query_selector(".simulated:not(noscript *)") is None
    for chosen in ({}, {"quote": "BUSD"}, {"quote": "USDT", "status": "TRADING", "sector": "DeFi"}):
        assert_numbers_are_those_of_sql(pipeline, visit, chosen)
    [(average,)] = pipeline.rows(
        "select avg(price) from core.price_history join core.pair using (pair_id) "
        "where symbol = 'BTCUSDT' and date_trunc('minute', observed_at) = timestamp '2022-01-24 10:39:00'"
    )
    visit.choose(quote="", status="", sector="")
    visit.page.click("#minutes .range button:text-is('48 h')")
    visit.wait()
    [minute] = [row for row in visit.table("minutes") if row[0] == "2022-01-24 10:39"]
    assert numbers(minute[2]) == pytest.approx(average, rel=1e-5)
    for width in (1440, 1024, 390):
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.open(on_disk(pipeline))
        assert visit.unevenly_labelled() == [], width
    assert visit.said == []
    assert set(visit.asked) == {on_disk(pipeline)}


def test_what_is_not_all_is_not_called_a_hundred_percent(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    shares = {1: "100.0", 0.99999: "99.9", 0.9994: "99.9", 0.5: "50.0", 0.00001: "0.1", 0: "0.0"}
    shown = visit.page.evaluate("shares => shares.map(share => percent(share))", list(shares))
    assert shown == [f"{text}\N{NO-BREAK SPACE}%" for text in shares.values()]


def assert_numbers_are_those_of_sql(market: Pipeline, visit: Visit, chosen: dict[str, str]) -> None:
    """Choose by the filters, and compare what the page then says with SQL over the warehouse."""
    visit.choose(**{name: chosen.get(name, "") for name in ("quote", "status", "sector")})
    given = {name: chosen.get(name) for name in ("quote", "status", "sector")}

    def asked(query: str) -> list[tuple[Any, ...]]:
        return market.rows(OF_PAIRS + query, **given)

    [(pairs, priced, trading)] = asked(
        "select count(*), count(*) filter (not is_stale and price_usdt > 0), coalesce(sum(is_trading::int), 0) "
        "from shown"
    )
    [(all_pairs,)] = market.rows("select count(*) from mart.dim_pair")
    assert visit.page.inner_text("#matching") == f"{pairs:,} of {all_pairs:,} pairs behind these filters"
    assert pairs
    for picture, expected in {"distribution": priced, "rank": priced, "sectors": pairs, "statuses": pairs}.items():
        assert visit.behind(picture) == expected, picture

    bins = asked(
        "select floor(log10(price_usdt::double) * 4)::int, count(*) from shown where not is_stale and price_usdt > 0 "
        "group by all order by all"
    )
    counts = [numbers(row[2]) for row in visit.table("distribution")] if priced else []
    assert [count for count in counts if count] == [count for _, count in bins]
    assert len(counts) == (bins[-1][0] - bins[0][0] + 1 if bins else 0)

    ranked = asked("select symbol from shown where not is_stale and price_usdt > 0 order by price_usdt desc, symbol")
    expected = [symbol for (symbol,) in ranked[:SHOWN_ROWS]]
    assert [row[1] for row in (visit.table("rank") if priced else [])] == expected

    quote = chosen.get("quote", "USDT")
    highest = asked(
        f"select symbol, price::double from shown where quote_code = '{quote}' and not is_stale "
        "order by price desc, symbol"
    )
    rows = visit.table("highest") if highest else []
    assert [(row[1], numbers(row[2])) for row in rows] == [
        (symbol, pytest.approx(p, rel=1e-5)) for symbol, p in highest[:SHOWN_ROWS]
    ]
    assert visit.states()["highest"] == ("drawn" if highest else "empty")

    assert sorted((row[0], numbers(row[1]), numbers(row[2])) for row in visit.table("sectors")) == asked(
        "select sector_name, count(*), coalesce(sum(is_trading::int), 0) from shown group by all order by 1"
    )
    assert sum(numbers(row[2]) for row in visit.table("sectors")) == trading
    assert sorted((row[0], numbers(row[1]), numbers(row[3])) for row in visit.table("statuses")) == asked(
        "select word, count(*), sum(coalesce(is_stale, true)::int) from shown group by all order by 1"
    )
    hours = asked(
        "select avg(coverage), count(*) from mart.fact_price_hour join shown using (pair_key) "
        "where hour_utc > (select max(hour_utc) from mart.fact_price_hour) - interval 2 day "
        "group by hour_utc order by hour_utc desc"
    )
    covered = [(numbers(row[1]), numbers(row[2])) for row in visit.table("coverage")]
    assert covered == [(pytest.approx(100 * share, abs=0.1), count) for share, count in hours]
    [(gaps,)] = asked(
        "select count(*) from mart.gap where pair_key is null or pair_key in (select pair_key from shown)"
    )
    assert sum(numbers(row[1]) for row in visit.table("causes")) == gaps
    followers = asked(
        "select code from mart.fact_parity_hour join shown using (pair_key) where kind <> 'cross' "
        "and hour_utc = (select max(hour_utc) from mart.fact_parity_hour) order by code"
    )
    assert sorted(row[1] for row in (visit.table("parities") if followers else [])) == [code for (code,) in followers]


def test_stale_prices_their_own_currency_and_the_way_back(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    [(current, every)] = market.rows("select count(*) filter (not is_stale), count(*) from mart.fact_price_latest")
    assert visit.behind("distribution") == current < every
    visit.page.check("#stale")
    visit.choose(unit="own")
    assert visit.behind("distribution") == visit.behind("rank") == every
    assert visit.table("rank")[0][1] == "BTCUSDT"
    visit.choose(status="BREAK")
    visit.page.uncheck("#stale")
    visit.wait()
    assert visit.states()["distribution"] == "empty"
    assert "stale" in visit.page.inner_text("#distribution .empty")
    visit.page.click("button[type=reset]")
    visit.page.wait_for_function(f"() => document.getElementById('rank').dataset.pairs === '{current}'")
    assert visit.page.input_value("#unit") == "usdt"


def test_the_quote_currency_of_the_highest_is_ones_own_again(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    visit.choose(quote="BTC")
    assert visit.page.input_value("#highest-quote") == "BTC"
    visit.page.click("button[type=reset]")
    visit.page.wait_for_function("() => document.getElementById('highest-quote').value === 'USDT'")
    assert "in USDT" in visit.page.inner_text("#highest .behind")


def test_of_candles_alone_it_says_no_word_of_trouble(tmp_path: Path, visit: Visit) -> None:
    store = backfilled(tmp_path / "live")
    with Dashboard(store.store) as dashboard:
        visit.open(dashboard.url)
        assert visit.states()["minutes"] == "drawn"
        assert visit.said == []


def test_a_table_that_is_opened_leaves_the_picture_beside_it_as_it_is(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    height = "document.querySelector('#sectors .plot').clientHeight"
    before = visit.page.evaluate(height)
    visit.table("rank")
    assert visit.page.evaluate(height) <= before + 100


def test_prices_in_their_own_currencies_are_read_as_such(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    visit.choose(unit="own")
    reading = visit.page.inner_text("#rank .reading")
    assert re.fullmatch(r"From BTCUSDT at 65,\d+\.\d USDT to PEPEUSDT at 0\.0000071\d USDT\.", reading)
    assert "units of the quote currency; " in visit.page.inner_text("#distribution .reading")


def test_a_gap_is_a_break_in_the_line_and_tells_its_cause(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))

    def strokes() -> int:
        """Into how many pieces the line of the averages falls: how often its pen is lifted."""
        paths: list[str] = visit.page.eval_on_selector_all(
            "#minutes .plot svg path[fill=none]", "paths => paths.map(path => path.getAttribute('d'))"
        )
        return max(paths, key=len).count("M")

    assert strokes() == 2
    rows = visit.table("minutes")
    broken = [row for row in rows if not row[2]]
    assert len(broken) == len(MISSED)
    assert {row[4] for row in broken} == {broken[0][4]}
    assert broken[0][4].startswith("nobody was sampling: no sample was attempted")
    visit.choose(pair="ETHBTC")
    assert strokes() == 3
    visit.choose(pair="BTCUSDT")
    plot = visit.page.locator("#minutes .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    for place, words in {len(MISSED) / 2: "No price: nobody was sampling", -5: "Average"}.items():
        share = (MISSED[0] + place) / MINUTES
        visit.page.mouse.move(box["x"] + 60 + share * (box["width"] - 80), box["y"] + box["height"] / 2)
        visit.page.wait_for_selector(f"#minutes .tip:has-text('{words}')")
    visit.page.click("#minutes .range button:text-is('1 h')")
    visit.wait()
    assert visit.page.inner_text("#minutes .behind").startswith("60 minutes of BTCUSDT, 2024-03-01 13:10 to 2024-03-01")
    assert strokes() == 1


def test_odd_names_are_text(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    visit.page.check("#stale")
    visit.wait()
    assert ODD_SYMBOL in [row[1] for row in visit.table("rank")]
    assert ODD_STATUS in [row[0] for row in visit.table("statuses")]
    assert visit.page.query_selector("img") is None
    assert visit.page.query_selector(".card b") is None
    assert visit.said == []


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (1024, "light"), (390, "light")])
def test_it_is_for_everybody(market: Pipeline, browser: Browser, width: int, theme: str) -> None:
    """Nothing that axe knows of is wrong by WCAG AA, and nothing is wider than the screen."""
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme) as context:  # type: ignore[arg-type]
        visit = Visit(context.new_page())
        visit.open(on_disk(market))
        assert visit.page.evaluate("document.documentElement.dataset.theme") == theme
        visit.table("rank")
        assert visit.violations() == []
        assert visit.unevenly_labelled() == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        small = visit.page.eval_on_selector_all(
            "button, select",
            "its => its.filter(it => it.offsetParent && it.getBoundingClientRect().height < 24).length",
        )
        assert small == 0, "something is too small for a finger"


def test_it_is_for_everybody_whatever_was_chosen(market: Pipeline, visit: Visit) -> None:
    with Dashboard(market.store) as dashboard:
        visit.open(dashboard.url)
        visit.page.click("#theme")
        visit.choose(quote="USDT", sector="DeFi", pair="UNIBTC")
        assert visit.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert visit.violations() == []
        visit.choose(quote="TRY", status="BREAK", sector="", unit="own")
        assert {"highest", "distribution", "rank"} <= {
            name for name, state in visit.states().items() if state == "empty"
        }
        visit.page.click("#licences-button")
        for picture in PICTURES:
            visit.page.eval_on_selector(f"#{picture} details", "details => { details.open = true; }")
        assert visit.violations() == []


AT_FOCUS = """
() => {
  const its = document.activeElement;
  if (its === document.body) return null;
  const { left, top, width, height } = its.getBoundingClientRect();
  const seen = document.elementFromPoint(left + width / 2, top + height / 2);
  const place = [...document.querySelectorAll("*")].indexOf(its);
  const { outlineStyle, outlineWidth } = getComputedStyle(its);
  return {
    place, name: its.id || its.textContent.trim().slice(0, 60),
    isInView: top >= 0 && top + height <= innerHeight + 1, isSeen: its.contains(seen) || seen.contains(its),
    isOutlined: outlineStyle === "solid" && parseFloat(outlineWidth) >= 2,
  };
}
"""


@pytest.mark.parametrize("width", [1440, 390])
def test_the_way_of_the_tab_key(market: Pipeline, browser: Browser, width: int) -> None:
    """In the order of the page, past every control, each in view, outlined, and under nothing."""
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        visit = Visit(context.new_page())
        visit.open(on_disk(market))
        stops = []
        for _ in range(100):
            visit.page.keyboard.press("Tab")
            if not (stop := visit.page.evaluate(AT_FOCUS)):
                break
            stops.append(stop)
        for what in ("isInView", "isSeen", "isOutlined"):
            assert [stop["name"] for stop in stops if not stop[what]] == [], what
        assert [stop["place"] for stop in stops] == sorted({stop["place"] for stop in stops})
        names = [stop["name"] for stop in stops]
        assert names[:2] == ["Skip to the pictures", "theme"]
        assert {"quote", "status", "sector", "unit", "stale", "highest-quote", "pair", "licences-button"} <= set(names)
        assert sum(name.startswith("The same as a table") for name in names) == len(PICTURES)
        assert sum(name in {"1 h", "6 h", "24 h", "48 h"} for name in names) == 4


def test_what_a_screen_reader_is_told(market: Pipeline, visit: Visit) -> None:
    """How many pairs are left, once; and what a picture says that has controls of its own. Not all pictures at once."""
    visit.open(on_disk(market))
    live = visit.page.eval_on_selector_all("[aria-live], [role=status]", "its => its.map(it => it.id)")
    assert set(live) == {"matching", "highest-reading", "minutes-reading"}
    visit.choose(quote="BTC")
    assert visit.page.inner_text("#matching") == "3 of 17 pairs behind these filters"
    tree = visit.page.locator("#highest").aria_snapshot()
    assert 'heading "Highest-priced pairs"' in tree
    assert 'img "Highest-priced pairs WBTCBTC is the highest' in tree


def test_by_keyboard(market: Pipeline, visit: Visit) -> None:
    visit.open(on_disk(market))
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the pictures"
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "pictures"
    visit.page.focus("#theme")
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert visit.page.get_attribute("#theme", "aria-pressed") == "true"
    visit.wait()
    visit.page.focus("#causes summary")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate(outline) == "solid"
    visit.page.wait_for_selector("#causes table")


def test_served_it_has_the_whole_history_behind_it(market: Pipeline, visit: Visit) -> None:
    with Dashboard(market.store) as dashboard:
        visit.open(dashboard.url)
        assert visit.states() == dict.fromkeys(PICTURES, "drawn")
        assert {url.partition("?")[0] for url in visit.asked} == {dashboard.url, f"{dashboard.url}api/minutes"}
        expected = market.rows(
            "select average_price from mart.fact_price_minute join mart.dim_pair using (pair_key) "
            "where symbol = 'BTCUSDT' order by minute_utc desc"
        )
        rows = visit.table("minutes")
        assert [numbers(row[2]) if row[2] else None for row in rows] == [
            average and pytest.approx(average, rel=1e-5) for (average,) in expected
        ]
        visit.choose(pair="UNIBTC")  # not on the watch list
        visit.page.click("#minutes .range button:text-is('all')")
        visit.wait()
        assert "UNIBTC" in visit.page.inner_text("#minutes .reading")
        words = visit.page.inner_text("#minutes .behind")
        assert words.startswith("3 hours of UNIBTC, 2024-03-01 12:00 to 2024-03-01 15:00 UTC, one point for each hour")
        assert words.endswith("The minutes of this pair are not at hand for all of this time.")
        assert visit.said == []


def test_of_a_server_without_history_it_shows_what_it_has(market: Pipeline, visit: Visit) -> None:
    """Such as a file server that shares the folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(market.store.export))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, quiet(server):
        visit.open(f"http://127.0.0.1:{server.server_port}/{PAGE}")
        assert visit.states() == dict.fromkeys(PICTURES, "drawn")
        assert "The server did not help" in visit.page.inner_text("#minutes .behind")
        visit.choose(pair="UNIBTC")
        assert visit.states()["minutes"] == "empty"


def test_of_an_empty_store_every_picture_says_why(tmp_path: Path, visit: Visit) -> None:
    pipeline = sampled(tmp_path / "sandbox", minutes=0)
    publish(pipeline.store)
    write_page(pipeline.store)
    visit.open(on_disk(pipeline))
    for picture, state in visit.states().items():
        if state == "empty":
            assert len(visit.page.inner_text(f"#{picture} .empty")) > 20
    assert {picture for picture, state in visit.states().items() if state == "drawn"} == {"sectors", "statuses"}
    assert visit.said == []
