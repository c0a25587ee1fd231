"""The linear chain against all sequences counted one by one."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from elman.errors import SettingsError, ShapeError
from elman.model import CRFEnsembleHead, CRFHead
from elman.nn.crf import CRFTwin

TAGS, STEPS = 3, 4
LENGTHS = np.array([4, 1, 3])


def chain(seed: int = 0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    arrays = {name: random.normal(size=shape) for name, shape in CRFHead(TAGS).shapes().items()}
    return random.normal(size=(len(LENGTHS), STEPS, TAGS)), arrays


def score(output: np.ndarray, tags: tuple[int, ...], arrays: dict[str, np.ndarray]) -> float:
    emitted = sum(output[t, tag] for t, tag in enumerate(tags))
    moved = sum(arrays["transitions"][a, b] for a, b in pairwise(tags))
    return float(arrays["start"][tags[0]] + emitted + moved + arrays["end"][tags[-1]])


@pytest.mark.parametrize("seed", range(5))
def test_the_answer_is_the_best_of_all_sequences(seed):
    output, arrays = chain(seed)
    found = CRFHead(TAGS).decode(output, arrays, LENGTHS)
    for row, length in enumerate(LENGTHS):
        best = max(product(range(TAGS), repeat=length), key=lambda tags: score(output[row], tags, arrays))
        assert found[row].tolist() == [*best, *[0] * (STEPS - length)]
    whole = CRFHead(TAGS).decode(output, arrays, None)
    assert whole[0].tolist() == found[0].tolist()


def test_the_loss_is_the_share_of_all_sequences_and_has_its_gradient():
    output, arrays = chain()
    twin = CRFTwin(TAGS).double()
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.copy_(torch.from_numpy(arrays[name]))
    targets = np.random.default_rng(1).integers(0, TAGS, (len(LENGTHS), STEPS))
    weight = (np.arange(STEPS) < LENGTHS[:, None]).astype(float)
    mean, count = twin.loss(*map(torch.from_numpy, (output, targets, weight)))
    expected = 0.0
    for row, length in enumerate(LENGTHS):
        every = [score(output[row], tags, arrays) for tags in product(range(TAGS), repeat=length)]
        expected += np.logaddexp.reduce(every) - score(output[row], tuple(targets[row, :length]), arrays)
    assert int(count) == LENGTHS.sum()
    assert_allclose(mean.item(), expected / LENGTHS.sum(), rtol=1e-12)
    x = torch.from_numpy(output).requires_grad_()
    given = (torch.from_numpy(targets), torch.from_numpy(weight))
    assert torch.autograd.gradcheck(lambda x, *_: twin.loss(x, *given)[0], (x, *twin.parameters()))


def test_members_learn_alone_and_answer_together():
    random, members = np.random.default_rng(2), 2
    _, arrays = chain()
    output = random.normal(size=(len(LENGTHS), STEPS, members * TAGS))
    alone, together = CRFTwin(TAGS).double(), CRFTwin(TAGS, members).double()
    with torch.no_grad():
        for twin in (alone, together):
            for name, parameter in twin.named_parameters():
                parameter.copy_(torch.from_numpy(arrays[name]))
    targets = torch.from_numpy(random.integers(0, TAGS, (len(LENGTHS), STEPS)))
    weight = torch.from_numpy((np.arange(STEPS) < LENGTHS[:, None]).astype(float))
    parts = [torch.from_numpy(output[..., k * TAGS : (k + 1) * TAGS]) for k in range(members)]
    found, count = together.train().loss(torch.from_numpy(output), targets, weight)
    assert int(count) == LENGTHS.sum()
    assert_allclose(found.item(), sum(alone.loss(part, targets, weight)[0].item() for part in parts), rtol=1e-12)
    mean = (parts[0] + parts[1]) / 2
    for given in (weight, None):
        found, _ = together.eval().loss(torch.from_numpy(output), targets, given)
        assert_allclose(found.item(), alone.loss(mean, targets, given)[0].item(), rtol=1e-12)
    answer = CRFEnsembleHead(TAGS, members).decode(output, arrays, LENGTHS)
    assert answer.tolist() == CRFHead(TAGS).decode(mean.numpy(), arrays, LENGTHS).tolist()
    with pytest.raises(SettingsError, match="0 members; there is at least 1"):
        CRFEnsembleHead(TAGS, 0)


def test_targets_and_weights_that_do_not_fit():
    twin = CRFTwin(TAGS)
    output = torch.zeros(2, 3, TAGS)
    for targets in (torch.zeros(2, 3), torch.zeros(2, 2, dtype=torch.long)):
        with pytest.raises(ShapeError, match="whole numbers, one for each step"):
            twin.loss(output, targets, None)
    with pytest.raises(ShapeError, match="0 behind each row's end"):
        twin.loss(output, torch.zeros(2, 3, dtype=torch.long), torch.ones(2))
