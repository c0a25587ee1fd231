"""A phase of training in progress: epochs, one at a time, and all that decides the next number."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.errors import TrainingError
from elman.settings import TrainingSettings
from elman.torch_private import backward
from elman.training.batches import STEPS_AT_ONCE, Batch, Tensors, split
from elman.training.checkpoint import Checkpoint, Saved
from elman.training.devices import random_states, set_random_states
from elman.training.events import Fit
from elman.training.losses import Loss
from elman.training.optimiser import Optimiser
from elman.training.schedule import learning_rate
from elman.training.tensors import Copies, grouped, put_tensors, tensors_of


class Best(NamedTuple):
    """The best epoch so far, its loss, and what :func:`tensors_of` held then."""

    epoch: int
    loss: float | None
    tensors: dict[str, Tensor]


class Trainer:
    """A phase in progress: the module, and everything that decides its next number."""

    def __init__(
        self,
        module: torch.nn.Module,
        measure: Loss,
        train: Tensors,
        validation: Tensors | None,
        settings: TrainingSettings,
        phase: str,
        bptt_steps: int = 0,
    ) -> None:
        self.module, self.measure, self.phase = module.train(), measure, phase
        self.train, self.validation = train, validation
        self.bptt_steps = bptt_steps
        self.settings = settings
        self.size = batch_size(settings, len(train))
        self.device = train.inputs.device
        self.order = torch.Generator().manual_seed(settings.seed)
        self.optimiser = Optimiser(module, settings)
        self._copies = Copies(module, self.optimiser.flat)
        self.best = Best(0, None, self._copies.taken())
        self.history: list[dict[str, Any]] = []

    @property
    def epoch(self) -> int:
        """Whole epochs trained."""
        return len(self.history)

    @property
    def updates(self) -> int:
        """Updates in an epoch."""
        segments = math.ceil(self.train.inputs.shape[1] / self.bptt_steps) if self.bptt_steps else 1
        return math.ceil(len(self.train) / self.size) * segments

    def run_epoch(self) -> None:
        """Train on all examples once, measure, and keep the weights if they are the best yet."""
        start = time.perf_counter()
        loss, first_rate = self._update()
        validation_loss = None if self.validation is None else self._validate(self.validation)
        self.history.append(
            {
                "phase": self.phase,
                "epoch": self.epoch + 1,
                "loss": loss,
                "validation_loss": validation_loss,
                "learning_rate": first_rate,
                "seconds": time.perf_counter() - start,
            }
        )
        # one assignment, of copies already made: Ctrl-C may come between any two lines
        if validation_loss is None:
            self.best = Best(self.epoch, loss, self._copies.taken())
        elif self.best.loss is None or validation_loss < self.best.loss:
            self.best = Best(self.epoch, validation_loss, self._copies.taken())

    def _update(self) -> tuple[float, float]:
        """One pass over the training part; its mean loss, and its first learning rate."""
        if not self.module.training:
            self.module.train()
        settings, updates = self.settings, self.updates
        losses: list[Tensor] = []
        norms: list[Tensor] = []
        counts: list[Tensor | int] = []
        rates: list[float] = []
        batches = self.train.shuffled(self.size, self.order)
        for k, (loss, count) in enumerate(self._losses(batches, self.bptt_steps)):
            progress = (self.epoch + k / updates) / settings.epochs
            rates.append(learning_rate(settings.schedule, settings.learning_rate, progress))
            self.optimiser.zero_grad()
            backward(loss)
            norms.append(self.optimiser.step(rates[-1]))
            # read only after the epoch: a GPU need not be waited for
            losses.append(loss.detach())
            counts.append(count)
        self._check("gradient", norms)
        return self._mean("loss", losses, counts), rates[0]

    @torch.no_grad()
    def _validate(self, validation: Tensors) -> float:
        self.module.eval()
        steps = max(self.bptt_steps, STEPS_AT_ONCE // self.size) if self.bptt_steps else 0
        losses, counts = zip(*self._losses(validation.in_order(self.size), steps), strict=True)
        return self._mean("validation loss", losses, counts)

    def _losses(self, batches: Iterator[Batch], steps: int) -> Iterator[tuple[Tensor, Tensor | int]]:
        """Loss of each batch, and for how much it counts; with ``steps``, of each of its segments of so many steps.

        The state is carried from segment to segment, and detached there.
        """
        for batch in batches:
            if not steps:
                inputs, targets, weights = batch
                yield self.measure(self.module(inputs), targets, weights), _count(targets, weights)
                continue
            state = None
            for inputs, targets, weights in split(batch, steps, 1):
                prediction, state = self.module(inputs, state)
                state = detached(state)
                yield self.measure(prediction, targets, weights), _count(targets, weights)

    def _mean(self, what: str, losses: Sequence[Tensor], counts: Sequence[Tensor | int]) -> float:
        weights = [float(count) for count in counts]
        values = self._check(what, losses)
        return math.fsum(v * w for v, w in zip(values, weights, strict=True)) / math.fsum(weights)

    def _check(self, what: str, values: Sequence[Tensor]) -> list[float]:
        on_cpu = self.device.type == "cpu"
        # elsewhere each would wait for the device
        numbers: list[float] = [v.item() for v in values] if on_cpu else torch.stack(tuple(values)).tolist()
        for number in numbers:
            if not math.isfinite(number):
                raise TrainingError(
                    f"epoch {self.epoch + 1} of {self.phase}: the {what} is {number}; "
                    f"lower --learning-rate (it is {self.settings.learning_rate:g})"
                )
        return numbers

    def fit(self, interrupted: bool) -> Fit:
        """What came of it so far."""
        seconds = math.fsum(entry["seconds"] for entry in self.history)
        return Fit(self.best.epoch, self.epoch, self.best.loss, list(self.history), interrupted, seconds)

    def state(self) -> dict[str, Tensor]:
        """All tensors that the next epoch depends on, for :meth:`go_on`; the rest is in :meth:`fit`."""
        return grouped(
            weights=tensors_of(self.module),
            best=self.best.tensors,
            optimiser=self.optimiser.state(),
            random=random_states(self.device) | {"order": self.order.get_state()},
        )

    def go_on(self, saved: Saved, checkpoint: Checkpoint) -> None:
        """Be where :meth:`state` was taken."""
        put_tensors(saved.group("weights"), self.module, checkpoint)
        random, best = saved.group("random"), saved.group("best")
        try:
            for name, tensor in self.best.tensors.items():
                tensor.copy_(best[name])
            self.optimiser.load_state(saved.group("optimiser"))
            self.order.set_state(random.pop("order"))
            set_random_states(random, self.device)
        except (KeyError, ValueError, RuntimeError, TypeError) as error:
            raise checkpoint.unusable("it was made for another model or device") from error
        self.history = list(saved.fit.history)
        self.best = Best(saved.fit.best_epoch, saved.fit.best_loss, self.best.tensors)

    @torch.no_grad()
    def close(self) -> None:
        """Give the module back: its best weights, in tensors of their own, on the CPU, ready for use."""
        for name, tensor in tensors_of(self.module).items():
            tensor.copy_(self.best.tensors[name])
        self.optimiser.release()
        self.module.to("cpu").eval()


def batch_size(settings: TrainingSettings, examples: int) -> int:
    """Examples in one update: as the settings say, else so that an epoch has about twenty updates.

    >>> batch_size(TrainingSettings(), 100), batch_size(TrainingSettings(), 2000), batch_size(TrainingSettings(), 10**6)
    (32, 100, 256)
    """
    if settings.batch_size is None:
        return min(max(examples // 20, 32), 256)
    return settings.batch_size or examples


def _count(targets: Tensor, weights: Tensor | None) -> Tensor | int:
    return targets.numel() if weights is None else weights.sum()


def detached(state: Any) -> Any:
    """A state, a tensor or a tuple of states, through which no gradient goes back."""
    return state.detach() if isinstance(state, Tensor) else tuple(map(detached, state))
