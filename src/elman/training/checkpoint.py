"""The state of training on disk, so that it can be resumed: one safetensors file, its record as JSON in the header.

Everything in the file is covered by a digest: damage is an error, never another result.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from elman import arrayfile, atomic, jsontext
from elman.errors import RunFolderError
from elman.training.events import Fit, fit_from_record

FORMAT = 2
HEADER = "elman-checkpoint"
KEYS = {"format", "fingerprint", "phases", "digest"}
# Writing may take this share of the time at most.
SHARE = 0.05


@dataclass(frozen=True)
class Saved:
    """A saved phase: finished, with its final weights, or unfinished, with all that resuming needs."""

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
        fingerprint: of the settings and the data. A file with another one is refused.
        every: seconds between two files at least; 0 writes one after every epoch, whatever it costs.

    Raises:
        RunFolderError: (on use) the file cannot be read or written, is damaged, or belongs to another training.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> checkpoint = Checkpoint(Path(folder.name) / "checkpoint.safetensors", fingerprint="settings and data")
    >>> checkpoint.save("search", Fit(best_epoch=0, epochs_run=0, best_loss=None), {}, finished=False)
    >>> Checkpoint(checkpoint.path, fingerprint="settings and data").load("search").finished
    False
    >>> folder.cleanup()
    """

    def __init__(self, path: Path | str, fingerprint: str = "", every: float = 1.0) -> None:
        self.path = Path(path)
        self.fingerprint = fingerprint
        self.every = every
        self._phases: dict[str, Saved] | None = None  # as in the file; None before it was read
        self._due = time.monotonic() + every

    def load(self, phase: str) -> Saved | None:
        """``phase`` as it was saved; None if it has not begun."""
        if self._phases is None:
            self._phases = self._read() if self.path.exists() else {}
        return self._phases.get(phase)

    def begin(self, *, resume: bool = True) -> None:
        """Write a file in which no phase has begun, so that a run killed at once can be resumed too.

        Args:
            resume: leave a file that is there; otherwise it is replaced.
        """
        if not resume or not self.path.exists():
            self._phases = {}
            self._write({})

    def due(self) -> bool:
        """Whether it is time to save an unfinished phase."""
        return time.monotonic() >= self._due

    def save(self, phase: str, fit: Fit, tensors: Mapping[str, Tensor], *, finished: bool) -> None:
        """Write ``phase`` as it is now, with the other phases; tensors on other devices are copied to the CPU."""
        self.load(phase)
        assert self._phases is not None
        start = time.monotonic()
        # copies: training continues in these tensors
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
        arrays = {f"{name}/{key}": t.numpy() for name, p in phases.items() for key, t in p.tensors.items()}
        atomic.write_bytes(self.path, packed(record, arrays))

    def unusable(self, reason: str) -> RunFolderError:
        """The error for a checkpoint that cannot be used."""
        return RunFolderError(
            f"{self.path}: cannot go on from this checkpoint ({reason}); start again with `overwrite`"
        )

    def _read(self) -> dict[str, Saved]:
        try:
            arrays, metadata = arrayfile.read(self.path)
            record = jsontext.loads(metadata[HEADER])
        except (OSError, KeyError, ValueError) as error:
            raise self.unusable(f"damaged, or not a checkpoint: {type(error).__name__}") from error
        if not isinstance(record, dict) or type(record.get("format")) is not int:
            raise self.unusable("its record is malformed")
        if record["format"] != FORMAT:
            raise self.unusable(f"its format is {record['format']!r:.20}, this elman's is {FORMAT}")
        if record.keys() != KEYS or not isinstance(record["phases"], dict):
            raise self.unusable("its record is malformed")
        digest = record.pop("digest")
        if signed(record, arrays) != metadata[HEADER] or digest != digest_of(record, arrays):
            raise self.unusable("its content does not match its digest: it was damaged or changed")
        if record["fingerprint"] != self.fingerprint:
            raise RunFolderError(
                f"{self.path}: this training was begun with other settings or other data; "
                "give the same ones to resume it, or start again with `overwrite`"
            )
        return self._phases_of(record["phases"], arrays)

    def _phases_of(self, entries: dict[str, Any], arrays: dict[str, np.ndarray]) -> dict[str, Saved]:
        tensors: dict[str, dict[str, Tensor]] = {name: {} for name in entries}
        for name, array in arrays.items():
            phase, _, key = name.partition("/")
            if phase not in tensors:
                raise self.unusable(f"tensor {name!a:.80} belongs to no phase")
            tensors[phase][key] = torch.from_numpy(array)
        phases = {}
        for name, entry in entries.items():
            if (
                not isinstance(entry, dict)
                or entry.keys() != {"finished", "fit"}
                or not isinstance(entry["finished"], bool)
            ):
                raise self.unusable(f"phase {name!a:.40} is malformed")
            try:
                phases[name] = Saved(fit_from_record(entry["fit"], name), entry["finished"], tensors[name])
            except ValueError as error:
                raise self.unusable(f"phase {name!a:.40}: {error}") from error
        return phases


def packed(record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a checkpoint with this record, which is without its digest, and these arrays."""
    return arrayfile.packed(arrays, {HEADER: signed(record, arrays)})


def signed(record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """The record as text, with the digest of everything."""
    return jsontext.dumps({**record, "digest": digest_of(record, arrays)}, sort_keys=True)


def digest_of(record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of record and arrays."""
    return arrayfile.digest(jsontext.dumps(record, sort_keys=True), arrays)
