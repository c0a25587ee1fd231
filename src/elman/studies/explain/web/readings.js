"use strict";
// How what is shown of a sequence, and may be changed, becomes the inputs of the model.

const whole = (values) => ({ steps: values.length, size: 1, data: Float64Array.from(values) });
const RETURN = "␍"; // a text field makes line ends of its own of the real one

// Bytes as text: what is no UTF-8 stands as \xNN, and a backslash as two.
function textOfBytes(bytes) {
  let out = "",
    at = 0;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  while (at < bytes.length) {
    const first = bytes[at],
      length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    try {
      out += decoder.decode(Uint8Array.from(bytes.slice(at, at + length))).replace("\\", "\\\\");
      at += length;
    } catch {
      out += "\\x" + first.toString(16).padStart(2, "0");
      at += 1;
    }
  }
  return out;
}

function bytesOfText(text) {
  const out = [];
  for (const [part] of text.matchAll(/\\x[0-9a-fA-F]{2}|\\\\|[^]/gu)) {
    if (part.length === 4 && part.startsWith("\\x")) out.push(parseInt(part.slice(2), 16));
    else out.push(...new TextEncoder().encode(part === "\\\\" ? "\\" : part));
  }
  return out;
}

// What a word looks like: the rules and numbers of shape_of in tasks/tag/shapes.py.
function shapeOf(word) {
  const all = Array.from(word),
    letters = all.filter((letter) => /\p{L}/u.test(letter)),
    digits = /\p{Nd}/u.test(word),
    isLarge = (letter) => letter.toLowerCase() !== letter;
  if (/^(https?:\/\/|www\.)/.test(word)) return 2;
  if (all.length > 1 && "@#".includes(all[0])) return all[0] === "@" ? 0 : 1;
  if (!letters.length) return digits ? 4 : 3;
  if (digits) return 5;
  const large = letters.filter(isLarge).length;
  if (large === letters.length) return large > 1 ? 7 : 6;
  const inside = all.some((letter, k) => k && isLarge(letter) && /\p{L}/u.test(all[k - 1]));
  if (large) return isLarge(letters[0]) && !inside ? 9 : 10;
  return letters.some((letter) => letter.toUpperCase() !== letter) ? 8 : 11;
}

// A word as it is looked up: the rules of normalised in tasks/tag/words.py.
function normalised(word) {
  if (/^(https?:\/\/|www\.)/.test(word)) return "www.";
  const signed = word.length > 1;
  if (signed && word[0] === "@") return "@user";
  const own = signed && word[0] === "#" ? word.slice(1) : word;
  return own.replace(/\p{Nd}/gu, "0").replace(/([^])\1{2,}/gu, "$1$1");
}

function lookedUp(reading, word) {
  const found = reading.lower ? word.toLowerCase() : word;
  return reading.normalise && !reading.places.has(found) ? normalised(found) : found;
}

const READINGS = {
  symbols: {
    prepare(reading) {
      reading.places = new Map(Array.from(reading.known.data, (code, place) => [code, place]));
    },
    start: (reading) => Array.from(reading.codes.data),
    text(reading, codes) {
      const text = reading.in_bytes ? textOfBytes(codes) : codes.map((code) => String.fromCodePoint(code)).join("");
      return text.replaceAll("\r", RETURN);
    },
    parse(reading, text) {
      const own = text.replaceAll(RETURN, "\r");
      return reading.in_bytes ? bytesOfText(own) : Array.from(own, (letter) => letter.codePointAt(0));
    },
    labels: (reading, codes) =>
      codes.map((code) =>
        reading.in_bytes && code > 126 ? code.toString(16).toUpperCase() : String.fromCodePoint(code),
      ),
    known: (reading, code) => reading.places.has(code),
    inputs: (reading, codes) => ({
      [reading.input]: whole(codes.map((code) => reading.places.get(code) ?? reading.unknown)),
    }),
    another(reading, codes, at) {
      const known = reading.known.data,
        place = (reading.places.get(codes[at]) ?? 0) + 1;
      return codes.map((code, k) => (k === at ? known[place % known.length] : code));
    },
  },
  words: {
    prepare(reading) {
      reading.places = new Map(reading.known.map((word, place) => [word, place]));
      reading.letterPlaces = new Map(Array.from(reading.letters, (letter, place) => [letter, place + 2]));
      reading.apart = reading.words.some((word) => /\s/.test(word)) ? "\n" : " ";
    },
    start: (reading) => reading.words,
    text: (reading, words) => words.join(reading.apart),
    parse: (reading, text) => text.split(reading.apart === " " ? /\s+/ : "\n").filter((word) => word),
    labels: (reading, words) => words,
    known: (reading, word) => reading.places.has(lookedUp(reading, word)),
    inputs(reading, words) {
      const place = (word) => reading.places.get(lookedUp(reading, word)) ?? reading.known.length;
      const found = { [reading.input]: whole(words.map(place)) };
      if (reading.spelling) {
        const half = reading.longest / 2,
          spelled = words.map((word) => {
            const letters = Array.from(word);
            const read =
              letters.length <= reading.longest ? letters : [...letters.slice(0, half), ...letters.slice(-half)];
            return read.map((letter) => reading.letterPlaces.get(letter) ?? 1);
          });
        const size = Math.max(...spelled.map((letters) => letters.length)),
          out = empty(words.length, size);
        spelled.forEach((letters, t) => row(out, t).set(letters));
        found[reading.spelling] = out;
      }
      if (reading.shapes) found[reading.shapes] = whole(words.map(shapeOf));
      return found;
    },
    another: (reading, words, at) => words.map((word, k) => (k === at ? words[(at + 1) % words.length] + "s" : word)),
  },
  numbers: {
    prepare() {},
    start: (reading) => Array.from(reading.values.data),
    inputs(reading, values) {
      const size = reading.channels.length,
        steps = values.length / size,
        more = reading.marks_missing ? size : 0;
      const out = empty(steps, size + more);
      values.forEach((value, k) => {
        const t = Math.floor(k / size),
          c = k % size,
          missing = Number.isNaN(value);
        out.data[t * (size + more) + c] = missing ? 0 : (value - reading.center.data[c]) / reading.spread.data[c];
        if (more && missing) out.data[t * (size + more) + size + c] = 1;
      });
      return { [reading.input]: out };
    },
  },
  window: {
    prepare(reading) {
      reading.channels = [reading.channel];
    },
    start: (reading) => Array.from(reading.values.data),
    inputs(reading, values) {
      const raw = linear(reading.reads, transformed(reading, values)),
        spread = spreadOf(reading, raw);
      return { [reading.input]: whole(raw.map((value) => value / spread)) };
    },
    // the outputs in the units of the values
    finish(reading, values, outputs) {
      const known = transformed(reading, values),
        spread = spreadOf(reading, linear(reading.reads, known)),
        reference = linear(reading.reference, known),
        back = reading.logarithm ? Math.exp : (value) => value;
      return outputs.map((value, k) => back(reference[k] + spread * value));
    },
  },
};

const transformed = (reading, values) => (reading.logarithm ? values.map((value) => Math.log(value)) : values);

function linear(map, x) {
  const y = Float64Array.from(map.constant.data),
    { rows, columns, entries } = map;
  entries.data.forEach((entry, k) => (y[rows.data[k]] += entry * x[columns.data[k]]));
  return y;
}

function spreadOf(reading, raw) {
  if (!reading.by_window) return reading.spread;
  return Math.max(Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0) / raw.length), reading.spread);
}

const ARRAYS = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u1: Uint8Array };

function bytesOf(base64) {
  const text = atob(base64),
    out = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) out[k] = text.charCodeAt(k);
  return out;
}

// JSON with its arrays unpacked, at any depth: { type, shape, base64 } becomes { shape, data }.
function unpacked(value) {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value === null || typeof value !== "object") return value;
  if (typeof value.base64 === "string" && ARRAYS[value.type]) {
    return { shape: value.shape, data: new ARRAYS[value.type](bytesOf(value.base64).buffer) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unpacked(inner)]));
}

// The model that a page carries: layers with their arrays, cells parsed, states by layer.
function modelOf(page, weights) {
  const arrays = page.layers.map(() => ({})),
    state = page.layers.map(() => null);
  for (const [name, [start, size]] of Object.entries(page.arrays)) {
    const dot = name.indexOf(".");
    arrays[Number(name.slice(0, dot))][name.slice(dot + 1)] = weights.subarray(start, start + size);
  }
  for (const [name, array] of Object.entries(page.state)) {
    const [number, own] = name.split(".");
    state[number] = { ...state[number], [own]: Float64Array.from(array.data) };
  }
  const cells = Object.fromEntries(Object.entries(page.cells).map(([name, cell]) => [name, parsedCell(cell)]));
  return { layers: page.layers, sources: page.sources, temperature: page.answer.temperature, arrays, state, cells };
}
