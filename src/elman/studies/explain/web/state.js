"use strict";
// What the page knows: the model, the sequence as it was, and as it is now.

const app = { step: 0, part: 0, unit: 0, channel: 0, base: null, now: null, edit: null };

// A sequence run through the model: what is shown of it, its runs by part, and its answer in the data's units.
function computed(value) {
  const { page, model, reading, kind } = app;
  const found = runModel(
    model,
    { ...app.fixed, ...kind.inputs(reading, value) },
    app.base?.parts.map((part) => part.run),
  );
  const answer = { steps: found.output.steps, ...found.answer };
  if (!page.answer.classes) answer.values = inUnits(answer.values, value);
  const parts = found.runs.map((run) => ({ kept: run.kept, run, direction: run.direction, steps: run.x.steps }));
  return seen(value, parts, answer);
}

function inUnits(output, value) {
  const { page, reading, kind } = app,
    { scale, shift } = page.answer;
  if (kind.finish) return { ...output, data: kind.finish(reading, value, output.data) };
  if (!scale.length) return output;
  return { ...output, data: output.data.map((one, k) => one * scale[k % output.size] + shift[k % output.size]) };
}

// A sequence with what came of it; `steps` are those that the model reads.
function seen(value, parts, answer) {
  const labels = labelsOf(value);
  return { value, labels, parts, answer, steps: app.text ? labels.length : app.page.read };
}

const labelsOf = (value) => (app.kind.labels ? app.kind.labels(app.reading, value) : app.page.steps);

// Where two sequences differ: equal before `from`, equal behind `to` steps of the new one; `shift` is how much longer
// the new one is.
function difference(base, now) {
  const size = app.reading.channels ? app.reading.channels.length : 1,
    count = (value) => value.length / size;
  const equal = (a, b) => {
    for (let k = 0; k < size; k++) if (!Object.is(base[a * size + k], now[b * size + k])) return false;
    return true;
  };
  const shortest = Math.min(count(base), count(now));
  let from = 0,
    behind = 0;
  while (from < shortest && equal(from, from)) from++;
  if (from === count(base) && from === count(now)) return null;
  while (behind < shortest - from && equal(count(base) - 1 - behind, count(now) - 1 - behind)) behind++;
  return { from, to: count(now) - behind, shift: count(now) - count(base) };
}

// The step of the sequence as it was that is compared with step t of the one that is: -1 where there is none.
function counterpart(t) {
  const { edit } = app;
  if (!edit || !edit.shift) return t;
  const first = app.now.labels.length - app.now.steps; // steps that are shown but not read
  if (t + first < edit.from) return t;
  return t + first >= edit.to ? t - edit.shift : -1;
}

// Change the sequence; everything is computed anew. Gives whether the model could read it.
function apply(value) {
  const base = app.base.value;
  if (!value.length || value.length > app.most) {
    tell(value.length ? `The page reads up to ${app.most} steps.` : "There is nothing left to read: type something.");
    return false;
  }
  app.edit = difference(base, value);
  app.now = app.edit ? computed(value) : app.base;
  const finite = app.now.answer.values.data.every(Number.isFinite);
  tell(finite ? "" : "With these values the answer is not a finite number.");
  return true;
}

function tell(text) {
  const message = document.getElementById("message");
  message.textContent = text || app.page.why;
  message.hidden = !message.textContent;
}

// Units from the slowest to the fastest, and what tells that: as in Python.
function timeConstants(part, keeper) {
  if (!keeper) return null;
  const gate = part.kept[keeper.gate],
    share = keeper.rest ? (value) => 1 - value : (value) => value;
  return Float64Array.from({ length: gate.size }, (_, unit) => {
    let sum = 0;
    for (let t = 0; t < gate.steps; t++)
      sum -= Math.log(Math.min(Math.max(share(gate.data[t * gate.size + unit]), 1e-30), 1));
    return 1 / Math.max(sum / gate.steps, 1e-6);
  });
}

function restlessness(values) {
  const { steps, size, data } = values;
  return Float64Array.from({ length: size }, (_, unit) => {
    let mean = 0,
      variance = 0,
      change = 0;
    for (let t = 0; t < steps; t++) mean += data[t * size + unit] / steps;
    for (let t = 0; t < steps; t++) variance += (data[t * size + unit] - mean) ** 2 / steps;
    for (let t = 1; t < steps; t++) change += (data[t * size + unit] - data[(t - 1) * size + unit]) ** 2 / (steps - 1);
    return variance > 1e-30 ? change / (2 * variance) : 0;
  });
}

function orderOf(part, cell, size) {
  const constants = timeConstants(part, cell.keeper),
    output = part.kept[cell.states[0]];
  const units = Array.from({ length: size }, (_, unit) => unit);
  if (constants && constants.length === size) return units.sort((a, b) => constants[b] - constants[a]);
  const states = cell.states.map((name) => part.kept[name]);
  const rest = restlessness(output.size === size ? output : states.find((state) => state.size === size));
  return units.sort((a, b) => rest[a] - rest[b]);
}

// Recorded gates and states, where the page cannot run the model: bytes between a lowest and a highest value.
function recordedPart(part) {
  const kept = {};
  for (const [name, { array, low, high }] of Object.entries(part.kept)) {
    const [steps, size] = array.shape;
    kept[name] = { steps, size, data: Float64Array.from(array.data, (value) => low + (value / 255) * (high - low)) };
  }
  return { kept, run: null, direction: null, steps: Object.values(kept)[0].steps };
}

function begin() {
  const page = unpacked(JSON.parse(document.getElementById("page").textContent));
  const { reading } = page,
    kind = READINGS[reading.kind];
  Object.assign(app, { page, reading, kind, fixed: {} });
  app.text = Boolean(kind.text);
  kind.prepare(reading);
  const value = kind.start(reading);
  app.most = Math.max(1000, value.length);
  if (page.recorded) {
    const { parts, output, best } = page.recorded,
      recorded = parts.map(recordedPart);
    const values = {
      steps: output.shape.length > 1 ? output.shape[0] : 0,
      size: output.shape.at(-1),
      data: output.data,
    };
    const answer = { steps: values.steps, values, best };
    app.base = seen(value, recorded, answer);
  } else {
    for (const [name, { steps, size, array }] of Object.entries(page.fixed)) {
      app.fixed[name] = { steps, size, data: Float64Array.from(array.data) };
    }
    app.model = modelOf(page, new Float32Array(bytesOf(document.getElementById("weights").textContent).buffer));
    app.base = computed(value);
  }
  app.now = app.base;
  app.step = app.base.labels.length - 1;
  app.orders = app.base.parts.map((part, k) => {
    const cell = page.cells[page.parts[k].cell],
      orders = {};
    for (const { size } of Object.values(part.kept)) orders[size] = orders[size] || orderOf(part, cell, size);
    return orders;
  });
  tell("");
}
