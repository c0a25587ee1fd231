"use strict";
// A model's layers on one row, in float64: the same description, arrays and equations as in Python.
// An activation is { steps, size, data }: data[t * size + k], or data[k] where steps is 0.

const EPSILON = 1e-5;
const row = (x, t) => x.data.subarray(t * x.size, (t + 1) * x.size);
const empty = (steps, size) => ({ steps, size, data: new Float64Array(Math.max(steps, 1) * size) });

// out = the rows of a matrix from `first` on, times x
function multiply(matrix, first, x, out) {
  const columns = x.length;
  for (let r = 0; r < out.length; r++) {
    let sum = 0,
      more = 0,
      c = 0;
    const at = (first + r) * columns;
    for (; c + 3 < columns; c += 4) {
      sum += matrix[at + c] * x[c] + matrix[at + c + 1] * x[c + 1];
      more += matrix[at + c + 2] * x[c + 2] + matrix[at + c + 3] * x[c + 3];
    }
    for (; c < columns; c++) sum += matrix[at + c] * x[c];
    out[r] = sum + more;
  }
  return out;
}

// One direction of one recurrent layer: its weights, and a step.
class Direction {
  constructor(layout, cell, arrays, suffix) {
    this.cell = cell;
    this.units = layout.hidden_size;
    this.norm = layout.layer_norm;
    this.zoneout = layout.zoneout;
    this.options = {};
    cell.options.forEach(({ name, default: usual }, j) => {
      this.options[name] = new Float64Array(this.units).fill(layout.options?.[j] ?? usual);
    });
    this.arrays = {};
    for (const name in arrays) {
      if (name.endsWith(suffix)) this.arrays[name.slice(0, -suffix.length)] = arrays[name];
    }
  }

  // A gate's share of the product of the input ("ih") or of the state ("hh").
  product(kind, gate, x) {
    const units = this.units,
      first = this.cell.gates.indexOf(gate) * units;
    const weight = this.arrays["weight_" + kind],
      width = weight.length / (units * this.cell.gates.length),
      heads = x.length / width, // a weight narrower than x holds a block for each head's units
      out = new Float64Array(units);
    for (let k = 0; k < heads; k++) {
      const own = out.subarray((k * units) / heads, ((k + 1) * units) / heads);
      multiply(weight, first + (k * units) / heads, x.subarray(k * width, (k + 1) * width), own);
    }
    if (this.norm) {
      const mean = out.reduce((a, b) => a + b, 0) / units;
      const variance = out.reduce((a, b) => a + (b - mean) ** 2, 0) / units,
        gain = this.arrays["gain_" + kind];
      for (let k = 0; k < units; k++) out[k] = ((out[k] - mean) / Math.sqrt(variance + EPSILON)) * gain[first + k];
    }
    const bias = this.arrays["bias_" + kind];
    if (bias) for (let k = 0; k < units; k++) out[k] += bias[first + k];
    return out;
  }

  // Everything of one step by name, and the states after it.
  step(x, before) {
    const { cell, arrays, units } = this,
      values = { ...arrays, ...this.options };
    cell.states.forEach((name) => (values[name + "'"] = before[name]));
    cell.fromInput.forEach((gate) => (values["x_" + gate] = this.product("ih", gate, x)));
    const output = before[cell.states[0]];
    cell.fromState.forEach((gate) => (values["h_" + gate] = this.product("hh", gate, output)));
    for (const line of cell.lines) {
      values[line.name] = computeLine(line, values, units, (gate, v) => this.product("hh", gate, v));
    }
    const after = {};
    cell.states.forEach((name, j) => {
      let found = values[name];
      if (j === 0 && arrays.weight_hr) found = multiply(arrays.weight_hr, 0, found, new Float64Array(output.length));
      if (this.zoneout.length) {
        const keep = this.zoneout[j],
          old = before[name];
        found = found.map((value, k) => keep * old[k] + (1 - keep) * value);
      }
      after[name] = found;
    });
    return { values, after };
  }

  // Along x; `initial` has the state before the first step, by name. Keeps every gate and state. As long as x is as it
  // was in the run `known`, which began in the same state, steps are taken from there.
  run(x, initial, reverse, known) {
    const kept = {},
      { cell } = this,
      names = [...cell.lines.map((line) => line.name), ...cell.states];
    const shown = [...new Set(names)].filter((name) => !name.includes("_")); // no products, no steps in between
    let before = initial,
      same = Boolean(known);
    for (let i = 0; i < x.steps; i++) {
      const t = reverse ? x.steps - 1 - i : i,
        u = same && reverse ? known.x.steps - 1 - i : i;
      same = same && u >= 0 && u < known.x.steps && row(x, t).every((value, k) => value === row(known.x, u)[k]);
      const { values, after } = same ? this.copied(known, u) : this.step(row(x, t), before);
      for (const name of shown) {
        const vector = after[name] || values[name];
        kept[name] = kept[name] || empty(x.steps, vector.length);
        row(kept[name], t).set(vector);
      }
      before = after;
    }
    return { direction: this, x, initial, reverse, kept };
  }

  copied(known, t) {
    const values = Object.fromEntries(Object.entries(known.kept).map(([name, one]) => [name, row(one, t)]));
    return { values, after: Object.fromEntries(this.cell.states.map((name) => [name, values[name]])) };
  }

  // Step t of a run once more, with all that is inside it.
  again(run, t) {
    const last = run.reverse ? t + 1 : t - 1;
    const before = {};
    for (const name of this.cell.states) {
      before[name] = last < 0 || last >= run.x.steps ? run.initial[name] : row(run.kept[name], last);
    }
    return this.step(row(run.x, t), before).values;
  }
}

function concatenated(parts) {
  const steps = parts[0].steps,
    size = parts.reduce((sum, part) => sum + part.size, 0),
    out = empty(steps, size);
  for (let t = 0; t < Math.max(steps, 1); t++) {
    let at = t * size;
    for (const part of parts) {
      out.data.set(row(part, t), at);
      at += part.size;
    }
  }
  return out;
}

// A stack of recurrent layers; `state` has arrays by name, of all parts one after another; `runs` are added to, and
// `known` are those of an earlier time.
function runStack(layout, cell, x, arrays, state, runs, known = []) {
  let part = 0,
    current = x;
  const sizes = cell.states.map((_, j) => (j === 0 && layout.proj_size ? layout.proj_size : layout.hidden_size));
  for (let depth = 0; depth < layout.num_layers; depth++) {
    const outputs = [];
    for (let reverse = 0; reverse <= Number(layout.bidirectional); reverse++, part++) {
      const initial = {};
      cell.states.forEach((name, j) => {
        const given = state && state[name];
        initial[name] = given ? given.subarray(part * sizes[j], (part + 1) * sizes[j]) : new Float64Array(sizes[j]);
      });
      const suffix = `_l${depth}` + (reverse ? "_reverse" : "");
      const run = new Direction(layout, cell, arrays, suffix).run(
        current,
        initial,
        Boolean(reverse),
        known[runs.length],
      );
      outputs.push(run.kept[cell.states[0]]);
      runs.push(run);
    }
    current = outputs.length > 1 ? concatenated(outputs) : outputs[0];
  }
  return current;
}

function lastStep(x, bidirectional) {
  const out = empty(0, x.size);
  out.data.set(row(x, x.steps - 1));
  if (bidirectional) out.data.set(row(x, 0).subarray(x.size / 2), x.size / 2);
  return out;
}

const same = (layer, [x]) => x;
// What each kind of layer does: (its record, what it reads, its arrays, the model's cells, states and runs).
const LAYERS = {
  recurrent: (layer, [x], arrays, { cells, state, runs, known }) =>
    runStack(layer, cells[layer.cell], x, arrays, state, runs, known),
  last: (layer, [x]) => lastStep(x, layer.bidirectional),
  linear(layer, [x], arrays) {
    const out = empty(x.steps, layer.output_size);
    for (let t = 0; t < Math.max(x.steps, 1); t++) {
      const found = multiply(arrays.weight, 0, row(x, t), row(out, t));
      for (let k = 0; k < found.length; k++) found[k] += arrays.bias[k];
    }
    return out;
  },
  embedding(layer, [x], arrays) {
    const out = empty(x.steps, layer.size);
    for (let t = 0; t < x.steps; t++) {
      row(out, t).set(arrays.weight.subarray(x.data[t] * layer.size, (x.data[t] + 1) * layer.size));
    }
    return out;
  },
  join(layer, parts) {
    const steps = Math.max(...parts.map((part) => part.steps));
    const whole = parts.map((part) => {
      if (part.steps || !steps) return part;
      const repeated = empty(steps, part.size);
      for (let t = 0; t < steps; t++) row(repeated, t).set(part.data);
      return repeated;
    });
    if (layer.how === "concatenate") return concatenated(whole);
    const out = empty(steps, whole[0].size);
    whole.forEach((part) => part.data.forEach((value, k) => (out.data[k] += value)));
    return out;
  },
  convolution(layer, [x], arrays) {
    const { input_size: inputs, channels, kernel } = layer,
      out = empty(x.steps, channels),
      half = (kernel - 1) / 2;
    for (let t = 0; t < x.steps; t++) {
      for (let c = 0; c < channels; c++) {
        let sum = arrays.bias[c];
        for (let k = Math.max(0, half - t); k < Math.min(kernel, x.steps - t + half); k++) {
          const from = row(x, t + k - half);
          for (let i = 0; i < inputs; i++) sum += from[i] * arrays.weight[(c * inputs + i) * kernel + k];
        }
        out.data[t * channels + c] = layer.activation === "relu" ? Math.max(sum, 0) : sum;
      }
    }
    return out;
  },
  pool(layer, [x]) {
    const out = empty(0, x.size),
      mean = layer.how === "mean";
    for (let k = 0; k < x.size; k++) {
      let found = mean ? 0 : -Infinity;
      for (let t = 0; t < x.steps; t++) {
        const value = x.data[t * x.size + k];
        found = mean ? found + value / x.steps : Math.max(found, value);
      }
      out.data[k] = found;
    }
    return out;
  },
  dropout: same,
  "neighbour-words": same,
  segments: (layer, [x]) => ({ steps: x.steps / layer.size, size: x.size * layer.size, data: x.data }),
  "fixed-linear": (layer, x, arrays) => LAYERS.linear(layer, x, arrays),
  characters(layer, [x], arrays, { cells }) {
    const layout = layer.layout,
      size = layout.hidden_size * (layout.bidirectional ? 2 : 1),
      out = empty(x.steps, size);
    for (let t = 0; t < x.steps; t++) {
      const letters = Array.from(row(x, t)).filter((letter) => letter !== 0);
      if (!letters.length) continue;
      const read = { steps: letters.length, size: 1, data: Float64Array.from(letters) };
      const vectors = LAYERS.embedding({ size: layout.input_size }, [read], { weight: arrays.characters });
      const steps = runStack(layout, cells[layout.cell], vectors, arrays, null, []);
      row(out, t).set(lastStep(steps, layout.bidirectional).data);
    }
    return out;
  },
  point: same,
  "point-ensemble": same,
  quantile: same,
  softmax: same,
  ensemble: same,
  crf: same,
  "crf-ensemble": same,
};

function softmax(logits) {
  const top = Math.max(...logits),
    found = logits.map((value) => Math.exp(value - top));
  const total = found.reduce((a, b) => a + b, 0);
  return found.map((value) => value / total);
}

// The best sequence of tags (Viterbi 1967).
function bestSequence(scores, arrays, tags) {
  const argmax = (values) => values.reduce((best, value, k) => (value > values[best] ? k : best), 0);
  let best = row(scores, 0).map((score, k) => score + arrays.start[k]);
  const back = [];
  for (let t = 1; t < scores.steps; t++) {
    const from = new Array(tags),
      next = new Float64Array(tags);
    for (let to = 0; to < tags; to++) {
      from[to] = argmax(best.map((score, k) => score + arrays.transitions[k * tags + to]));
      next[to] = best[from[to]] + arrays.transitions[from[to] * tags + to] + row(scores, t)[to];
    }
    back.push(from);
    best = next;
  }
  const found = [argmax(best.map((score, k) => score + arrays.end[k]))];
  for (const from of back.reverse()) found.push(from[found[found.length - 1]]);
  return found.reverse();
}

function eachRow(x, size, change) {
  const out = empty(x.steps, size);
  for (let t = 0; t < Math.max(x.steps, 1); t++) row(out, t).set(change(row(x, t)));
  return out;
}

// Of each member the first `layer.size` of its `apart` numbers.
function meanOfMembers(output, layer, apart) {
  return eachRow(output, layer.size, (values) =>
    Float64Array.from({ length: layer.size }, (_, k) => {
      let sum = 0;
      for (let member = 0; member < layer.members; member++) sum += values[member * apart + k];
      return sum / layer.members;
    }),
  );
}

// A head's answer: values or probabilities, and of a chain its best sequence.
const HEADS = {
  point: (layer, output) => ({ values: output }),
  "point-ensemble": (layer, output) => ({ values: meanOfMembers(output, layer, layer.size) }),
  // the middle quantile, which stands first
  quantile: (layer, output) => ({ values: meanOfMembers(output, layer, layer.size * layer.quantiles.length) }),
  softmax: (layer, output, arrays, temperature) => ({
    values: eachRow(output, output.size, (logits) => softmax(logits.map((value) => value / temperature))),
  }),
  ensemble: (layer, output, arrays, temperature) => ({
    values: eachRow(output, layer.classes, (logits) => {
      const mean = new Float64Array(layer.classes);
      for (let k = 0; k < layer.members; k++) {
        const own = softmax(logits.subarray(k * layer.classes, (k + 1) * layer.classes));
        own.forEach((p, c) => (mean[c] += p / layer.members));
      }
      return softmax(mean.map((p) => Math.log(Math.max(p, 1e-30)) / temperature));
    }),
  }),
  crf: (layer, output, arrays) => ({ values: output, best: bestSequence(output, arrays, layer.tags) }),
  "crf-ensemble": (layer, output, arrays) => {
    const mean = meanOfMembers(output, { ...layer, size: layer.tags }, layer.tags);
    return { values: mean, best: bestSequence(mean, arrays, layer.tags) };
  },
};

// A model on its inputs, activations by name; `known` are the runs of an earlier time, where these began alike.
function runModel(model, inputs, known) {
  const outputs = [],
    runs = [];
  model.layers.forEach((layer, number) => {
    const x = model.sources[number].map((source) => (typeof source === "string" ? inputs[source] : outputs[source]));
    const context = { cells: model.cells, state: model.state[number], runs, known };
    outputs.push(LAYERS[layer.kind](layer, x, model.arrays[number], context));
  });
  const last = model.layers.length - 1,
    output = outputs[last];
  const answer = HEADS[model.layers[last].kind](model.layers[last], output, model.arrays[last], model.temperature);
  return { output, runs, answer };
}
