"use strict";
// What ties the parts of the page together: the step, the layer and the unit that are chosen.

const firstStep = () => app.now.labels.length - app.now.steps; // of those that are shown, the first that is read

// How many of the steps that are read a step of a layer is about: a layer before it may have made one of several.
const widthOf = (part) => Math.max(Math.floor(app.now.steps / part.steps), 1);

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

function drawBar() {
  const slider = document.getElementById("step"),
    select = document.getElementById("part");
  slider.max = String(app.now.labels.length - 1);
  slider.value = String(app.step);
  select.value = String(app.part);
  const label = app.now.labels[app.step],
    same = label === String(app.step);
  document.getElementById("step-label").textContent = `step ${app.step}${same ? "" : `: ${clipped(shown(label), 19)}`}`;
}

function draw() {
  for (const part of [
    drawInput,
    drawOutput,
    drawEquation,
    drawMaps,
    drawFade,
    drawSaturation,
    drawMemory,
    drawConnectivity,
    drawBar,
  ])
    part();
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
  const slider = document.getElementById("step"),
    select = document.getElementById("part");
  app.page.parts.forEach((part, k) =>
    select.append(element("option", { value: k, text: `${part.cell}, ${part.name}` })),
  );
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
