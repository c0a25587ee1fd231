"use strict";
// Gates and states over time, and how an edit fades in them.

function drawMaps() {
  const { page, now } = app,
    part = now.parts[app.part],
    described = page.parts[app.part],
    cell = page.cells[described.cell];
  const place = document.getElementById("maps"),
    total = now.labels.length,
    t = app.step - firstStep();
  caption("maps-caption", mapsCaption(described.name, cell.keeper));
  const above = canvasIn(place, "above", chosenAt);
  if (app.text) {
    const f = frame(above, 18, total);
    columnLabels(f, now.labels);
  } else if (isMap()) {
    const size = app.reading.channels.length,
      known = now.value.filter(Number.isFinite);
    const range = { low: Math.min(0, ...known), high: Math.max(...known) };
    const at = (r, c) => now.value[c * size + r];
    heatMap(above, { rows: size, columns: total, total, at, ...range, height: 70, cursor: app.step });
  } else {
    const size = app.reading.channels.length,
      values = now.value.filter((_, k) => k % size === app.channel);
    curves(above, { series: [{ values, colour: MUTED }], total, height: 60, cursor: app.step });
  }
  const names = Object.keys(part.kept);
  for (const name of names) {
    const one = part.kept[name],
      order = app.orders[app.part][one.size],
      share = cell.shares.includes(name);
    const top = one.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1,
      low = share ? 0 : -top,
      high = share ? 1 : top;
    const kind = cell.states.includes(name) ? "state" : "gate",
      detail = share ? shares(one) : "";
    const title = element("h3", {}, [`${kind} ${name}`, scale(low, high), element("small", { text: detail })]);
    renewed(place, `title-${name}`, title);
    const at = (r, c) => one.data[c * one.size + order[r]];
    const height = Math.min(Math.max(one.size * 5, 36), 190),
      marked = order.indexOf(app.unit);
    const canvas = canvasIn(place, `map-${name}`, (canvas, event) => {
      const { column, down } = placeOf(canvas, event, app.now.labels.length);
      const kept = app.now.parts[app.part].kept[name],
        rows = app.orders[app.part][kept.size];
      app.unit = rows[Math.min(Math.max(Math.floor(down * kept.size), 0), kept.size - 1)];
      choose(column);
    });
    heatMap(canvas, {
      rows: one.size,
      columns: one.steps,
      total,
      first: firstStep(),
      wide: widthOf(part),
      at,
      low,
      high,
      height,
      cursor: t < 0 ? -1 : app.step,
      marked,
    });
  }
  const wanted = new Set(["above", ...names.flatMap((name) => [`title-${name}`, `map-${name}`])]);
  for (const child of [...place.children]) if (!wanted.has(child.dataset.key)) child.remove();
}

function shares(gate) {
  const count = (test) => `${Math.round((100 * gate.data.filter(test).length) / gate.data.length)} %`;
  return `below 0.1: ${count((v) => v < 0.1)}, above 0.9: ${count((v) => v > 0.9)} of steps and units`;
}

function drawFade() {
  const place = document.getElementById("fade"),
    { now, base, edit, page } = app;
  if (!edit || page.recorded) {
    const text = page.recorded
      ? "This page cannot run the model, so nothing can be changed."
      : "Nothing has been changed yet: edit the input, or press “Change one step”.";
    place.replaceChildren(element("p", { className: "small", text }));
    return;
  }
  if (!place.querySelector("[data-key]")) place.replaceChildren();
  const first = firstStep(),
    total = now.labels.length;
  const apart = now.parts.map((part, k) => {
    const name = page.cells[page.parts[k].cell].states[0];
    const own = part.kept[name],
      old = base.parts[k].kept[name],
      out = empty(own.steps, own.size);
    const each = widthOf(part) > 1 ? (t) => t : counterpart;
    for (let t = 0; t < own.steps; t++) {
      const before = each(t);
      row(out, t).set(
        before < 0
          ? new Float64Array(own.size).fill(NaN)
          : row(own, t).map((value, u) => Math.abs(value - row(old, before)[u])),
      );
    }
    return out;
  });
  const norms = apart.map((one) => Float64Array.from({ length: one.steps }, (_, t) => Math.hypot(...row(one, t))));
  renewed(
    place,
    "legend",
    legend(norms.map((_, k) => [`${page.parts[k].name}: norm of Δh`, CURVES[k % CURVES.length]])),
  );
  const series = norms.map((values, k) => ({
    values,
    colour: CURVES[k % CURVES.length],
    first,
    wide: widthOf(now.parts[k]),
    width: k === app.part ? 2.2 : 1.3,
  }));
  const range = [0, Math.max(...norms.flatMap((one) => Array.from(one)).filter(Number.isFinite), 1e-9)];
  curves(canvasIn(place, "norms", chosenAt), {
    series,
    total,
    height: 150,
    cursor: app.step,
    labels: now.labels,
    range,
    shade: [edit.from, Math.max(edit.to, edit.from)],
  });
  const one = apart[app.part],
    order = app.orders[app.part][one.size],
    high = one.data.reduce((most, value) => (value > most ? value : most), 0) || 1e-9;
  renewed(place, "title", element("h3", {}, [`|Δh| of ${page.parts[app.part].name}, by unit`, scale(0, high)]));
  heatMap(canvasIn(place, "map", chosenAt), {
    rows: one.size,
    columns: one.steps,
    total,
    first,
    wide: widthOf(now.parts[app.part]),
    at: (r, c) => one.data[c * one.size + order[r]],
    low: 0,
    high,
    height: Math.min(Math.max(one.size * 5, 36), 190),
    cursor: app.step,
  });
}
