// The figure on separable convolutions: draws what convolution.js computed, one step after the other.
// It needs no library and no server. Everything can be reached by keyboard, and nothing moves by itself.
"use strict";

(() => {
  const CELL = 20; // of a drawing; style sheets choose the size on the screen
  const CHOICES = { M: [1, 2, 3, 4], N: [1, 2, 4, 8], K: [3, 5] };
  const START = { M: 3, N: 4, K: 3 };
  const REDUCED = window.matchMedia("(prefers-reduced-motion: reduce)");

  const count = (number) => number.toLocaleString("en-US");
  const signed = (number) => String(number).replace("-", "−");
  const cap = (word) => word[0].toUpperCase() + word.slice(1);
  const D = "D<sub>K</sub>", G = "D<sub>G</sub>";

  // A table of numbers as a drawing. `show` fills a cell, null empties it; `frame` puts a frame around some.
  function table(rows, columns, largest, name) {
    const svg = element("svg", {
      viewBox: `-2 -2 ${columns * CELL + 4} ${rows * CELL + 4}`, role: "img", "aria-label": name,
      style: `width: calc(${columns + 0.2} * var(--cell))`,
    });
    const cells = [];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const rect = element("rect", { x: j * CELL, y: i * CELL, width: CELL, height: CELL, class: "cell" });
        const text = element("text", { x: (j + 0.5) * CELL, y: (i + 0.5) * CELL });
        svg.append(rect, text);
        cells.push({ rect, text, value: null });
      }
    }
    const border = element("rect", { class: "frame", visibility: "hidden" });
    svg.append(border);

    function show(i, j, value) {
      const cell = cells[i * columns + j];
      if (cell.value === value) return;
      cell.value = value;
      cell.text.textContent = value === null ? "" : signed(value);
      cell.rect.classList.toggle("above", value > 0);
      cell.rect.classList.toggle("below", value < 0);
      cell.rect.style.fillOpacity = value ? 0.15 + (0.4 * Math.abs(value)) / largest : 0;
    }

    function frame(i, j, height, width, strong) {
      const place = { x: j * CELL, y: i * CELL, width: width * CELL, height: height * CELL };
      for (const [key, value] of Object.entries(place)) border.setAttribute(key, value);
      border.setAttribute("visibility", "visible");
      border.classList.toggle("strong", strong);
    }

    const unframe = () => border.setAttribute("visibility", "hidden");
    return { svg, show, frame, unframe, rows, columns };
  }

  const largest = (values) => Math.max(1, ...values.flat(3).map(Math.abs));

  function fill(drawn, values) {
    values.forEach((row, i) => row.forEach((value, j) => drawn.show(i, j, value)));
  }

  // The tables of one run: per channel in, input, filter and result; per channel out, weights and result.
  function tables(run) {
    const { M, N, K, G: side, input, filters, mixes, middle, output } = run;
    const bounds = [input, filters, middle, mixes, output].map(largest);
    const channels = input.map((picture, m) => {
      const parts = {
        input: table(convolution.SIDE, convolution.SIDE, bounds[0], `input, channel ${m + 1}`),
        filter: table(K, K, bounds[1], `depthwise filter ${m + 1}`),
        middle: table(side, side, bounds[2], `result of the depthwise convolution, channel ${m + 1}`),
      };
      fill(parts.input, picture);
      fill(parts.filter, filters[m]);
      return parts;
    });
    const outputs = output.map((_, n) => {
      const parts = {
        weights: table(1, M, bounds[3], `pointwise weights of output ${n + 1}`),
        output: table(side, side, bounds[4], `output ${n + 1}`),
      };
      fill(parts.weights, [mixes.map((row) => row[n])]);
      return parts;
    });
    return { channels, outputs };
  }

  function unit(caption, ...parts) {
    return element("div", { class: "unit" }, element("span", { class: "caption" }, caption), ...parts);
  }

  // Everything on the page that one choice of M, N and K needs, and `go(t)`, which shows it after t steps.
  function scene(M, N, K, visit) {
    const run = convolution.run(M, N, K);
    const { channels, outputs } = tables(run);
    const last = run.steps.at(-1), perPlace = M + N;
    const titles = convolution.FILTERS.map(({ name }, m) => `${m + 1}: ${name}`);
    const view = element("div", { class: "scene" });
    view.append(
      element("h4", {}, "Depthwise: each channel with a filter of its own"),
      element("div", { class: "units" }, ...channels.map(({ input, filter, middle }, m) =>
        unit(titles[m], input.svg, "∗", filter.svg, "=", middle.svg))),
      element("h4", {}, "Pointwise: each output is a sum over the channels, with weights of its own"),
      element("div", { class: "units" }, ...outputs.map(({ weights, output }, n) =>
        unit(`output ${n + 1}`, weights.svg, output.svg))),
    );
    const results = [...channels.map(({ middle }) => middle), ...outputs.map(({ output }) => output)];
    const values = [...run.middle, ...run.output];
    results.forEach((drawn, part) => drawn.svg.addEventListener("click", (event) => {
      const box = drawn.svg.getBoundingClientRect();
      const at = (offset, size) => Math.min(run.G - 1, Math.max(0, Math.floor((offset / size) * run.G)));
      const i = at(event.clientY - box.top, box.height), j = at(event.clientX - box.left, box.width);
      visit((i * run.G + j) * perPlace + part + 1);
    }));

    function go(t) {
      results.forEach((drawn, part) => {
        for (let i = 0; i < run.G; i++) {
          for (let j = 0; j < run.G; j++) {
            drawn.show(i, j, (i * run.G + j) * perPlace + part < t ? values[part][i][j] : null);
          }
        }
      });
      const everything = [...channels, ...outputs].flatMap((parts) => Object.values(parts));
      everything.forEach((drawn) => drawn.unframe());
      const step = t ? run.steps[t - 1] : { stage: "start", i: 0, j: 0 };
      channels.forEach((parts, m) => {
        const active = step.stage === "depthwise" && step.channel === m;
        parts.input.frame(step.i, step.j, K, K, active);
        if (active) parts.filter.frame(0, 0, K, K, true);
        if (active || step.stage === "pointwise") parts.middle.frame(step.i, step.j, 1, 1, true);
      });
      if (step.stage === "pointwise") {
        outputs[step.channel].weights.frame(0, 0, 1, M, true);
        outputs[step.channel].output.frame(step.i, step.j, 1, 1, true);
      }
      return step;
    }

    return { run, view, go, last, perPlace };
  }

  // The step in words and numbers.
  function sentence({ M, K }, step) {
    if (step.stage === "start") return "Play, or go step by step. A cell of a result can be clicked, too.";
    const factor = (number) => (number < 0 ? `(${signed(number)})` : number);
    const products = step.terms.map(([x, w]) => `${factor(x)}·${factor(w)}`).join(" + ");
    const where = `${cap(step.stage)}, row ${step.i + 1}, column ${step.j + 1}, `;
    const what = step.stage === "depthwise" ? `channel ${step.channel + 1}` : `output ${step.channel + 1}`;
    const beside = step.stage === "depthwise" ? "" :
      ` The standard convolution takes ${K * K * M} for this number.`;
    const many = `${step.terms.length} multiply-add${step.terms.length > 1 ? "s" : ""}`;
    return `${where}${what}: ${products} = ${signed(step.value)}, ${many}.${beside}`;
  }

  // Two bars with their numbers, each as long as its share of the larger total.
  function counters(last) {
    const whole = Math.max(last.standard, last.separable);
    const box = element("div", { class: "counters" });
    const parts = ["standard", "separable"].map((kind) => {
      const bar = element("div", { class: `bar ${kind}` }), number = element("span", { class: "number" });
      box.append(element("span", {}, kind), number, element("div", { class: "track" }, bar));
      return { kind, bar, number };
    });
    return { box, set(step) {
      for (const { kind, bar, number } of parts) {
        number.textContent = count(step[kind] ?? 0);
        bar.style.width = `${(100 * (step[kind] ?? 0)) / whole}%`;
      }
    } };
  }

  // The formulas with the numbers put in.
  function formulas({ M, N, K, G: side }, { standard, separable }) {
    const box = element("div", { class: "formulas" });
    const bold = (text) => `<b>${text}</b>`, three = (number) => number.toFixed(3);
    const together = `${K}² · ${M} · ${N} · ${side}²`;
    const separately = `(${K}² · ${M} + ${M} · ${N}) · ${side}²`;
    box.innerHTML = [
      `standard: ${D}² · M · N · ${G}² = ${together} = ${bold(count(standard))}`,
      `separable: (${D}² · M + M · N) · ${G}² = ${separately} = ${bold(count(separable))}`,
      `separable / standard: ${count(separable)} / ${count(standard)} = ${bold(three(separable / standard))}`,
      `1/N + 1/${D}² = 1/${N} + 1/${K * K} = ${three(1 / N)} + ${three(1 / (K * K))}`,
    ].map((line) => `<p>${line}</p>`).join("");
    return box;
  }

  // How long to wait before the next step: the first places of the window slowly, the rest in 15 seconds.
  function pause(t, { perPlace, run }) {
    if (REDUCED.matches) return 1000;
    const place = Math.floor(t / perPlace);
    return place < 1 ? 900 : place < 3 ? 300 : Math.max(30, Math.min(200, 15000 / run.steps.length));
  }

  function figure(root) {
    const chosen = { ...START };
    let shown, counted, t = 0, timer = null;
    const back = button("Back", () => visit(t - 1)), next = button("Step", () => visit(t + 1));
    const play = button("Play", () => (timer === null ? start() : stop()));
    const slider = element("input", { type: "range", min: 0, value: 0, "aria-label": "step" });
    const words = element("p", { class: "words" });
    const bars = element("div"), below = element("div");

    function go(to) {
      t = Math.max(0, Math.min(shown.run.steps.length, to));
      const step = shown.go(t);
      counted.set(step);
      words.textContent = sentence(shown.run, step);
      slider.value = t;
      slider.setAttribute("aria-valuetext", `${t} of ${shown.run.steps.length} numbers computed`);
    }

    function stop() {
      clearTimeout(timer);
      timer = null;
      play.textContent = "Play";
      words.setAttribute("aria-live", "polite");
    }

    function tick() {
      if (t >= shown.run.steps.length) return stop();
      // Where motion is not wanted, a second shows all numbers of a place at once.
      go(REDUCED.matches ? t + shown.perPlace - (t % shown.perPlace) : t + 1);
      timer = setTimeout(tick, pause(t, shown));
    }

    function start() {
      if (t >= shown.run.steps.length) go(0);
      play.textContent = "Pause";
      words.setAttribute("aria-live", "off"); // a screen reader could not follow
      tick();
    }

    function visit(to) {
      stop();
      go(to);
    }

    function rebuild() {
      stop();
      shown = scene(chosen.M, chosen.N, chosen.K, visit);
      counted = counters(shown.last);
      slider.max = shown.run.steps.length;
      bars.replaceChildren(counted.box);
      below.replaceChildren(words, shown.view, formulas(shown.run, shown.last));
      go(0);
    }

    slider.addEventListener("input", () => visit(Number(slider.value)));

    function choice(key, title) {
      const select = element("select", {}, ...CHOICES[key].map((value) => {
        const option = element("option", { value }, key === "K" ? `${value} × ${value}` : String(value));
        option.selected = value === chosen[key];
        return option;
      }));
      select.addEventListener("change", () => {
        chosen[key] = Number(select.value);
        rebuild();
      });
      const label = element("label");
      label.innerHTML = title;
      label.append(select);
      return label;
    }

    root.replaceChildren(
      element("div", { class: "choices" }, choice("M", "channels in, M "), choice("N", "channels out, N "),
        choice("K", `kernel, ${D} `)),
      element("div", { class: "steady" }, element("div", { class: "transport" }, back, play, next, slider),
        element("h4", {}, "Multiply-adds so far"), bars),
      below,
    );
    rebuild();
  }

  figure(document.getElementById("separable-figure"));
})();
