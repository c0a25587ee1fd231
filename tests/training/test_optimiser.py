"""The flat optimiser against torch.optim.AdamW over separate parameters, and the parameters afterwards."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.utils import clip_grad_norm_, parametrizations

from elman.errors import SettingsError
from elman.training.optimiser import Optimiser
from elman.training.settings import TrainingSettings

SETTINGS = TrainingSettings(learning_rate=0.05, weight_decay=0.1, clip_norm=0.5)


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


class Frozen(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)
        self.first.weight.requires_grad_(False)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


class SharedMemory(torch.nn.Module):
    """Two parameters over the same memory: flat copies would break the tie."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.randn(3, 3))
        self.b = torch.nn.Parameter(self.a.data.T)
        self.c = torch.nn.Parameter(self.a.data[1])

    def forward(self, x):
        return x @ self.a @ self.b + self.c


class OddLayout(torch.nn.Module):
    """A transposed parameter, and one of a single number."""

    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.randn(2, 3).T)
        self.b = torch.nn.Parameter(torch.tensor(1.5))

    def forward(self, x):
        return x @ self.a * self.b


MODULES = {
    "linear": lambda: torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2)),
    "recurrent": lambda: torch.nn.Sequential(torch.nn.LSTM(3, 4, 2, batch_first=True), Last()),
    "tied": Tied,
    "frozen": Frozen,
    "parametrised": lambda: parametrizations.weight_norm(torch.nn.Linear(3, 2)),
    "orthogonal": lambda: parametrizations.orthogonal(torch.nn.Linear(3, 3)),
    "shared memory": SharedMemory,
    "odd layout": OddLayout,
    "two types": lambda: torch.nn.Sequential(torch.nn.Linear(3, 2), ToDouble(), torch.nn.Linear(2, 2).double()),
}


class Last(torch.nn.Module):
    def forward(self, x):
        return x[0]


class ToDouble(torch.nn.Module):
    def forward(self, x):
        return x.double()


def made(name):
    torch.manual_seed(1)  # not copied: a copy would untie memory that is shared
    return MODULES[name]()


def steps(module, zero_grad, step, count=6):
    norms = []
    for k in range(count):
        x = torch.randn(7, 3, generator=torch.Generator().manual_seed(k))
        zero_grad()
        (module(x) - 1).square().sum().backward()
        norms.append(step(0.05 / (k + 1)))
    return torch.stack([norm.double() for norm in norms])


@pytest.mark.parametrize("clip", [0.0, 0.5, 1e6])
@pytest.mark.parametrize("name", MODULES)
def test_equals_adamw_over_separate_parameters(name, clip):
    flat, separate = made(name), made(name)
    settings = TrainingSettings(learning_rate=0.05, weight_decay=0.1, clip_norm=clip)

    optimiser = Optimiser(flat, settings)
    norms = steps(flat, optimiser.zero_grad, optimiser.step)
    optimiser.release()

    trained = [p for p in separate.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(trained, lr=1.0, weight_decay=0.1)

    def step(rate):
        norm = clip_grad_norm_(trained, clip or float("inf"))
        adam.param_groups[0]["lr"] = rate
        adam.step()
        return norm

    expected = steps(separate, adam.zero_grad, step)
    # six updates, each with the rounding of float32, magnified by the moments' quotient while they are small
    torch.testing.assert_close(norms, expected, rtol=1e-4, atol=1e-6)
    ours, theirs = dict(flat.named_parameters()), dict(separate.named_parameters())
    for key, value in ours.items():
        torch.testing.assert_close(value, theirs[key], rtol=1e-4, atol=1e-5, msg=lambda m, key=key: f"{key}: {m}")


def test_clips_to_the_norm():
    layer = torch.nn.Linear(4, 3)
    optimiser = Optimiser(layer, SETTINGS)
    optimiser.zero_grad()
    (100 * layer(torch.ones(2, 4))).sum().backward()
    before = torch.cat([p.grad.flatten() for p in layer.parameters()]).clone()
    norm = optimiser.step(0.0)
    after = torch.cat([p.grad.flatten() for p in layer.parameters()])
    torch.testing.assert_close(norm, before.norm())
    torch.testing.assert_close(after, before * 0.5 / before.norm())
    torch.testing.assert_close(after.norm().item(), 0.5, rtol=1e-5, atol=0)


def test_a_short_gradient_is_left_as_it_is():
    layer = torch.nn.Linear(4, 3)
    optimiser = Optimiser(layer, SETTINGS)
    optimiser.zero_grad()
    (0.01 * layer(torch.ones(2, 4))).sum().backward()
    before = layer.weight.grad.clone()
    optimiser.step(0.1)
    assert torch.equal(layer.weight.grad, before)


def test_release_gives_each_parameter_its_own_memory():
    module = MODULES["linear"]()
    objects = list(module.parameters())
    optimiser = Optimiser(module, SETTINGS)
    assert len({p.untyped_storage().data_ptr() for p in module.parameters()}) == 1
    steps(module, optimiser.zero_grad, optimiser.step, 1)
    optimiser.release()
    assert all(a is b for a, b in zip(module.parameters(), objects, strict=True))
    storages = {p.untyped_storage().data_ptr(): p.untyped_storage().nbytes() for p in module.parameters()}
    assert len(storages) == 4
    assert sum(storages.values()) == sum(p.numel() * 4 for p in module.parameters())
    assert all(p.grad is None and p.requires_grad and p.is_leaf for p in module.parameters())


def test_state_is_restored_exactly():
    torch.manual_seed(0)
    module = MODULES["recurrent"]()
    first = Optimiser(module, SETTINGS)
    steps(module, first.zero_grad, first.step, 3)
    state = {name: tensor.clone() for name, tensor in first.state().items()}
    second_module = copy.deepcopy(module)
    second = Optimiser(second_module, SETTINGS)
    second.load_state(state)
    steps(module, first.zero_grad, first.step, 3)
    steps(second_module, second.zero_grad, second.step, 3)
    for a, b in zip(module.parameters(), second_module.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])  # flat, and not: two types are not made one
def test_what_is_not_used_only_decays(dtype):
    module = torch.nn.ModuleDict({"used": torch.nn.Linear(3, 1), "unused": torch.nn.Linear(2, 2).to(dtype)})
    before = module["unused"].weight.detach().clone()
    optimiser = Optimiser(module, SETTINGS)
    steps(module["used"], optimiser.zero_grad, optimiser.step, 2)
    optimiser.release()
    expected = before * (1 - 0.05 * 0.1) * (1 - 0.025 * 0.1)
    torch.testing.assert_close(module["unused"].weight.detach(), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("module", [torch.nn.Tanh(), torch.nn.Linear(2, 1).requires_grad_(False)])
def test_nothing_to_train(module):
    with pytest.raises(SettingsError, match="no parameters to train"):
        Optimiser(module, SETTINGS)
