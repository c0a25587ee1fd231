"""Checkpoints: training in pieces equals training at once, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from elman.errors import RunFolderError
from elman.learning import Examples
from elman.training.checkpoint import Checkpoint
from elman.training.events import EpochEnd, Fit, PhaseEnd, fit_from_record
from elman.training.loop import fit
from elman.training.optimiser import Optimiser
from tests.attack import checkpoint_mutants

EPOCHS = 6


class Killed(BaseException):
    """Ends training: nothing catches it."""


def kill_at(epoch):
    def on_event(event):
        if isinstance(event, EpochEnd) and event.epoch == epoch:
            raise Killed

    return on_event


@pytest.fixture
def train(small, examples, settings):
    """Trains anew, from a checkpoint if there is one; gives module and result."""

    def run(path=None, every=0.0, **given):
        module = small(seed=given.pop("init", 0))
        checkpoint = None if path is None else Checkpoint(path, "settings and data", every=every)
        result = fit(
            module,
            examples(26),
            settings(epochs=EPOCHS, patience=given.pop("patience", 0)),
            validation=given.pop("validation", examples(9, seed=1)),
            checkpoint=checkpoint,
            **given,
        )
        return module, result

    return run


@pytest.mark.parametrize("every", [0.0, 3600.0])
@pytest.mark.parametrize("epoch", range(1, EPOCHS + 1))
def test_killed_at_any_epoch_it_resumes_bit_for_bit(epoch, every, train, tmp_path, bits, numbers):
    whole, expected = train()
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        train(path, every, on_event=kill_at(epoch))
    if every:  # an old checkpoint, or none yet, serves as well as the last
        assert not path.exists()
    else:
        assert Checkpoint(path, "settings and data").load("train").fit.epochs_run == epoch
    module, result = train(path, every)
    assert bits(module) == bits(whole)
    assert numbers(result.history) == numbers(expected.history)
    assert (result.best_epoch, result.best_loss) == (expected.best_epoch, expected.best_loss)


def test_killed_at_every_epoch_in_turn(train, tmp_path, bits, numbers):
    whole, expected = train()
    path = tmp_path / "checkpoint.safetensors"
    for epoch in range(1, EPOCHS + 1):
        with pytest.raises(Killed):
            train(path, on_event=kill_at(epoch))
    module, result = train(path)
    assert bits(module) == bits(whole)
    assert numbers(result.history) == numbers(expected.history)


def test_early_stopping_survives_a_kill(train, tmp_path, bits, numbers, examples):
    given = examples(9, seed=1)
    contrary = {"patience": 2, "validation": Examples(given.inputs, -given.targets)}
    whole, expected = train(**contrary)
    assert expected.best_epoch < expected.epochs_run < EPOCHS  # so that the test means something
    for epoch in range(1, expected.epochs_run + 1):
        path = tmp_path / f"{epoch}.safetensors"
        with pytest.raises(Killed):
            train(path, on_event=kill_at(epoch), **contrary)
        module, result = train(path, **contrary)
        assert bits(module) == bits(whole)
        assert numbers(result.history) == numbers(expected.history)


def test_initial_weights_that_no_epoch_improved_on_survive_a_kill(small, train, tmp_path, bits, numbers, examples):
    given = examples(9, seed=1)
    initial = small().eval()
    with torch.no_grad():  # targets that the initial weights meet exactly
        answers = initial(torch.from_numpy(given.inputs)).numpy()
    perfect = {"keep_initial": True, "validation": Examples(given.inputs, answers)}
    whole, expected = train(**perfect)
    assert expected.best_epoch == 0 < expected.epochs_run
    path = tmp_path / "checkpoint.safetensors"
    for epoch in range(1, EPOCHS + 1):
        with pytest.raises(Killed):
            train(path, on_event=kill_at(epoch), **perfect)
    module, result = train(path, **perfect)
    assert bits(module) == bits(whole) == bits(initial)
    assert numbers(result.history) == numbers(expected.history)
    assert (result.best_epoch, result.best_loss) == (expected.best_epoch, expected.best_loss)


@pytest.mark.parametrize("calls", [1, 9, 16])
def test_ctrl_c_then_resume(calls, train, tmp_path, bits, numbers, monkeypatch):
    whole, expected = train()
    path = tmp_path / "checkpoint.safetensors"
    step, left = Optimiser.step, [calls]

    def interrupted_step(self, learning_rate):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return step(self, learning_rate)

    with monkeypatch.context() as patch:
        patch.setattr(Optimiser, "step", interrupted_step)
        _, result = train(path)
    assert result.interrupted
    assert result.epochs_run == (calls - 1) // 7
    module, result = train(path)
    assert not result.interrupted
    assert bits(module) == bits(whole)
    assert numbers(result.history) == numbers(expected.history)


def test_a_stop_is_saved_whatever_the_interval(train, tmp_path, bits):
    whole, _ = train()
    path, asked = tmp_path / "checkpoint.safetensors", []
    _, result = train(path, every=3600, stop=lambda: asked.append(1) or len(asked) > 2)
    assert (result.interrupted, result.epochs_run) == (True, 2)
    assert Checkpoint(path, "settings and data").load("train").fit.epochs_run == 2
    module, _ = train(path)
    assert bits(module) == bits(whole)


def test_a_finished_phase_is_loaded_and_not_trained(train, tmp_path, bits):
    path, events = tmp_path / "checkpoint.safetensors", []
    first, expected = train(path, every=3600)
    second, result = train(path, init=1, on_event=events.append)
    assert bits(first) == bits(second)
    assert result == expected
    assert events == [PhaseEnd("train", expected)]
    assert not second.training


def test_a_file_from_before_the_first_epoch(train, tmp_path, bits):
    path = tmp_path / "checkpoint.safetensors"
    Checkpoint(path, "settings and data").begin()
    assert Checkpoint(path, "settings and data").load("train") is None
    first, result = train(path)
    Checkpoint(path, "settings and data").begin()
    assert Checkpoint(path, "settings and data").load("train").fit == result
    assert bits(first) == bits(train()[0])


def test_phases_stand_side_by_side(train, tmp_path, bits):
    path = tmp_path / "checkpoint.safetensors"
    search, expected = train(path, phase="search")
    refit, _ = train(phase="refit", epochs=3)
    with pytest.raises(Killed):
        train(path, phase="refit", epochs=3, on_event=kill_at(2))
    again, result = train(path, phase="search", init=1)
    assert (bits(again), result) == (bits(search), expected)
    module, _ = train(path, phase="refit", epochs=3)
    assert bits(module) == bits(refit)


def test_killed_by_the_system(tmp_path, train, bits, numbers):
    """A process that is really killed, in the midst of writing or not, leaves a file that can be resumed from."""
    whole, expected = train()
    path = tmp_path / "checkpoint.safetensors"
    program = """
import os
import runpy
import signal
import sys
from pathlib import Path
from elman.training.checkpoint import Checkpoint
from elman.training.loop import fit
from elman.training.settings import TrainingSettings

small = runpy.run_path(sys.argv[2])
replace, written = os.replace, []
def replace_or_die(source, target):
    written.append(1)
    if len(written) == 3:
        os.kill(os.getpid(), signal.SIGKILL)  # the third file is written, and not yet renamed
    replace(source, target)
os.replace = replace_or_die
fit(small["Small"](), small["make_examples"](26),
    TrainingSettings(epochs=6, batch_size=4, learning_rate=0.01, patience=0, schedule="cosine"),
    validation=small["make_examples"](9, seed=1),
    checkpoint=Checkpoint(Path(sys.argv[1]), "settings and data", every=0.0))
"""
    helpers = Path(__file__).with_name("helpers.py")
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run([sys.executable, "-c", program, path, helpers], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert Checkpoint(path, "settings and data").load("train").fit.epochs_run == 2
    module, result = train(path)
    assert bits(module) == bits(whole)
    assert numbers(result.history) == numbers(expected.history)


def test_another_fingerprint_is_refused(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    Checkpoint(path, "a").save("train", Fit(0, 0, None), {}, finished=True)
    with pytest.raises(RunFolderError, match=r"other settings or other data; give the same ones .* `overwrite`"):
        Checkpoint(path, "b").load("train")


def test_another_model_is_refused(train, tmp_path, small, examples, settings):
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        train(path, on_event=kill_at(1))
    module = small()
    module.head = torch.nn.Sequential(torch.nn.Linear(4, 2))
    with pytest.raises(RunFolderError, match=r"another model or device\); start again with `overwrite`"):
        fit(module, examples(26), settings(), checkpoint=Checkpoint(path, "settings and data"))


def test_a_changed_file_is_refused_in_one_line_or_says_the_same():
    """``ELMAN_FUZZ`` mutants, unfinished and finished phases in turn."""
    assert checkpoint_mutants.run(int(os.environ.get("ELMAN_FUZZ", "60")), seed=0) == []


@pytest.mark.parametrize("best", [[], {}, [0.5], "0.5", True, None, float("nan"), 0.25])
def test_a_best_loss_that_is_not_the_best_epoch_s_is_refused(best):
    entry = {"phase": "train", "epoch": 1, "loss": 0.5, "validation_loss": None, "validation_error": None}
    history = [entry | {"learning_rate": 0.1, "seconds": 1.0}]
    record = {"best_epoch": 1, "epochs_run": 1, "history": history, "interrupted": False, "seconds": 1.0}
    assert fit_from_record(record | {"best_loss": 0.5}, "train").best_loss == 0.5
    with pytest.raises(ValueError, match="its best loss is not that of its best epoch"):
        fit_from_record(record | {"best_loss": best}, "train")


def test_numbers_come_back_exactly(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    value = 0.1 + 0.2
    entry = {
        "phase": "train",
        "epoch": 1,
        "loss": value,
        "validation_loss": None,
        "validation_error": None,
        "learning_rate": value,
    }
    summary = Fit(1, 1, value, [entry | {"seconds": 1e-300}], False, 1e-300)
    tensors = {
        "a": torch.tensor([1e-45, -0.0, 3.4e38, 1 / 3]),
        "b": torch.tensor(2**53 + 1),
        "c": torch.tensor([[True], [False]]),
        "d": torch.tensor([1 / 3], dtype=torch.float64),
        "e": torch.zeros(0, 3, dtype=torch.uint8),
    }
    Checkpoint(path).save("train", summary, {f"weights/{k}": t for k, t in tensors.items()}, finished=True)
    saved = Checkpoint(path).load("train")
    assert saved.fit == summary
    for name, tensor in saved.group("weights").items():
        assert (tensor.dtype, tensor.shape) == (tensors[name].dtype, tensors[name].shape)
        assert tensor.numpy().tobytes() == tensors[name].numpy().tobytes()


def test_writing_waits_its_turn(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("elman.training.checkpoint.time.monotonic", lambda: now[0])

    def due_after(seconds, checkpoint):
        now[0] += seconds
        return checkpoint.due()

    def slow_write(path, content):
        now[0] += 2.0

    checkpoint = Checkpoint(tmp_path / "a", every=1.0)
    assert not due_after(0.9, checkpoint)
    assert due_after(0.2, checkpoint)
    checkpoint.save("train", Fit(0, 0, None), {}, finished=False)  # takes no time on this clock
    assert not due_after(0.9, checkpoint)
    assert due_after(0.2, checkpoint)
    monkeypatch.setattr("elman.training.checkpoint.atomic.write_bytes", slow_write)
    checkpoint.save("train", Fit(0, 0, None), {}, finished=False)
    assert not due_after(39, checkpoint)  # two seconds of writing are at most a twentieth
    assert due_after(2, checkpoint)
    assert Checkpoint(tmp_path / "b", every=0.0).due()
