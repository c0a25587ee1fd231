"use strict";
// The model's answer, and the equation of one unit at one step.

const MOST_BARS = 10;

function caption(id, text) {
  document.getElementById(id).textContent = text;
}

// A canvas in a place of its own, made at the first call.
function canvasIn(place, key, onChoose) {
  let box = place.querySelector(`[data-key="${key}"]`);
  if (!box) {
    const canvas = element("canvas", { className: "chart" });
    box = element("div", { "data-key": key }, [canvas]);
    place.append(box);
    if (onChoose) follow(canvas, (event) => onChoose(canvas, event));
  }
  return box.firstChild;
}

function legend(items) {
  const children = items.map(([text, colour, dashed]) => {
    const sample = element("i");
    sample.style.borderTopColor = colour;
    sample.style.borderTopStyle = dashed ? "dashed" : "solid";
    return element("span", {}, [sample, text]);
  });
  return element("div", { className: "legend" }, children);
}

// A child of `place` that is made anew at each call.
function renewed(place, key, made) {
  const old = place.querySelector(`[data-key="${key}"]`);
  made.dataset.key = key;
  if (old) old.replaceWith(made);
  else place.append(made);
}

function drawOutput() {
  const { now, page } = app, place = document.getElementById("output");
  caption("output-caption", outputCaption());
  if (page.answer.classes) drawClasses(place, now.answer);
  else if (now.answer.steps) drawSeries(place);
  else if (page.answer.follows) drawAhead(place);
  else drawValues(place, now.answer.values.data, app.base.answer.values.data);
}

function outputCaption() {
  const { answer } = app.page, chain = app.base.answer.best, per = app.base.answer.steps > 0;
  const was = app.page.recorded ? "" : " Orange: as it was before the edit.";
  if (chain) return `Shows the score of each tag at the chosen step, from which the chain takes the best whole sequence (below each word).${was} A score is no probability.`;
  if (answer.ahead) return `Shows the probabilities of what comes after the chosen step, and the likeliest below each box.${was} It does not show whether they are right.`;
  if (answer.classes) return `Shows the probability of each class${per ? " at the chosen step" : ""}.${was} It does not show whether it is right.`;
  if (answer.follows) return "Shows the values (grey) and what the model tells for the steps after them. It does not show how sure that is.";
  return "Shows what the model tells, in the data's units. It does not show the truth, nor how sure that is.";
}

function drawClasses(place, answer) {
  const { step, page, base } = app, t = answer.steps ? step - firstStep() : 0, before = app.edit ? counterpart(t) : -1;
  if (t < 0) return;
  const own = row(answer.values, t), old = before >= 0 ? row(base.answer.values, answer.steps ? before : 0) : null;
  const best = answer.best ? answer.best[t] : -1;
  const items = Array.from(own, (value, k) => ({ name: page.answer.labels[k], value, before: old ? old[k] : 0, mark: k === best }));
  items.sort((a, b) => b.value - a.value);
  const top = items.slice(0, MOST_BARS), most = answer.best ? Math.max(...own) : 1;
  renewed(place, "bars", bars(top, most, Boolean(old), answer.best ? rounded : percent));
  if (items.length > MOST_BARS) renewed(place, "more", element("p", { className: "small", text: `and ${items.length - MOST_BARS} more` }));
  if (page.answer.ahead && answer.steps > 1) {
    const given = (one) => {
      const indices = app.kind.inputs(app.reading, one.value)[app.reading.input].data;
      return Float64Array.from({ length: one.steps }, (_, k) => (k + 1 < one.steps ? row(one.answer.values, k)[indices[k + 1]] : NaN));
    };
    const series = [{ values: given(app.now), colour: NOW }];
    if (app.edit && !app.edit.shift) series.unshift({ values: given(base), colour: BEFORE, dash: [4, 3] });
    renewed(place, "given-title", element("h3", { text: "Probability given to what came next" }));
    curves(canvasIn(place, "given", chosenAt), { series, total: answer.steps, height: 110, cursor: t, labels: app.now.labels, range: [0, 1] });
  }
}

function drawSeries(place) {
  const { now, base, page } = app, size = now.answer.values.size;
  const column = (answer, k) => Float64Array.from({ length: answer.steps }, (_, t) => row(answer.values, t)[k]);
  const series = [];
  for (let k = 0; k < Math.min(size, CURVES.length); k++) {
    if (app.edit) series.push({ values: column(base.answer, k), colour: BEFORE, dash: [4, 3] });
    series.push({ values: column(now.answer, k), colour: CURVES[k] });
  }
  const total = now.labels.length;
  const names = page.answer.labels.slice(0, CURVES.length).map((name, k) => [said(name), CURVES[k]]);
  renewed(place, "legend", legend([...names, ...(app.edit ? [["before the edit", BEFORE, true]] : [])]));
  curves(canvasIn(place, "series", chosenAt), { series, total, height: 190, cursor: app.step, labels: now.labels });
  const t = Math.max(app.step - firstStep(), 0);
  drawValues(place, row(now.answer.values, t), row(base.answer.values, t));
}

function drawAhead(place) {
  const { now, base, page } = app, ahead = now.answer.values.data, known = now.value.length, total = known + ahead.length;
  const joined = (value, found) => [...new Array(known - 1).fill(NaN), value[known - 1], ...found];
  const series = [{ values: now.value, colour: BEFORE }, { values: joined(now.value, ahead), colour: NOW, dots: true }];
  if (app.edit) series.splice(1, 0, { values: joined(base.value, base.answer.values.data), colour: ACCENT, dash: [4, 3] });
  const labels = [...now.labels, ...page.answer.labels];
  renewed(place, "legend", legend([["values", BEFORE], ["model", NOW], ...(app.edit ? [["model, before the edit", ACCENT, true]] : [])]));
  curves(canvasIn(place, "ahead", null), { series, total, height: 210, labels, shade: [known, total] });
  drawValues(place, ahead, base.answer.values.data);
}

function drawValues(place, values, before) {
  const shownOnes = Array.from(values).slice(0, 24);
  const parts = shownOnes.map((value, k) => {
    const text = `${said(app.page.answer.labels[k] ?? k)}: ${number(Number(value.toPrecision(5)))}`;
    const was = app.edit && before[k] !== value ? ` (was ${number(Number(before[k].toPrecision(5)))})` : "";
    return element("bdi", { text: text + was });
  });
  renewed(place, "values", element("p", { className: "legend" }, parts));
}

// ---------------------------------------------------------------- one unit at one step

function makeEquation() {
  const place = document.getElementById("equation");
  const unit = element("input", { type: "number", min: "0", step: "1", id: "unit", "aria-label": "unit" });
  unit.addEventListener("input", () => {
    if (unit.value !== "") chooseUnit(Number(unit.value));
  });
  const which = element("span", { className: "small", id: "unit-rank" });
  place.append(element("div", { className: "controls" }, [element("label", {}, ["unit", unit]), which]));
}

function drawEquation() {
  const place = document.getElementById("equation"), { page, now, unit } = app, part = now.parts[app.part];
  const cell = page.cells[page.parts[app.part].cell], field = document.getElementById("unit");
  const units = Math.max(...Object.values(part.kept).map((one) => one.size)), t = app.step - firstStep();
  field.max = String(units - 1);
  if (document.activeElement !== field) field.value = String(unit);
  const rank = app.orders[app.part][units].indexOf(unit);
  caption("unit-rank", `of ${units}, from 0; row ${rank + 1} of the maps below. A click in a map chooses a unit and a step.`);
  const lines = element("div", { className: "equation" });
  const add = (left, middle, value) => {
    const parts = [element("code", { text: left.replace(/'/g, "′") }), element("code", { className: "filled", text: middle })];
    lines.append(element("div", {}, [...parts, element("b", { text: value })]));
  };
  if (t < 0) {
    renewed(place, "lines", element("p", { className: "small", text: "The network does not read this step by itself: it reads changes from it." }));
    return;
  }
  if (!part.run) {
    for (const [name, one] of Object.entries(part.kept)) if (unit < one.size) add(name, "recorded, to a 255th of its range", number(row(one, t)[unit]));
    renewed(place, "lines", lines);
    return;
  }
  const values = part.direction.again(part.run, t), parsed = part.direction.cell;
  const normal = part.direction.norm ? ", normalised" : "";
  for (const gate of parsed.fromInput) add(`x_${gate}`, `gate ${gate} of W_ih · x + b_ih${normal}`, number(values[`x_${gate}`][unit]));
  for (const gate of parsed.fromState) add(`h_${gate}`, `gate ${gate} of W_hh · h′ + b_hh${normal}`, number(values[`h_${gate}`][unit]));
  for (const name of cell.states) if (values[name + "'"][unit] !== undefined) add(name + "'", "before the step", number(values[name + "'"][unit]));
  for (const line of parsed.lines) {
    const filled = filledIn(line, values, unit);
    add(line.text, filled ? `= ${filled}` : "over all units", number(values[line.name][unit]));
  }
  for (const name of cell.states) {
    const after = row(part.kept[name], t)[unit];
    if (after !== undefined && Math.abs(after - values[name][unit]) > 1e-12) add(name, "after projection and zoneout", number(after));
  }
  renewed(place, "lines", lines);
}
