"""A phase of training in progress: one epoch at a time, and everything that decides the next number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from elman.errors import TrainingError
from elman.nn.network import Batch
from elman.torch_private import backward
from elman.training.batches import STEPS_AT_ONCE, Tensors, segments
from elman.training.checkpoint import Checkpoint, Saved
from elman.training.devices import random_states, set_random_states
from elman.training.events import Fit
from elman.training.optimiser import Optimiser
from elman.training.schedule import learning_rate
from elman.training.settings import TrainingSettings
from elman.training.tensors import Copies, check_tensors, grouped, tensors_of

State = dict[str, Tensor]
PART = 1.0  # seconds after which something is said of an epoch that is not over


class Best(NamedTuple):
    """The best epoch so far, its loss (or what else chooses), and what :func:`tensors_of` held then; epoch 0 is before
    training."""

    epoch: int
    loss: float | None
    tensors: dict[str, Tensor]


class Trainer:
    """A phase in progress: the network, and everything that decides its next number."""

    def __init__(
        self,
        network: torch.nn.Module,
        train: Tensors,
        validation: Tensors | None,
        settings: TrainingSettings,
        phase: str,
        bptt_steps: int = 0,
        *,
        by_length: bool = False,
        validation_error: Callable[[], float | None] | None = None,
        error_chooses: bool = False,
        keep_initial: bool = False,
        on_part: Callable[[int, float], None] | None = None,
    ) -> None:
        self.network, self.phase = network.train(), phase
        self._loss: Callable[..., tuple[Tensor, Tensor | int, State]] = network.loss  # type: ignore[assignment]
        self.train, self.validation = train, validation
        self.bptt_steps, self.by_length, self._own_error = bptt_steps, by_length, validation_error
        self._error_chooses, self._on_part = error_chooses, on_part
        self.settings = settings
        self.size = batch_size(settings, len(train))
        self.device = train.whole.targets.device
        self.order = torch.Generator().manual_seed(settings.seed)
        self.optimiser = Optimiser(network, settings)
        self._copies = Copies(network, self.optimiser.flat)
        initial = self._validate(validation) if keep_initial and validation is not None else None
        self.best = Best(0, initial, self._copies.taken())
        self.history: list[dict[str, Any]] = []

    @property
    def epoch(self) -> int:
        """Whole epochs trained."""
        return len(self.history)

    @property
    def updates(self) -> int:
        """Updates in an epoch; at most, where batches are cut to their longest row."""
        return updates_in_epoch(self.settings, len(self.train), self.train.steps, self.bptt_steps)

    def run_epoch(self) -> None:
        """Train on all examples once, validate, and keep the weights if they are the best so far."""
        start = time.perf_counter()
        loss, first_rate = self._update()
        validation_loss = None if self.validation is None else self._validate(self.validation)
        error = None if self._own_error is None else self._own_error()
        self.history.append(
            {
                "phase": self.phase,
                "epoch": self.epoch + 1,
                "loss": loss,
                "validation_loss": validation_loss,
                "validation_error": error,
                "learning_rate": first_rate,
                "seconds": time.perf_counter() - start,
            }
        )
        # one assignment, of copies already made: Ctrl-C may come between any two lines
        if validation_loss is None:
            self.best = Best(self.epoch, loss, self._copies.taken())
            return
        rank = self._rank(self.history[-1])
        if rank < self._best_rank():
            self.best = Best(self.epoch, rank[0], self._copies.taken())

    def _best_rank(self) -> tuple[float, ...]:
        if self.best.epoch:
            return self._rank(self.history[self.best.epoch - 1])
        return (math.inf if self.best.loss is None else self.best.loss,)

    def _rank(self, entry: dict[str, Any]) -> tuple[float, ...]:
        """What chooses, less being better: the loss also among epochs of one error, as early ones may all have."""
        loss, error = entry["validation_loss"], entry["validation_error"]
        return (error, loss) if self._error_chooses and error is not None else (loss,)

    def _update(self) -> tuple[float, float]:
        """One pass over the training part; its mean loss, and its first learning rate."""
        if not self.network.training:
            self.network.train()
        settings, updates = self.settings, self.updates
        told = time.perf_counter()
        losses: list[Tensor] = []
        norms: list[Tensor] = []
        counts: list[Tensor | int] = []
        rates: list[float] = []
        batches = self.train.shuffled(self.size, self.order, by_length=self.by_length)
        for k, (loss, count) in enumerate(losses_of(self._loss, batches, self.bptt_steps)):
            progress = (self.epoch + k / updates) / settings.epochs
            rates.append(learning_rate(settings.schedule, settings.learning_rate, progress))
            self.optimiser.zero_grad()
            backward(loss)
            norms.append(self.optimiser.step(rates[-1]))
            # read only after the epoch, so as not to wait for a GPU
            losses.append(loss.detach())
            counts.append(count)
            if self._on_part is not None and (now := time.perf_counter()) - told >= PART:
                told = now
                self._on_part(self.epoch + 1, (k + 1) / updates)
        self._check("gradient", norms)
        return self._mean("loss", losses, counts), rates[0]

    @torch.no_grad()
    def _validate(self, validation: Tensors) -> float:
        self.network.eval()
        steps = max(self.bptt_steps, STEPS_AT_ONCE // self.size) if self.bptt_steps else 0
        losses, counts = zip(*losses_of(self._loss, validation.in_order(self.size), steps), strict=True)
        return self._mean("validation loss", losses, counts)

    def _mean(self, what: str, losses: Sequence[Tensor], counts: Sequence[Tensor | int]) -> float:
        return _weighted(self._check(what, losses), counts)

    def _check(self, what: str, values: Sequence[Tensor]) -> list[float]:
        on_cpu = self.device.type == "cpu"
        # elsewhere each would wait for the device
        numbers: list[float] = [v.item() for v in values] if on_cpu else torch.stack(tuple(values)).tolist()
        for number in numbers:
            if not math.isfinite(number):
                raise TrainingError(
                    f"epoch {self.epoch + 1} of {self.phase}: the {what} is {number}; "
                    f"lower `learning_rate` (it is {self.settings.learning_rate:g})"
                )
        return numbers

    def fit(self, interrupted: bool) -> Fit:
        """The result so far."""
        seconds = math.fsum(entry["seconds"] for entry in self.history)
        return Fit(self.best.epoch, self.epoch, self.best.loss, list(self.history), interrupted, seconds)

    def state(self) -> dict[str, Tensor]:
        """All tensors that the next epoch depends on, for :meth:`resume`; the rest is in :meth:`fit`."""
        return grouped(
            weights=tensors_of(self.network),
            best=self.best.tensors,
            optimiser=self.optimiser.state(),
            random=random_states(self.device) | {"order": self.order.get_state()},
        )

    @torch.no_grad()
    def resume(self, saved: Saved, checkpoint: Checkpoint) -> None:
        """Restore what :meth:`state` returned.

        Raises:
            RunFolderError: it is the state of another network or device.
        """
        own = self.state()
        check_tensors(saved.tensors, own, checkpoint)
        random = saved.group("random")
        try:
            self.order.set_state(random.pop("order"))
            set_random_states(random, self.device)
        except Exception as error:  # torch raises many kinds
            raise checkpoint.unusable(f"its random state is malformed: {type(error).__name__}") from error
        for name, tensor in own.items():
            if not name.startswith("random/"):
                tensor.copy_(saved.tensors[name])
        self.history = list(saved.fit.history)
        self.best = Best(saved.fit.best_epoch, saved.fit.best_loss, self.best.tensors)

    @torch.no_grad()
    def close(self) -> None:
        """Leave the network with its best weights, in tensors of their own, on the CPU, in evaluation mode."""
        for name, tensor in tensors_of(self.network).items():
            tensor.copy_(self.best.tensors[name])
        self.optimiser.release()
        self.network.to("cpu").eval()


def losses_of(
    loss_of: Callable[..., tuple[Tensor, Tensor | int, State]], batches: Iterator[Batch], steps: int
) -> Iterator[tuple[Tensor, Tensor | int]]:
    """Loss and weight of each batch; with ``steps``, of each of its segments of so many steps.

    The state is carried from segment to segment, and detached there.
    """
    for batch in batches:
        if not steps:
            yield loss_of(batch)[:2]
            continue
        state: State | None = None
        for segment in segments(batch, steps):
            loss, count, final = loss_of(segment, state)
            state = {name: tensor.detach() for name, tensor in final.items()}
            yield loss, count


@torch.no_grad()
def mean_loss(network: Any, examples: Tensors, size: int, bptt_steps: int = 0) -> float:
    """The loss over all of ``examples``, in evaluation mode, at least ``size`` at a time."""
    training = network.training
    network.eval()
    steps = max(bptt_steps, STEPS_AT_ONCE // size) if bptt_steps else 0
    losses, counts = zip(*losses_of(network.loss, examples.in_order(size), steps), strict=True)
    network.train(training)
    return _weighted([loss.item() for loss in losses], counts)


def updates_in_epoch(settings: TrainingSettings, examples: int, steps: int, bptt_steps: int) -> int:
    """Updates in an epoch; at most, where batches are cut to their longest row.

    >>> updates_in_epoch(TrainingSettings(batch_size=10), 25, 100, 30)
    12
    """
    per_batch = math.ceil(steps / bptt_steps) if bptt_steps else 1
    return math.ceil(examples / batch_size(settings, examples)) * per_batch


def _weighted(values: Sequence[float], counts: Sequence[Tensor | int]) -> float:
    weights = [float(count) for count in counts]
    return math.fsum(v * w for v, w in zip(values, weights, strict=True)) / math.fsum(weights)


def batch_size(settings: TrainingSettings, examples: int) -> int:
    """Examples in one update: as the settings say, else so that an epoch has about twenty updates.

    >>> batch_size(TrainingSettings(), 100), batch_size(TrainingSettings(), 2000), batch_size(TrainingSettings(), 10**6)
    (32, 100, 256)
    """
    if settings.batch_size is None:
        return min(max(examples // 20, 32), 256)
    return settings.batch_size or examples
