"use strict";
/* Numbers, instants and lists as people read them. */

const DATA = JSON.parse(document.getElementById("data").textContent);
const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const CAUSES = {
  collector_down: "nobody was sampling",
  exchange_outage: "the exchange gave no answer",
  not_trading: "the pair was not trading",
  no_trades: "nothing was traded",
  archive_defect: "the archive's file is damaged",
  unresolved: "not known",
};
const KINDS = { stablecoin: "stablecoin", wrapped: "wrapped coin", gold: "gold token", accruing: "staked coin" };

const COUNT = new Intl.NumberFormat("en-US");
const PRICE = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 6, maximumFractionDigits: 8 });

function count(number) {
  return COUNT.format(number);
}

function many(number, one, more = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : more}`;
}

/** A price in six digits, never with an exponent. */
function price(value) {
  return value === null ? "" : PRICE.format(value);
}

/** The same in three digits, for sentences. */
function rough(value) {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3, maximumFractionDigits: 8 });
}

/** A share; what is not all of it is never rounded to 100 %, and what is something never to 0 %. */
function percent(share, digits = 1) {
  const least = 10 ** -digits;
  const shown = share > 0 && share < 1 ? Math.min(Math.max(100 * share, least), 100 - least) : 100 * share;
  return `${shown.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}\u00a0%`;
}

function signed(value, digits) {
  const text = Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${value < 0 ? "−" : "+"}${text}`;
}

/** An instant as `2025-06-02 12:30`, UTC. */
function instant(at, seconds = false) {
  return new Date(at).toISOString().slice(0, seconds ? 19 : 16).replace("T", " ");
}

function hoursText(hours) {
  if (hours >= 48) return `${(hours / 24).toLocaleString("en-US", { maximumFractionDigits: 1 })} days`;
  return hours >= 1
    ? `${hours.toLocaleString("en-US", { maximumFractionDigits: 1 })} h`
    : `${Math.max(1, Math.round(hours * 60))} min`;
}

/** A length of time in milliseconds, in words: `minute`, `5 minutes`, `hour`. */
function lengthOf(time) {
  const [name, one] = time < HOUR ? ["minute", MINUTE] : time < DAY ? ["hour", HOUR] : ["day", DAY];
  return time === one ? name : many(time / one, name);
}

/** A mark of an axis of powers of ten. */
function decade(power) {
  return power < 0 ? (10 ** power).toFixed(-power) : count(10 ** power);
}

/** An element with text in it; whatever the text says, it is text. */
function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** What is shown where one points: a heading and lines. */
function tip(heading, lines) {
  const made = element("div", undefined, { class: "tip" });
  made.append(element("b", heading), ...lines.filter(Boolean).map((line) => element("div", line)));
  return made;
}
