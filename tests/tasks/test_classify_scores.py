"""The figures of classification: scores, calibration, baselines, and the ensemble, each against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from elman.model import EnsembleHead, Linear, SoftmaxHead
from elman.model.heads import softmax
from elman.nn.network import Batch, Network
from elman.tasks.classify.baselines import baselines_from_record, fit_baselines, logistic
from elman.tasks.classify.calibration import at_temperature, fit_temperature, nats, reliability
from elman.tasks.classify.encoding import Encoding
from elman.tasks.classify.scores import confusion, score, verdict, wilson

TARGETS = np.array([0, 0, 0, 1, 1, 2])
SAID = np.array([0, 0, 1, 1, 0, 1])


def test_scores_by_hand():
    found = score(SAID, TARGETS)
    assert found["accuracy"] == 3 / 6
    # precision and recall: class 0 2/3 and 2/3; class 1 1/3 and 1/2; class 2 never said
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2) + 0) / 3)
    assert confusion(SAID, TARGETS, 3).tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 0]]
    assert score(TARGETS, TARGETS) == {"accuracy": 1.0, "macro_f1": 1.0}


@pytest.mark.parametrize(("right", "count"), [(9, 10), (0, 5), (5, 5), (9923, 10_000)])
def test_wilson_solves_its_equation(right, count):
    """The bounds are the shares p whose distance from the one seen is 1.96 of their own standard deviations."""
    low, high = wilson(right, count)
    assert 0 <= low <= right / count <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1:
            distance = abs(right / count - bound) / math.sqrt(bound * (1 - bound) / count)
            assert distance == pytest.approx(1.959964, rel=1e-6)


def test_the_verdict_is_mcnemars():
    targets = np.zeros(40, int)
    model, same = np.zeros(40, int), np.zeros(40, int)
    weak = np.r_[np.ones(6, int), np.zeros(34, int)]
    assert "better, in 6 of 6 sequences that only one got right" in verdict(model, {"logistic": weak}, targets)
    text = verdict(model, {"logistic": weak, "majority": same}, targets)
    assert "no better than the most frequent class" in text  # the best baseline counts
    assert "worse than the logistic regression" in verdict(weak, {"logistic": model}, targets)
    few = np.r_[np.ones(4, int), np.zeros(36, int)]
    assert "too few to rule out chance" in verdict(model, {"logistic": few}, targets)


def test_calibration_by_hand():
    p = np.array([[0.61, 0.39], [0.63, 0.37], [0.1, 0.9], [0.08, 0.92]])
    found = reliability(p, np.array([0, 1, 1, 1]))
    assert_allclose(found.confidence, [0.62, 0.91])
    assert_allclose(found.accuracy, [0.5, 1.0])
    assert found.error == pytest.approx(0.5 * 0.12 + 0.5 * 0.09)
    assert nats(p, np.array([0, 1, 1, 1])) == pytest.approx(-np.log([0.61, 0.37, 0.9, 0.92]).mean())


def test_temperature():
    random = np.random.default_rng(0)
    logits = random.normal(0, 1, (4000, 3))
    targets = np.array([random.choice(3, p=row) for row in softmax(logits)])
    assert_allclose(at_temperature(softmax(2.5 * logits), 2.5), softmax(logits), rtol=1e-9)
    for factor in (0.5, 1.0, 3.0):  # logits that are too large by it
        assert fit_temperature(softmax(factor * logits), targets) == pytest.approx(factor, rel=0.1)
    found = fit_temperature(softmax(3 * logits), targets)
    best = nats(at_temperature(softmax(3 * logits), found), targets)
    for other in (0.98 * found, 1.02 * found):
        assert nats(at_temperature(softmax(3 * logits), other), targets) >= best
    assert at_temperature(np.array([1.0, 0.0]), 2.0).tolist() == pytest.approx([1.0, 0.0])


def test_logistic_regression_is_at_its_least():
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (200, 4)).astype("f4")
    y = (x @ random.normal(0, 1, (4, 3)) + random.normal(0, 1, (200, 3))).argmax(axis=1)
    w = logistic(x, y, 3).astype(float)
    p = softmax(x @ w[:-1] + w[-1])
    residual = (p - np.eye(3)[y]) / 200
    assert np.abs(x.T @ residual + w[:-1] / 200).max() < 5e-4
    assert np.abs(residual.sum(axis=0)).max() < 5e-4
    assert np.abs(w).max() > 0.3


def test_baselines_read_ragged_sequences_at_even_places():
    encoding = Encoding(("a", "b"), 1, (0.0,), (1.0,))
    inputs = np.array([[[0], [2], [4]], [[1], [5], [0]]], "f4")
    fitted = fit_baselines(inputs, np.array([3, 2]), np.array([0, 1]), encoding)
    assert fitted.steps == 3 and fitted.majority == 0
    again = baselines_from_record(fitted.record(), encoding)
    assert_array_equal(again.weight, fitted.weight)
    weight = fitted.weight.copy()
    weight[:] = 0
    weight[1, 1] = 1  # what is read at the middle: 2, and between 1 and 5
    weight[3, 0] = 2.5
    found = type(fitted)(0, 3, weight).predictions(inputs, np.array([3, 2]), encoding)
    assert found["logistic"].tolist() == [0, 1] and found["majority"].tolist() == [0, 0]


def test_members_of_an_ensemble_learn_as_if_alone():
    torch.manual_seed(0)
    x, targets, weight = torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([1.0, 2, 0, 1, 1, 3])
    both = Network((Linear(4, 6), EnsembleHead(3, 2)))
    loss, count, _ = both.loss(Batch(x, targets, None, weight))
    loss.backward()
    means = []
    for member in range(2):
        alone = Network((Linear(4, 3), SoftmaxHead(3)))
        rows = slice(3 * member, 3 * member + 3)
        alone.load_state_dict({name: p[rows] for name, p in both.state_dict().items()})
        own, own_count, _ = alone.loss(Batch(x, targets, None, weight))
        own.backward()
        means.append(own)
        for name, p in alone.named_parameters():
            torch.testing.assert_close(both.get_parameter(name).grad[rows], p.grad)
        assert count == own_count
    torch.testing.assert_close(loss, means[0] + means[1])
    both.eval()
    with torch.no_grad():
        output = both(x)[0]
        answer = EnsembleHead(3, 2).decode(output.numpy(), {}, None)
        assert_allclose(answer, softmax(output.numpy().reshape(6, 2, 3)).mean(axis=1), rtol=1e-6)
        found = both.loss(Batch(x, targets, None, weight))[0]
        expected = -(np.log(answer[np.arange(6), targets]) * weight.numpy()).sum() / 8
        assert found.item() == pytest.approx(expected, rel=1e-5)
