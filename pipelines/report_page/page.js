"use strict";
// The page's own script: sorting, search, the histogram of a signal with its sliders, examples. Everything that comes
// from the crawl reaches the page as textContent. Nothing is fetched.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const byName = new Map(data.signals.map((signal) => [signal.name, signal]));
  const root = document.documentElement;
  root.classList.add("scripted");

  const count = (n) => Math.round(n).toLocaleString("en");
  const percent = (part, whole) => {
    const share = whole ? (100 * part) / whole : 0;
    return share > 0 && share < 0.05 ? "<0.1 %" : `${share.toFixed(1)} %`;
  };
  const value = (x) => Number(x.toPrecision(6)).toLocaleString("en", { maximumSignificantDigits: 6 });
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function shape(tag, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, set] of Object.entries(attributes)) made.setAttribute(name, set);
    return made;
  }

  // ---- tables: sorting and search

  function sortBy(table, column, button) {
    const heading = button.closest("th");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const numeric = rows.some((row) => row.cells[column].dataset.v !== undefined);
    const before = heading.getAttribute("aria-sort");
    const descending = before ? before === "ascending" : numeric;
    const key = (row) => (numeric ? Number(row.cells[column].dataset.v || 0) : row.cells[column].textContent.trim());
    const order = (a, b) => (numeric ? key(a) - key(b) : key(a).localeCompare(key(b)));
    rows.sort((a, b) => (descending ? order(b, a) : order(a, b)));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      if (heading.classList.contains("still")) return;
      const button = element("button", heading.textContent, "sort");
      button.type = "button";
      heading.replaceChildren(button);
      button.addEventListener("click", () => sortBy(table, column, button));
    });
  }

  for (const input of document.querySelectorAll("input[data-table]")) {
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of $(input.dataset.table).tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }

  // ---- a signal: its bins, its bound in force, and the reader's own

  const shown = { signal: null, variant: 0, source: "", log: true };
  const changed = new Map(); // "signal~variant~side" -> place of the slider

  const nBins = (signal) => signal.edges.length + 1;
  const keyOf = (signal, variant, side) => `${signal.name}~${variant}~${side}`;

  // A slider stands between bins: at place s, s bins are on its left. At its outer end the bound is off.
  const offPlace = (signal, side) => (side === "min" ? 0 : nBins(signal));

  function placeInForce(signal, variant, side) {
    const bound = signal.variants[variant][side];
    if (bound === null) return offPlace(signal, side);
    const above = side === "max" && signal.closed === "left"; // such an edge stands just above the bound
    const edge = signal.edges.findIndex((e) => (above ? e > bound : e >= bound));
    return edge < 0 ? nBins(signal) : edge + 1;
  }

  const placeOf = (signal, variant, side) =>
    changed.get(keyOf(signal, variant, side)) ?? placeInForce(signal, variant, side);

  const isWhole = (signal) => signal.edges.every((e) => Number.isInteger(Number(e.toPrecision(12))));

  function below(edge) {
    if (edge <= 0) return edge === 0 ? -Number.MIN_VALUE : edge;
    const bits = new BigInt64Array(new Float64Array([edge]).buffer);
    bits[0] -= 1n;
    return new Float64Array(bits.buffer)[0];
  }

  // The bound that a place stands for, exactly: what it keeps are the bins on its side.
  function boundAt(signal, side, place) {
    if (place === offPlace(signal, side)) return null;
    const edge = signal.edges[place - 1];
    if (side === "min" || signal.closed === "right") return edge;
    return isWhole(signal) ? Math.floor(below(edge)) : below(edge);
  }

  function sides(signal) {
    const keys = (side) => signal.variants[shown.variant][`${side}_keys`].length > 0;
    const bounded = ["min", "max"].filter((side) => signal.variants.some((variant) => variant[side] !== null));
    return (bounded.length ? bounded : ["min", "max"]).filter(keys);
  }

  function counts(signal, variant, source) {
    const chosen = signal.series.filter((s) => s.variant === variant && (source === "" || s.source === source));
    const add = (name) => signal.edges.concat(0).map((_, i) => sum(chosen.map((s) => s[name][i])));
    return { kept: add("kept"), removed: add("removed"), missing: sum(chosen.map((s) => s.missing)) };
  }

  // Documents that a bound between two places removes, of those a function counts bin by bin.
  const outside = (numbers, low, high) => sum(numbers.filter((_, i) => i < low || i >= high));

  function effect(signal, variant, source) {
    const found = counts(signal, variant, source);
    const all = found.kept.map((n, i) => n + found.removed[i]);
    const now = ["min", "max"].map((side) => placeInForce(signal, variant, side));
    const you = ["min", "max"].map((side) => placeOf(signal, variant, side));
    const isOn = (places) => places[0] > 0 || places[1] < nBins(signal);
    const refused = signal.variants[variant].refused;
    const removes = (places) => (refused ? sum(all) : outside(all, ...places)) + (isOn(places) ? found.missing : 0);
    return {
      documents: sum(all) + found.missing,
      now: removes(now),
      you: removes(you),
      lost: sum(found.kept.filter((_, i) => (i < you[0] || i >= you[1]) && i >= now[0] && i < now[1])),
    };
  }

  function steps(pixels, width, base, direction) {
    const step = width / pixels.length;
    const tops = pixels.map((pixel, i) => `V${(base + direction * pixel).toFixed(1)}H${((i + 1) * step).toFixed(1)}`);
    return `M0 ${base}${tops.join("")}V${base}Z`;
  }

  function drawChart(signal) {
    const width = Math.max(260, $("d-chart").clientWidth);
    const [height, base] = [200, 100];
    const found = counts(signal, shown.variant, shown.source);
    const scale = shown.log ? Math.log1p : (n) => n;
    const top = scale(Math.max(1, ...found.kept, ...found.removed));
    const pixels = (numbers) => numbers.map((n) => (n ? Math.max(1, ((base - 4) * scale(n)) / top) : 0));
    const at = (place) => ((place / nBins(signal)) * width).toFixed(1);
    const label =
      `Histogram of ${signal.name}: ${count(sum(found.kept))} documents kept by the filters above the line, ` +
      `${count(sum(found.removed))} removed below it.`;
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    const removed = steps(pixels(found.removed), width, base, 1);
    svg.append(
      shape("path", { class: "kept", d: steps(pixels(found.kept), width, base, -1) }),
      shape("path", { class: "removed", d: removed }),
      shape("path", { class: "hatch", d: removed }),
      shape("path", { class: "base", d: `M0 ${base}H${width}` }),
    );
    for (const side of ["min", "max"]) {
      const [now, you, off] = [placeInForce, placeOf].map((f) => f(signal, shown.variant, side)).concat(offPlace(signal, side));
      if (now !== off) svg.append(shape("path", { class: "mark", d: `M${at(now)} 0V${height}` }));
      if (you === off) continue;
      const [x, w] = side === "min" ? [0, at(you)] : [at(you), width - at(you)];
      svg.append(shape("rect", { class: "beyond", x, y: 0, width: w, height }));
      if (you !== now) svg.append(shape("path", { class: "you", d: `M${at(you)} 0V${height}` }));
    }
    svg.addEventListener("pointermove", (event) => readBin(signal, found, event.offsetX / svg.clientWidth));
    svg.addEventListener("pointerleave", () => ($("d-read").textContent = "\u00a0"));
    $("d-chart").replaceChildren(svg);
  }

  function binName(signal, bin) {
    const [under, over] = signal.closed === "right" ? ["up to", "above"] : ["below", "from"];
    if (bin === 0) return `${under} ${value(signal.edges[0])}`;
    if (bin === signal.edges.length) return `${over} ${value(signal.edges[bin - 1])}`;
    const [low, high] = [signal.edges[bin - 1], signal.edges[bin]].map(value);
    return signal.closed === "right" ? `above ${low}, up to ${high}` : `from ${low}, below ${high}`;
  }

  function readBin(signal, found, share) {
    const bin = Math.min(nBins(signal) - 1, Math.max(0, Math.floor(share * nBins(signal))));
    $("d-read").textContent = `${binName(signal, bin)}: ${count(found.kept[bin])} kept, ${count(found.removed[bin])} removed`;
  }

  function drawAxis(signal) {
    const n = Math.min(6, signal.edges.length);
    const chosen = Array.from({ length: n }, (_, i) => Math.round((i * (signal.edges.length - 1)) / Math.max(1, n - 1)));
    $("d-axis").replaceChildren(
      ...chosen.map((edge) => {
        const tick = element("span", value(signal.edges[edge]));
        tick.style.left = `${(100 * (edge + 1)) / nBins(signal)}%`;
        return tick;
      }),
    );
  }

  function drawTwin(signal) {
    const found = counts(signal, shown.variant, shown.source);
    const rows = found.kept.map((kept, i) => [binName(signal, i), kept, found.removed[i]]).filter((row) => row[1] || row[2]);
    $("d-twin").lastElementChild.replaceChildren(tableOf(["value", "kept", "removed"], rows.map((r) => [r[0], count(r[1]), count(r[2])])));
  }

  function tableOf(headings, rows) {
    const table = element("table");
    const head = table.createTHead().insertRow();
    for (const heading of headings) {
      const cell = element("th", heading);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    for (const cells of rows) {
      const row = body.insertRow();
      cells.forEach((cell, i) => row.append(element(i ? "td" : "th", cell, i ? "num" : "")));
    }
    return table;
  }

  function drawSliders(signal) {
    const variant = signal.variants[shown.variant];
    const made = sides(signal).map((side) => {
      const box = element("div", undefined, "slider");
      const label = element("label", side === "min" ? "at least " : "at most ");
      const output = element("output");
      const range = element("input");
      Object.assign(range, { type: "range", min: 0, max: nBins(signal), step: 1, id: `d-${side}` });
      range.value = placeOf(signal, shown.variant, side);
      label.htmlFor = range.id;
      label.append(output);
      range.addEventListener("input", () => {
        const clamped = side === "min" ? Math.min(range.value, nBins(signal) - 1) : Math.max(range.value, 1);
        setPlace(signal, shown.variant, side, Number(clamped));
        drawEffect(signal);
      });
      box.append(label, range);
      return box;
    });
    const note = variant.refused ? "Documents of these languages are refused whatever their score." : "Nothing in the settings bounds this figure.";
    $("d-sliders").replaceChildren(...(made.length ? made : [element("p", note, "note")]));
  }

  function setPlace(signal, variant, side, place) {
    const key = keyOf(signal, variant, side);
    if (place === placeInForce(signal, variant, side)) changed.delete(key);
    else changed.set(key, place);
  }

  function drawEffect(signal) {
    for (const side of sides(signal)) {
      const bound = boundAt(signal, side, placeOf(signal, shown.variant, side));
      const range = $(`d-${side}`);
      const text = bound === null ? "off" : value(bound);
      range.previousElementSibling.lastElementChild.textContent = text;
      range.setAttribute("aria-valuetext", text);
    }
    drawChart(signal);
    const all = effect(signal, shown.variant, "");
    const words = [`This bound alone removes ${count(all.now)} of ${count(all.documents)} documents (${percent(all.now, all.documents)}).`];
    if (all.you !== all.now) {
      const difference = Math.abs(all.you - all.now);
      words.push(`With yours: ${count(all.you)} (${percent(all.you, all.documents)}), ${count(difference)} ${all.you > all.now ? "more" : "fewer"}.`);
    }
    if (all.lost) words.push(`${count(all.lost)} of those pass every filter today.`);
    $("d-effect").textContent = words.join(" ");
    drawSources(signal);
    $("d-yaml").textContent = yaml() || "none yet: move a slider";
    saveState();
  }

  function drawSources(signal) {
    const sources = [...new Set(signal.series.map((s) => s.source))];
    const rows = sources.map((source) => {
      const one = effect(signal, shown.variant, source);
      return [source ?? "other sources", count(one.documents), percent(one.now, one.documents), percent(one.you, one.documents)];
    });
    $("d-sources").replaceChildren(sources.length > 1 ? tableOf(["source", "documents", "removed now", "with yours"], rows) : "");
  }

  function fillSelect(select, options, chosen) {
    select.replaceChildren(...options.map(([key, text]) => new Option(text, key, false, key === chosen)));
  }

  function show(name) {
    const signal = byName.get(name);
    if (!signal) return;
    if (shown.signal !== name) {
      shown.variant = Math.max(0, signal.variants.findIndex((variant) => !variant.refused));
      shown.source = "";
    }
    shown.signal = name;
    $("d-name").textContent = name;
    $("d-definition").textContent = signal.definition;
    const languages = signal.variants.map((v, i) => [String(i), v.languages ? v.languages.join(", ") : "all other languages"]);
    fillSelect($("d-variant"), languages, String(shown.variant));
    $("d-variant-label").hidden = languages.length < 2;
    const sources = [...new Set(signal.series.map((s) => s.source))];
    fillSelect($("d-source"), [["", "all"], ...sources.map((s, i) => [String(i), s ?? "other sources"])], String(sources.indexOf(shown.source)));
    for (const row of $("signals").tBodies[0].rows) row.classList.toggle("chosen", row.dataset.signal === name);
    redraw();
  }

  function redraw() {
    const signal = byName.get(shown.signal);
    drawSliders(signal);
    drawAxis(signal);
    drawEffect(signal);
    if ($("d-twin").open) drawTwin(signal);
  }

  $("signals").addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-signal]");
    if (row) show(row.dataset.signal);
  });
  $("d-variant").addEventListener("change", (event) => {
    shown.variant = Number(event.target.value);
    redraw();
  });
  $("d-source").addEventListener("change", (event) => {
    const sources = [...new Set(byName.get(shown.signal).series.map((s) => s.source))];
    shown.source = event.target.value === "" ? "" : sources[Number(event.target.value)];
    redraw();
  });
  $("d-log").addEventListener("change", (event) => {
    shown.log = event.target.checked;
    redraw();
  });
  $("d-twin").addEventListener("toggle", () => $("d-twin").open && drawTwin(byName.get(shown.signal)));
  new ResizeObserver(() => shown.signal && drawChart(byName.get(shown.signal))).observe($("d-chart"));

  // ---- changed bounds as settings

  function yaml() {
    const tree = {};
    for (const [key, place] of changed) {
      const [name, variant, side] = key.split("~");
      const signal = byName.get(name);
      for (const path of signal.variants[variant][`${side}_keys`]) {
        const keys = path.split(".");
        const last = keys.pop();
        const node = keys.reduce((above, part) => (above[part] ??= {}), tree);
        node[last] = boundAt(signal, side, place);
      }
    }
    return lines(tree, "").join("\n");
  }

  const quoted = (key) => (/^[a-z_][a-z0-9_]{2,}$/i.test(key) ? key : JSON.stringify(key)); // "no" is a language
  const lines = (tree, indent) =>
    Object.entries(tree).flatMap(([key, node]) =>
      node !== null && typeof node === "object"
        ? [`${indent}${quoted(key)}:`, ...lines(node, `${indent}  `)]
        : [`${indent}${quoted(key)}: ${node}`],
    );

  async function copy(text, says) {
    try {
      await navigator.clipboard.writeText(text);
      says.textContent = "copied";
    } catch {
      says.textContent = "this browser does not let a file copy: select the text and copy it";
    }
  }
  $("d-copy").addEventListener("click", () => copy(`${yaml()}\n`, $("d-copied")));
  $("d-reset").addEventListener("click", () => {
    changed.clear();
    redraw();
  });
  $("d-examples").addEventListener("click", () => {
    const reason = byName.get(shown.signal).reason;
    if (!data.examples.some((example) => example.reason === reason)) return;
    $("e-reason").value = reason;
    turnTo(0);
    $("examples").scrollIntoView();
  });

  // ---- the view in the address, so that it can be sent to somebody

  function saveState() {
    const bounds = [...changed].map(([key, place]) => {
      const [name, , side] = key.split("~");
      return `${key}~${boundAt(byName.get(name), side, place) ?? "off"}`;
    });
    const state = new URLSearchParams({ signal: shown.signal, ...(bounds.length && { bounds: bounds.join(" ") }) });
    if (location.hash.includes("=") || bounds.length) history.replaceState(null, "", `#${state}`);
  }

  function loadState() {
    const state = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const text of (state.get("bounds") ?? "").split(" ").filter(Boolean)) {
      const [name, variant, side, wanted] = text.split("~");
      const signal = byName.get(name);
      if (!signal?.variants[variant] || !["min", "max"].includes(side)) continue;
      const places = signal.edges.map((_, i) => i + 1);
      const distance = (place) => Math.abs(boundAt(signal, side, place) - Number(wanted));
      const nearest = places.reduce((a, b) => (distance(b) < distance(a) ? b : a));
      setPlace(signal, Number(variant), side, wanted === "off" ? offPlace(signal, side) : nearest);
    }
    show(byName.has(state.get("signal")) ? state.get("signal") : data.signals[0]?.name);
  }

  // ---- examples

  const PER_PAGE = 6;
  let first = 0;

  function matching() {
    const [reason, side, words] = [$("e-reason").value, $("e-side").value, $("e-search").value.toLowerCase()];
    return data.examples.filter(
      (one) =>
        (!reason || one.reason === reason) &&
        (!side || one.meets === (side === "1")) &&
        (!words || [one.excerpt, one.source, one.id, one.url].some((text) => text?.toLowerCase().includes(words))),
    );
  }

  function verdict(one) {
    if (one.value === null) return one.similarity === null ? one.reason : `${one.reason}: similarity ${value(one.similarity)}`;
    if (!one.bound) return `${one.reason}: ${value(one.value)}`;
    return `${one.reason}: ${value(one.value)} ${one.meets ? "meets" : "misses"} ${one.bound}`;
  }

  function card(one) {
    const item = element("li", undefined, one.meets ? "" : "misses");
    const text = element("p", one.excerpt || "(no text)", "text");
    text.dir = "auto";
    const where = element("p", [one.source, one.language, one.url].filter(Boolean).join(" · "), "where");
    const fate = one.removed_by ? `removed by ${one.removed_by}` : "kept";
    const last = element("p", one.matched_id ? `${fate}, for ${one.matched_id} · ` : `${fate} · `, "where");
    const button = element("button", "copy id");
    button.type = "button";
    button.title = one.id;
    button.addEventListener("click", () => copy(one.id, button));
    last.append(button);
    item.append(element("b", verdict(one)), where, text, last);
    return item;
  }

  function turnTo(place) {
    const found = matching();
    first = Math.max(0, Math.min(place, Math.floor((found.length - 1) / PER_PAGE) * PER_PAGE));
    $("e-list").replaceChildren(...found.slice(first, first + PER_PAGE).map(card));
    const last = Math.min(first + PER_PAGE, found.length);
    $("e-count").textContent = found.length ? `${first + 1} to ${last} of ${found.length}` : "none";
  }

  const reasons = new Map();
  for (const one of data.examples) reasons.set(one.reason, (reasons.get(one.reason) ?? 0) + 1);
  for (const [reason, n] of reasons) $("e-reason").append(new Option(`${reason} (${n})`, reason));
  for (const id of ["e-reason", "e-side", "e-search"]) $(id).addEventListener("input", () => turnTo(0));
  $("e-previous").addEventListener("click", () => turnTo(first - PER_PAGE));
  $("e-next").addEventListener("click", () => turnTo(first + PER_PAGE));

  // ---- theme, print, help, keys

  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const nameTheme = () => ($("theme-button").textContent = isDark() ? "Light" : "Dark");
  function toggleTheme() {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  }
  const closed = [];
  addEventListener("beforeprint", () => {
    closed.push(...document.querySelectorAll("details:not([open], .twin)"));
    for (const part of closed) part.open = true;
  });
  addEventListener("afterprint", () => closed.splice(0).forEach((part) => (part.open = false)));
  $("theme-button").addEventListener("click", toggleTheme);
  $("print-button").addEventListener("click", () => print());
  $("help-button").addEventListener("click", () => $("help").showModal());

  const keys = {
    d: toggleTheme,
    p: () => print(),
    j: () => turnTo(first + PER_PAGE),
    k: () => turnTo(first - PER_PAGE),
    "?": () => $("help").showModal(),
    "/": () => document.querySelector('input[data-table="signals"]').focus(),
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    const panel = /^[1-9]$/.test(event.key) && document.querySelectorAll("nav a")[event.key - 1];
    const act = panel ? () => panel.click() : Object.hasOwn(keys, event.key) && keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  nameTheme();
  loadState();
  turnTo(0);
})();
