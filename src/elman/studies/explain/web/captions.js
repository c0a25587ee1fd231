"use strict";
// What each picture shows and does not show, in a line.

function inputCaption(editable) {
  const what = app.text
    ? "Shows what the model reads, a step in each box; a dotted one is not known to it."
    : "Shows the values, in the data's units, that the model reads at each step.";
  if (!editable) return what;
  const typing = isMap() ? "Choose a step and a channel, and type a value" : "Drag a point or type a value";
  const how = app.text ? "Type another text" : typing;
  return `${what} ${how}: all that is below is computed anew, by the model in this page.`;
}

function outputCaption() {
  const { answer, recorded } = app.page,
    each = app.base.answer.steps > 0;
  const was = recorded ? "" : " Orange: as it was before the edit.";
  if (app.base.answer.best) {
    const what =
      "Shows the score of each class at the chosen step; from all of them the chain takes the best whole sequence";
    return `${what}, below each box.${was} A score is no probability.`;
  }
  if (answer.ahead) {
    const what = "Shows the probabilities of what comes after the chosen step, and the likeliest below each box.";
    return `${what}${was} It does not show whether they are right.`;
  }
  if (answer.classes) {
    const where = each ? " at the chosen step" : "";
    return `Shows the probability of each class${where}.${was} It does not show whether it is right.`;
  }
  if (answer.follows) {
    return "Shows the values, and what the model puts behind them. It does not show how sure that is.";
  }
  return "Shows what the model tells, in the data's units. It does not show the truth, nor how sure that is.";
}

function mapsCaption(name, keeper) {
  const sorted = keeper
    ? `by how long ${keeper.name} keeps what they have, longest at the top`
    : "by how little their output changes from step to step, steadiest at the top";
  const before = app.edit ? ", before the edit" : ""; // rows stay where they are
  const what = `Shows every gate and state of ${name} at every step, a row a unit, sorted ${sorted}${before}.`;
  return `${what} It does not show what a unit stands for.`;
}

function memoryCaption({ name }) {
  const before = app.edit ? " before the edit" : "";
  const what = `Shows after how many steps ${name} alone has let a unit's state fade to 1/e, longest first${before}`;
  const how = `−1 / mean(log(${name})) over these steps`;
  return `${what}: ${how}. It does not show what comes back through the recurrent weights, which can keep it longer.`;
}

function connectivityCaption(known) {
  if (!known) return "Not known here: the model has a layer whose gradient is not known.";
  const what = "Shows the norm of the gradient of each output (of a class: of its logit), a row each, with respect to";
  const where = "what the model reads at each step, for the sequence as it was.";
  return `${what} ${where} It does not show what a large change would do, and does not follow an edit.`;
}
