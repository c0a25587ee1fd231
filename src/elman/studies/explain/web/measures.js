"use strict";
// Figures of units and outputs: saturation, memory, and what an output depends on.

// For each gate a bar a unit, in the maps' order: orange from below, blue from above.
function drawSaturation() {
  const { page, now } = app,
    part = now.parts[app.part],
    cell = page.cells[page.parts[app.part].cell];
  const place = document.getElementById("saturation"),
    names = cell.shares.filter((name) => part.kept[name]);
  if (!names.length)
    return place.replaceChildren(
      element("p", { className: "small", text: `The cell ${page.parts[app.part].cell} has no gate between 0 and 1.` }),
    );
  if (!place.querySelector("[data-key]")) place.replaceChildren();
  for (const name of names) {
    const one = part.kept[name],
      order = app.orders[app.part][one.size];
    renewed(place, `title-${name}`, element("h3", {}, [`gate ${name}`, element("small", { text: shares(one) })]));
    const height = 70,
      f = frame(canvasIn(place, `bars-${name}`, null), height, one.size),
      g = f.g;
    g.fillStyle = "#f1f1f1";
    g.fillRect(LEFT, 0, f.width - LEFT - RIGHT, height);
    order.forEach((unit, k) => {
      let shut = 0,
        open = 0;
      for (let t = 0; t < one.steps; t++) {
        const value = one.data[t * one.size + unit];
        shut += value < 0.1 ? 1 / one.steps : 0;
        open += value > 0.9 ? 1 / one.steps : 0;
      }
      const wide = Math.max(f.step - (f.step > 4 ? 1 : 0), 0.5);
      g.fillStyle = "#e8830c";
      g.fillRect(f.x(k), height - shut * height, wide, shut * height);
      g.fillStyle = NOW;
      g.fillRect(f.x(k), 0, wide, open * height);
    });
    g.fillStyle = MUTED;
    g.textAlign = "right";
    ["100 %", "0 %"].forEach((text, k) => g.fillText(text, LEFT - 5, k ? height - 2 : 10));
  }
  const wanted = new Set(names.flatMap((name) => [`title-${name}`, `bars-${name}`]));
  for (const child of [...place.children]) if (!wanted.has(child.dataset.key)) child.remove();
}

function drawMemory() {
  const { page, now } = app,
    part = now.parts[app.part],
    cell = page.cells[page.parts[app.part].cell];
  const place = document.getElementById("memory"),
    constants = timeConstants(part, cell.keeper);
  if (!constants) {
    caption("memory-caption", "");
    return place.replaceChildren(
      element("p", {
        className: "small",
        text: `The cell ${page.parts[app.part].cell} has no gate that keeps its old state.`,
      }),
    );
  }
  if (!place.querySelector("[data-key]")) place.replaceChildren();
  caption("memory-caption", memoryCaption(cell.keeper));
  const order = app.orders[app.part][constants.length],
    values = order.map((unit) => Math.log10(constants[unit]));
  const canvas = canvasIn(place, "curve", (canvas, event) =>
    chooseUnit(app.orders[app.part][constants.length][placeOf(canvas, event, constants.length).column]),
  );
  const labels = order.map(String);
  curves(canvas, {
    series: [{ values, colour: NOW, dots: true }],
    total: order.length,
    height: 150,
    cursor: order.indexOf(app.unit),
    labels,
    log: true,
  });
  renewed(
    place,
    "said",
    element("p", {
      className: "small",
      text: `Unit ${app.unit}: ${rounded(constants[app.unit])} steps. Along the bottom: the numbers of the units.`,
    }),
  );
}

function drawConnectivity() {
  const place = document.getElementById("connectivity"),
    found = app.page.connectivity;
  caption("connectivity-caption", connectivityCaption(found !== null));
  if (!found) return;
  const { bytes, tops, outputs, steps } = found,
    [rows, columns] = bytes.shape,
    total = app.base.labels.length,
    first = total - columns;
  const strength = (r, c) => (bytes.data[r * columns + c] / 255) * tops.data[r],
    t = app.step - first;
  const high = Math.max(...tops.data) || 1;
  if (steps[0] >= 0)
    app.row = steps.reduce((best, step, k) => (Math.abs(step - t) < Math.abs(steps[best] - t) ? k : best), 0);
  else app.row = Math.min(app.row ?? 0, rows - 1);
  renewed(place, "title", element("h3", {}, [`${rows} outputs × ${columns} steps`, scale(0, high)]));
  const map = canvasIn(place, "map", (canvas, event) => {
    const { column, down } = placeOf(canvas, event, app.base.labels.length);
    app.row = Math.min(Math.max(Math.floor(down * rows), 0), rows - 1);
    choose(steps[0] >= 0 ? steps[app.row] + first : column);
  });
  heatMap(map, {
    rows,
    columns,
    total,
    first,
    at: strength,
    low: 0,
    high,
    height: Math.min(Math.max(rows * 8, 40), 240),
    marked: app.row,
  });
  renewed(place, "row-title", element("h3", { text: `Output: ${said(outputs[app.row])}` }));
  const values = Float64Array.from({ length: columns }, (_, c) => strength(app.row, c));
  curves(canvasIn(place, "row", null), {
    series: [{ values, colour: NOW, first }],
    total,
    height: 110,
    labels: app.base.labels,
    range: [0, tops.data[app.row] || 1],
  });
}
