"use strict";
// The part of the page where the sequence is shown and changed.

const input = { curves: null };

// The inside of the input's section, made once.
function makeInput() {
  const place = document.getElementById("input"),
    editable = !app.page.recorded;
  caption("input-caption", inputCaption(editable));
  input.strip = element("div", { className: "strip-of-steps", role: "group", "aria-label": "steps" });
  if (app.text) {
    input.field = element("textarea", { spellcheck: "false", autocapitalize: "off", "aria-label": "the sequence" });
    input.field.value = app.kind.text(app.reading, app.base.value);
    input.field.addEventListener("input", () => changed(app.kind.parse(app.reading, input.field.value)));
    if (editable) place.append(input.field);
    place.append(...(editable ? [editButtons()] : []), input.strip);
    return;
  }
  input.canvas = element("canvas", { className: editable ? "chart dragged" : "chart" });
  place.append(element("div", {}, [input.canvas]));
  input.channel = element("select", { "aria-label": "channel" });
  app.reading.channels.forEach((name, k) => input.channel.append(element("option", { value: k, text: said(name) })));
  input.channel.addEventListener("change", () => {
    app.channel = Number(input.channel.value);
    drawSoon();
  });
  input.value = element("input", { type: "number", step: "any", "aria-label": "value at the step" });
  input.value.addEventListener("input", () => {
    if (input.value.value !== "") setValue(app.step, app.channel, Number(input.value.value));
  });
  const several = app.reading.channels.length > 1;
  const controls = element("div", { className: "controls" }, [
    ...(several ? [element("label", {}, ["channel", input.channel])] : []),
    ...(editable ? [element("label", {}, ["value", input.value]), ...editButtons().children] : []),
  ]);
  if (several || editable) place.append(controls);
  follow(input.canvas, (event, first) => {
    const { column, down } = placeOf(input.canvas, event, app.now.labels.length);
    if (isMap())
      app.channel = Math.min(Math.floor(down * app.reading.channels.length), app.reading.channels.length - 1);
    else if (editable && input.curves)
      return setValue(first ? column : input.dragged, app.channel, input.curves.share(down), column);
    return choose(column);
  });
}

const isMap = () => !app.text && app.reading.channels.length > 6;

function editButtons() {
  const again = element("button", { type: "button", text: "As it was" });
  again.addEventListener("click", () => changed(app.base.value, true));
  const some = element("button", { type: "button", text: "Change one step" });
  some.addEventListener("click", () => {
    const { base, kind, reading } = app,
      at = Math.floor(base.labels.length / 2);
    if (app.text) return changed(kind.another(reading, base.value, at), true);
    const values = base.value.filter((_, k) => k % reading.channels.length === app.channel).filter(Number.isFinite);
    const mean = values.reduce((a, b) => a + b, 0) / (values.length || 1);
    const spread = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length || 1)) || 1;
    const place = at * reading.channels.length + app.channel,
      old = base.value[place];
    app.step = at;
    return changed(
      base.value.map((v, k) => (k === place ? (Number.isNaN(old) ? mean : old) + 2 * spread : v)),
      true,
    );
  });
  return element("div", { className: "controls" }, [some, again]);
}

// A pointer that is held down and moved, or a click.
function follow(canvas, act) {
  let held = false;
  canvas.addEventListener("pointerdown", (event) => {
    held = true;
    canvas.setPointerCapture(event.pointerId);
    act(event, true);
  });
  canvas.addEventListener("pointermove", (event) => held && act(event, false));
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (held = false));
}

function setValue(step, channel, value, chosen = step) {
  if (!Number.isFinite(value)) return;
  input.dragged = step;
  const place = step * app.reading.channels.length + channel;
  const rounded = Number(value.toPrecision(5));
  app.step = Math.min(chosen, app.now.labels.length - 1) === step ? chosen : step;
  changed(app.now.value.map((old, k) => (k === place ? rounded : old)));
}

// The sequence is another one now.
function changed(value, write = false) {
  if (write && app.text) input.field.value = app.kind.text(app.reading, value);
  if (!apply(value)) return;
  app.step = Math.min(app.step, app.now.labels.length - 1);
  if (app.text && app.edit) app.step = Math.min(Math.max(app.edit.to - 1, app.edit.from), app.now.labels.length - 1);
  drawSoon();
}

function drawInput() {
  const { now, base, reading } = app,
    total = now.labels.length;
  if (app.text) return drawStrip();
  const size = reading.channels.length,
    of = (value, c) => value.filter((_, k) => k % size === c);
  if (isMap()) {
    const known = base.value.filter(Number.isFinite),
      low = Math.min(...known, 0),
      high = Math.max(...known);
    const at = (r, c) => now.value[c * size + r];
    heatMap(input.canvas, {
      rows: size,
      columns: total,
      total,
      at,
      low: Math.min(low, -0),
      high,
      height: 160,
      cursor: app.step,
      marked: app.channel,
    });
  } else {
    const series = [];
    for (let c = 0; c < size; c++) {
      if (app.edit && c === app.channel) series.push({ values: of(base.value, c), colour: BEFORE, dash: [4, 3] });
      series.push({
        values: of(now.value, c),
        colour: CURVES[c % CURVES.length],
        dots: c === app.channel,
        width: c === app.channel ? 2 : 1.1,
      });
    }
    const known = base.value.filter(Number.isFinite),
      low = Math.min(...known),
      high = Math.max(...known);
    const room = (high - low || Math.abs(high) || 1) * 0.3,
      held = input.dragged !== undefined && app.edit;
    const all = held ? now.value.filter(Number.isFinite) : known;
    const range = [Math.min(low - room, ...all), Math.max(high + room, ...all)];
    input.curves = curves(input.canvas, { series, total, height: 190, cursor: app.step, labels: now.labels, range });
  }
  if (document.activeElement !== input.value) {
    const value = now.value[app.step * size + app.channel];
    input.value.value = Number.isFinite(value) ? String(Number(value.toPrecision(6))) : "";
  }
  input.channel.value = String(app.channel);
}

function drawStrip() {
  const { now, edit, page } = app,
    told = page.answer.classes && now.answer.steps > 0;
  const best = told ? bestOf(now.answer) : null;
  const boxes = now.labels.map((label, t) => {
    const box = element("button", { type: "button", tabindex: "-1", "aria-pressed": String(t === app.step) });
    const classes = [app.kind.known(app.reading, now.value[t]) ? "" : "unknown"];
    if (edit && t >= edit.from && t < edit.to) classes.push("edited");
    box.className = classes.join(" ").trim();
    box.append(element("span", { text: clipped(shown(label), 24) }));
    if (told) box.append(element("small", { text: clipped(shown(page.answer.labels[best[t]]), 12) }));
    box.addEventListener("click", () => choose(t));
    return box;
  });
  input.strip.replaceChildren(...boxes);
}

// The class told at each step.
function bestOf(answer) {
  if (answer.best) return answer.best;
  return Array.from({ length: answer.steps }, (_, t) => {
    const own = row(answer.values, t);
    return own.reduce((best, p, k) => (p > own[best] ? k : best), 0);
  });
}
