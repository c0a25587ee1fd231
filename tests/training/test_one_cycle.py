"""The one-cycle schedule is torch's, an update at a time."""

from __future__ import annotations

import pytest
import torch

from elman.training.schedule import learning_rate


def test_its_ends_and_peak_are_torchs():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    steps = 1000
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.4, total_steps=steps + 1)
    peak = 0.3 * (steps + 1) - 1  # torch puts the highest rate one update before three tenths
    for step in range(steps + 1):
        own = 0.3 * step / peak if step <= peak else 0.3 + 0.7 * (step - peak) / (steps - peak)
        assert learning_rate("one-cycle", 0.4, own) == pytest.approx(schedule.get_last_lr()[0], rel=1e-9, abs=1e-12)
        optimiser.step()
        schedule.step() if step < steps else None


def test_it_does_not_go_on_behind_its_end():
    assert learning_rate("one-cycle", 1.0, 1.5) == learning_rate("one-cycle", 1.0, 1.0) == pytest.approx(4e-6)
