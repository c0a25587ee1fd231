"""Dynamic evaluation: a language model that goes on learning while it is tested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elman.data.texts import Text
from elman.errors import MissingDependencyError
from elman.learning import Evaluation
from elman.tasks.language.predictor import LanguagePredictor
from elman.tasks.language.scores import score

SEGMENT = 32  # tokens scored, then learned from
LEARNING_RATE = 6e-4
DECAY = 0.003  # of the distance to the trained weights, a segment


def adapted(test: Text, predictor: LanguagePredictor, evaluation: Evaluation) -> Evaluation:
    """``evaluation`` with the scores of dynamic evaluation (Mikolov et al. 2010, Krause et al. 2018) beside it.

    Each stretch of 32 tokens is scored first, and then learned from by one step of Adam, after which the weights are
    drawn back a little towards those of training; the state is carried. The model itself is not changed.

    Raises:
        MissingDependencyError: torch is not installed.
    """
    nats = adapted_nats(test, predictor)
    scores = score(nats)
    shown = f"{scores['nats_per_token']:.4f} nats, {scores['bits_per_token']:.4f} bits a token"
    facts = {**evaluation.facts, "adapted": scores}
    note = f"Adapted (each {SEGMENT} tokens scored, then learned from): {shown}."
    return replace(evaluation, facts=facts, notes=(*evaluation.notes, note))


def adapted_nats(
    test: Text,
    predictor: LanguagePredictor,
    *,
    learning_rate: float = LEARNING_RATE,
    decay: float = DECAY,
    segment: int = SEGMENT,
) -> np.ndarray:
    """What each token but the first costs the adapting model, (N - 1,) float64."""
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("torch", "adapting", "train") from error

    from elman.nn.network import Network, set_arrays

    model = predictor.model
    network = Network(model.layers).eval()  # no dropout
    set_arrays(network, model.arrays)
    parameters = list(network.parameters())
    trained = [p.detach().clone() for p in parameters]
    optimiser = torch.optim.Adam(parameters, lr=learning_rate, betas=(0.0, 0.999))
    indices = torch.from_numpy(np.asarray(predictor.vocabulary.indices(test), np.int64))
    state: dict[str, torch.Tensor] = {}
    found = []
    for start in range(0, len(indices) - 1, segment):
        targets = indices[start + 1 : start + 1 + segment]
        output, final = network(indices[None, start : start + len(targets)], None, state)
        each = torch.nn.functional.cross_entropy(output[0], targets, reduction="none")
        found.append(each.detach().double().numpy() + predictor.extra(targets.numpy()))
        state = {name: tensor.detach() for name, tensor in final.items()}
        optimiser.zero_grad()
        each.mean().backward()
        optimiser.step()
        with torch.no_grad():
            for parameter, before in zip(parameters, trained, strict=True):
                parameter.lerp_(before, decay)
    return np.concatenate(found)
