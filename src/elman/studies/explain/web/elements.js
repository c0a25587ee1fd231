"use strict";
// Elements of the page: text that shows every letter, canvases that are found again, bars, scales and legends.

// Text letter by letter: a mark that cannot be seen, or steers the direction of writing, stands as its number.
function shown(text) {
  return Array.from(String(text), (letter) => {
    if (letter === " ") return "␣";
    if (letter === "\n") return "⏎";
    if (letter === "\t") return "⇥";
    if (!/[\p{C}\p{Z}]/u.test(letter)) return letter;
    const code = letter.codePointAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  }).join("");
}

// The same within a sentence: its own spaces stay.
const said = (text) => String(text).split(" ").map(shown).join(" ");
const clipped = (text, most) =>
  Array.from(text).length > most
    ? Array.from(text)
        .slice(0, most - 1)
        .join("") + "…"
    : text;

// An element with a class, text and children.
function element(tag, options = {}, children = []) {
  const { text, className, ...rest } = options,
    made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(rest)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

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

const rounded = (value) => number(Number(value.toPrecision(3)));
const percent = (share) => (share > 0 && share < 1e-4 ? "< 0.01 %" : `${rounded(100 * share)} %`);

// A row of bars: items of { name, value, before, mark }, of which `most` is a whole bar; `words` writes a value.
function bars(items, most, before, words) {
  const rows = items.map((item) => {
    const share = (value) => `${Math.min(Math.max(value / (most || 1), 0), 1) * 100}%`;
    const fill = element("i"),
      tick = element("u");
    fill.style.width = share(item.value);
    tick.style.left = share(item.before);
    tick.hidden = !before;
    const text = words(item.value),
      old = before ? words(item.before) : text;
    return element("div", { className: item.mark ? "bar best" : "bar" }, [
      element("bdi", { className: "name", text: clipped(shown(item.name), 24) }),
      element("span", { className: "track" }, [fill, tick]),
      element("span", { className: "value", text: old === text ? text : `${text} (was ${old})` }),
    ]);
  });
  return element("div", { className: "bars" }, rows);
}

// The colours of a map, with what the ends stand for.
function scale(low, high) {
  const strip = element("b", { className: low < 0 ? "strip signed" : "strip light" });
  return element("span", { className: "scale" }, [rounded(low), strip, rounded(high)]);
}
