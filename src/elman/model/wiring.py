"""Which layer of a model reads which inputs and layers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elman.errors import ShapeError
from elman.model.layer import INPUT, Array, Head, Layer


@dataclass(frozen=True)
class Wiring:
    """The connections of a model's layers, from their ``name`` and ``reads``.

    >>> from elman.model import Join, Linear
    >>> layers = (Linear(1, 2, name="a", reads=("x",)), Linear(3, 2, name="b", reads=("y",)), Join(reads=("a", "b")))
    >>> Wiring(layers).sources
    (('x',), ('y',), (0, 1))
    """

    layers: tuple[Layer, ...]

    @cached_property
    def sources(self) -> tuple[tuple[int | str, ...], ...]:
        """What each layer reads: the number of an earlier layer, or the name of an input."""
        numbers: dict[str, int] = {}
        found: list[tuple[int | str, ...]] = []
        for number, layer in enumerate(self.layers):
            before: int | str = number - 1 if number else INPUT
            found.append(tuple(numbers.get(name, name) for name in layer.reads) or (before,))
            if layer.name:
                if layer.name in numbers:
                    raise ShapeError(f"two layers are called {layer.name!r:.40}")
                numbers[layer.name] = number
        inputs = {source for sources in found for source in sources if isinstance(source, str)}
        if clash := inputs & numbers.keys():
            raise ShapeError(f"{min(clash)!r:.40} is read before the layer of that name")
        return tuple(found)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, in the order of their first use."""
        return tuple(dict.fromkeys(s for sources in self.sources for s in sources if isinstance(s, str)))

    @cached_property
    def integers(self) -> frozenset[str]:
        """Names of the inputs that are integers."""
        pairs = zip(self.layers, self.sources, strict=True)
        return frozenset(s for layer, sources in pairs if layer.takes_integers for s in sources if isinstance(s, str))

    @cached_property
    def keeps_time(self) -> bool:
        """Whether the output has a step for each step of the input, where every input has steps."""
        return self.keeps_time_of(self.inputs)

    def keeps_time_of(self, sequences: Collection[str]) -> bool:
        """Whether the output has a step for each step of the input; ``sequences`` are the inputs that have steps."""
        timed: list[bool] = []
        for layer, sources in zip(self.layers, self.sources, strict=True):
            timed.append(layer.keeps_time and any(s in sequences if isinstance(s, str) else timed[s] for s in sources))
        return timed[-1]

    @cached_property
    def causal(self) -> bool:
        """Whether an output depends on no later step: the model can be run step by step, its state carried."""
        return all(layer.causal for layer in self.layers)

    def check(self) -> None:
        """Check that the layers fit one another.

        Raises:
            ShapeError: a layer cannot read what it is given, no layer reads it, or a head is not the last.
        """
        sizes: list[int | None] = []
        for layer, sources in zip(self.layers, self.sources, strict=True):
            sizes.append(layer.features([None if isinstance(s, str) else sizes[s] for s in sources]))
        read = {source for sources in self.sources for source in sources}
        for number, layer in enumerate(self.layers[:-1]):
            if isinstance(layer, Head):
                raise ShapeError(f"layer {number} is a {layer.kind} head; a head is the last layer")
            if number not in read:
                raise ShapeError(f"nothing reads layer {number}, a {layer.kind} layer")

    def checked_inputs(self, given: Mapping[str, Array]) -> dict[str, Array]:
        """Inputs as the layers take them: float32, or integers.

        Raises:
            ShapeError: one is missing, left over, or has another number of rows.
        """
        if given.keys() != set(self.inputs):
            raise ShapeError(f"the inputs are {sorted(given)}; the model reads {sorted(self.inputs)}")
        values = {}
        for name in self.inputs:
            value = np.asarray(given[name])
            if name in self.integers:
                if value.dtype.kind not in "iu":
                    raise ShapeError(f"{name} is {value.dtype}; the model reads whole numbers there")
            else:
                value = value.astype(np.float32, copy=False)
            values[name] = value
        rows = {name: len(value) if value.ndim else -1 for name, value in values.items()}
        if len(set(rows.values())) > 1 or -1 in rows.values():
            raise ShapeError(f"the inputs must have the same number of rows; they have {rows}")
        return values
