"use strict";
// The maps, and what ties the parts of the page together: the step, the layer and the unit that are chosen.

const firstStep = () => app.now.labels.length - app.now.steps; // of those that are shown, the first that is read

function choose(step) {
  app.step = Math.min(Math.max(step, 0), app.now.labels.length - 1);
  drawSoon();
}

function chooseUnit(unit) {
  const most = Math.max(...Object.values(app.now.parts[app.part].kept).map((one) => one.size)) - 1;
  app.unit = Math.min(Math.max(Math.round(unit), 0), most);
  drawSoon();
}

const chosenAt = (canvas, event) => choose(placeOf(canvas, event, app.now.labels.length).column);

function drawMaps() {
  const { page, now } = app, part = now.parts[app.part], described = page.parts[app.part], cell = page.cells[described.cell];
  const place = document.getElementById("maps"), total = now.labels.length, t = app.step - firstStep();
  const sorted = cell.keep && part.kept[cell.keep] ? `by how long gate ${cell.keep} keeps what they have, longest at the top` : "by how little their output changes from step to step, steadiest at the top";
  caption("maps-caption", `Shows every gate and state of ${described.name} at every step, a row a unit, sorted ${sorted}. It does not show what a unit stands for.`);
  const above = canvasIn(place, "above", chosenAt);
  if (app.text) {
    const f = frame(above, 18, total);
    columnLabels(f, now.labels);
  } else {
    const size = app.reading.channels.length, values = now.value.filter((_, k) => k % size === app.channel);
    curves(above, { series: [{ values, colour: MUTED }], total, height: 60, cursor: app.step });
  }
  const names = Object.keys(part.kept);
  for (const name of names) {
    const one = part.kept[name], order = app.orders[app.part][one.size], share = cell.shares.includes(name);
    const top = one.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1, low = share ? 0 : -top, high = share ? 1 : top;
    const kind = cell.states.includes(name) ? "state" : "gate", detail = share ? shares(one) : "";
    const title = element("h3", {}, [`${kind} ${name}`, scale(low, high), element("small", { text: detail })]);
    renewed(place, `title-${name}`, title);
    const at = (r, c) => one.data[c * one.size + order[r]];
    const height = Math.min(Math.max(one.size * 5, 36), 190), marked = order.indexOf(app.unit);
    const canvas = canvasIn(place, `map-${name}`, (canvas, event) => {
      const { column, down } = placeOf(canvas, event, app.now.labels.length);
      const kept = app.now.parts[app.part].kept[name], rows = app.orders[app.part][kept.size];
      app.unit = rows[Math.min(Math.max(Math.floor(down * kept.size), 0), kept.size - 1)];
      choose(column);
    });
    heatMap(canvas, { rows: one.size, columns: one.steps, total, first: firstStep(), at, low, high, height, cursor: t < 0 ? -1 : app.step, marked });
  }
  const wanted = new Set(["above", ...names.flatMap((name) => [`title-${name}`, `map-${name}`])]);
  for (const child of [...place.children]) if (!wanted.has(child.dataset.key)) child.remove();
}

function shares(gate) {
  const count = (test) => `${Math.round((100 * gate.data.filter(test).length) / gate.data.length)} %`;
  return `below 0.1: ${count((v) => v < 0.1)}, above 0.9: ${count((v) => v > 0.9)} of steps and units`;
}

function drawFade() {
  const place = document.getElementById("fade"), { now, base, edit, page } = app;
  if (!edit || page.recorded) {
    const text = page.recorded ? "This page cannot run the model, so nothing can be changed." : "Nothing has been changed yet: edit the input, or press “Change one step”.";
    place.replaceChildren(element("p", { className: "small", text }));
    return;
  }
  if (!place.querySelector("[data-key]")) place.replaceChildren();
  const first = firstStep(), total = now.labels.length;
  const apart = now.parts.map((part, k) => {
    const name = Object.keys(part.kept).find((one) => one === page.cells[page.parts[k].cell].states[0]);
    const own = part.kept[name], old = base.parts[k].kept[name], out = empty(own.steps, own.size);
    for (let t = 0; t < own.steps; t++) {
      const before = counterpart(t);
      row(out, t).set(before < 0 ? new Float64Array(own.size).fill(NaN) : row(own, t).map((value, u) => Math.abs(value - row(old, before)[u])));
    }
    return out;
  });
  const norms = apart.map((one) => Float64Array.from({ length: one.steps }, (_, t) => Math.hypot(...row(one, t))));
  renewed(place, "legend", legend(norms.map((_, k) => [`${page.parts[k].name}: norm of Δh`, CURVES[k % CURVES.length]])));
  const series = norms.map((values, k) => ({ values, colour: CURVES[k % CURVES.length], first, width: k === app.part ? 2.2 : 1.3 }));
  const range = [0, Math.max(...norms.flatMap((one) => Array.from(one)).filter(Number.isFinite), 1e-9)];
  curves(canvasIn(place, "norms", chosenAt), { series, total, height: 150, cursor: app.step, labels: now.labels, range, shade: [edit.from, Math.max(edit.to, edit.from)] });
  const one = apart[app.part], order = app.orders[app.part][one.size], high = one.data.reduce((most, value) => (value > most ? value : most), 0) || 1e-9;
  renewed(place, "title", element("h3", {}, [`|Δh| of ${page.parts[app.part].name}, by unit`, scale(0, high)]));
  heatMap(canvasIn(place, "map", chosenAt), { rows: one.size, columns: one.steps, total, first, at: (r, c) => one.data[c * one.size + order[r]], low: 0, high, height: Math.min(Math.max(one.size * 5, 36), 190), cursor: app.step });
}

// For each gate a bar a unit, in the maps' order: orange from below, blue from above.
function drawSaturation() {
  const { page, now } = app, part = now.parts[app.part], cell = page.cells[page.parts[app.part].cell];
  const place = document.getElementById("saturation"), names = cell.shares.filter((name) => part.kept[name]);
  if (!names.length) return place.replaceChildren(element("p", { className: "small", text: `The cell ${page.parts[app.part].cell} has no gate between 0 and 1.` }));
  if (!place.querySelector("[data-key]")) place.replaceChildren();
  for (const name of names) {
    const one = part.kept[name], order = app.orders[app.part][one.size];
    renewed(place, `title-${name}`, element("h3", {}, [`gate ${name}`, element("small", { text: shares(one) })]));
    const height = 70, f = frame(canvasIn(place, `bars-${name}`, null), height, one.size), g = f.g;
    g.fillStyle = "#f1f1f1";
    g.fillRect(LEFT, 0, f.width - LEFT - RIGHT, height);
    order.forEach((unit, k) => {
      let shut = 0, open = 0;
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
  const { page, now } = app, part = now.parts[app.part], cell = page.cells[page.parts[app.part].cell];
  const place = document.getElementById("memory"), constants = timeConstants(part, cell.keep);
  if (!constants) {
    caption("memory-caption", "");
    return place.replaceChildren(element("p", { className: "small", text: `The cell ${page.parts[app.part].cell} has no gate that keeps its old state.` }));
  }
  if (!place.querySelector("[data-key]")) place.replaceChildren();
  caption("memory-caption", `Shows, for each unit, longest first, after how many steps gate ${cell.keep} alone has let its state fade to 1/e: −1 / mean(log ${cell.keep}) over these steps. It does not show what comes back through the recurrent weights, which can keep a memory longer.`);
  const order = app.orders[app.part][constants.length], values = order.map((unit) => Math.log10(constants[unit]));
  const canvas = canvasIn(place, "curve", (canvas, event) => chooseUnit(app.orders[app.part][constants.length][placeOf(canvas, event, constants.length).column]));
  const labels = order.map(String);
  curves(canvas, { series: [{ values, colour: NOW, dots: true }], total: order.length, height: 150, cursor: order.indexOf(app.unit), labels, log: true });
  renewed(place, "said", element("p", { className: "small", text: `Unit ${app.unit}: ${number(Number(constants[app.unit]?.toPrecision(3)))} steps. Along the bottom: the units' numbers.` }));
}

function drawConnectivity() {
  const place = document.getElementById("connectivity"), found = app.page.connectivity;
  if (!found) return caption("connectivity-caption", "Not known here: the model has a layer whose gradient is not known.");
  const { bytes, tops, outputs, steps } = found, [rows, columns] = bytes.shape, total = app.base.labels.length, first = total - columns;
  caption("connectivity-caption", "Shows the norm of the gradient of each output (of a class: of its logit), a row an output, with respect to what the model reads at each step, for the sequence as it was. It does not show what a large change would do, and does not follow an edit.");
  const strength = (r, c) => (bytes.data[r * columns + c] / 255) * tops.data[r], t = app.step - first;
  const high = Math.max(...tops.data) || 1;
  if (steps[0] >= 0) app.row = steps.reduce((best, step, k) => (Math.abs(step - t) < Math.abs(steps[best] - t) ? k : best), 0);
  else app.row = Math.min(app.row ?? 0, rows - 1);
  renewed(place, "title", element("h3", {}, [`${rows} outputs × ${columns} steps`, scale(0, high)]));
  const map = canvasIn(place, "map", (canvas, event) => {
    const { column, down } = placeOf(canvas, event, app.base.labels.length);
    app.row = Math.min(Math.max(Math.floor(down * rows), 0), rows - 1);
    choose(steps[0] >= 0 ? steps[app.row] + first : column);
  });
  heatMap(map, { rows, columns, total, first, at: strength, low: 0, high, height: Math.min(Math.max(rows * 8, 40), 240), marked: app.row });
  renewed(place, "row-title", element("h3", { text: `Output: ${said(outputs[app.row])}` }));
  const values = Float64Array.from({ length: columns }, (_, c) => strength(app.row, c));
  curves(canvasIn(place, "row", null), { series: [{ values, colour: NOW, first }], total, height: 110, labels: app.base.labels, range: [0, tops.data[app.row] || 1] });
}

function drawBar() {
  const slider = document.getElementById("step"), select = document.getElementById("part");
  slider.max = String(app.now.labels.length - 1);
  slider.value = String(app.step);
  select.value = String(app.part);
  const label = app.now.labels[app.step], same = label === String(app.step);
  document.getElementById("step-label").textContent = `step ${app.step}${same ? "" : `: ${clipped(shown(label), 19)}`}`;
}

function draw() {
  for (const part of [drawInput, drawOutput, drawEquation, drawMaps, drawFade, drawSaturation, drawMemory, drawConnectivity, drawBar]) part();
}

let waiting = false;
function drawSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    draw();
  });
}

function startPage() {
  begin();
  const slider = document.getElementById("step"), select = document.getElementById("part");
  app.page.parts.forEach((part, k) => select.append(element("option", { value: k, text: `${part.cell}, ${part.name}` })));
  select.addEventListener("change", () => {
    app.part = Number(select.value);
    chooseUnit(app.unit);
  });
  slider.addEventListener("input", () => choose(Number(slider.value)));
  window.addEventListener("resize", drawSoon);
  makeInput();
  makeEquation();
  app.unit = Object.values(app.orders[0])[0][0];
  draw();
}

if (document.getElementById("page")) startPage();
