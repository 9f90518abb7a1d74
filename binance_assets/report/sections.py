"""The findings of a day in words, for people who are no engineers: sentences, tables, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import pairwise

from binance_assets.report import plots, words
from binance_assets.report.findings import Findings
from binance_assets.report.plots import Plot

_SHOWN_QUOTES, _SHOWN_EVENTS = 12, 30
"""Rows of a table, at most; the rest is counted below it."""

_SOON = timedelta(minutes=10)
"""Up to when a publication follows the last sample while the collector runs."""

_CAUSES = {
    "collector_down": "the collector was not running",
    "exchange_outage": "the exchange gave no answer",
    "not_trading": "the pair was not trading",
    "no_trades": "nothing was traded",
    "archive_defect": "the archive's file is damaged",
    "unresolved": "nobody knows why",
}

_EVENTS = {
    "listed": "listed",
    "listed again": "listed again",
    "opened": "opened for trading",
    "delisted": "removed from the list",
    "halted": "halted",
    "resumed": "resumed",
}


@dataclass(frozen=True)
class Table:
    """Rows of text. The columns from ``numbers`` on have figures, and are set to the right.

    Attributes:
        is_in_plot: Whether the section's picture shows the same.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int = 1
    note: str = ""
    is_in_plot: bool = False


@dataclass(frozen=True)
class Section:
    """One finding: what there is to say, the most important first, and what shows it.

    Where the export has nothing on it, the sentences say why, and there is neither picture nor table.
    """

    name: str
    title: str
    sentences: Sequence[str]
    plot: Plot | None = None
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        title: What it is about.
        simulated: Whether the prices are made up.
        subtitle: What the prices are, and how old.
        tiles: The key figures, each with what it is.
        sections: The findings.
        notes: What holds for all of them.
    """

    title: str
    simulated: bool
    subtitle: str
    tiles: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def headlines(self) -> list[str]:
        """The first sentence of each finding."""
        return [section.sentences[0] for section in self.sections]


def page_of(findings: Findings) -> Page:
    """The report of a day's findings."""
    market = findings["market"]
    if _is_told_by_newest(findings):
        prices = f"The newest prices, up to {words.instant(market['priced_until'])}"
    else:
        prices = "The last price that each pair had on this day, UTC"
    return Page(
        title=f"Binance Spot on {words.day(findings['day'])}",
        simulated=findings["simulated"],
        subtitle=f"{prices}. From the export published at {words.instant(findings['published_at'])}.",
        tiles=_tiles(findings),
        sections=[
            _leaders(findings),
            _distribution(findings),
            _micro_prices(findings),
            _pegs(findings),
            _events(findings),
            _sectors(findings),
            _quality(findings),
        ],
        notes=_notes(findings),
    )


def _tiles(findings: Findings) -> list[tuple[str, str]]:
    market, shares, quote = findings["market"], findings["shares"], findings["market"]["quote"]
    quotes = words.count(market["quotes"], "quote currency", "quote currencies")
    which = "a current price" if _is_told_by_newest(findings) else "a price of this day"
    tiles = [(f"{market['pairs']:,}", f"pairs with {which}, in {quotes}")]
    if findings["highest"]:
        first = findings["highest"][0]
        what = f"for one {first['base_code']}: the highest unit price in {quote}"
        tiles.append((words.exact(first["price_text"], quote), what))
    if shares["pairs"]:
        part = words.share(shares["below_one"] / shares["pairs"])
        tiles.append((part, "of the pairs cost less than one unit of their quote currency"))
    compared = [row for row in findings["pegs"] if row["deviation_bp"] is not None]
    if compared:
        beyond = sum(row["is_beyond"] for row in compared)
        tiles.append((f"{beyond} of {len(compared)}", "pegs and wrapped coins were further off than they may be"))
    if not _why_events_are_unknown(findings):
        tiles.append((f"{len(findings['events']):,}", "times a pair was listed, opened, removed, halted or resumed"))
    measured = [row["coverage"] for row in findings["coverage"] if row["coverage"] is not None]
    if measured and not _is_too_early(findings):
        tiles.append((words.share(sum(measured) / 24), "of the day's 24 hours is there, over all pairs"))
    return tiles


def _leaders(findings: Findings) -> Section:
    highest, quote = findings["highest"], findings["market"]["quote"]
    name, title = "leaders", "Who costs most"
    if not highest:
        return Section(name, title, [_no_current_prices(findings)])
    first = highest[0]
    price = words.exact(first["price_text"], quote)
    sentence = f"The highest unit price in {quote} is that of {first['base_code']}: {price}"
    if len(highest) > 1:
        second = highest[1]
        ahead = _ahead(first["price"] / second["price"])
        sentence += f", {ahead} the next, {second['base_code']}, at {words.exact(second['price_text'], quote)}"
    sentences = [f"{sentence}."]
    steps = [(above["price"] / below["price"], above, below) for above, below in pairwise(highest)]
    if len(steps) > 1:
        times, above, below = max(steps, key=lambda step: step[0])
        sentences.append(
            f"Among the first {len(highest)} the widest gap is below {above['base_code']}, which costs {_ahead(times)} "
            f"{below['base_code']}."
        )
    sentences.append(
        "A high unit price does not make a coin large or dear: it depends on how many units there are of it."
    )
    leaders = findings["leaders"]
    shown = leaders[:_SHOWN_QUOTES]
    rows = [
        (
            row["quote_code"],
            row["symbol"],
            f"{row['pairs']:,}",
            words.exact(row["price_text"]),
            row["next_symbol"] or "none",
            words.exact(row["next_price_text"]) if row["next_price_text"] else "",
            _gap(row["times_the_next"]) if row["times_the_next"] else "",
        )
        for row in shown
    ]
    table = Table(
        "The highest unit price in each quote currency, and the next one",
        ("quote currency", "highest", "pairs", "its price", "next", "its price", "gap"),
        rows,
        numbers=2,
        note=_more(len(leaders) - len(shown), "more quote currency", "more quote currencies"),
    )
    return Section(name, title, sentences, plots.highest(highest, quote), [table])


def _ahead(times: float) -> str:
    """How much more something costs than another, whose name follows."""
    return f"{words.rounded(times)} times as much as" if times >= 1.5 else f"{words.share(times - 1)} more than"


def _gap(times: float) -> str:
    return f"{words.rounded(times)} times" if times >= 1.5 else words.change(times - 1)


def _distribution(findings: Findings) -> Section:
    shares, rows, quote = findings["shares"], findings["bands"], findings["market"]["quote"]
    name, title = "distribution", "How prices are spread"
    if not shares["pairs"]:
        return Section(name, title, [_no_current_prices(findings)])
    sentences = [
        f"{shares['below_one']:,} of {words.count(shares['pairs'], 'pair')} "
        f"({words.share(shares['below_one'] / shares['pairs'])}) cost less than one unit of their quote currency; in "
        f"{quote} it is {shares['below_one_in_quote']:,} of {shares['pairs_in_quote']:,} "
        f"({words.share(shares['below_one_in_quote'] / shares['pairs_in_quote'])}).",
    ]
    if shares["pairs_in_quote"] > 1:
        sentences.append(
            f"Half of the pairs in {quote} cost less than {words.rounded(shares['median_in_quote'])}"
            f"{words.SPACE}{quote}, half cost more."
        )
    most = max(rows, key=lambda row: row["pairs"])
    sentences.append(
        f"The commonest prices are those from {plots.band(most['power'])}: {words.count(most['pairs'], 'pair')}, each "
        "in its own quote currency."
    )
    table = Table(
        "Pairs by price, each in its own quote currency",
        ("price", "pairs", f"of them in {quote}"),
        [(plots.band(row["power"]), f"{row['pairs']:,}", f"{row['pairs_in_quote']:,}") for row in reversed(rows)],
        is_in_plot=True,
    )
    return Section(name, title, sentences, plots.bands(rows, quote), [table])


def _micro_prices(findings: Findings) -> Section:
    shares, quote = findings["shares"], findings["market"]["quote"]
    name, title = "micro_prices", "The smallest prices"
    if not shares["pairs"]:
        return Section(name, title, [_no_current_prices(findings)])
    lowest = findings["lowest"]
    first = lowest[0]
    sentences = [
        f"{shares['micro']:,} of {words.count(shares['pairs'], 'pair')} cost less than 0.0001 of their quote currency, "
        f"{_none_or(shares['micro_in_quote'])} of them in {quote}.",
        f"The lowest price in {quote} is that of {first['base_code']}: {words.exact(first['price_text'], quote)}. One "
        f"{quote} buys {words.rounded(1 / first['price'])} of it.",
    ]
    tables = [
        Table(
            f"The lowest prices in {quote}",
            ("pair", f"price in {quote}", f"what 1 {quote} buys"),
            [(row["symbol"], words.exact(row["price_text"]), words.rounded(1 / row["price"])) for row in lowest],
        )
    ]
    coarsest = findings["coarsest"]
    if coarsest:
        worst = coarsest[0]
        sentences.append(
            f"The smaller a price, the coarser its steps: {worst['symbol']} stands at "
            f"{words.exact(worst['price_text'], worst['quote_code'])}, and its smallest step of "
            f"{words.exact(worst['tick_size_text'])} is {words.share(worst['step_share'])} of that. Of "
            f"{words.count(shares['coarse'], 'pair')} a single step is 1{words.SPACE}% of the price or more."
        )
        tables.append(
            Table(
                "The coarsest steps",
                ("pair", "price", "smallest step", "step, of the price"),
                [
                    (
                        row["symbol"],
                        words.exact(row["price_text"], row["quote_code"]),
                        words.exact(row["tick_size_text"]),
                        words.share(row["step_share"]),
                    )
                    for row in coarsest
                ],
            )
        )
    return Section(name, title, sentences, None, tables)


def _pegs(findings: Findings) -> Section:
    name, title = "pegs", "Pegs and wrapped coins"
    rows, crosses = findings["pegs"], findings["crosses"]
    expected = [row for row in rows if row["deviation_bp"] is not None]
    ratios = [row for row in rows if row["deviation_bp"] is None]
    sentences, tables, plot = [], [], None
    if expected:
        furthest, beyond = expected[0], [row["code"] for row in expected if row["is_beyond"]]
        within = (
            f"{words.listed(beyond)} {_verb(len(beyond), 'was', 'were')} further off than the list allows"
            if beyond
            else "none was further off than the list allows"
        )
        sentences.append(
            f"Of {words.count(len(expected), 'currency', 'currencies')} that should cost exactly one of another, "
            f"{within}; the furthest was {furthest['code']}, {_off(furthest['deviation_bp'])} "
            f"{furthest['follows_code']}."
        )
        worst = max(expected, key=lambda row: abs(row["worst_bp"]))
        sentences.append(
            f"Over all hours of the day the most was {words.points(worst['worst_bp'])} basis points, {worst['code']} "
            f"from {words.hour(worst['worst_hour_utc'])}. A basis point is a hundredth of a percent."
        )
        plot = plots.pegs(expected)
        tables.append(
            Table(
                "In the last hour of the day that was compared, in basis points",
                ("currency", "follows", "hour", "price", "off by", "allowed", "at worst", "hours beyond"),
                [
                    (
                        row["code"],
                        row["follows_code"],
                        words.hour(row["hour_utc"]),
                        words.rounded(row["price"], 6),
                        words.points(row["deviation_bp"]),
                        words.rounded(row["threshold_bp"]),
                        words.points(row["worst_bp"]),
                        f"{row['hours_beyond']} of {row['hours']}",
                    )
                    for row in expected
                ],
                numbers=3,
            )
        )
    if ratios:
        told = words.listed(
            [f"one {row['code']} cost {words.rounded(row['price'], 6)} {row['follows_code']}" for row in ratios]
        )
        sentences.append(f"Of coins that gather rewards only the ratio is told: {told}.")
    if crosses:
        beyond_limit = _none_or(crosses["pairs_beyond"])
        sentences.append(
            f"{words.count(crosses['pairs'], 'pair')} without USDT were compared with what their two sides are worth "
            f"in USDT, from {words.hour(crosses['hour_utc'])}: half were within "
            f"{words.rounded(crosses['median_bp'], 2)} basis points, {beyond_limit} further off than allowed. The "
            f"furthest for its limit was "
            f"{crosses['worst_symbol']}: {words.points(crosses['worst_bp'])}, where "
            f"{words.rounded(crosses['worst_threshold_bp'])} are allowed."
        )
    if not sentences:
        sentences = [
            "No peg could be compared: it takes an hour that is over, in which a currency and the one that it follows "
            "were trading and observed, and this day has none in the export."
        ]
    return Section(name, title, sentences, plot, tables)


def _off(basis_points: float) -> str:
    if not round(basis_points, 1):
        return "exactly at one"
    side = "above" if basis_points > 0 else "below"
    return f"{words.rounded(abs(basis_points), 2)} basis points {side} one"


def _events(findings: Findings) -> Section:
    name, title = "events", "Listed, removed, halted"
    events, extent = findings["events"], findings["extent"]
    unknown = _why_events_are_unknown(findings)
    if unknown:
        return Section(name, title, [f"Nobody knows what was listed, removed or halted: {unknown}."])
    starts = datetime.combine(findings["day"], time())
    first, newest = extent["first_metadata_at"], extent["newest_metadata_at"]
    sentences, tables = [], []
    if events:
        counts = {kind: sum(row["event"] == kind for row in events) for kind in _EVENTS}
        told = words.listed(
            [
                f"{words.count(number, 'pair')} {_verb(number, 'was', 'were')} {_EVENTS[kind]}"
                for kind, number in counts.items()
                if number
            ]
        )
        sentences.append(f"{told}.")
        shown = events[:_SHOWN_EVENTS]
        rows = [
            (
                f"{row['at_utc']:%H:%M:%S}",
                *(row[name] for name in ("symbol", "base_code", "quote_code")),
                _EVENTS[row["event"]],
                row["status"],
            )
            for row in shown
        ]
        note = _more(len(events) - len(shown), "more of these", "more of these")
        columns = ("seen at, UTC", "pair", "base", "quote", "what", "the exchange's word")
        tables.append(Table("What happened to pairs", columns, rows, numbers=len(columns), note=note))
    else:
        sentences.append("No pair was listed, opened, removed, halted or resumed.")
    ends = "" if newest >= starts + timedelta(days=1) else f", the newest of which is from {words.instant(newest)}"
    sentences.append(f"By the exchange's metadata{ends}. A change is dated by the first answer that shows it.")
    if first > starts:
        sentences.append(f"The first metadata is from {words.instant(first)}: what was before nobody knows.")
    return Section(name, title, sentences, None, tables)


def _why_events_are_unknown(findings: Findings) -> str:
    """What is missing to tell what happened to pairs; nothing where that can be told."""
    first, newest = (findings["extent"][name] for name in ("first_metadata_at", "newest_metadata_at"))
    starts = datetime.combine(findings["day"], time())
    if first is None or first >= starts + timedelta(days=1):
        return "there is no metadata of the exchange from this day or before"
    if newest < starts:
        return f"the newest metadata of the exchange is from {words.instant(newest)}, before this day"
    if first == newest:
        return f"the only metadata of the exchange is from {words.instant(first)}"
    return ""


def _sectors(findings: Findings) -> Section:
    name, title = "sectors", "Sectors of the day"
    rows = findings["sectors"]
    if not rows:
        return Section(
            name,
            title,
            [
                "No sector could be measured: it takes an hour that is over and in which the market was observed for "
                "more than a minute."
            ],
        )
    first, last = rows[0], rows[-1]
    if len(rows) == 1:
        sentence = f"{first['sector']} changed by {words.change(first['change'])}"
    else:
        sentence = (
            f"{first['sector']} did best, {words.change(first['change'])}; {last['sector']} did worst, "
            f"{words.change(last['change'])}"
        )
    hours, minutes = max(row["hours"] for row in rows), max(row["minutes"] for row in rows)
    observed = (
        "of which there are imported prices" if first["source"] == "import" else "in which the market was observed"
    )
    begin = min(row["first_hour_utc"] for row in rows)
    end = max(row["last_hour_utc"] for row in rows) + timedelta(hours=1)
    sentences = [
        f"{sentence}: in USDT, over the {words.lasting(60 * minutes)} of this day {observed}.",
        f"That is in {words.count(hours, 'hour')} from {words.span(begin, end)}, one after the other; what happened in "
        "between does not count. All pairs of a sector weigh the same.",
        "Sectors are those of the project's own list; a currency may be in several.",
    ]
    table = Table(
        "Change over the day, in USDT",
        ("sector", "change", "pairs", "hours"),
        [(row["sector"], words.change(row["change"]), f"{row['pairs']:,}", f"{row['hours']}") for row in rows],
        is_in_plot=True,
    )
    return Section(name, title, sentences, plots.sectors(rows), [table])


def _quality(findings: Findings) -> Section:
    name, title = "quality", "How complete the data is"
    quality, gaps = findings["quality"], findings["gaps"]
    measured = [row for row in findings["coverage"] if row["coverage"] is not None]
    sentences, tables = [], []
    if quality:
        whole = quality["whole_pairs"]
        all_of_them = f"{words.count(whole, 'pair')} {_verb(whole, 'has', 'have')}" if whole else "no pair has"
        sentences.append(
            f"{words.share(quality['completeness'])} of the minutes of this day are there, over "
            f"{words.count(quality['pairs'], 'pair')}; {all_of_them} all of them."
        )
        unexplained = quality["unexplained_minutes"]
        if unexplained:
            sentences.append(f"Of {words.count(unexplained, 'missing minute')} (pairs times minutes) nobody knows why.")
        if quality["compared_minutes"]:
            sentences.append(
                f"{quality['outside_minutes']:,} of {words.count(quality['compared_minutes'], 'minute')} that could be "
                "compared do not agree with the exchange's own candles."
            )
    if measured and _is_too_early(findings):
        known = max(row["pairs"] for row in measured)
        pairs = words.count(findings["market"]["priced_pairs"], "pair")
        sentences.append(
            f"Too early to say how complete the day is: of {pairs}, {known:,} {_verb(known, 'has', 'have')} an hour of "
            "it in the export."
        )
    elif measured:
        mean = sum(row["coverage"] for row in measured) / len(measured)
        others = 24 - len(measured)
        why = "nobody looked" if quality else "not over yet, or nobody looked"
        without = f"; {words.count(others, 'hour')} {_verb(others, 'has', 'have')} no data: {why}" if others else ""
        sentences.append(
            f"Of the prices that there should be in {words.count(len(measured), 'hour')}, {words.share(mean)} are "
            f"there, sampled or from candles{without}."
        )
    if not sentences:
        sentences.append("How complete the day is, nobody can say yet: no hour of it is over and in the export.")
    if gaps:
        longest = max(gaps, key=lambda row: (row["is_whole_market"], row["longest_seconds"]))
        whose = "of the whole market" if longest["is_whole_market"] else "of single pairs"
        so_far = ", and has no end yet" if longest["is_longest_lasting"] else ""
        sentences.append(
            f"The longest gap {whose} lasted {words.lasting(longest['longest_seconds'])}{so_far}: "
            f"{_CAUSES[longest['cause']]}."
        )
        tables.append(
            Table(
                "Gaps of the day by cause",
                ("what is missing", "cause", "evidence of the first", "gaps", "repaired", "still open", "longest"),
                [
                    (
                        "the whole market" if row["is_whole_market"] else words.count(row["pairs"], "pair"),
                        _CAUSES[row["cause"]],
                        row["evidence"],
                        f"{row['gaps']:,}",
                        f"{row['repaired']:,}",
                        f"{row['lasting']:,}",
                        words.lasting(row["longest_seconds"]),
                    )
                    for row in gaps
                ],
                numbers=3,
            )
        )
    else:
        sentences.append("No gap is known in what was sampled.")
    until = findings["sampled_until"]
    if until and until.date() == findings["day"] and findings["published_at"] - until > _SOON:
        sentences.append(f"Nobody has asked the exchange since {words.instant(until)}; so no later gap is known.")
    is_drawn = measured and not _is_too_early(findings)
    return Section(name, title, sentences, plots.coverage(findings["coverage"]) if is_drawn else None, tables)


def _is_told_by_newest(findings: Findings) -> bool:
    """Whether by the newest prices, not by those that a day ended with; of candles alone there are only these."""
    return findings["is_newest"] and findings["extent"]["newest_at"] is not None


def _is_too_early(findings: Findings) -> bool:
    """Whether there are hours of some pairs only, such as candles of a new home, which tell nothing of the market."""
    known = max(row["pairs"] for row in findings["coverage"])
    return not findings["quality"] and 2 * known < findings["market"]["priced_pairs"]


def _notes(findings: Findings) -> list[str]:
    left_out = _left_out(findings)
    notes = ["All times are UTC. A price is what one unit of the base currency costs in the quote currency."]
    if left_out:
        notes.append(f"Some pairs are left out of what is said of prices: {words.listed(left_out)}.")
    notes.append("Everything here is computed from the files of the export; nothing is written by hand.")
    return notes


def _left_out(findings: Findings) -> list[str]:
    halted, unmoved = findings["market"]["halted_pairs"], findings["market"]["unmoved_pairs"]
    told = []
    if halted:
        told.append(f"{halted:,} {_verb(halted, 'does', 'do')} not trade")
    if unmoved:
        told.append(f"of {unmoved:,} the price has not moved, or not come, for a day")
    return told


def _no_current_prices(findings: Findings) -> str:
    left = findings["market"]["priced_pairs"]
    return f"No pair has a current price, of {words.count(left, 'pair')} with any: {words.listed(_left_out(findings))}."


def _none_or(number: int) -> str:
    return f"{number:,}" if number else "none"


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def _more(number: int, one: str, many: str) -> str:
    return f"{number:,} {_verb(number, one, many)}." if number > 0 else ""
