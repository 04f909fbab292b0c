"use strict";
// Sorting and search in tables, and trying another bound on a signal. Numbers alone are read here, and what is shown is
// set as textContent. Without this script the page holds the same figures.
(() => {
  const all = (selector, node = document) => [...node.querySelectorAll(selector)];
  const count = (n) => n.toLocaleString("en");
  const percent = (part, whole) => `${whole ? ((100 * part) / whole).toFixed(1) : 0} %`;
  const value = (x) => x.toLocaleString("en", { maximumSignificantDigits: 6 });
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  for (const part of all(".scripted")) part.hidden = false;

  // What scrolls and holds nothing that takes the focus takes it itself, so that keys can scroll it.
  for (const box of all(".scroll, pre")) if (!box.querySelector("a, input, .sortable")) box.tabIndex = 0;

  // ---- tables

  function sortBy(heading) {
    const table = heading.closest("table");
    const column = heading.cellIndex;
    const isNumber = heading.classList.contains("num");
    const before = heading.ariaSort;
    const sign = (before ? before === "ascending" : isNumber) ? -1 : 1;
    const key = (row) => (isNumber ? Number(row.cells[column].dataset.v) : row.cells[column].textContent);
    const compare = (a, b) => (isNumber ? key(a) - key(b) : key(a).localeCompare(key(b)));
    for (const other of all("th", table.tHead)) other.ariaSort = null;
    heading.ariaSort = sign < 0 ? "descending" : "ascending";
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort((a, b) => sign * compare(a, b)));
  }

  for (const heading of all(".sortable thead th")) {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortBy(heading));
  }

  for (const input of all("input[data-table]")) {
    const target = document.getElementById(input.dataset.table);
    input.addEventListener("input", () => {
      for (const row of target.tBodies ? target.tBodies[0].rows : target.children) {
        const text = (row.querySelector("summary") ?? row).textContent;
        row.hidden = !text.toLowerCase().includes(input.value.toLowerCase());
      }
    });
  }

  // ---- a link to a signal opens it

  function openTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
  addEventListener("hashchange", openTarget);
  openTarget();

  // ---- other bounds: a slider at place k has k bins on its left

  const changes = document.getElementById("changes");
  const list = document.getElementById("signal-list");

  function showChanges() {
    const flags = all(".tuning input").flatMap((slider) => slider.flags());
    changes.hidden = flags.length === 0;
    changes.querySelector("pre").textContent = flags.map((flag) => `--set '${flag}'`).join(" \\\n");
    changes.querySelector(".foretold").textContent = foretell();
  }

  // ---- all bounds together, on a sample: pipelines/figures_tuning.py says what its numbers are

  const sample = JSON.parse(list?.dataset.sample ?? "null");
  const [FILTERED, KEPT_OF_MANY, KEPT] = [1, 3, 4];

  async function unpack() {
    const packed = Uint8Array.from(atob(list.dataset.numbers), (c) => c.charCodeAt(0));
    const bytes = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const view = new DataView(await new Response(bytes).arrayBuffer());
    const n = sample.documents;
    const column = (c) => Uint16Array.from({ length: n }, (_, i) => view.getUint16(n + 2 * (c * n + i), true));
    sample.states = new Uint8Array(view.buffer, 0, n);
    sample.codes = sample.columns.map((_, c) => column(c));
    sample.misses = sample.columns.map(() => new Uint8Array(n));
    sample.missed = new Uint8Array(n);
  }

  // The bounds of one variant of a signal are now at these places.
  function judge(key, { counts, variant }, [low, high]) {
    const column = sample.columns.indexOf(key);
    const nCodes = counts.length + 1;
    const isOn = low > 0 || high < counts.length;
    const [first, codes, misses] = [variant * nCodes, sample.codes[column], sample.misses[column]];
    for (let i = 0; i < codes.length; i++) {
      const bin = codes[i] - first;
      if (bin < 0 || bin >= nCodes) continue;
      const miss = isOn && (bin < low || bin >= high) ? 1 : 0;
      sample.missed[i] += miss - misses[i];
      misses[i] = miss;
    }
  }

  function foretell() {
    const { states, missed, documents, kept, of } = sample;
    const is = (i, wanted, isMissed) => states[i] === wanted && missed[i] > 0 === isMissed;
    const tally = (...which) => states.reduce((n, _, i) => n + is(i, ...which), 0);
    const [gained, lost, replaced] = [tally(FILTERED, false), tally(KEPT, true), tally(KEPT_OF_MANY, true)];
    // Each document adds 1, 0 or -1: `n` of them not 0, `net` in all; two more, since none seen is not none.
    const spread = (n, net) => Math.sqrt((n - net ** 2 / documents + 2) * Math.max(0, 1 - documents / of));
    const least = kept / of - (lost + replaced + 1.96 * spread(lost + replaced, lost + replaced)) / documents;
    const most = kept / of + (gained - lost + 1.96 * spread(gained + lost, gained - lost)) / documents;
    const share = (x) => (100 * Math.min(1, Math.max(0, x))).toFixed(2);
    const range = `${share(least)} to ${share(most)} %`;
    return `Together they would keep ${range} of the documents; now it is ${share(kept / of)} %.`;
  }

  function describe({ counts, kept, missing, inForce }, places) {
    const isOn = ([low, high]) => low > 0 || high < counts.length;
    const outside = (numbers, [low, high]) => sum(numbers.filter((_, i) => i < low || i >= high));
    const removes = (bins) => outside(counts, bins) + (isOn(bins) ? missing : 0);
    const documents = sum(counts) + missing;
    const [now, then] = [removes(inForce), removes(places)];
    const words = (n) => `${count(n)} of ${count(documents)} documents (${percent(n, documents)})`;
    if (String(places) === String(inForce)) return `This bound alone removes ${words(now)}.`;
    const lost = outside(kept, places);
    const change = `${count(Math.abs(then - now))} ${then < now ? "fewer" : "more"} than ${count(now)}`;
    return `Yours alone removes ${words(then)}, ${change}; ${count(lost)} of them pass the filter today.`;
  }

  function showBeyond(panel, nBins, [low, high]) {
    const left = panel.querySelector('.beyond[data-side="min"]');
    const right = panel.querySelector('.beyond[data-side="max"]');
    left.setAttribute("width", `${(100 * low) / nBins}%`);
    right.setAttribute("x", `${(100 * high) / nBins}%`);
    right.setAttribute("width", `${(100 * (nBins - high)) / nBins}%`);
  }

  function prepare(group) {
    const { key, tuning: json } = group.dataset;
    const tuning = JSON.parse(json);
    const nBins = tuning.counts.length;
    const sliders = all("input", group);
    const place = (side) => {
      const slider = sliders.find((one) => one.dataset.side === side);
      return slider ? Number(slider.value) : tuning.inForce[side === "min" ? 0 : 1];
    };
    const update = () => {
      const places = [place("min"), place("max")];
      sliders.forEach((slider, i) => {
        const bound = tuning.sides[i].bounds[slider.value];
        slider.previousElementSibling.textContent = bound === null ? "off" : value(bound);
        slider.ariaValueText = slider.previousElementSibling.textContent;
      });
      group.querySelector(".effect").textContent = describe(tuning, places);
      showBeyond(group.parentElement, nBins, places);
      judge(key, tuning, places);
    };
    sliders.forEach((slider, i) => {
      const { side, bounds, keys } = tuning.sides[i];
      const inForce = tuning.inForce[side === "min" ? 0 : 1];
      const [least, most] = side === "min" ? [0, nBins - 1] : [1, nBins];
      slider.reset = () => {
        slider.value = inForce;
        update();
      };
      slider.flags = () => (Number(slider.value) === inForce ? [] : keys.map((key) => `${key}=${bounds[slider.value]}`));
      slider.value = inForce;
      slider.addEventListener("input", () => {
        slider.value = Math.min(most, Math.max(least, slider.value));
        update();
        showChanges();
      });
    });
    update();
  }

  if (!list) return;
  unpack().then(() => {
    for (const group of all(".tuning")) prepare(group);
    document.getElementById("reset").addEventListener("click", () => {
      for (const slider of all(".tuning input")) slider.reset();
      showChanges();
    });
  });
})();
