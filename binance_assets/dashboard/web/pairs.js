"use strict";
/* The pairs, and those of them that the filters leave. */

const PAIRS = DATA.pairs.symbol.map((_, place) =>
  Object.fromEntries(Object.entries(DATA.pairs).map(([name, values]) => [name, values[place]])),
);
const FILTERS = ["quote", "status", "sector"];
const ANY = "";

function chosen(name) {
  return document.getElementById(name).value;
}

/** Whether something of a quote currency, status and sector is behind the filters. */
function passes(row) {
  return FILTERS.every((name) => chosen(name) === ANY || chosen(name) === row[name]);
}

function matching() {
  return PAIRS.filter(passes);
}

/** Those with a price that counts, as `value`, in what was asked for; the dearest first. */
function priced(pairs, inUsdt = chosen("unit") === "usdt") {
  const stale = document.getElementById("stale").checked;
  return pairs
    .filter((pair) => stale || !pair.is_stale)
    .map((pair) => ({ ...pair, value: inUsdt ? pair.price_usdt : pair.price }))
    .filter((pair) => pair.value > 0)
    .sort((one, other) => other.value - one.value || (one.symbol < other.symbol ? -1 : 1));
}

function unit() {
  if (chosen("unit") === "usdt") return "USDT";
  return chosen("quote") || "units of the quote currency";
}

/** A pair's price with its currency. */
function priceOf(pair) {
  return `${price(pair.value)} ${chosen("unit") === "usdt" ? "USDT" : pair.quote}`;
}

function groups(rows, name) {
  const found = new Map();
  for (const row of rows) {
    if (!found.has(row[name])) found.set(row[name], []);
    found.get(row[name]).push(row);
  }
  return found;
}

/** Of values that are sorted, as `median` of SQL. */
function median(values) {
  const middle = values.length >> 1;
  return values.length % 2 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/** Why none of the pairs that are left has a price that counts. */
function withoutPrices(pairs) {
  if (!pairs.length) return "No pair is behind these filters. Choose others, or reset them.";
  if (!pairs.some((pair) => pair.price !== null)) return "These pairs have no sampled price yet.";
  if (pairs.every((pair) => pair.is_stale)) return "All prices of these pairs are stale. Tick “Stale prices, too” to see them.";
  return "None of these prices can be turned into USDT. Choose prices in “quote currency” above.";
}
