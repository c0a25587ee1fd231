"use strict";
// The equations of cells: each line is parsed once, computed for all units, and shown with the numbers of one.

const FUNCTIONS = {
  σ: (a) => 1 / (1 + Math.exp(-a)),
  tanh: Math.tanh,
  relu: (a) => Math.max(a, 0),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  max: Math.max,
  min: Math.min,
  where: (condition, a, b) => (condition > 0 ? a : b),
  logσ: (a) => Math.min(a, 0) - Math.log1p(Math.exp(-Math.abs(a))),
  softplus: (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a))),
};
const TOKEN = /\s*([A-Za-zσ][\wσ]*'?|\d+(?:\.\d+)?|[=+−·/(),])/gy;

// "h = (1 − z) · n + z · h'" → its name, its words, and its tree.
function parseEquation(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text);
    if (!found) throw new Error(`the equation ${text} cannot be read`);
    tokens.push(found[1]);
  }
  let at = 2;
  const take = (expected) => {
    if (tokens[at] !== expected) throw new Error(`the equation ${text} lacks ${expected}`);
    at += 1;
  };
  function sum() {
    let left = product();
    while (tokens[at] === "+" || tokens[at] === "−") {
      const sign = tokens[at++];
      const right = product(),
        first = left;
      left = { parts: [first, right], apply: sign === "+" ? (a, b) => a + b : (a, b) => a - b };
    }
    return left;
  }
  function product() {
    let left = atom();
    while (tokens[at] === "·" || tokens[at] === "/") {
      const sign = tokens[at++];
      const right = atom(),
        first = left;
      left = { parts: [first, right], apply: sign === "·" ? (a, b) => a * b : (a, b) => a / b };
    }
    return left;
  }
  function atom() {
    const token = tokens[at++];
    if (token === "−") return { parts: [atom()], apply: (a) => -a };
    if (token === "(") {
      const inner = sum();
      take(")");
      return inner;
    }
    if (/^\d/.test(token)) return { number: Number(token) };
    if (tokens[at] !== "(") return { name: token };
    at += 1;
    const parts = [sum()];
    while (tokens[at] === ",") {
      at += 1;
      parts.push(sum());
    }
    take(")");
    if (token.startsWith("U_")) return { gate: token.slice(2), of: parts[0] };
    if (!FUNCTIONS[token]) throw new Error(`the equation ${text} has a function ${token}, which is not known`);
    return { parts, apply: FUNCTIONS[token] };
  }
  const tree = sum();
  if (tokens[1] !== "=" || at !== tokens.length) throw new Error(`the equation ${text} cannot be read`);
  return { text, name: tokens[0], tokens, tree };
}

// A cell with its lines parsed, and the gates whose products of the input and of the state they name.
function parsedCell(cell) {
  const lines = cell.equations.map(parseEquation);
  const named = new Set(lines.flatMap((line) => line.tokens.slice(1)));
  const made = new Set(lines.map((line) => line.name));
  const asked = (kind) => cell.gates.filter((gate) => named.has(kind + gate) && !made.has(kind + gate));
  return { ...cell, lines, fromInput: asked("x_"), fromState: asked("h_") };
}

// The values of one line for all units; `product(gate, vector)` multiplies with a gate's recurrent weights.
function computeLine(line, values, units, product) {
  const bind = (node) => {
    if (node.number !== undefined) return () => node.number;
    if (node.gate !== undefined) {
      const inner = bind(node.of);
      const found = product(
        node.gate,
        Float64Array.from({ length: units }, (_, unit) => inner(unit)),
      );
      return (unit) => found[unit];
    }
    if (node.name !== undefined) {
      const vector = values[node.name];
      if (!vector) throw new Error(`the equation ${line.text} names ${node.name}, which is not there`);
      return (unit) => vector[unit];
    }
    const [first, second, third] = node.parts.map(bind),
      apply = node.apply;
    if (third) return (unit) => apply(first(unit), second(unit), third(unit));
    return second ? (unit) => apply(first(unit), second(unit)) : (unit) => apply(first(unit));
  };
  const of = bind(line.tree),
    out = new Float64Array(units);
  for (let unit = 0; unit < units; unit++) out[unit] = of(unit);
  return out;
}

// A line with one unit's numbers in place of the names; "" where it has a product over all units.
function filledIn(line, values, unit) {
  if (line.tokens.some((token) => token.startsWith("U_"))) return "";
  const words = line.tokens.slice(2).map((token) => {
    if (!values[token]) return token;
    const text = number(values[token][unit]);
    return text.startsWith("−") ? `(${text})` : text;
  });
  return words
    .join(" ")
    .replace(/\( /g, "(")
    .replace(/ \)/g, ")")
    .replace(/ ,/g, ",")
    .replace(/([σa-z]) \(/g, "$1(")
    .replace(/(^|\()\((−[^()]*)\)/g, "$1$2"); // behind nothing a sign needs no brackets
}

// A number as people read it, of three digits or so.
function number(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "missing" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text =
    size !== 0 && (size >= 1e6 || size < 1e-3) ? value.toExponential(1) : String(Number(value.toPrecision(4)));
  return text.replace(/-/g, "−");
}
