"""The loop: what it restores, where it stops, what it leaves untouched."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import chain

import numpy as np
import pytest
import torch

from elman.errors import DataError, SettingsError, ShapeError, TrainingError
from elman.learning import Examples
from elman.torch_private import backward
from elman.training.batches import to_tensors
from elman.training.events import EpochEnd, PhaseEnd, PhaseStart
from elman.training.loop import fit
from tests.training.helpers import Trainable


class Scale(Trainable):
    """y = a·x, from a = 0: training moves along one line."""

    def __init__(self, point_loss="mse"):
        super().__init__()
        self.point_loss = point_loss
        self.a = torch.nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return self.a * x


def line(slope, count=6, weights=None):
    x = np.linspace(1, 2, count, dtype=np.float32).reshape(-1, 1, 1)
    return Examples(x, slope * x, sample_weight=weights)


def test_same_seed_same_bits(small, examples, settings, bits, numbers):
    runs = []
    for seed in (3, 3, 4):
        torch.rand(seed)  # wherever the caller's own stream stands
        module = small()
        result = fit(module, examples(26), settings(seed=seed), validation=examples(9, seed=1))
        runs.append((bits(module), numbers(result.history)))
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


def test_the_callers_random_stream_is_untouched(small, examples, settings):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(small(), examples(26), settings(epochs=2))
    assert torch.equal(torch.rand(3), expected)


def test_learns(small, examples, settings):
    module = small()
    result = fit(module, examples(64), settings(epochs=30, patience=0), validation=examples(30, seed=1))
    assert result.best_loss < result.history[0]["validation_loss"] / 3
    assert (result.epochs_run, result.interrupted) == (30, False)


@pytest.mark.parametrize("errors", [[1.0] * 30, [1.0] * 20 + [0.5] * 10, None])
def test_the_error_chooses_and_among_equal_ones_the_loss(errors, settings):
    given = iter(errors or [])
    chosen = settings(epochs=30, batch_size=0, learning_rate=0.1, schedule="constant", weight_decay=0, patience=0)
    choice = {"validation_error": lambda: next(given), "error_chooses": True} if errors else {}
    result = fit(Scale("mae"), line(1), chosen, validation=line(0.5), **choice)
    entries = [(*([e["validation_error"]] if errors else []), e["validation_loss"]) for e in result.history]
    assert result.best_epoch == entries.index(min(entries)) + 1 and result.best_loss == min(entries)[0]
    assert [e["validation_error"] for e in result.history] == (errors or [None] * 30)


def test_restores_the_best_and_stops_early(settings):
    # from a = 0 towards 1 in steps of about 0.1; the validation part wants 0.5
    events, module, weights = [], Scale("mae"), []

    def note(event):
        events.append(event)
        if isinstance(event, EpochEnd):
            weights.append(module.a.item())

    chosen = settings(epochs=50, batch_size=0, learning_rate=0.1, schedule="constant", weight_decay=0, patience=3)
    result = fit(module, line(1), chosen, validation=line(0.5), on_event=note)
    losses = [entry["validation_loss"] for entry in result.history]
    best = int(np.argmin(losses))
    assert best > 1
    assert result.best_epoch == best + 1
    assert result.best_loss == losses[best]
    assert result.epochs_run == result.best_epoch + 3 == len(losses)
    assert module.a.item() == weights[best] != weights[-1]
    assert not module.training
    assert isinstance(events[0], PhaseStart)
    assert events[-1] == PhaseEnd("train", result)
    ends = events[1:-1]
    assert [e.epoch for e in ends] == list(range(1, len(losses) + 1))
    assert [e.best_epoch for e in ends] == [int(np.argmin(losses[:k])) + 1 for k in range(1, len(losses) + 1)]
    assert all(e.epochs == 50 and e.elapsed > 0 and e.remaining > 0 for e in ends)


def test_patience_of_zero_never_stops(settings):
    chosen = settings(epochs=20, batch_size=0, learning_rate=0.1, schedule="constant", weight_decay=0, patience=0)
    result = fit(Scale("mae"), line(1), chosen, validation=line(0.3))
    assert result.epochs_run == 20
    assert result.best_epoch < 10


@pytest.mark.parametrize(("batch_size", "patience"), [(0, 32), (3, 16), (1, 10)])
def test_patience_by_itself_waits_ten_epochs_or_32_updates(batch_size, patience, settings):
    chosen = settings(epochs=100, batch_size=batch_size, learning_rate=0.1, weight_decay=0, patience=None)
    result = fit(Scale("mae"), line(1), chosen, validation=line(-1))
    assert (result.best_epoch, result.epochs_run) == (1, 1 + patience)


def test_without_validation_the_last_epoch_counts(small, examples, settings):
    result = fit(small(), examples(26), settings(epochs=4, patience=1))
    assert result.best_epoch == result.epochs_run == 4
    assert result.best_loss == result.history[-1]["loss"]
    assert {entry["validation_loss"] for entry in result.history} == {None}


def test_history_and_validation_loss(small, examples, settings):
    module, held_out = small(), examples(9, seed=1)
    result = fit(module, examples(26), settings(epochs=3), validation=held_out, phase="search")
    assert [entry["epoch"] for entry in result.history] == [1, 2, 3]
    assert all(entry["phase"] == "search" for entry in result.history)
    assert result.seconds == pytest.approx(math.fsum(entry["seconds"] for entry in result.history))
    with torch.no_grad():
        expected = np.square(module(torch.tensor(held_out.inputs)).numpy() - held_out.targets).mean()
    assert result.best_loss == pytest.approx(expected, rel=1e-6)


def test_training_loss_is_the_mean_over_all_targets(settings):
    # learning next to nothing, the loss is that of a = 0, whatever the sizes of batches and weights
    weights = np.array([1, 0, 2, 0.5, 0, 1], np.float32).reshape(-1, 1, 1)
    chosen = settings(epochs=1, batch_size=4, learning_rate=1e-12)
    for given in (None, weights):
        examples = line(1, weights=given)
        result = fit(Scale(), examples, chosen)
        expected = np.average(examples.targets**2, weights=given)
        assert result.history[0]["loss"] == pytest.approx(float(expected), rel=1e-6)


def test_schedule(settings):
    chosen = settings(epochs=10, learning_rate=0.5)
    rates = [entry["learning_rate"] for entry in fit(Scale(), line(1), chosen).history]
    expected = [0.5 * (0.02 + 0.98 * (1 + math.cos(math.pi * k / 10)) / 2) for k in range(10)]
    assert rates == pytest.approx(expected, rel=1e-12)
    # a refit for a known number of epochs follows the same rates, however many examples it has
    refit = fit(Scale(), line(1, count=11), chosen, epochs=4, validation=line(-1))
    assert [entry["learning_rate"] for entry in refit.history] == rates[:4]
    constant = fit(Scale(), line(1), settings(schedule="constant", learning_rate=0.5))
    assert {entry["learning_rate"] for entry in constant.history} == {0.5}


def test_updates_follow_the_schedule_within_an_epoch(settings):
    # the first updates of AdamW are of the learning rate's size, so its path shows each rate
    module = Scale("mae")
    chosen = settings(epochs=1, batch_size=3, learning_rate=0.01, weight_decay=0)
    fit(module, line(100), chosen)
    expected = 0.01 * (1 + (0.02 + 0.98 * 0.5))
    assert module.a.item() == pytest.approx(expected, rel=1e-3)


def test_every_example_once_an_epoch_in_a_new_order(settings):
    batches = []

    class Watch(Scale):
        def forward(self, x):
            batches.append(x.flatten().tolist())
            return super().forward(x)

    examples = line(1, count=11)
    fit(Watch(), examples, settings(epochs=2, batch_size=4))
    assert [len(batch) for batch in batches] == [4, 4, 3] * 2
    first, second = list(chain(*batches[:3])), list(chain(*batches[3:]))
    assert sorted(first) == sorted(second) == examples.inputs.flatten().tolist()
    assert first != second


def test_targets_of_weight_zero_have_no_influence(small, examples, settings, bits, numbers):
    given = examples(26)
    weights = np.ones_like(given.targets)
    weights[::3, 0] = 0
    weights[5] = 0
    runs = []
    for nonsense in (0, 1e9, np.nan, np.inf):
        targets = np.where(weights > 0, given.targets, np.float32(nonsense))
        module = small(point_loss="huber")
        masked = Examples(given.inputs, targets, sample_weight=weights)
        result = fit(module, masked, settings(), validation=masked)
        runs.append((bits(module), numbers(result.history)))
    assert all(run == runs[0] for run in runs)
    unmasked = small(point_loss="huber")
    fit(unmasked, given, settings(), validation=given)
    assert bits(unmasked) != runs[0][0]


def test_ctrl_c_keeps_the_best_so_far(settings):
    module, calls = Scale(), []

    class Watch(Trainable):
        def __init__(self):
            super().__init__()
            self.point_loss = "mae"
            self.inner = module

        def forward(self, x):
            if self.training:
                calls.append(module.a.item())
                if len(calls) == 8:
                    raise KeyboardInterrupt
            return self.inner(x)

    chosen = settings(epochs=50, batch_size=3, learning_rate=0.1, schedule="constant", weight_decay=0)
    result = fit(Watch(), line(1), chosen, validation=line(1))
    assert result.interrupted
    assert result.epochs_run == result.best_epoch == 3  # two updates an epoch, stopped in the fourth
    assert module.a.item() == calls[6] != calls[7]
    assert module.a.grad is None


def test_stop_is_called_between_epochs(settings):
    asked = []
    result = fit(Scale(), line(1), settings(epochs=9), stop=lambda: asked.append(1) or len(asked) > 3)
    assert (result.interrupted, result.epochs_run) == (True, 3)


@pytest.mark.parametrize("batch_size", [0, 4])
def test_a_loss_that_is_not_finite(batch_size, settings):
    class Explode(Scale):
        def forward(self, x):
            return (self.a + 1e30 * (self.a != 0)) * x

    module = Explode()
    with pytest.raises(TrainingError, match=r"epoch \d of search: the \S+ is (inf|nan); lower `learning_rate`"):
        fit(module, line(1), settings(batch_size=batch_size, learning_rate=0.25), phase="search")
    assert math.isfinite(module.a.item())


def test_a_gradient_that_is_not_finite(settings):
    class Root(Scale):
        def forward(self, x):
            return x * self.a.clamp(min=0).sqrt()  # infinite slope at a = 0, finite value

    with pytest.raises(TrainingError, match=r"epoch 1 of train: the gradient is (inf|nan)"):
        fit(Root(), line(1), settings())


@pytest.mark.parametrize("device", ["tpu", "meta", "cuda:99", ""])
def test_a_device_that_is_not_there(device, settings):
    with pytest.raises(SettingsError, match=r"device .* cannot be used here .*`device` cpu"):
        fit(Scale(), line(1), settings(device=device))


def test_bad_examples(settings):
    good, device = line(1), torch.device("cpu")
    none = Examples(good.inputs[:0], good.targets[:0])
    with pytest.raises(DataError, match="validation part: there are no examples"):
        fit(Scale(), good, settings(), validation=none)
    with pytest.raises(DataError, match="nothing is known"):
        to_tensors(line(1, weights=np.zeros_like(good.targets)), device, "x")
    for weight in (-1, np.nan, np.inf):
        with pytest.raises(DataError, match="x: weights must be finite and at least 0"):
            to_tensors(line(1, weights=np.full_like(good.targets, weight)), device, "x")
    for wrong in (np.inf, np.nan, 1e300):  # the last is none in float32
        with pytest.raises(DataError, match="x: input hold values that are not finite"):
            to_tensors(Examples(good.inputs.astype("f8") * wrong, good.targets), device, "x")
        with pytest.raises(DataError, match="x: targets hold values that are not finite"):
            to_tensors(Examples(good.inputs, good.targets.astype("f8") * wrong), device, "x")
    with pytest.raises(ShapeError, match="x: input has 6 rows, the targets have 5"):
        to_tensors(Examples(good.inputs, good.targets[1:]), device, "x")
    with pytest.raises(ShapeError, match="x: weights .* do not fit"):
        to_tensors(line(1, weights=np.ones((6, 2), "f4")), device, "x")
    with pytest.raises(ShapeError, match="must be alike"):
        fit(Scale(), Examples(good.inputs, good.targets[:, 0]), settings())


def test_large_validation_parts_are_measured_in_chunks(settings, monkeypatch):
    monkeypatch.setattr("elman.training.batches.STEPS_AT_ONCE", 2)
    weights = np.array([1, 0, 2, 0.5, 0, 1, 3], np.float32).reshape(-1, 1, 1)
    held_out = line(3, count=7, weights=weights)
    module = Scale()
    result = fit(module, line(1), settings(epochs=1, batch_size=2), validation=held_out)
    expected = np.average((module.a.item() * held_out.inputs - held_out.targets) ** 2, weights=weights)
    assert result.best_loss == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_backward_is_torchs(dtype, small):
    gradients = []
    for run in (backward, torch.Tensor.backward):
        module = small().to(dtype)
        hooked = []
        module.head.weight.register_hook(hooked.append)
        run(module.eval()(torch.ones(5, 3, 2, dtype=dtype)).square().sum())
        gradients.append([p.grad for p in module.parameters()])
        assert torch.equal(hooked[0], module.head.weight.grad)
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    with pytest.raises(RuntimeError, match="does not require grad"):
        backward(torch.ones(()))


def test_torchs_compiler_is_not_imported():
    """It takes as long to import as torch itself, and training needs none of it."""
    program = """
import sys
import numpy as np
from elman.learning import Examples
from elman.torch_private import backward
from elman.model import Linear, PointHead
from elman.nn.network import Network
from elman.training.loop import fit
from elman.training.settings import TrainingSettings

x = np.ones((8, 3, 2), np.float32)
network = Network((Linear(2, 2), PointHead("mse", 2)))
assert fit(network, Examples(x, x), TrainingSettings(epochs=2, batch_size=4)).epochs_run == 2
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
