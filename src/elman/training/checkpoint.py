"""Training on disk, so that it can go on after anything: one safetensors file, its record as JSON in the header."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from elman import atomic
from elman.errors import RunFolderError
from elman.training.events import Fit

FORMAT = 1
HEADER = "elman-checkpoint"
# Writing may take this share of the time at most.
SHARE = 0.05


@dataclass(frozen=True)
class Saved:
    """A phase as it was saved: finished, with its final weights, or unfinished, with all that it takes to go on."""

    fit: Fit
    finished: bool
    tensors: dict[str, Tensor]

    def group(self, name: str) -> dict[str, Tensor]:
        """Tensors called ``name/…``, without the prefix."""
        prefix = f"{name}/"
        return {key.removeprefix(prefix): t for key, t in self.tensors.items() if key.startswith(prefix)}


class Checkpoint:
    """The phases of one run in one file, written whole or not at all.

    Training replays exactly, so a checkpoint some epochs old serves as well as the last: it is written no more often
    than every ``every`` seconds, and no more often than keeps writing below 5 % of the time. A phase's end is always
    written.

    Args:
        path: the file; its folder exists.
        fingerprint: stands for the settings and the data. A file with another one is refused.
        every: seconds between two files at least; 0 writes one after every epoch, whatever it costs.

    Raises:
        RunFolderError: (on use) the file cannot be read or written, is damaged, or belongs to another training.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> checkpoint = Checkpoint(Path(folder.name) / "checkpoint.safetensors", fingerprint="settings and data")
    >>> checkpoint.save("search", Fit(best_epoch=2, epochs_run=3, best_loss=0.1), {}, finished=True)
    >>> Checkpoint(checkpoint.path, fingerprint="settings and data").load("search").fit.best_epoch
    2
    >>> folder.cleanup()
    """

    def __init__(self, path: Path | str, fingerprint: str = "", every: float = 1.0) -> None:
        self.path = Path(path)
        self.fingerprint = fingerprint
        self.every = every
        self._phases: dict[str, Saved] | None = None  # as in the file; None before it was read
        self._due = time.monotonic() + every

    def load(self, phase: str) -> Saved | None:
        """What is known of ``phase``; None if it has not begun."""
        if self._phases is None:
            self._phases = self._read() if self.path.exists() else {}
        return self._phases.get(phase)

    def begin(self) -> None:
        """Write a file in which no phase has begun, if there is none: a run killed at once can be resumed too."""
        if not self.path.exists():
            self._write({})

    def due(self) -> bool:
        """Whether it is time to save an unfinished phase."""
        return time.monotonic() >= self._due

    def save(self, phase: str, fit: Fit, tensors: Mapping[str, Tensor], *, finished: bool) -> None:
        """Write ``phase`` as it is now, beside the other phases; what is not on the CPU is fetched."""
        self.load(phase)
        assert self._phases is not None
        start = time.monotonic()
        # copies: parameters may be views of one block, which the format refuses
        self._phases[phase] = Saved(fit, finished, {name: t.detach().cpu().clone() for name, t in tensors.items()})
        self._write(self._phases)
        end = time.monotonic()
        self._due = end + (max(self.every, (end - start) / SHARE) if self.every else 0.0)

    def _write(self, phases: Mapping[str, Saved]) -> None:
        record = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "phases": {name: {"finished": p.finished, "fit": asdict(p.fit)} for name, p in phases.items()},
        }
        content = {f"{name}/{key}": t for name, p in phases.items() for key, t in p.tensors.items()}
        atomic.write_bytes(self.path, save(content, metadata={HEADER: json.dumps(record, allow_nan=False)}))

    def unusable(self, reason: str) -> RunFolderError:
        """The error that says so, and what to do."""
        return RunFolderError(
            f"{self.path}: cannot go on from this checkpoint ({reason}); start again with --overwrite"
        )

    def _read(self) -> dict[str, Saved]:
        try:
            with safe_open(self.path, framework="pt") as file:
                record = json.loads((file.metadata() or {})[HEADER])
                # copies: the file is not kept open
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 (not a dict)
            if record["format"] != FORMAT:
                raise self.unusable(f"its format is {record['format']!r:.20}, this elman's is {FORMAT}")
            if record["fingerprint"] != self.fingerprint:
                raise RunFolderError(
                    f"{self.path}: this training was begun with other settings or other data; "
                    "give the same ones to resume it, or start again with --overwrite"
                )
            return {name: self._phase(name, entry, tensors) for name, entry in record["phases"].items()}
        except RunFolderError:
            raise
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise self.unusable(f"damaged, or not a checkpoint: {type(error).__name__}") from error

    @staticmethod
    def _phase(name: str, entry: dict[str, Any], tensors: dict[str, Tensor]) -> Saved:
        prefix = f"{name}/"
        own = {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
        return Saved(Fit(**entry["fit"]), bool(entry["finished"]), own)
