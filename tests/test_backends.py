"""The policy of which implementation runs."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

import pytest

from elman.errors import SettingsError
from elman.recurrence import backends
from elman.recurrence.backends import choose, current_backend, use_backend


@pytest.fixture(autouse=True)
def fresh_policy(set_variable):
    """No preference from outside, no warning given, the core not loaded yet; restored afterwards."""
    set_variable("ELMAN_BACKEND", None)
    caches = [backends.warn_once, backends._load_native]
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def no_core(monkeypatch):
    monkeypatch.setitem(sys.modules, "elman._native", None)


def test_blocks_nest_and_end_on_errors():
    assert current_backend() is None
    with use_backend("reference"):
        with pytest.raises(KeyError), use_backend("torch"):
            assert current_backend() == "torch"
            raise KeyError
        assert current_backend() == "reference"
    assert current_backend() is None


def test_a_block_holds_for_its_own_thread():
    seen = []
    with use_backend("reference"):
        thread = threading.Thread(target=lambda: seen.append(current_backend()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_the_environment_stands_behind_the_block(set_variable):
    set_variable("ELMAN_BACKEND", "torch")
    assert current_backend() == "torch"
    with use_backend("reference"):
        assert current_backend() == "reference"
    set_variable("ELMAN_BACKEND", "")
    assert current_backend() is None


def test_unknown_names_are_refused_at_once(set_variable):
    with pytest.raises(SettingsError, match="unknown backend 'cuda'; choose one of native, torch, reference"):
        use_backend("cuda")
    set_variable("ELMAN_BACKEND", "fast")
    with pytest.raises(SettingsError, match="ELMAN_BACKEND: unknown backend 'fast'"):
        current_backend()


def test_the_best_implementation_runs_unless_another_is_asked_for(native, caplog):
    implementations = ["native", "torch", "reference"]
    assert choose(implementations, "a GRU") == "native"
    for name in implementations:
        with use_backend(name):
            assert choose(implementations, "a GRU") == name
    assert caplog.messages == []


def test_an_implementation_that_does_not_exist_is_replaced_with_one_warning(caplog):
    with use_backend("native"):
        for _ in range(3):
            assert choose(["torch", "reference"], "a GRU on tensors") == "torch"
    assert caplog.messages == ["elman: a GRU on tensors has no 'native' implementation; it runs on 'torch' instead"]
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.parametrize("asked", [None, "native"])
def test_a_missing_core_is_replaced_with_one_warning(no_core, caplog, set_variable, asked):
    if asked:
        set_variable("ELMAN_BACKEND", asked)
    assert not backends.native_available()
    assert caplog.messages == []
    for _ in range(3):
        assert choose(["native", "reference"], "a GRU") == "reference"
    notice = "elman: the compiled core is absent (not compiled: reinstall elman where there is a C++ compiler); "
    assert caplog.messages == [notice + "slower code runs in its place"]


def test_strict_blocks_refuse_replacements(no_core):
    with use_backend("native", strict=True):
        for implementations in (["torch", "reference"], ["native", "reference"]):
            with pytest.raises(SettingsError, match="a GRU has no 'native' implementation, and strict=True allows no"):
                choose(implementations, "a GRU")
        with use_backend("native"):
            assert choose(["torch", "reference"], "a GRU") == "torch"


def test_no_warning_of_a_missing_core_with_another_backend(no_core, caplog):
    with use_backend("reference"):
        assert choose(["native", "reference"], "a GRU") == "reference"
    assert caplog.messages == []


def test_a_present_core_is_not_called_missing(native, caplog):
    backends.note_missing_core()
    assert caplog.messages == []


def test_status_names_the_targets(native):
    assert backends.native_status() == f"{native.target()} (of {', '.join(native.targets())})"


def test_importing_the_policy_loads_neither_torch_nor_the_core():
    code = "import sys, elman.recurrence.backends\nprint(*sys.modules.keys() & {'torch', 'numpy', 'elman._native'})"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""
