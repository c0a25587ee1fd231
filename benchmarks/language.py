"""Writing: nats a character on tiny Shakespeare at the defaults, and characters written a second.

On a part of the training text; ``--final`` scores the test, the last tenth, once at the end.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import interleaved, median_ratio
from benchmarks._data import DATA
from benchmarks._machine import alone, thread_counts
from benchmarks._table import Table, verdict
from elman import LanguageModel
from elman.data import Text, read_text
from elman.model import Model, model_shapes, stepper_of
from elman.tasks.language.adapting import adapted_nats
from elman.tasks.language.layers import layers_for
from elman.tasks.language.ngrams import fit_ngrams
from elman.tasks.language.overlap import fitted_on
from elman.tasks.language.predictor import LanguagePredictor, Record
from elman.tasks.language.settings import LanguageSettings
from elman.tasks.language.vocabulary import fit_vocabulary
from elman.tasks.language.writing import WritingSettings, written
from elman.training.memory import keep_freed_memory

BAR, MINUTES, TIMES = 1.51, 20, 10
WRITTEN, ROUNDS = 500, 7
JOBS = {"cell": "gru", "hidden_size": 256, "num_layers": 2, "embedding_size": 256}


def main(final: bool = False) -> bool:
    """Print the figures; True if every bar is met."""
    text = read_text(DATA / "text" / "tinyshakespeare.txt")
    speeds = alone(thread_counts()[-1], speed)
    part = text if final else text.part(0, round(len(text) * 0.9))
    return alone(thread_counts()[-1], quality, part.codes, final) and speeds


def quality(codes: np.ndarray, final: bool) -> bool:
    """Trained at the defaults, and scored on the last tenth of what is given."""
    keep_freed_memory()
    text = Text("tiny Shakespeare", "char", codes)
    begin = time.perf_counter()
    model = LanguageModel().fit(text)
    minutes, used = (time.perf_counter() - begin) / 60, resource.getrusage(resource.RUSAGE_SELF)
    evaluation = model.outcome.evaluation
    assert evaluation is not None and isinstance(model.outcome.final, LanguagePredictor)
    print(f"\nthe last tenth of {len(text)} characters, in order, the state carried: nats a character")
    table = Table({"": "<16", "nats": ">7.4f", "bits": ">7.4f"})
    table.row("elman", *evaluation.scores.values())
    test = text.part(len(text) - round(len(text) * 0.1))
    own = adapted_nats(test, model.outcome.final).mean()
    table.row("elman, adapting", own, own / np.log(2))
    coarse = eight_bit_nats(test, model.outcome.final)
    table.row("elman, 8 bits", coarse, coarse / np.log(2))
    for name, scores in evaluation.baselines.items():
        table.row(name, *scores.values())
    history = model.outcome.history
    print(f"{len(history)} epochs, {minutes:.1f} minutes, {(used.ru_utime + used.ru_stime) / 60:.1f} of CPU time")
    met = evaluation.scores["nats_per_token"] <= BAR and minutes <= MINUTES
    print(f"bar: {BAR} within {MINUTES} minutes: {verdict(met)}" + ("" if final else " (not on the test)"))
    return met


def eight_bit_nats(text: Text, predictor: LanguagePredictor) -> float:
    """Nats a character, each from the one before, step by step on recurrent weights of eight bits."""
    indices = predictor.vocabulary.indices(text)
    step, state = stepper_of(predictor.model, eight_bit=True), predictor.model.initial_state(1)
    total = 0.0
    for before, after in itertools.pairwise(indices.tolist()):
        logits, state = step(before, state)
        total += np.logaddexp.reduce(logits.astype(float)) - logits[after]
    return total / (len(indices) - 1)


def speed() -> bool:
    """Characters a second, drawn from a temperature of 0.8, beside a plain torch loop of the same weights."""
    import torch

    print(
        f"characters written a second, {WRITTEN} in a row; the loop: torch's layers, the state carried, one step each"
    )
    figures = {"MB": ">6.1f", "elman": ">8.0f", "× torch": ">8.2f", "8 bits": ">8.0f", " × torch": ">8.2f"}
    table = Table({"model": "<12", "torch": ">8.0f", **figures, "": "<6"})
    met = True
    for name, given in (("default", {}), ("GRU 2×256", JOBS)):
        settings = LanguageSettings(**given)
        predictor = random_predictor(settings)
        runs = {"torch": _theirs(torch, settings, predictor), "32": _ours(predictor), "8": _ours(predictor, True)}
        seconds = interleaved(runs, ROUNDS)
        rates = {peer: WRITTEN / statistics.median(taken) for peer, taken in seconds.items()}
        ratios = {bits: median_ratio(seconds, "torch", bits) for bits in ("32", "8")}
        size = 4 * predictor.model.parameter_count() / 1e6
        good = ratios["8"] >= TIMES
        figures = [figure for bits, ratio in ratios.items() for figure in (rates[bits], ratio)]
        table.row(name, rates["torch"], size, *figures, verdict(good) if name == "default" else None)
        met &= good or name != "default"
    return met


def random_predictor(settings: LanguageSettings, size: int = 64) -> LanguagePredictor:
    """A model of random weights, and of ``size`` characters and one more."""
    random = np.random.default_rng(0)
    text = Text.of("".join(chr(33 + k) for k in random.integers(0, size, 5000)))
    vocabulary = fit_vocabulary(text, 1)
    layers = layers_for(vocabulary.size, settings)
    scale = settings.hidden_size**-0.5
    arrays = {n: random.uniform(-scale, scale, s).astype(np.float32) for n, s in model_shapes(layers).items()}
    record = Record(vocabulary, fit_ngrams(vocabulary.indices(text), vocabulary.size), (fitted_on(text),))
    return LanguagePredictor(Model(layers, arrays, "language", record.to_record()), record)


def _ours(predictor: LanguagePredictor, eight_bit: bool = False) -> Callable[[], object]:
    chosen = WritingSettings(length=WRITTEN, eight_bit=eight_bit)
    return lambda: list(written(predictor, np.array([0]), chosen))


def _theirs(torch: Any, settings: LanguageSettings, predictor: LanguagePredictor) -> Callable[[], object]:
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[settings.cell]
    arrays = predictor.model.arrays
    size, number = predictor.vocabulary.size, next(name[0] for name in arrays if "weight_ih_l0" in name)
    embedding = torch.nn.Embedding(size, settings.embedding_size)
    layer = kind(settings.embedding_size, settings.hidden_size, settings.num_layers).eval()
    linear = torch.nn.Linear(settings.hidden_size, size)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(torch.from_numpy(arrays[f"{number}.{name}"]))

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def run() -> list[int]:
        token, state, found = torch.zeros(1, 1, dtype=torch.long), None, []
        for _ in range(WRITTEN):
            output, state = layer(embedding(token), state)
            p = torch.softmax(linear(output[0, 0]) / 0.8, 0)
            token = torch.multinomial(p, 1)[None]
            found.append(int(token))
        return found

    return run
