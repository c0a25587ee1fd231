"""What every test shares: quiet, repeatable surroundings and the compiled core."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# Started in the background, a process ignores these, and so would those that it starts: tests of interrupts need them.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

# Two test processes share the cores, and figures are drawn to files.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

hypothesis.settings.register_profile("elman", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("elman")


@pytest.fixture
def set_variable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str | None], None]]:
    """Sets an environment variable, or with None removes it, as if the process had begun with it; taken back
    afterwards."""
    from elman import kernels
    from elman.recurrence import backends

    def forget() -> None:
        backends._of_the_process.cache_clear()
        kernels._asked_threads.cache_clear()

    def set_variable(name: str, value: str | None) -> None:
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
        forget()

    yield set_variable
    forget()


@pytest.fixture(scope="session")
def native():
    """The compiled module. An installation without a compiler has none, but continuous integration must."""
    from elman.recurrence import backends

    module = backends.native()
    if module is None:
        reason = f"elman._native is {backends.native_status()}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return module


def _folder_of(kind: str) -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ELMAN_DATA", beside)) / kind
    if not folder.is_dir():
        reason = f"{folder} is missing; set ELMAN_DATA to the folder of the development data"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def shared_series() -> Path:
    """The folder of the real series, no part of the repository; it fails, not skips, in continuous integration."""
    return _folder_of("series")


@pytest.fixture(scope="session")
def shared_mnist() -> Path:
    """The folder of MNIST's four files, likewise."""
    return _folder_of("mnist")


@pytest.fixture(scope="session")
def shared_ts() -> Path:
    """The folder of ``.ts`` files, likewise."""
    return _folder_of("ts_classification")


@pytest.fixture(scope="session")
def shared_dna() -> Path:
    """The folder of ``splice.data``, likewise."""
    return _folder_of("dna")


@pytest.fixture(scope="session")
def workplace() -> Path:
    """A folder with ``sales.csv`` and ``run``, trained once; not to be changed."""
    from tests.runs.helpers import trained

    return trained()[1]


@pytest.fixture
def here(workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that is the working directory."""
    shutil.copytree(workplace, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"
