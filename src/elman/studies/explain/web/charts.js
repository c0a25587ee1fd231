"use strict";
// Drawing on canvases: heat maps and curves over the same columns.

const LIGHT = ["#ffffff", "#a9c4e6", "#1f4fa3", "#0b1f4b"];
const SIGNED = ["#8a3d00", "#e8830c", "#fbe3c5", "#ffffff", "#c9dcf2", "#1f4fa3", "#0b1f4b"];
const INK = "#222222",
  MUTED = "#5c5c5c",
  RULE = "#d9d9d9",
  BEFORE = "#9a9a9a",
  NOW = "#1f4fa3",
  ACCENT = "#d05a00";
const CURVES = ["#1f4fa3", "#e8830c", "#129a86", "#a3195b", "#6f8fb5", "#9a6a2f"];
const LEFT = 46,
  RIGHT = 8;

function colourTable(stops) {
  const parts = stops.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, k) => {
    const place = (k / 255) * (parts.length - 1),
      first = Math.min(Math.floor(place), parts.length - 2);
    return parts[first].map((value, c) => Math.round(value + (parts[first + 1][c] - value) * (place - first)));
  });
}
const TABLES = { light: colourTable(LIGHT), signed: colourTable(SIGNED) };

// A canvas as wide as its place, cleared, in pixels of CSS.
function frame(canvas, height, columns) {
  const width = Math.max(canvas.parentElement.clientWidth, 120),
    ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = "11px system-ui, sans-serif";
  const step = (width - LEFT - RIGHT) / Math.max(columns, 1);
  return { g, width, height, step, x: (column) => LEFT + column * step };
}

// Which column, and how far down, a pointer is; at the edges the nearest.
function placeOf(canvas, event, columns) {
  const box = canvas.getBoundingClientRect(),
    step = (box.width - LEFT - RIGHT) / columns;
  const column = Math.floor((event.clientX - box.left - LEFT) / step);
  return { column: Math.min(Math.max(column, 0), columns - 1), down: (event.clientY - box.top) / box.height };
}

function cursorLine({ g, x, step, height }, column) {
  if (column < 0) return;
  g.strokeStyle = ACCENT;
  g.lineWidth = 1.5;
  g.strokeRect(x(column) + 0.5, 0.75, Math.max(step - 1, 1), height - 1.5);
}

// Labels of columns along the bottom: all of them where there is room, else some.
function columnLabels({ g, x, step, height }, labels) {
  const texts = labels.map(shown),
    longest = Math.max(1, ...texts.map((text) => Array.from(text).length));
  const letters = Math.min(longest, 10),
    every = Math.max(1, Math.ceil((letters * 6 + (letters > 1 ? 6 : 1)) / step));
  g.fillStyle = MUTED;
  g.textAlign = "center";
  for (let k = 0; k < texts.length; k += every) g.fillText(clipped(texts[k], 10), x(k) + step / 2, height - 3);
}

// A map of rows × columns: at(row, column) from low to high, NaN left blank; `first` is where it begins among `total`
// columns, of which each of its own takes `wide`.
function heatMap(
  canvas,
  { rows, columns, total, first = 0, wide = 1, at, low, high, height, cursor = -1, marked = -1 },
) {
  const f = frame(canvas, height, total),
    table = low < 0 ? TABLES.signed : TABLES.light;
  const image = new ImageData(columns, rows);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const value = at(r, c),
        place = (r * columns + c) * 4;
      if (Number.isNaN(value)) continue;
      const share = Math.min(Math.max((value - low) / (high - low || 1), 0), 1);
      image.data.set(table[Math.round(share * 255)], place);
      image.data[place + 3] = 255;
    }
  }
  const small = element("canvas");
  small.width = columns;
  small.height = rows;
  small.getContext("2d").putImageData(image, 0, 0);
  f.g.imageSmoothingEnabled = false;
  f.g.drawImage(small, f.x(first), 0, columns * wide * f.step, height);
  f.g.strokeStyle = RULE;
  f.g.strokeRect(f.x(first) + 0.5, 0.5, columns * wide * f.step - 1, height - 1);
  f.g.fillStyle = MUTED;
  f.g.textAlign = "right";
  if (height > 30) {
    f.g.fillText("1", LEFT - 5, 10);
    f.g.fillText(String(rows), LEFT - 5, height - 2);
  }
  if (marked >= 0) {
    const tall = height / rows;
    f.g.fillStyle = ACCENT;
    f.g.beginPath();
    f.g.moveTo(LEFT - 3, (marked + 0.5) * tall);
    f.g.lineTo(LEFT - 10, (marked + 0.5) * tall - 4);
    f.g.lineTo(LEFT - 10, (marked + 0.5) * tall + 4);
    f.g.fill();
  }
  cursorLine(f, cursor);
}

// Curves over columns: series of { values, colour, dash, first, wide, dots }; NaN breaks a curve.
function curves(canvas, { series, total, height, cursor = -1, labels, range, shade, log = false }) {
  const f = frame(canvas, height, total),
    bottom = labels ? 16 : 4,
    top = 6;
  const known = series.flatMap((one) => Array.from(one.values)).filter(Number.isFinite);
  let [low, high] = range || [Math.min(...known), Math.max(...known)];
  if (!known.length && !range) [low, high] = [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
  if (shade) {
    f.g.fillStyle = "#fdf1e2";
    f.g.fillRect(f.x(shade[0]), 0, Math.max((shade[1] - shade[0]) * f.step, 2), height - bottom);
  }
  f.g.strokeStyle = RULE;
  f.g.lineWidth = 1;
  f.g.fillStyle = MUTED;
  f.g.textAlign = "right";
  for (const value of [low, (low + high) / 2, high]) {
    f.g.beginPath();
    f.g.moveTo(LEFT, y(value));
    f.g.lineTo(f.width - RIGHT, y(value));
    f.g.stroke();
    const text = number(log ? Number((10 ** value).toPrecision(2)) : Number(value.toPrecision(3)));
    f.g.fillText(text, LEFT - 5, Math.min(Math.max(y(value) + 4, 10), height - bottom));
  }
  for (const { values, colour, dash = [], first = 0, wide = 1, dots = false, width = 1.7 } of series) {
    f.g.strokeStyle = f.g.fillStyle = colour;
    f.g.lineWidth = width;
    f.g.setLineDash(dash);
    f.g.beginPath();
    let open = false;
    Array.from(values).forEach((value, k) => {
      const x = f.x(first + k * wide) + (wide * f.step) / 2;
      if (Number.isFinite(value)) open ? f.g.lineTo(x, y(value)) : f.g.moveTo(x, y(value));
      open = Number.isFinite(value);
      if (open && (dots || values.length === 1) && f.step > 5) f.g.fillRect(x - 2, y(value) - 2, 4, 4);
    });
    f.g.stroke();
  }
  f.g.setLineDash([]);
  if (labels) columnLabels(f, labels);
  cursorLine({ ...f, height: height - bottom + 2 }, cursor);
  return { low, high, share: (down) => high - ((down * height - top) / (height - top - bottom)) * (high - low) };
}
