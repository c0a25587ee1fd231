"use strict";
// One unit at one step: the equation of its cell with its numbers.

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
  const place = document.getElementById("equation"),
    { page, now, unit } = app,
    part = now.parts[app.part];
  const cell = page.cells[page.parts[app.part].cell],
    field = document.getElementById("unit");
  const units = Math.max(...Object.values(part.kept).map((one) => one.size)),
    t = Math.floor((app.step - firstStep()) / widthOf(part));
  field.max = String(units - 1);
  if (document.activeElement !== field) field.value = String(unit);
  const rank = app.orders[app.part][units].indexOf(unit);
  caption(
    "unit-rank",
    `of ${units}, from 0; row ${rank + 1} of the maps below. A click in a map chooses a unit and a step.`,
  );
  const lines = element("div", { className: "equation" });
  const add = (left, middle, value) => {
    const parts = [
      element("code", { text: left.replace(/'/g, "′") }),
      element("code", { className: "filled", text: middle }),
    ];
    lines.append(element("div", {}, [...parts, element("b", { text: value })]));
  };
  if (t < 0) {
    renewed(
      place,
      "lines",
      element("p", {
        className: "small",
        text: "The network does not read this step by itself: it reads changes from it.",
      }),
    );
    return;
  }
  if (!part.run) {
    for (const [name, one] of Object.entries(part.kept))
      if (unit < one.size) add(name, "recorded, to a 255th of its range", number(row(one, t)[unit]));
    renewed(place, "lines", lines);
    return;
  }
  const values = part.direction.again(part.run, t),
    parsed = part.direction.cell;
  const normal = part.direction.norm ? ", normalised" : "";
  for (const gate of parsed.fromInput)
    add(`x_${gate}`, `gate ${gate} of W_ih · x + b_ih${normal}`, number(values[`x_${gate}`][unit]));
  for (const gate of parsed.fromState)
    add(`h_${gate}`, `gate ${gate} of W_hh · h′ + b_hh${normal}`, number(values[`h_${gate}`][unit]));
  for (const name of cell.states)
    if (values[name + "'"][unit] !== undefined) add(name + "'", "before the step", number(values[name + "'"][unit]));
  for (const line of parsed.lines) {
    const filled = filledIn(line, values, unit);
    add(line.text, filled ? `= ${filled}` : "over all units", number(values[line.name][unit]));
  }
  for (const name of cell.states) {
    const after = row(part.kept[name], t)[unit];
    if (after !== undefined && Math.abs(after - values[name][unit]) > 1e-12)
      add(name, "after projection and zoneout", number(after));
  }
  renewed(place, "lines", lines);
}
