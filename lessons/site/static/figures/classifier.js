// The figure that classifies: a drawing or a test image goes through network.js, the answer becomes bars.
// `weights` and `images` are scripts that lessons/site/figures.py wrote when the page was made.
"use strict";

(() => {
  const SIDE = 28;
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0] };
  const layers = network.read(weights.layers);
  const { classes, labels } = images;
  const percent = (probability) => `${(100 * probability).toFixed(1)} %`;

  // Test images as numbers from 0, black, to 1, white.
  const pixels = Float32Array.from(network.bytes(images.pixels), (value) => value / 255);
  const pictures = labels.map((_, index) => pixels.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE));

  const logits = (values) => network.logits(layers, network.image(SIDE, SIDE, 1, values));
  const classify = (values) => network.softmax(logits(values));
  const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));

  // Shows values as a picture: light on dark, in either theme, as the network has it.
  function show(canvas, values) {
    const context = canvas.getContext("2d"), data = context.createImageData(SIDE, SIDE);
    values.forEach((value, place) => {
      data.data.fill(Math.round(255 * value), 4 * place, 4 * place + 3);
      data.data[4 * place + 3] = 255;
    });
    context.putImageData(data, 0, 0);
  }

  // Lays a round brush on the pixels around (x, y); its edge is soft, as that of a photograph.
  function dab(values, x, y, radius, light) {
    for (let i = 0; i < SIDE; i++) {
      for (let j = 0; j < SIDE; j++) {
        const cover = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(j + 0.5 - x, i + 0.5 - y)));
        const place = i * SIDE + j;
        values[place] = light ? Math.max(values[place], cover) : Math.min(values[place], 1 - cover);
      }
    }
  }

  // The drawing moved so that what is on it has equal margins left and right, above and below.
  function centred(values) {
    const lit = [...values.keys()].filter((place) => values[place] > 0.1);
    if (!lit.length) return values;
    const shift = (places) => Math.round((SIDE - 1 - Math.min(...places) - Math.max(...places)) / 2);
    const down = shift(lit.map((place) => Math.floor(place / SIDE)));
    const right = shift(lit.map((place) => place % SIDE));
    return values.map((_, place) => {
      const i = Math.floor(place / SIDE) - down, j = (place % SIDE) - right;
      return i >= 0 && i < SIDE && j >= 0 && j < SIDE ? values[i * SIDE + j] : 0;
    });
  }

  // The drawing area. `changed` is called whenever the drawing is another one.
  function easel(changed) {
    let values = new Float32Array(SIDE * SIDE), last = null, asked = false;
    const cursor = { x: SIDE / 2, y: SIDE / 2 };
    const canvas = element("canvas", {
      width: SIDE, height: SIDE, class: "pad", tabindex: 0, role: "application",
      "aria-label": "Drawing area of 28 by 28 pixels. Arrow keys move the brush, the space bar draws.",
    });
    const brush = element("input", { type: "range", min: 0.5, max: 4, step: 0.5, value: 1.5 });
    const rubber = element("input", { type: "checkbox" });
    const spot = element("div", { class: "spot" });

    function redraw() {
      if (asked) return;
      asked = true; // many movements of a pointer are one picture
      requestAnimationFrame(() => {
        asked = false;
        show(canvas, values);
        changed(values);
      });
    }

    function set(other) {
      values = Float32Array.from(other);
      redraw();
    }

    const touch = (x, y) => dab(values, x, y, Number(brush.value), !rubber.checked);

    function line(event) {
      const box = canvas.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * SIDE;
      const y = ((event.clientY - box.top) / box.height) * SIDE;
      const from = last ?? { x, y }, dabs = Math.ceil(2 * Math.hypot(x - from.x, y - from.y)) + 1;
      for (let k = 1; k <= dabs; k++) {
        touch(from.x + ((x - from.x) * k) / dabs, from.y + ((y - from.y) * k) / dabs);
      }
      last = { x, y };
      redraw();
    }

    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      last = null;
      line(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) line(event);
    });
    canvas.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!move) return;
      event.preventDefault(); // the page stays where it is
      cursor.x = Math.max(0, Math.min(SIDE, cursor.x + move[0]));
      cursor.y = Math.max(0, Math.min(SIDE, cursor.y + move[1]));
      spot.style.left = `${(100 * cursor.x) / SIDE}%`;
      spot.style.top = `${(100 * cursor.y) / SIDE}%`;
      if (event.key === " ") {
        touch(cursor.x, cursor.y);
        redraw();
      }
    });

    const tools = element("div", { class: "tools" },
      element("label", {}, "brush ", brush),
      element("label", {}, rubber, " rub out"),
      button("Centre", () => set(centred(values))),
      button("Clear", () => set(new Float32Array(SIDE * SIDE))));
    redraw();
    const ground = element("div", { class: "ground" }, canvas, spot);
    return { box: element("div", { class: "easel" }, ground, tools), set };
  }

  // The answer: a sentence, and a bar for each class.
  function answer() {
    const words = element("p", { class: "verdict", "aria-live": "polite" });
    const rows = classes.map((name) => {
      const bar = element("div", { class: "bar" }), number = element("span", { class: "number" });
      const cells = [element("span", {}, name), element("div", { class: "track" }, bar), number];
      return { bar, number, cells };
    });

    function set(probabilities, comment) {
      const winner = probabilities && best(probabilities);
      rows.forEach(({ bar, number, cells }, index) => {
        bar.style.width = probabilities ? `${100 * probabilities[index]}%` : 0;
        number.textContent = probabilities ? percent(probabilities[index]) : "";
        cells[0].classList.toggle("winner", index === winner);
      });
      const verdict = probabilities && `${classes[winner]}, ${percent(probabilities[winner])}.`;
      words.textContent = verdict ? `${verdict} ${comment}` : comment;
    }

    const bars = element("div", { class: "bars" }, ...rows.flatMap(({ cells }) => cells));
    return { box: element("div", { class: "answer" }, words, bars), set };
  }

  // The test images, each a button.
  function gallery(chosen) {
    const thumbs = pictures.map((values, index) => {
      const canvas = element("canvas", { width: SIDE, height: SIDE });
      const name = `test image ${index + 1}, ${classes[labels[index]]}`;
      const thumb = button(canvas, () => chosen(index), { class: "thumb", title: name, "aria-label": name });
      show(canvas, values);
      return thumb;
    });
    const result = element("p", { class: "result", "aria-live": "polite" });

    // All images, one after the other, with a breath between for the page.
    async function all() {
      let right = 0, milliseconds = 0;
      for (const [index, values] of pictures.entries()) {
        const before = performance.now();
        const found = best(classify(values));
        milliseconds += performance.now() - before;
        right += found === labels[index];
        if (found !== labels[index]) {
          thumbs[index].classList.add("wrong");
          thumbs[index].title = `${classes[labels[index]]}, taken for ${classes[found]}`;
        }
        await new Promise((resolve) => setTimeout(resolve));
      }
      const each = (milliseconds / pictures.length).toFixed(0);
      result.textContent = `${right} of ${pictures.length} right, ${each} ms each; framed: the wrong ones.`;
    }

    const every = button(`Classify all ${pictures.length}`, async () => {
      every.disabled = true;
      await all();
      every.disabled = false;
    });
    return element("div", {}, element("div", { class: "gallery" }, ...thumbs), every, result);
  }

  function figure(root) {
    let label = null; // of the test image on the easel, as long as nobody draws on it
    const said = answer();
    const drawing = easel((values) => {
      if (!values.some(Boolean)) return said.set(null, "Draw a garment, or choose a test image.");
      const comment = label === null ? "" : `The label says ${classes[label]}.`;
      label = null;
      said.set(classify(values), comment);
    });
    const products = network.multiplyAdds(layers, SIDE, SIDE, 1).toLocaleString("en-US");
    root.replaceChildren(
      element("div", { class: "studio" }, drawing.box, said.box),
      gallery((index) => {
        label = labels[index];
        drawing.set(pictures[index]);
      }),
      element("p", {}, `${products} multiply-adds for an image.`),
    );
  }

  figure(document.getElementById("classifier-figure"));
})();
