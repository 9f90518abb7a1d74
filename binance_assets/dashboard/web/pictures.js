"use strict";
/* What each picture shows. A picture gives its reading, the number of things behind it, a table, and how it is drawn;
   or, in `empty`, why there is nothing to draw. */

const BINS_A_DECADE = 4;
const SHOWN_HIGHEST = 15;
const SHOWN_ROWS = 300;
const NO_SECTOR = "No sector";
const DASHES = ["solid", "dashed", "dotted", [8, 3, 2, 3], "solid", "dashed", "dotted", [8, 3, 2, 3]];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const isNarrow = () => window.matchMedia("(max-width: 820px)").matches;
const isTight = () => window.matchMedia("(max-width: 1200px)").matches;

/** Into how many parts an axis of counts is divided about, so that all of its labels have room. */
const parts = () => (isTight() ? 2 : 5);

/** Options that all pictures share. */
function drawn(option) {
  const soft = colour("soft");
  const axis = (given) => ({
    ...given,
    nameTextStyle: { color: soft },
    axisLine: { lineStyle: { color: colour("edge") }, ...given.axisLine },
    axisLabel: { color: soft, hideOverlap: true, ...given.axisLabel },
    splitLine: { lineStyle: { color: colour("rule") }, ...given.splitLine },
  });
  return {
    animation: false,
    useUTC: true,
    color: [1, 2, 3, 4, 5, 6, 7, 8].map((number) => colour(`c${number}`)),
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("ink") },
    grid: { left: 8, right: 24, top: 30, bottom: 34, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    ...option,
    tooltip: {
      confine: true,
      backgroundColor: colour("card"),
      borderColor: colour("edge"),
      textStyle: { color: colour("ink"), fontSize: 13 },
      axisPointer: { lineStyle: { color: colour("edge") }, shadowStyle: { color: colour("shade") } },
      ...option.tooltip,
    },
    legend: option.legend && { top: 0, left: 0, textStyle: { color: soft }, inactiveColor: colour("rule"), ...option.legend },
    xAxis: axis(option.xAxis),
    yAxis: axis(option.yAxis),
  };
}

/** Names down the side, the first of them on top; long ones go on in a second line. */
function names(data, width = isNarrow() ? 110 : 170) {
  return {
    type: "category", data, inverse: true, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { width, overflow: "break", lineHeight: 14, interval: 0, color: colour("ink"), hideOverlap: false },
  };
}

const powers = (more = {}) => ({
  type: "value", interval: 1, minInterval: 1, axisLabel: { formatter: decade }, name: unit(), nameLocation: "middle", nameGap: 28,
  ...more,
});

/** The same along the bottom: a mark at each power of ten, and so many of them labelled, at equal distances. */
function powersAcross(min, max, labels, more) {
  const step = Math.ceil((max - min) / labels);
  return powers({ min, max, axisTick: { show: true }, axisLabel: { formatter: (power) => (power % step ? "" : decade(power)) }, ...more });
}

const utc = (more) => ({
  type: "time", name: "UTC", nameLocation: "middle", nameGap: 28, splitLine: { show: false }, ...more,
  axisLabel: { formatter: { year: "{yyyy}", month: "{MMM} {yyyy}", day: "{d} {MMM}", hour: "{HH}:{mm}", minute: "{HH}:{mm}" } },
});

/* Prices */

function highest(pairs) {
  const select = document.getElementById("highest-quote");
  const filtered = chosen("quote");
  select.disabled = filtered !== ANY;
  select.value = filtered || ownQuote;
  const quote = select.value;
  const of = pairs.filter((pair) => pair.quote === quote);
  const found = priced(of, false);
  if (!found.length) return { pairs: of.length, empty: of.length ? withoutPrices(of) : `No pair in ${quote} is behind these filters.` };
  const [first, second] = found;
  const shown = found.slice(0, SHOWN_HIGHEST);
  const times = second && first.value / second.value;
  const gap = !second ? "" : ` That is ${times < 1.1 ? `${percent(times - 1, 2)} more than` : `${rough(times)} times as much as`} the next, ${second.symbol}.`;
  const logs = shown.map((pair) => Math.log10(pair.value));
  return {
    pairs: found.length,
    behind: `The first ${shown.length} of ${many(found.length, "pair")} in ${quote} with a ${document.getElementById("stale").checked ? "" : "current "}price.`,
    reading: `${first.symbol} is the highest: one ${first.base} costs ${price(first.value)} ${quote}.${gap}`,
    table: { columns: ["Rank", "Pair", `Price in ${quote}`, "Price in USDT", "Sector"],
      rows: found.map((pair, place) => [place + 1, pair.symbol, price(pair.value), price(pair.price_usdt), pair.sector]) },
    draw: () => drawn({
      grid: { left: 8, right: isNarrow() ? 76 : 96, top: 8, bottom: 34, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: { formatter: ({ dataIndex: at }) => tip(shown[at].symbol, [
        `${price(shown[at].value)} ${quote}`, `Rank ${at + 1} of ${count(found.length)}`, shown[at].sector]) },
      xAxis: powersAcross(Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs) + 0.001), isNarrow() ? 2 : isTight() ? 3 : 6, { name: `${quote} for one unit` }),
      yAxis: { ...names(shown.map((pair) => pair.symbol), 120), axisLine: { onZero: false } },
      series: [{ type: "scatter", symbolSize: 11, itemStyle: { opacity: 1 }, data: shown.map((pair, place) => [logs[place], place]),
        label: { show: true, position: "right", color: colour("ink"), formatter: ({ dataIndex: at }) => price(shown[at].value) } }],
    }),
  };
}

/** The lower end of a bin; whole powers of ten are exact. */
function edge(bin) {
  return bin % BINS_A_DECADE ? 10 ** (bin / BINS_A_DECADE) : Number(`1e${bin / BINS_A_DECADE}`);
}

function binOf(value) {
  const near = Math.floor(Math.log10(value) * BINS_A_DECADE);
  return value < edge(near) ? near - 1 : value >= edge(near + 1) ? near + 1 : near;
}

function without(pairs, found) {
  const left = pairs.length - found.length;
  return left ? ` ${count(left)} more have no ${document.getElementById("stale").checked ? "" : "current "}price in ${unit()}.` : "";
}

function distribution(pairs) {
  const found = priced(pairs);
  if (!found.length) return { pairs: 0, empty: withoutPrices(pairs) };
  const bins = found.map((pair) => binOf(pair.value));
  const [last, first] = [bins[0], bins[bins.length - 1]];
  const counts = Array.from({ length: last - first + 1 }, () => 0);
  for (const bin of bins) counts[bin - first] += 1;
  const values = found.map((pair) => pair.value);
  const below = values.filter((value) => value < 1).length;
  const name = (place) => `${price(edge(first + place))} to ${price(edge(first + place + 1))}`;
  return {
    pairs: found.length,
    behind: `${many(found.length, "pair")}, prices in ${unit()}.${without(pairs, found)}`,
    reading: `Half of these pairs cost less than ${rough(median(values))} ${unit()}; ${percent(below / found.length, 0)} cost less than 1.`,
    table: { columns: [`Price in ${unit()}, from`, "up to, without", "Pairs"],
      rows: counts.map((number, place) => [price(edge(first + place)), price(edge(first + place + 1)), count(number)]) },
    draw: () => drawn({
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" },
        formatter: ([{ dataIndex: at }]) => tip(`${name(at)} ${unit()}`, [many(counts[at], "pair")]) },
      xAxis: powersAcross(Math.floor(first / BINS_A_DECADE), Math.ceil((last + 1) / BINS_A_DECADE), isTight() ? 4 : 6, { splitLine: { show: false } }),
      yAxis: { type: "value", name: "pairs", minInterval: 1 },
      series: [{ type: "bar", barWidth: "92%", data: counts.map((number, place) => [(first + place + 0.5) / BINS_A_DECADE, number]) }],
    }),
  };
}

function rank(pairs) {
  const found = priced(pairs);
  if (!found.length) return { pairs: 0, empty: withoutPrices(pairs) };
  const logs = found.map((pair) => Math.log10(pair.value));
  const tenth = Math.round(found.length / 10);
  return {
    pairs: found.length,
    behind: `${many(found.length, "pair")}, prices in ${unit()}.${without(pairs, found)}`,
    reading: `From ${found[0].symbol} at ${priceOf(found[0])} to ${found.at(-1).symbol} at ${priceOf(found.at(-1))}.` +
      (found.length < 20 ? "" : ` The dearest tenth begins at ${rough(found[tenth - 1].value)}.`),
    table: { columns: ["Rank", "Pair", `Price in ${unit()}`, "Status"],
      rows: found.map((pair, place) => [place + 1, pair.symbol, price(pair.value), pair.status]) },
    draw: () => drawn({
      tooltip: { trigger: "axis", formatter: ([{ dataIndex: at }]) => tip(found[at].symbol, [
        priceOf(found[at]), `Rank ${count(at + 1)} of ${count(found.length)}`]) },
      xAxis: { type: "value", name: "rank", nameLocation: "middle", nameGap: 28, min: 1, max: Math.max(2, found.length),
        splitLine: { show: false }, axisLine: { onZero: false } },
      yAxis: powers({ nameLocation: "end", nameGap: 12, min: Math.floor(logs.at(-1)), max: Math.ceil(logs[0] + 0.001) }),
      series: [{ type: "line", showSymbol: found.length < 3, lineStyle: { width: 2.5 }, data: logs.map((log, place) => [place + 1, log]) }],
    }),
  };
}

/* Groups of pairs */

function sectors(pairs) {
  if (!pairs.length) return { pairs: 0, empty: withoutPrices(pairs) };
  const rows = [...groups(pairs, "sector")].map(([sector, its]) => {
    const values = priced(its).map((pair) => pair.value);
    return {
      sector, pairs: its.length, trading: its.filter((pair) => pair.is_trading).length,
      currencies: new Set(its.map((pair) => pair.base)).size, median: values.length ? median(values) : null,
    };
  }).sort((one, other) => (one.sector === NO_SECTOR) - (other.sector === NO_SECTOR) || other.pairs - one.pairs || (one.sector < other.sector ? -1 : 1));
  const [largest] = rows;
  return {
    pairs: pairs.length,
    behind: `${many(pairs.length, "pair")}, each in one sector.`,
    reading: `${largest.sector === NO_SECTOR ? NO_SECTOR : `The largest sector is ${largest.sector}`}: ${many(largest.pairs, "pair")}, ${count(largest.trading)} of them trading` +
      (largest.median === null ? "." : `; half of its prices are below ${rough(largest.median)} ${unit()}.`),
    table: { columns: ["Sector", "Pairs", "Trading", "Currencies", `Median price in ${unit()}`],
      rows: rows.map((row) => [row.sector, count(row.pairs), count(row.trading), count(row.currencies), price(row.median)]) },
    draw: () => stacked(rows.map((row) => row.sector), [
      { name: "trading", data: rows.map((row) => row.trading) },
      { name: "not trading", data: rows.map((row) => row.pairs - row.trading), quiet: true },
    ], (at) => tip(rows[at].sector, [
      `${count(rows[at].trading)} of ${many(rows[at].pairs, "pair")} trading`, many(rows[at].currencies, "currency", "currencies"),
      rows[at].median !== null && `Median price ${price(rows[at].median)} ${unit()}`])),
  };
}

function statuses(pairs) {
  if (!pairs.length) return { pairs: 0, empty: withoutPrices(pairs) };
  const rows = [...groups(pairs, "status")].map(([status, its]) => {
    const values = its.map((pair) => pair.price_usdt).filter((value) => value > 0).sort((one, other) => one - other);
    return { status, pairs: its.length, stale: its.filter((pair) => pair.is_stale).length, median: values.length ? median(values) : null };
  }).sort((one, other) => other.pairs - one.pairs || (one.status < other.status ? -1 : 1));
  const trading = pairs.filter((pair) => pair.is_trading).length;
  return {
    pairs: pairs.length,
    behind: `${many(pairs.length, "pair")}.`,
    reading: `${percent(trading / pairs.length, 0)} of these pairs can be traded: ${count(trading)} of ${count(pairs.length)}.`,
    table: { columns: ["Status", "Pairs", "With a current price", "Stale", "Median price in USDT, stale ones too"],
      rows: rows.map((row) => [row.status, count(row.pairs), count(row.pairs - row.stale), count(row.stale), price(row.median)]) },
    draw: () => stacked(rows.map((row) => row.status), [
      { name: "current price", data: rows.map((row) => row.pairs - row.stale) },
      { name: "stale or no price", data: rows.map((row) => row.stale), quiet: true },
    ], (at) => tip(rows[at].status, [many(rows[at].pairs, "pair"), `${count(rows[at].stale)} without a current price`,
      rows[at].median !== null && `Median price ${price(rows[at].median)} USDT`])),
  };
}

/** Bars of two parts, side by side, with their sum beside them. */
function stacked(labels, [first, second], described) {
  const series = (part, more) => ({ type: "bar", stack: "all", name: part.name, data: part.data, barMaxWidth: 26, ...more });
  const sum = ({ dataIndex: at }) => count(first.data[at] + second.data[at]);
  return drawn({
    legend: { show: true },
    grid: { left: 8, right: 54, top: 34, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: ([{ dataIndex: at }]) => described(at) },
    xAxis: { type: "value", minInterval: 1, splitNumber: parts() },
    yAxis: names(labels),
    series: [
      series(first),
      series(second, { itemStyle: { color: colour("muted"), decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -0.7, color: colour("card") } },
        label: { show: true, position: "right", color: colour("ink"), formatter: sum } }),
    ],
  });
}

/* Over time */

function development() {
  const every = DATA.sectors;
  if (!every.length) return { pairs: 0, empty: "No hour is over yet in which the market was sampled and its sectors known." };
  const shown = every.filter((row) => [ANY, row.sector].includes(chosen("sector")));
  if (!shown.length) return { pairs: 0, empty: `“${chosen("sector")}” is no sector whose development is measured.` };
  const start = Date.parse(every[0].from_utc);
  const hours = every[0].change.length;
  const last = shown.map((row) => [row, row.change.findLast((value) => value !== null)]).sort((one, other) => other[1] - one[1]);
  const [[best, up], [worst, down]] = [last[0], last.at(-1)];
  const pairs = shown.reduce((sum, row) => sum + row.pairs, 0);
  const time = (place) => start + (place + 1) * HOUR;
  return {
    pairs,
    behind: `${many(pairs, "pair")} in the newest hour; ${many(hours, "hour")}, from ${instant(start)} UTC.`,
    reading: shown.length > 1
      ? `${best.sector} did best: ${signed(100 * up, 2)}\u00a0%. ${worst.sector} did worst: ${signed(100 * down, 2)}\u00a0%.`
      : `${best.sector}: ${signed(100 * up, 2)}\u00a0% in ${many(hours, "hour")}.`,
    table: { columns: ["Up to (UTC)", ...shown.map((row) => `${row.sector}, %`)],
      rows: Array.from({ length: hours }, (_, place) => [instant(time(place)),
        ...shown.map((row) => (row.change[place] === null ? "not observed" : signed(100 * row.change[place], 3)))]).reverse() },
    draw: () => drawn({
      legend: { show: true, itemWidth: 34, itemStyle: { opacity: 0 } },
      grid: { left: 8, right: 20, top: isNarrow() ? 112 : 70, bottom: 34, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: { trigger: "axis", formatter: (points) => tip(`up to ${instant(points[0].value[0])} UTC`,
        points.filter(({ value }) => value[1] !== null).sort((one, other) => other.value[1] - one.value[1])
          .map(({ seriesName, value }) => `${signed(value[1], 2)}\u00a0%  ${seriesName}`)) },
      xAxis: utc({ axisLine: { onZero: false } }),
      yAxis: { type: "value", axisLabel: { formatter: "{value} %" } },
      series: shown.map((row) => ({
        type: "line", name: row.sector, symbol: hours < 3 ? "circle" : "none", symbolSize: 5, connectNulls: false,
        lineStyle: { width: 2, type: DASHES[every.indexOf(row)], color: colour(`c${1 + every.indexOf(row)}`) },
        itemStyle: { color: colour(`c${1 + every.indexOf(row)}`) },
        data: [[start, 0], ...row.change.map((value, place) => [time(place), value === null ? null : 100 * value])],
      })),
    }),
  };
}

/** What is missing in a span, in words. */
function missingAt(at, step, gaps) {
  const gap = gaps.find(({ from, to }) => from < at + step && at < to);
  return gap ? `${CAUSES[gap.cause] || gap.cause}${gap.evidence ? `: ${gap.evidence}` : ""}` : "no observation";
}

/** The minutes of a pair: `times`, `low`, `average`, `high`, `gaps` as minutes.js gives them. */
function minutes(series) {
  if (series.empty) return { pairs: 0, empty: series.empty };
  const { symbol, times, low, average, high, gaps, step } = series;
  const pair = PAIRS.find((row) => row.symbol === symbol);
  const observed = average.filter((value) => value !== null);
  if (!observed.length) return { pairs: 0, empty: `${symbol} was not observed between ${instant(times[0])} and ${instant(times.at(-1) + step)} UTC: ${missingAt(times[0], step, gaps)}.` };
  const [first, last] = [observed[0], observed.at(-1)];
  const quote = pair ? pair.quote : "";
  const alone = times.flatMap((at, place) => average[place] !== null && average[place - 1] == null && average[place + 1] == null ? [[at, average[place]]] : []);
  const missing = average.length - observed.length;
  const least = low.reduce((least, value) => (value !== null && value < least ? value : least), Infinity);
  const most = high.reduce((most, value) => (value !== null && value > most ? value : most), -Infinity);
  return {
    pairs: 1,
    behind: `${many(observed.length, [MINUTE, HOUR, DAY].includes(step) ? lengthOf(step) : "point")} of ${symbol}, ` +
      `${instant(times[0])} to ${instant(times.at(-1) + step)} UTC, one point for each ${lengthOf(step)}` +
      `${missing ? `; ${count(missing)} without a price` : ""}. ${series.notice || ""}`,
    reading: `${symbol} went from ${price(first)} to ${price(last)} ${quote}, ${signed(100 * (last / first - 1), 2)}\u00a0%; ` +
      `lowest ${price(least)}, highest ${price(most)}.`,
    table: { columns: [step === MINUTE ? "Minute (UTC)" : "From (UTC)", `Lowest, ${quote}`, `Average, ${quote}`, `Highest, ${quote}`, "Why there is none"],
      rows: times.map((at, place) => [instant(at), price(low[place]), price(average[place]), price(high[place]),
        average[place] === null ? missingAt(at, step, gaps) : ""]).reverse() },
    draw: () => drawn({
      grid: { left: 8, right: 20, top: 34, bottom: 34, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: { trigger: "axis", formatter: (points) => {
        const place = points[0].dataIndex;
        const at = times[place];
        return tip(`${instant(at)} UTC`, average[place] === null ? [`No price: ${missingAt(at, step, gaps)}`]
          : [`Average ${price(average[place])} ${quote}`, `Lowest ${price(low[place])}`, `Highest ${price(high[place])}`]);
      } },
      xAxis: utc({ min: times[0], max: times.at(-1) + step }),
      yAxis: { type: "value", scale: true, name: quote, axisLabel: { formatter: price }, nameTextStyle: { align: "left" } },
      series: [
        { type: "line", name: "average", showSymbol: false, connectNulls: false, z: 4, lineStyle: { width: 1.6 },
          data: times.map((at, place) => [at, average[place]]),
          markArea: { silent: true, itemStyle: { color: colour("shade") }, data: gaps.map(({ from, to }) => [{ xAxis: from }, { xAxis: to }]) } },
        { type: "line", name: "lowest", stack: "band", symbol: "none", connectNulls: false, silent: true, lineStyle: { opacity: 0 },
          data: times.map((at, place) => [at, low[place]]) },
        { type: "line", name: "highest", stack: "band", symbol: "none", connectNulls: false, silent: true, lineStyle: { opacity: 0 },
          areaStyle: { color: colour("band"), opacity: 1 },
          data: times.map((at, place) => [at, high[place] === null ? null : high[place] - low[place]]) },
        { type: "scatter", symbolSize: 4, silent: true, data: alone, itemStyle: { color: colour("c1") } },
      ],
    }),
  };
}

/* What should agree */

function parities() {
  if (!DATA.parities.length) return { pairs: 0, empty: "No hour is over yet in which a pegged or wrapped coin was sampled together with what it follows." };
  const followers = DATA.parities.filter(passes);
  const shown = followers.filter((row) => row.deviation_bp !== null);
  const crosses = DATA.crosses.filter(passes);
  const compared = crosses.reduce((sum, row) => sum + row.pairs, 0);
  const beyond = crosses.reduce((sum, row) => sum + row.beyond, 0);
  const also = compared ? ` Of ${many(compared, "pair")} of two other currencies, ${beyond ? count(beyond) : "none"} ${beyond > 1 ? "are" : "is"} further from what both cost in USDT than usual.` : "";
  const table = followers.length && { columns: ["Kind", "One", "in", "Price", "Should be", "Off, basis points", "Usual up to", "Hour (UTC)"],
    rows: followers.map((row) => [KINDS[row.kind] || row.kind, row.code, row.follows, price(row.price), row.expected_price === null ? "not said" : price(row.expected_price),
      row.deviation_bp === null ? "" : signed(row.deviation_bp, 1), row.threshold_bp === null ? "" : row.threshold_bp.toFixed(1), instant(row.hour_utc)]) };
  if (!shown.length) return { pairs: followers.length, table, empty: `No peg with an expected price is looked at in a pair behind these filters.${also}` };
  const off = shown.filter((row) => row.is_beyond);
  const name = (row) => `${row.code} in ${row.follows}`;
  const offBy = (row, digits = 2) => `${signed(row.deviation_bp / 100, digits)}\u00a0%`;
  const ends = shown.flatMap((row, place) => [[row.lowest_bp / 100, place], [row.highest_bp / 100, place], [null, place]]);
  const tick = (sign) => ({ type: "scatter", symbol: "rect", symbolSize: [2.5, 16], silent: true, itemStyle: { color: colour("edge") },
    data: shown.map((row, place) => [(sign * row.threshold_bp) / 100, place]) });
  const dots = (its, more) => ({ type: "scatter", z: 5, symbolSize: 11, data: shown.flatMap((row, place) => (its(row) ? [[row.deviation_bp / 100, place]] : [])), ...more });
  return {
    pairs: followers.length,
    behind: `${many(followers.length, "coin")} that follow another, ${count(shown.length)} of them with an expected price.${also}`,
    reading: off.length
      ? `${off.length} of ${shown.length} ${off.length === 1 ? "is" : "are"} further off than usual: ${off.map((row) => `${name(row)} by ${offBy(row)}`).join(", ")}.`
      : `All ${shown.length} are where they should be; the furthest off is ${name(shown[0])}, by ${offBy(shown[0])}.`,
    table,
    draw: () => drawn({
      legend: { show: true, data: ["as usual", "further off than usual"], selectedMode: false },
      tooltip: { formatter: ({ value }) => {
        const row = shown[value[1]];
        return tip(name(row), [`${price(row.price)} ${row.follows} on average in the hour from ${instant(row.hour_utc)} UTC`,
          `Should be ${price(row.expected_price)}: off by ${offBy(row, 3)}`, `Usual is up to ${(row.threshold_bp / 100).toFixed(3)}\u00a0%`]);
      } },
      xAxis: { type: "value", name: "above (+) or below (−) what it should be", nameLocation: "middle", nameGap: 28,
        splitNumber: isTight() ? 3 : 5, axisLabel: { formatter: (value) => `${value ? signed(value, 1) : 0}\u00a0%` } },
      yAxis: names(shown.map(name)),
      series: [
        { type: "line", silent: true, showSymbol: false, connectNulls: false, lineStyle: { width: 2, color: colour("muted") }, data: ends },
        tick(-1), tick(1),
        dots((row) => !row.is_beyond, { name: "as usual", itemStyle: { color: colour("c1"), opacity: 1 } }),
        dots((row) => row.is_beyond, { name: "further off than usual", symbol: "diamond", symbolSize: 15, itemStyle: { color: colour("c2"), opacity: 1 } }),
      ],
    }),
  };
}

/* Quality */

function coverage() {
  const hours = DATA.coverage_hours.map((hour) => Date.parse(hour));
  if (!hours.length) return { pairs: 0, empty: "No hour of sampling is over yet." };
  const shown = DATA.coverage.filter(passes);
  const sum = (name, place) => shown.reduce((total, row) => total + row[name][place], 0);
  const pairs = hours.map((_, place) => sum("pairs", place));
  const shares = hours.map((_, place) => (pairs[place] ? sum("coverage", place) / pairs[place] : null));
  if (!pairs.some(Boolean)) return { pairs: 0, empty: "No pair behind these filters was sampled in these hours." };
  const worst = shares.reduce((least, share, place) => (share !== null && (least === null || share < shares[least]) ? place : least), null);
  const newest = shares.findLastIndex((share) => share !== null);
  const silent = hours.filter((_, place) => DATA.coverage.every((row) => !row.pairs[place])).length;
  const instead = silent ? ` In ${many(silent, "hour")} nothing was sampled at all.` : "";
  return {
    pairs: pairs[newest],
    behind: `${many(pairs[newest], "pair")} in the hour from ${instant(hours[newest])} UTC; ${many(hours.length, "hour")} in all.`,
    reading: (shares.every((share) => share === null || share > 0.9995) ? `Every planned sample came${silent ? " in the hours that were sampled" : ""}.`
      : `${percent(shares[newest])} of the samples of the newest hour came; the worst ${silent ? "sampled " : ""}hour is that from ${instant(hours[worst])} UTC with ${percent(shares[worst])}.`) + instead,
    table: { columns: ["Hour (UTC)", "Coverage", "Pairs"],
      rows: hours.map((hour, place) => [instant(hour), shares[place] === null ? "not sampled" : percent(shares[place]), count(pairs[place])]).reverse() },
    draw: () => drawn({
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: ([{ dataIndex: at }]) => tip(`${instant(hours[at])} UTC, one hour`,
        shares[at] === null ? ["not sampled"] : [`${percent(shares[at])} of the samples came`, many(pairs[at], "pair")]) },
      xAxis: { type: "category", data: hours.map((hour) => instant(hour).slice(5)), name: "UTC", nameLocation: "middle", nameGap: 28 },
      yAxis: { type: "value", min: 0, max: 100, axisLabel: { formatter: "{value} %" } },
      series: [{ type: "bar", barCategoryGap: "12%", data: shares.map((share) => (share === null ? null : {
        value: 100 * share, itemStyle: { color: colour(share < 0.9 ? "c2" : "c1") } })) }],
    }),
  };
}

const AGES = [["up to a minute", 60], ["up to an hour", 3600], ["up to a day", 86400], ["older", Infinity]];

function freshness(pairs) {
  const found = pairs.filter((pair) => pair.age_seconds !== null);
  if (!found.length) return { pairs: 0, empty: withoutPrices(pairs) };
  const counts = AGES.map(([, limit], at) => found.filter(({ age_seconds: age }) => age <= limit && (at === 0 || age > AGES[at - 1][1])).length);
  return {
    pairs: found.length,
    behind: `${many(found.length, "pair")} with a price; data time ${DATA.about.data_until ? instant(DATA.about.data_until, true) : "not known"} UTC.`,
    reading: `${percent(counts[0] / found.length)} of these prices are at most a minute old at the data time.`,
    table: { columns: ["Age", "Pairs"], rows: AGES.map(([name], at) => [name, count(counts[at])]) },
    draw: () => drawn({
      grid: { left: 8, right: 54, top: 8, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: ([{ dataIndex: at }]) => tip(AGES[at][0], [many(counts[at], "pair")]) },
      xAxis: { type: "value", minInterval: 1, splitNumber: parts() },
      yAxis: names(AGES.map(([name]) => name)),
      series: [{ type: "bar", barMaxWidth: 30, data: counts, label: { show: true, position: "right", color: colour("ink"), formatter: ({ value }) => count(value) } }],
    }),
  };
}

function causes() {
  const found = DATA.gap_causes.filter((row) => row.quote === null || passes(row));
  if (!found.length) return { pairs: 0, empty: "No gap is known in the seven days before the data time." };
  const rows = [...groups(found, "cause")].map(([cause, its]) => {
    const of = (name, some = its) => some.reduce((total, row) => total + row[name], 0);
    const market = its.filter((row) => row.quote === null);
    return { cause, gaps: of("gaps"), pairs: of("pairs"), open: of("open_gaps"), repaired: of("repaired"), hours: of("hours"), market: of("hours", market), marketGaps: of("gaps", market) };
  }).sort((one, other) => other.hours - one.hours || (one.cause < other.cause ? -1 : 1));
  const pairs = rows.reduce((most, row) => Math.max(most, row.pairs), 0);
  const market = rows.reduce((sum, row) => sum + row.marketGaps, 0);
  const gaps = rows.reduce((sum, row) => sum + row.gaps, 0);
  const open = rows.reduce((sum, row) => sum + row.open, 0);
  const [main] = rows;
  return {
    pairs,
    behind: `${many(gaps, "gap")}: ${count(market)} of the whole market, ${count(gaps - market)} of single pairs${pairs ? ` (${count(pairs)} of them)` : ""}; ${count(open)} still open.`,
    reading: `${main.cause === "unresolved" ? "Of most of it nobody knows why" : `Most is missing because ${CAUSES[main.cause] || main.cause}`}: ${hoursText(main.hours)} in ${many(main.gaps, "gap")}.`,
    table: { columns: ["Cause", "Gaps", "of the whole market", "Pairs", "Hours", "Open", "Repaired"],
      rows: rows.map((row) => [CAUSES[row.cause] || row.cause, count(row.gaps), count(row.marketGaps), count(row.pairs), row.hours.toFixed(2), count(row.open), count(row.repaired)]) },
    draw: () => drawn({
      grid: { left: 8, right: 70, top: 8, bottom: 34, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: ([{ dataIndex: at }]) => tip(CAUSES[rows[at].cause] || rows[at].cause, [
        `${hoursText(rows[at].hours)} in ${many(rows[at].gaps, "gap")}`, `of the whole market: ${hoursText(rows[at].market)}`, `${many(rows[at].repaired, "gap")} repaired`]) },
      xAxis: { type: "value", name: "hours", nameLocation: "middle", nameGap: 28, splitNumber: 4 },
      yAxis: names(rows.map((row) => CAUSES[row.cause] || row.cause), isNarrow() ? 120 : 190),
      series: [{ type: "bar", barMaxWidth: 30, data: rows.map((row) => row.hours),
        label: { show: true, position: "right", color: colour("ink"), formatter: ({ value }) => hoursText(value) } }],
    }),
  };
}
