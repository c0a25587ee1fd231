"""Ctrl-C and kills of real processes: answered at once, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

import elman
from elman.errors import ElmanError
from tests.runs.helpers import FLAGS, QUICK, contents, numbers, train_forecast

# Stands for a long call into compiled code: the main thread is away, without the interpreter's lock. That it is, the
# other thread knows from having the lock, which is only given up there.
BUSY = """
import signal, sys, threading
import elman.cli
from elman.cli import commands

def busy(*given):
    begin, end = threading.Lock(), threading.Lock()
    begin.acquire()
    end.acquire()

    def tell():
        begin.acquire()
        print("busy", flush=True)

    threading.Thread(target=tell, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # another thread takes it: nothing wakes this one
    sys.setswitchinterval(1000)
    begin.release()
    end.acquire()

commands.info = busy
elman.cli.KEEPING = {keeping}
sys.exit(elman.cli.main(["info"]))
"""


@contextlib.contextmanager
def started(keeping: str) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", BUSY.format(keeping=keeping)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        yield process
        process.kill()


def test_ctrl_c_in_a_call_that_has_nothing_to_lose_ends_the_process():
    with started("set()") as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


def test_ctrl_c_in_a_call_that_has_something_to_lose_is_answered_and_then_obeyed():
    with started("{busy}") as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        waiting = process.stderr.readline()
        assert waiting.startswith("interrupted: a computation under way ends first; Ctrl-C once more ends at once")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


TRAINING = """
import os, sys, signal
from elman.cli import main
from elman.report.progress import Progress
from elman.training.events import EpochEnd

def send(self, event):
    if isinstance(event, EpochEnd) and (event.phase, event.epoch) == ("search", 2):
        os.kill(os.getpid(), signal.{signal})

Progress.__call__ = send
sys.exit(main({words!r}))
"""
WORDS = ["train", "forecast", "sales.csv", *FLAGS, "--out", "new"]


def trained(name: str) -> subprocess.CompletedProcess[str]:
    script = TRAINING.format(signal=name, words=WORDS)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)


def test_ctrl_c_while_training_leaves_the_best_so_far(here):
    done = trained("SIGINT")
    assert done.returncode == 130
    assert done.stderr == "interrupted: this is the best so far; --resume goes on\n"
    assert len(elman.load(here / "new").predict(here / "sales.csv")["forecast"]) == 3


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_a_process_loses_nothing(name, here):
    done = trained(name)
    assert done.returncode == -getattr(signal, name)
    assert contents(here / "new").keys() == {".lock", "checkpoint.safetensors"}
    with pytest.raises(ElmanError):
        elman.load(here / "new")
    train_forecast("sales.csv", QUICK, out=here / "new", resume=True)
    assert numbers(here / "new") == numbers(here / "run")
