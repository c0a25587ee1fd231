"""The public names: the fixed surface, and nothing by accident."""

from __future__ import annotations

import inspect
import typing

import pytest

import elman
from elman.data import SeriesSet
from elman.model import Stream

NAMES = {"Cell", "Forecaster", "SequenceClassifier", "SequenceRegressor", "Stream", "__version__", "errors", "load"}
NAMES |= {"LanguageModel", "Tagger", "compare", "explain", "nn", "register_cell", "use_backend"}
LAYERS = {"RNN", "LSTM", "GRU", "Recurrent"}
CELLS = {"RNNCell", "LSTMCell", "GRUCell"}


def test_names():
    assert set(elman.__all__) == NAMES
    assert set(dir(elman)) == NAMES
    assert list(elman.__all__) == sorted(elman.__all__)
    for name in NAMES:
        assert getattr(elman, name) is not None
    with pytest.raises(AttributeError, match="module 'elman' has no attribute 'Forcaster'"):
        elman.Forcaster  # noqa: B018


def test_what_type_checkers_see_is_what_there_is():
    homes = elman._HOMES
    assert homes.keys() | {"__version__"} == NAMES
    assert set(elman.__all__) == homes.keys() | {"__version__"}


def test_layers():
    assert set(elman.nn.__all__) == LAYERS | CELLS | {"from_torch", "to_torch"}
    for name in LAYERS:
        layer = getattr(elman.nn, name)
        for method in ("forward", "step", "trace"):
            assert callable(getattr(layer, method))
        forward = inspect.signature(layer.forward).parameters
        assert list(forward)[:3] == ["self", "input", "hx"]
        assert all(forward[extra].kind is inspect.Parameter.KEYWORD_ONLY for extra in ("lengths", "resets"))


def test_estimators():
    for method in ("fit", "predict", "evaluate", "save", "load", "stream", "get_params", "set_params"):
        assert all(callable(getattr(estimator, method)) for estimator in (elman.Forecaster, elman.SequenceRegressor))
    parameters = inspect.signature(elman.Forecaster).parameters
    assert {"horizon", "cell", "hidden_size", "num_layers", "epochs", "learning_rate", "batch_size", "seed"} <= set(
        parameters
    )
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in parameters.values())


def test_streams():
    assert {"step", "state", "reset", "save", "load"} <= {name for name in vars(Stream) if not name.startswith("_")}
    assert isinstance(vars(Stream)["state"], property)


def test_errors_are_one_family():
    found = {name: kind for name, kind in vars(elman.errors).items() if inspect.isclass(kind)}
    assert found.keys() == {
        "ElmanError",
        "SettingsError",
        "DataError",
        "ShapeError",
        "ModelFileError",
        "RunFolderError",
        "MissingDependencyError",
        "TrainingError",
    }
    assert all(issubclass(kind, elman.errors.ElmanError) for kind in found.values())
    assert issubclass(elman.errors.DataError, ValueError)
    assert issubclass(elman.errors.RunFolderError, OSError)
    assert issubclass(elman.errors.MissingDependencyError, ImportError)


THINGS = [elman.Forecaster, elman.SequenceRegressor, Stream, elman.load, elman.use_backend, elman.Cell, SeriesSet]


@pytest.mark.parametrize("thing", THINGS)
def test_public_annotations_can_be_read(thing):
    members = [m for _, m in inspect.getmembers(thing, inspect.isfunction)] if inspect.isclass(thing) else [thing]
    for member in members:
        typing.get_type_hints(member)
