"""Writing with a language model: a token at a time, drawn from what may follow."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator

import numpy as np

from elman.data.texts import Text
from elman.errors import DataError
from elman.model import stepper_of
from elman.runs.writing import WritingSettings
from elman.tasks.language.predictor import STEPS, LanguagePredictor

Array = np.ndarray
SHOWN = 12
BEGINNINGS = "\n "  # what a text begins after, the first that the model knows


def write(predictor: LanguagePredictor, settings: WritingSettings) -> Iterator[str]:
    """The text after the prompt, as it is written: a character at a time, bytes as they become characters.

    Raises:
        DataError: a prompt with characters that the model does not know, or an empty one.
    """
    indices = written(predictor, _prompt(predictor, settings), settings)
    if predictor.vocabulary.tokens == "bytes":
        return codecs.iterdecode(map(_byte, indices), "utf-8", "replace")
    points = predictor.vocabulary.points
    return (chr(points[index]) for index in indices)


def _byte(index: int) -> bytes:
    return bytes([index])


def _prompt(predictor: LanguagePredictor, settings: WritingSettings) -> Array:
    vocabulary, prompt = predictor.vocabulary, settings.prompt
    if prompt is None:
        known = [letter for letter in BEGINNINGS if ord(letter) in vocabulary.points or vocabulary.tokens == "bytes"]
        prompt = known[0] if known else chr(vocabulary.points[0])
    try:  # bytes of a command line that are no text stand as surrogates
        content = prompt.encode("utf-8", "surrogateescape" if vocabulary.tokens == "bytes" else "strict")
    except UnicodeEncodeError as error:
        raise DataError("the prompt is not UTF-8 text; write it in UTF-8, or train on bytes") from error
    if not content:
        raise DataError("the prompt is empty; give at least one character")
    text = Text.of(content, vocabulary.tokens)
    indices = np.asarray(vocabulary.indices(text), np.int64)
    if (strange := text.codes[indices == vocabulary.unknown]).size:
        found = list(dict.fromkeys(chr(code) for code in strange.tolist()))
        shown = ", ".join(repr(letter) for letter in found[:SHOWN]) + (" …" if len(found) > SHOWN else "")
        raise DataError(
            f"the prompt has characters that the model does not know: {shown}; write it without them, or train on "
            "bytes, all of which are known"
        )
    return indices


def written(predictor: LanguagePredictor, prompt: Array, settings: WritingSettings) -> Iterator[int]:
    """Classes drawn one after the other, after those of the prompt."""
    model, unknown = predictor.model, predictor.vocabulary.unknown
    state = None
    for start in range(0, len(prompt) - 1, STEPS):
        _, state = model(prompt[None, start : min(start + STEPS, len(prompt) - 1)], state=state)
    step, state = stepper_of(model, eight_bit=settings.eight_bit), model.initial_state(1) if state is None else state
    choose = _chooser(settings, unknown)
    index = int(prompt[-1])
    for _ in range(settings.length):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            logits, state = step(index, state)
            if not np.isfinite(logits).all():
                raise DataError("the model's logits are not finite; train it again")
            index = choose(logits)
        yield index


def _chooser(settings: WritingSettings, unknown: int) -> Callable[[Array], int]:
    random = np.random.default_rng(settings.seed)
    temperature, top_p, top_k = settings.temperature, settings.top_p, settings.top_k

    def choose(logits: Array) -> int:
        if unknown >= 0:
            logits = logits.copy()
            logits[unknown] = -np.inf
        if not temperature:
            return int(logits.argmax())
        scaled = logits.astype(np.float64)
        scaled -= scaled.max()
        scaled /= temperature
        p = np.exp(scaled, out=scaled)
        if top_k or top_p < 1:
            order = np.argsort(-p, kind="stable")
            kept = len(order) if not top_k else min(top_k, len(order))
            if top_p < 1:
                total = np.cumsum(p[order[:kept]])
                kept = int(np.searchsorted(total, top_p * total[-1])) + 1
            p[order[kept:]] = 0
        total = p.cumsum()
        return int(min(total.searchsorted(random.random() * total[-1], side="right"), len(p) - 1))

    return choose
