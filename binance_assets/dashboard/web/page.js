"use strict";
/* Puts everything together: choices, pictures, tables, colours. `data-ready` says what has been drawn. */

const PICTURES = { highest, distribution, rank, sectors, statuses, development, parities, coverage, freshness, causes };
const charts = new Map();
let range = DAY;
let asking = 0;
let ownQuote = ANY;

function fill(select, options) {
  select.append(...options.map(([value, text]) => element("option", text, { value })));
}

function fillFilters() {
  for (const name of FILTERS) {
    const found = [...groups(PAIRS, name)].sort((one, other) => other[1].length - one[1].length || (one[0] < other[0] ? -1 : 1));
    fill(document.getElementById(name), [[ANY, "All"], ...found.map(([value, its]) => [value, `${value} (${count(its.length)})`])]);
    if (name === "quote") {
      const quotes = document.getElementById("highest-quote");
      fill(quotes, found.map(([value]) => [value, value]));
      if (found.some(([value]) => value === "USDT")) quotes.value = "USDT";
      ownQuote = quotes.value;
    }
  }
}

function fillMinuteChoices() {
  const select = document.getElementById("pair");
  const own = DATA.minutes.map(({ symbol }) => [symbol, symbol]);
  fill(select, own);
  if (IS_SERVED) {
    const all = element("optgroup", undefined, { label: "All pairs" });
    fill(all, PAIRS.map(({ symbol }) => [symbol, symbol]));
    select.append(all);
  }
  const buttons = document.querySelector(".range");
  for (const [name, span] of IS_SERVED ? [...RANGES, ...LONGER] : RANGES) {
    const button = element("button", name, { type: "button", "aria-pressed": String(span === range) });
    button.addEventListener("click", () => {
      range = span;
      for (const other of buttons.children) other.setAttribute("aria-pressed", String(other === button));
      showMinutes();
    });
    buttons.append(button);
  }
  select.addEventListener("change", showMinutes);
}

function showFigures() {
  const its = DATA.figures;
  const open = its.open_gaps_of_market + its.open_gaps_of_pairs;
  const share = (value) => (value === null ? "–" : percent(value));
  const figures = [
    ["Pairs", count(its.pairs), "listed by the exchange", "pairs"],
    ["Trading", count(its.trading_pairs), "pairs that can be traded", "trading_pairs"],
    ["Currencies", count(its.currencies), "priced or priced in", "currencies"],
    ["Newest price", its.newest_price_at ? instant(its.newest_price_at).slice(11) : "–",
      its.newest_price_at ? `UTC, ${instant(its.newest_price_at).slice(0, 10)}` : "nothing was sampled yet", "newest_price_at"],
    ["Coverage, last hour", share(its.coverage_of_hour), its.coverage_hour ? `of the planned samples, ${instant(its.coverage_hour).slice(11)} to ${instant(Date.parse(its.coverage_hour) + HOUR).slice(11)} UTC` : "no hour is over yet", "coverage_of_hour"],
    ["Coverage, last day", share(its.coverage_of_day), its.coverage_of_day === null ? "no hour is over yet" : "of the planned samples, up to 24 hours", "coverage_of_day"],
    ["Open gaps", count(open), open ? `${its.open_gaps_of_market ? count(its.open_gaps_of_market) : "none"} of the whole market` : "none at the data time", "open_gaps"],
  ];
  for (const [name, value, what, key] of figures) {
    const box = element("div");
    const figure = element("dd", value, { "data-figure": key });
    figure.append(element("small", what));
    box.append(element("dt", name), figure);
    document.querySelector("#figures dl").append(box);
  }
}

function tableOf({ columns, rows }, title) {
  const table = element("table");
  const shown = rows.slice(0, SHOWN_ROWS);
  table.append(element("caption", rows.length > shown.length ? `${title}: the first ${SHOWN_ROWS} of ${count(rows.length)} rows` : title));
  const isNumber = columns.map((_, at) => shown.some((row) => row[at] !== "") && shown.every((row) => /^[−+]?[\d,.]*(\u00a0%)?$/.test(row[at])));
  const line = (cells, name) => {
    const row = element("tr");
    row.append(...cells.map((text, at) => element(name, text, {
      ...(name === "th" && { scope: "col" }), ...(isNumber[at] && { class: "number" }) })));
    return row;
  };
  const [head, body] = [element("thead"), element("tbody")];
  head.append(line(columns, "th"));
  body.append(...shown.map((row) => line(row, "td")));
  table.append(head, body);
  return table;
}

/** Show what a picture gives in its card. */
function show(name, picture) {
  const card = document.getElementById(name);
  const title = card.querySelector("h2").textContent;
  const [plot, empty, details] = [".plot", ".empty", "details"].map((part) => card.querySelector(part));
  card.dataset.pairs = picture.pairs;
  card.querySelector(".reading").textContent = picture.reading || "";
  card.querySelector(".behind").textContent = picture.behind || "";
  empty.textContent = picture.empty || "";
  empty.hidden = !picture.empty;
  plot.hidden = Boolean(picture.empty);
  details.hidden = !picture.table;
  const fillTable = () => {
    if (details.open && picture.table) card.querySelector(".table").replaceChildren(tableOf(picture.table, title));
  };
  details.ontoggle = fillTable;
  fillTable();
  card.dataset.ready = picture.empty ? "empty" : "drawing";
  card.redraw = () => {
    if (picture.empty) return;
    card.dataset.ready = "drawing";
    const chart = charts.get(name) || echarts.init(plot, null, { renderer: "svg" });
    charts.set(name, chart);
    chart.off("finished");
    chart.on("finished", () => { card.dataset.ready = "drawn"; });
    chart.setOption(picture.draw(), { notMerge: true });
  };
  requestAnimationFrame(() => card.redraw()); // when all have their words, and with them their sizes
}

function showAll() {
  const pairs = matching();
  document.getElementById("matching").textContent = `${count(pairs.length)} of ${many(PAIRS.length, "pair")} behind these filters`;
  document.getElementById("matching").dataset.pairs = pairs.length;
  for (const [name, picture] of Object.entries(PICTURES)) show(name, picture(pairs));
}

async function showMinutes() {
  const number = ++asking;
  document.getElementById("minutes").dataset.ready = "asking";
  const series = await minutesOf(document.getElementById("pair").value, range);
  if (number === asking) show("minutes", minutes(series));
}

function redraw() {
  for (const card of document.querySelectorAll(".card")) card.redraw?.();
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").setAttribute("aria-pressed", String(theme === "dark"));
}

function rememberedTheme() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // a page from disk may have no storage
  }
}

function start() {
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  choose(rememberedTheme() || (system.matches ? "dark" : "light"));
  fillFilters();
  fillMinuteChoices();
  showFigures();
  showAll();
  showMinutes();

  const form = document.getElementById("filters");
  form.addEventListener("change", showAll);
  form.addEventListener("reset", () => setTimeout(showAll));
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("highest-quote").addEventListener("change", ({ target }) => {
    ownQuote = target.value;
    show("highest", highest(matching()));
  });
  document.getElementById("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    choose(theme);
    try {
      localStorage.setItem("theme", theme);
    } catch { /* then it holds for this visit */ }
    redraw();
  });
  system.addEventListener("change", () => {
    if (!rememberedTheme()) {
      choose(system.matches ? "dark" : "light");
      redraw();
    }
  });
  const licences = document.getElementById("licences-button");
  licences.addEventListener("click", () => {
    const text = document.getElementById("licences");
    text.hidden = !text.hidden;
    licences.setAttribute("aria-expanded", String(!text.hidden));
  });
  new ResizeObserver(() => {
    for (const [name, chart] of charts) {
      const { clientWidth: width, clientHeight: height } = chart.getDom();
      if (width && (width !== chart.getWidth() || height !== chart.getHeight())) {
        chart.resize();
        document.getElementById(name).redraw();
      }
    }
  }).observe(document.getElementById("pictures"));
}

start();
