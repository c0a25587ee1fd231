"""Models: layers and named arrays, executed on NumPy, at once or step by step, and stored on disk. No torch."""

from elman.model.characters import CharacterEncoder
from elman.model.convolution import Convolution
from elman.model.crf import CRFEnsembleHead, CRFHead
from elman.model.file import load_model, save_model
from elman.model.heads import EnsembleHead, PointEnsembleHead, PointHead, SoftmaxHead
from elman.model.layer import INPUT, Array, Head, Layer, State
from elman.model.layers import Dropout, Embedding, FixedLinear, Join, LastStep, Linear, RecurrentLayers
from elman.model.model import Model, model_shapes
from elman.model.neighbours import NeighbourWords
from elman.model.pooling import Pool
from elman.model.quantiles import QuantileHead
from elman.model.registry import LAYERS, register_layer
from elman.model.segments import Segments
from elman.model.settings import ModelSettings, recurrent_layers
from elman.model.stepping import stepper_of, stream_of
from elman.model.stream import Stream

__all__ = [
    "INPUT",
    "LAYERS",
    "Array",
    "CRFEnsembleHead",
    "CRFHead",
    "CharacterEncoder",
    "Convolution",
    "Dropout",
    "Embedding",
    "EnsembleHead",
    "FixedLinear",
    "Head",
    "Join",
    "LastStep",
    "Layer",
    "Linear",
    "Model",
    "ModelSettings",
    "NeighbourWords",
    "PointEnsembleHead",
    "PointHead",
    "Pool",
    "QuantileHead",
    "RecurrentLayers",
    "Segments",
    "SoftmaxHead",
    "State",
    "Stream",
    "load_model",
    "model_shapes",
    "recurrent_layers",
    "register_layer",
    "save_model",
    "stepper_of",
    "stream_of",
]
