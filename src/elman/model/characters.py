"""Words read a character at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from elman.errors import ModelFileError, SettingsError, ShapeError
from elman.model.layer import Array, Arrays, Layer, State
from elman.model.layers import Embedding, LastStep, RecurrentLayers, layout_of, layout_record
from elman.recurrence import Layout

TABLE = "characters"


@dataclass(frozen=True)
class CharacterEncoder(Layer):
    """What recurrent layers come to at the end of each word's characters (Lample et al. 2016): (N, T, C) integers →
    (N, T, D·R). 0 stands for no character, behind a word's last one.

    Args:
        count: of characters, that for none included.
        layout: of the recurrent layers, whose input size is that of a character's vector.
    """

    count: int
    layout: Layout
    kind: ClassVar[str] = "characters"
    takes_integers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.count < 2:
            raise SettingsError(f"a reader of {self.count} characters; there are at least 2, of which 0 is none")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {TABLE: (self.count, self.layout.input_size), **self.layout.shapes()}

    def features(self, sizes: Sequence[int | None]) -> int | None:
        if self.only(sizes) is not None:
            raise ShapeError("a reader of characters reads an input of the model, not another layer")
        return self.layout.recurrent_size * self.layout.num_directions

    def run(self, x: Sequence[Array], arrays: Arrays, lengths: Array | None, state: State) -> tuple[Array, State]:
        spelled = x[0]
        if spelled.ndim != 3 or spelled.dtype.kind not in "iu":
            raise ShapeError(f"a reader of characters reads (N, T, C) integers, not {spelled.dtype} {spelled.shape}")
        size = self.layout.recurrent_size * self.layout.num_directions
        output = np.zeros((*spelled.shape[:2], size), np.float32)
        # most words stand more than once in a text, and each is read once
        words, places = np.unique(spelled.reshape(-1, spelled.shape[2]), axis=0, return_inverse=True)
        counts = (words != 0).sum(axis=1)
        real = np.flatnonzero(counts)
        if not len(real):
            return output, {}
        read = words[real, : counts.max()]
        values, _ = Embedding(self.count, self.layout.input_size).run([read], {"weight": arrays[TABLE]}, None, {})
        steps, _ = RecurrentLayers(self.layout).run([values], arrays, counts[real], {})
        last, _ = LastStep(self.layout.bidirectional).run([steps], {}, counts[real], {})
        table = np.zeros((len(words), size), np.float32)
        table[real] = last
        return table[places.reshape(spelled.shape[:2])], {}

    def record(self) -> dict[str, Any]:
        return {"kind": self.kind, **self._address(), "count": self.count, "layout": layout_record(self.layout)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        what, given = f"a {cls.kind} layer", dict(record)
        layout = given.pop("layout", None)
        count = given.get("count")
        own = given.keys() - {"kind", "name", "reads"}
        if own != {"count"} or type(count) is not int or not isinstance(layout, Mapping):
            raise ModelFileError(f"{what} has {sorted(record)}; it must have count, a whole number, and layout")
        return cls(count, layout_of(layout, what), **cls._address_of(record))
