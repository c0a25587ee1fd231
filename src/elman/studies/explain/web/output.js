"use strict";
// The model's answer, and the equation of one unit at one step.

const MOST_BARS = 10;

function drawOutput() {
  const { now, page } = app,
    place = document.getElementById("output");
  caption("output-caption", outputCaption());
  if (page.answer.classes) drawClasses(place, now.answer);
  else if (now.answer.steps) drawSeries(place);
  else if (page.answer.follows) drawAhead(place);
  else drawValues(place, now.answer.values.data, app.base.answer.values.data);
}

function drawClasses(place, answer) {
  const { step, page, base } = app,
    t = answer.steps ? step - firstStep() : 0,
    before = app.edit ? counterpart(t) : -1;
  if (t < 0) return;
  const own = row(answer.values, t),
    old = before >= 0 ? row(base.answer.values, answer.steps ? before : 0) : null;
  const best = answer.best ? answer.best[t] : -1;
  const items = Array.from(own, (value, k) => ({
    name: page.answer.labels[k],
    value,
    before: old ? old[k] : 0,
    mark: k === best,
  }));
  items.sort((a, b) => b.value - a.value);
  const top = items.slice(0, MOST_BARS),
    most = answer.best ? Math.max(...own) : 1;
  renewed(place, "bars", bars(top, most, Boolean(old), answer.best ? rounded : percent));
  if (items.length > MOST_BARS)
    renewed(place, "more", element("p", { className: "small", text: `and ${items.length - MOST_BARS} more` }));
  if (page.answer.ahead && answer.steps > 1) {
    const given = (one) => {
      const indices = app.kind.inputs(app.reading, one.value)[app.reading.input].data;
      return Float64Array.from({ length: one.steps }, (_, k) =>
        k + 1 < one.steps ? row(one.answer.values, k)[indices[k + 1]] : NaN,
      );
    };
    const series = [{ values: given(app.now), colour: NOW }];
    if (app.edit && !app.edit.shift) series.unshift({ values: given(base), colour: BEFORE, dash: [4, 3] });
    renewed(place, "given-title", element("h3", { text: "Probability given to what came next" }));
    curves(canvasIn(place, "given", chosenAt), {
      series,
      total: answer.steps,
      height: 110,
      cursor: t,
      labels: app.now.labels,
      range: [0, 1],
    });
  }
}

function drawSeries(place) {
  const { now, base, page } = app,
    size = now.answer.values.size;
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
  const { now, base, page } = app,
    ahead = now.answer.values.data,
    known = now.value.length,
    total = known + ahead.length;
  const joined = (value, found) => [...new Array(known - 1).fill(NaN), value[known - 1], ...found];
  const series = [
    { values: now.value, colour: BEFORE },
    { values: joined(now.value, ahead), colour: NOW, dots: true },
  ];
  if (app.edit)
    series.splice(1, 0, { values: joined(base.value, base.answer.values.data), colour: ACCENT, dash: [4, 3] });
  const labels = [...now.labels, ...page.answer.labels];
  renewed(
    place,
    "legend",
    legend([["values", BEFORE], ["model", NOW], ...(app.edit ? [["model, before the edit", ACCENT, true]] : [])]),
  );
  curves(canvasIn(place, "ahead", null), { series, total, height: 210, labels, shade: [known, total] });
  drawValues(place, ahead, base.answer.values.data);
}

function drawValues(place, values, before) {
  const shownOnes = Array.from(values).slice(0, 24);
  const parts = shownOnes.map((value, k) => {
    const text = number(value),
      old = app.edit ? number(before[k]) : text;
    const was = old === text ? "" : ` (was ${old})`;
    return element("bdi", { text: `${said(app.page.answer.labels[k] ?? k)}: ${text}${was}` });
  });
  renewed(place, "values", element("p", { className: "legend" }, parts));
}
