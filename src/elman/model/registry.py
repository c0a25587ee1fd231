"""The kinds of layer and head that a model file may name."""

from __future__ import annotations

from typing import Any, TypeVar

from elman.errors import ModelFileError, SettingsError
from elman.model.characters import CharacterEncoder
from elman.model.convolution import Convolution
from elman.model.crf import CRFEnsembleHead, CRFHead
from elman.model.heads import EnsembleHead, PointEnsembleHead, PointHead, SoftmaxHead
from elman.model.layer import Layer
from elman.model.layers import Dropout, Embedding, FixedLinear, Join, LastStep, Linear, RecurrentLayers
from elman.model.neighbours import NeighbourWords
from elman.model.pooling import Pool
from elman.model.quantiles import QuantileHead
from elman.model.segments import Segments

LAYERS: dict[str, type[Layer]] = {
    cls.kind: cls
    for cls in (
        RecurrentLayers,
        LastStep,
        Linear,
        FixedLinear,
        Embedding,
        Join,
        Convolution,
        Pool,
        Segments,
        Dropout,
        CharacterEncoder,
        NeighbourWords,
        PointHead,
        PointEnsembleHead,
        QuantileHead,
        SoftmaxHead,
        EnsembleHead,
        CRFHead,
        CRFEnsembleHead,
    )
}
L = TypeVar("L", bound=type[Layer])


def register_layer(cls: L) -> L:
    """Make a kind of layer or head known to the model file; a class decorator.

    Its torch twin is registered with :func:`elman.nn.twins.register_twin`.

    Raises:
        SettingsError: another class has that kind already.
    """
    if LAYERS.setdefault(cls.kind, cls) is not cls:
        raise SettingsError(f"a different kind of layer named {cls.kind!r} is registered already; choose another name")
    return cls


def layer_from_record(record: Any) -> Layer:
    """A layer from :meth:`Layer.record`'s values.

    Raises:
        ModelFileError: not such a record, or one of an unknown kind.
        SettingsError: an unknown cell or an impossible size.
    """
    if not isinstance(record, dict) or record.get("kind") not in list(LAYERS):  # a list: the kind may be unhashable
        raise ModelFileError(f"a layer is {record!r:.80}; known kinds are: {', '.join(LAYERS)}")
    return LAYERS[record["kind"]].from_record(record)


def check_known(layer: Layer) -> None:
    """Check that the kind of a layer is registered.

    Raises:
        SettingsError: it is not registered.
    """
    if LAYERS.get(layer.kind) is not type(layer):
        raise SettingsError(f"a layer of kind {layer.kind!r} is not known: register its class with register_layer")
