"use strict";
/* The minutes of a pair: from the server with the whole history, where one gave this page, else those in the page. */

const RANGES = [["1 h", HOUR], ["6 h", 6 * HOUR], ["24 h", DAY], ["48 h", 2 * DAY]];
const LONGER = [["7 days", 7 * DAY], ["30 days", 30 * DAY], ["1 year", 365 * DAY], ["all", Infinity]];
const IS_SERVED = location.protocol.startsWith("http");
const POINTS = 2900;
const LONGEST_OF_MINUTES = 10 * MINUTE * POINTS;
const BEGINNING = Date.UTC(2017, 6, 1);

/** Epoch seconds, or an ISO instant with or without its Z, in milliseconds. */
function milliseconds(at) {
  return typeof at === "number" ? 1000 * at : Date.parse(/Z$/.test(at) ? at : `${at}Z`);
}

function clipped(gaps, from, to) {
  return gaps.map((gap) => ({ ...gap, from: Math.max(gap.from, from), to: Math.min(gap.to, to) })).filter((gap) => gap.from < gap.to);
}

function embedded(symbol, range, notice) {
  const row = DATA.minutes.find((found) => found.symbol === symbol);
  if (!row) return { empty: notice || "No minute of a pair of the watch list is over yet." };
  const start = Date.parse(row.from_utc);
  const skipped = Math.max(0, row.average.length - Math.round(Math.min(range, 2 * DAY) / MINUTE));
  const times = row.average.slice(skipped).map((_, place) => start + (skipped + place) * MINUTE);
  const end = times.at(-1) + MINUTE;
  const gaps = DATA.gaps
    .filter((gap) => gap.symbol === null || gap.symbol === symbol)
    .map((gap) => ({ cause: gap.cause, evidence: gap.evidence, from: Date.parse(gap.from_utc), to: gap.to_utc ? Date.parse(gap.to_utc) : end }));
  return {
    symbol, times, step: MINUTE, notice, gaps: clipped(gaps, times[0], end),
    low: row.low.slice(skipped), average: row.average.slice(skipped), high: row.high.slice(skipped),
  };
}

/** The end of the newest minute. */
function newest() {
  return Math.floor(Date.parse(DATA.about.data_until || new Date().toISOString()) / MINUTE) * MINUTE + MINUTE;
}

async function asked(symbol, range, to = newest()) {
  const from = Math.max(BEGINNING, to - range);
  const query = new URLSearchParams({ symbol, from: new Date(from).toISOString(), to: new Date(to).toISOString(), points: POINTS });
  const response = await fetch(`api/minutes?${query}`, { headers: { accept: "application/json" } });
  const body = await response.json().catch(() => ({}));
  if (!response.ok && body.covers && milliseconds(body.covers.to) < to) return asked(symbol, range, milliseconds(body.covers.to));
  if (!response.ok) throw new Error(body.error || `The server answered with status ${response.status}.`);
  const times = body.minute_utc.map(milliseconds);
  if (!times.length) return { empty: `There are no minutes of ${symbol} in this range.` };
  const step = 1000 * body.bucket_seconds;
  const end = times.at(-1) + step;
  const gaps = body.gaps.map((gap) => ({ ...gap, from: milliseconds(gap.from), to: gap.to === null ? end : milliseconds(gap.to) }));
  const notice = step >= HOUR && end - times[0] <= LONGEST_OF_MINUTES && "The minutes of this pair are not at hand for all of this time.";
  return { symbol, times, step, notice, low: body.low, average: body.average, high: body.high, gaps: clipped(gaps, times[0], end) };
}

/** The minutes of a pair over a range that ends with the data; a server that does not answer is not the end of it. */
async function minutesOf(symbol, range) {
  if (!symbol) return { empty: "No minute of a pair of the watch list is over yet." };
  if (!IS_SERVED) return embedded(symbol, range);
  try {
    return await asked(symbol, range);
  } catch (error) {
    return embedded(symbol, range, `The server did not help: ${error.message}`);
  }
}
