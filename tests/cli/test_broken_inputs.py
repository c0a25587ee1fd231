"""Broken input: status 2, one line that names the place and the remedy, and a folder as it was before."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from elman import arrayfile, jsontext
from elman.cli import main
from tests.runs.helpers import FLAGS, contents, python, sales

TRAIN = ("train", "forecast", "sales.csv", *FLAGS)
OUT = ("--out", "new")
DATA = ("train", "forecast", "data.csv", *FLAGS, *OUT)
PREDICT, EVALUATE = ("predict", "run", "sales.csv"), ("evaluate", "run", "sales.csv")


def refused(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], *named: str) -> str:
    """The one line on standard error; what the folder holds must be as before."""
    before = contents(Path())
    capsys.readouterr()
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and err.endswith("\n")
    for text in named:
        assert text in err
    assert contents(Path()) == before
    return err


BROKEN_DATA = {
    "empty": (b"", (), "data.csv: the file is empty; give a file with a header and rows"),
    "header only": (b"ds,y\n", (), "data.csv, line 1: the file ends after its header; add rows"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0", (), "data.csv: this is a PNG picture; give a CSV or Parquet file"),
    "NUL": (b"y\n1\n\0\n", (), "data.csv, line 3: this is a binary file, not text; give a CSV or Parquet file"),
    "UTF-16": ("ds,y\n".encode("utf-16")[:-1], (), "data.csv: the UTF-16 text is damaged", "; save the file as UTF-8"),
    "Latin-1": ("ds,größe\n\1".encode("latin-1"), (), "data.csv, line 1: byte 0xf6", "encoding UTF-8"),
    "strict Latin-1": (
        "ds,größe\n2020-01,1\n2020-02,2\n".encode("latin-1"),
        ("--strict",),
        "data.csv: read as Windows-1252, since byte 0xf6 in line 1 is not UTF-8",
        "without --strict",
    ),
    "days or months": (
        b"date,y\n01/02/2020,1\n02/02/2020,2\n",
        (),
        "line 2, column 'date': '01/02/2020'",
        "--day-first",
    ),
    "a mark of two meanings": (b"day;y\n2020-01-01;1.234\n", (), "'1.234' may be 1.234 or 1234", "(--decimal)"),
    "no such format": (
        b"day,y\n2020-01-01,1\n",
        ("--time-format", "%d.%m"),
        "is not written as %d.%m",
        "--time-format",
    ),
    "repeated times": (b"ds,y\n2020-01,1\n2020-01,2\n", (), "is there twice", "--repeated"),
    "missing column": (sales().encode(), ("--target", "sale"), "no column 'sale'", "did you mean 'sales'?"),
    "text in the target": (b"ds,y\n2020-01,1\n2020-02,two\n", (), "line 3, column 'y': 'two'", "; correct it"),
    "all missing": (b"ds,y\n2020-01,\n2020-02,NA\n", ("--target", "y"), "column 'y': all 2 values", "; give a column"),
    "one row": (b"ds,y\n2020-01,1\n", (), "column 'y': only 1 observed value(s), 2 are needed; give more rows"),
    "infinite": (b"ds,y\n2020-01,1\n2020-02,-inf\n", (), "line 3, column 'y': the value is infinite; correct it"),
    "immense": (b"ds,y\n2020-01,1\n2020-02,1e300\n", (), "line 3, column 'y': 1e+300 is too", "; change its unit"),
    "times twice": (b"ds,y\n2020-01,1\n2020-02,2\n2020-01,3\n", (), "line 4, column 'ds': '2020-01'", "delete one"),
    "irregular times": (b"ds,y\n2020-01-01,1\n2020-01-02,2\n2020-01-09,3\n2020-01-23,4\n", (), "'ds'", "; resample"),
    "longer horizon": (sales(30).encode(), ("--horizon", "31"), "has 30 steps", "the last 31", "a smaller --horizon"),
    "longer test": (sales(30).encode(), ("--test-size", "99"), "has 30 steps", "smaller --horizon or --test-size"),
    "longer window": (sales(30).encode(), ("--window", "99"), "a window of 99", "a smaller --window"),
    "short for the season": (
        sales(30).encode(),
        ("--level", "seasonal", "--window", "5"),
        "level 'seasonal' needs a window longer than the season of 12; --window is 5",
    ),
    "nothing observed to learn from": (
        b"y\n1\n" + b"NA\n" * 40 + b"2\n",
        (),
        "data.csv: there is no observed value to learn from; give more data",
    ),
}


@pytest.mark.parametrize("case", BROKEN_DATA)
def test_broken_data(case, here, capsys):
    content, flags, *named = BROKEN_DATA[case]
    (here / "data.csv").write_bytes(content)
    refused(capsys, (*DATA, *flags), "data.csv", *named)
    refused(capsys, ("train", "forecast", "data.csv", *FLAGS, *flags), *named)  # and no runs/ either


BROKEN_WORDS = {
    "no command": ((), "COMMAND", "'elman --help' lists what there is"),
    "unknown command": (("fly",), "'fly'", "'train'", "'elman --help'"),
    "unknown task": (("train", "juggle", "sales.csv"), "'juggle'", "choose from 'forecast', 'regress'"),
    "no data": (("train", "forecast", *OUT), "DATA", "'elman train forecast --help' lists what there is"),
    "unknown flag": ((*TRAIN, *OUT, "--hiden-size", "3"), "--hiden-size", "--help"),
    "shortened flag": ((*TRAIN, *OUT, "--hor", "3"), "--hor", "--help"),
    "no such file": (("train", "forecast", "sail.csv", *OUT), "sail.csv: there is no such file; check the path"),
    "folder as data": (("train", "forecast", "run", *OUT), "run: this is a folder; give the file"),
    "unknown cell": ((*TRAIN, *OUT, "--cell", "gruu"), "--cell is 'gruu'; choose one of: rnn, rnn-relu, lstm"),
    "unknown strategy": ((*TRAIN, *OUT, "--strategy", "x"), "--strategy is 'x'; choose one of: direct, recursive"),
    "unknown loss": ((*TRAIN, *OUT, "--loss", "x"), "--loss is 'x'; choose one of: mae, mse, huber"),
    "unknown init": ((*TRAIN, *OUT, "--init", "chrono:x"), "--init is 'chrono:x'; choose 'torch', 'orthogonal'"),
    "epochs abc": ((*TRAIN, *OUT, "--epochs", "abc"), "--epochs: 'abc' is not a whole number"),
    "learning rate abc": ((*TRAIN, *OUT, "--learning-rate", "abc"), "--learning-rate: 'abc' is not a number"),
    "learning rate nan": ((*TRAIN, *OUT, "--learning-rate", "nan"), "--learning-rate is nan; it must be a finite"),
    "learning rate inf": ((*TRAIN, *OUT, "--learning-rate", "inf"), "--learning-rate is inf; it must be a finite"),
    "learning rate 0": ((*TRAIN, *OUT, "--learning-rate", "0"), "--learning-rate is 0.0; it must be greater than 0"),
    "immense learning rate": (
        (*TRAIN, *OUT, "--learning-rate", "1e300"),
        "epoch 1 of search",
        "lower --learning-rate (it is 1e+300)",
    ),
    "negative horizon": ((*TRAIN, *OUT, "--horizon", "-1"), "--horizon is -1; it must be at least 1"),
    "negative window": ((*TRAIN, *OUT, "--window", "-1"), "--window is -1; it must be at least 2"),
    "no hidden units": ((*TRAIN, *OUT, "--hidden-size", "0"), "--hidden-size is 0; it must be at least 1"),
    "negative layers": ((*TRAIN, *OUT, "--num-layers", "-2"), "--num-layers is -2; it must be at least 1"),
    "too many layers": ((*TRAIN, *OUT, "--num-layers", "99999999"), "--num-layers", "it must be less than 1000"),
    "negative batch": ((*TRAIN, *OUT, "--batch-size", "-2"), "--batch-size is -2; it must be at least 0"),
    "negative seed": ((*TRAIN, *OUT, "--seed", "-1"), "--seed is -1; it must be at least 0"),
    "immense seed": ((*TRAIN, *OUT, "--seed", str(2**70)), "--seed is 1180591620717411303424; it must be less than"),
    "immense season": ((*TRAIN, *OUT, "--season", "9" * 20), "--season", "it must be less than 1e+06"),
    "dropout of all": ((*TRAIN, *OUT, "--dropout", "1"), "--dropout is 1.0; it must be less than 1"),
    "no such device": ((*TRAIN, *OUT, "--device", "abacus"), "device 'abacus' cannot be used here", "--device cpu"),
    "no values on the device": ((*TRAIN, *OUT, "--device", "meta"), "device 'meta' cannot", "; use --device cpu"),
    "more memory than there is": (
        (*TRAIN, *OUT, "--hidden-size", "999999"),
        "not enough memory (--hidden-size is 999999, --num-layers 1); give less data or smaller sizes",
    ),
    "resume without --out": ((*TRAIN, "--resume"), "--resume needs the folder", "give --out"),
    "resume without a run": ((*TRAIN, *OUT, "--resume"), "new: there is no run to resume; leave out --resume"),
    "resume in a strange folder": ((*TRAIN, "--out", "run/plots", "--resume"), "run/plots: there is no run to resume"),
    "used folder": ((*TRAIN, "--out", "run"), "run: not empty; use --resume, --overwrite, or another --out"),
    "file for a folder": ((*TRAIN, "--out", "sales.csv"), "sales.csv: is a file; give a folder as --out"),
    "folder in a file": ((*TRAIN, "--out", "sales.csv/x/y"), "sales.csv/x/y: cannot be written", "another --out"),
    "unwritable folder": ((*TRAIN, "--out", "/proc/elman/x"), "/proc/elman/x: cannot be written", "another --out"),
    "immense name": ((*TRAIN, "--out", "x" * 300), "(File name too long); choose another --out"),
    "go on from nothing": ((*TRAIN, *OUT, "--from", "old"), "old: no run here", "give a folder that 'elman train'"),
    "go on from a file": ((*TRAIN, *OUT, "--from", "sales.csv"), "sales.csv: no run here"),
    "go on with another cell": (
        (*TRAIN, *OUT, "--from", "run", "--cell", "lstm"),
        "--cell is 'lstm', but the model to go on from has 'gru': leave it out, or train a new model",
    ),
    "go on with another horizon": (
        (*TRAIN, *OUT, "--from", "run", "--horizon", "4"),
        "forecasts 3 steps; --horizon is 4: leave it out",
    ),
    "go on at another scale": ((*TRAIN, *OUT, "--from", "run", "--scale", "window"), "--scale is 'window', but"),
    "go on with zoneout": ((*TRAIN, *OUT, "--from", "run", "--zoneout", "0.5"), "--zoneout is 0.5, but"),
    "no test file": ((*TRAIN, *OUT, "--test", "later.csv"), "later.csv: there is no such file; check the path"),
    "test before its time": ((*TRAIN, *OUT, "--test", "sales.csv"), "begins at 2010-01, but", "; give only rows"),
    "predict with no run": (("predict", "old", "sales.csv"), "old: no run here (settings.json is missing)"),
    "evaluate with no run": (("evaluate", "old", "sales.csv"), "old: no run here", "'elman train'"),
    "info on no run": (("info", "sales.csv"), "sales.csv: no run here", "'elman train'"),
    "predict to nowhere": ((*PREDICT, "--out", "no/f.csv"), "no/f.csv: cannot be written", "; choose another folder"),
    "predict over a folder": ((*PREDICT, "--out", "run"), "run: cannot be written (Is a directory)"),
    "evaluate to nowhere": ((*EVALUATE, "--out", "no/f.json"), "no/f.json: cannot be written"),
    "demo in a file": (("demo", "--out", "sales.csv"), "sales.csv: cannot be made", "; choose another --out"),
}


@pytest.mark.parametrize("case", BROKEN_WORDS)
def test_broken_words(case, here, capsys):
    words, *named = BROKEN_WORDS[case]
    refused(capsys, words, *named)


def test_a_history_too_short_to_look_back_is_forecast_as_a_season_ago_and_said(here, capsys):
    (here / "short.csv").write_text(sales(5))
    assert main(["predict", "run", "short.csv"]) == 0
    assert "shorter than the window of 24, forecast as a season ago: sales" in capsys.readouterr().err
    (here / "short.csv").write_text(sales(104, first=84))  # after what was trained on
    refused(
        capsys,
        ("evaluate", "run", "short.csv"),
        "short.csv",
        "which do not fill the window of 24; give more of its history",
    )


def test_no_score_on_what_was_trained_on(here, capsys):
    assert main((*TRAIN, "--test-size", "0", "--out", "run", "--overwrite")) == 0
    capsys.readouterr()
    refused(capsys, EVALUATE, "sales.csv: its last 16 steps were seen in training", "; evaluate on later data")


def changed(**changes: object):
    """Change values in settings.json; ``a__b`` is ``b`` in ``a``."""

    def change(run: Path) -> None:
        record = json.loads((run / "settings.json").read_text())
        for path, value in changes.items():
            *owners, name = path.split("__")
            inner = record
            for owner in owners:
                inner = inner[owner]
            inner[name] = value
        (run / "settings.json").write_text(json.dumps(record))

    return change


def replaced(name: str, content: bytes):
    return lambda run: (run / name).write_bytes(content)


def described(change):
    """Change the description in model.safetensors."""

    def rewrite(run: Path) -> None:
        path = run / "model.safetensors"
        raw = path.read_bytes()
        header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
        description = json.loads(header["__metadata__"]["elman"])
        del description["digest"]
        change(description)
        digest = arrayfile.digest(jsontext.dumps(description, sort_keys=True), load(raw))
        text = jsontext.dumps(description | {"digest": digest}, sort_keys=True)
        path.write_bytes(save(load(raw), metadata={"elman": text}))
        for name in ("settings.json", "metrics.json"):
            record = json.loads((run / name).read_text())
            (run / name).write_text(json.dumps(record | {"model": digest}))

    return rewrite


MODEL, SETTINGS = "run/model.safetensors", "run/settings.json"
BROKEN_RUNS = {
    "no settings": (lambda run: (run / "settings.json").unlink(), "run: no run here (settings.json is missing)"),
    "cut settings": (replaced("settings.json", b'{"task": "fore'), f"{SETTINGS}: damaged"),
    "binary settings": (replaced("settings.json", b"\xff\0\xfe"), f"{SETTINGS}: damaged"),
    "deep settings": (replaced("settings.json", b"[" * 100_000), f"{SETTINGS}: damaged"),
    "settings of another kind": (replaced("settings.json", b"[1]"), f"{SETTINGS}: damaged"),
    "unknown setting": (changed(settings__shoe_size=43), f"{SETTINGS}: damaged ('shoe_size' is not a setting"),
    "setting of the wrong type": (changed(settings__epochs="many"), f"{SETTINGS}: damaged (epochs is 'many'"),
    "setting out of range": (changed(settings__dropout=7), f"{SETTINGS}: damaged (dropout is 7.0"),
    "another task": (changed(task="juggle"), "run", "'juggle'"),
    "columns of the wrong type": (changed(columns__target=3), f"{SETTINGS}: damaged (target is 3; it takes text"),
    "time of the wrong type": (changed(columns__time=[1]), f"{SETTINGS}: damaged (time is [1]; it takes text"),
    "unknown column role": (changed(columns__colour="red"), f"{SETTINGS}: damaged"),
    "no model": (lambda run: (run / "model.safetensors").unlink(), f"{MODEL}: there is no such model file"),
    "empty model": (replaced("model.safetensors", b""), f"{MODEL}: damaged, or not a model file"),
    "foreign model": (
        replaced("model.safetensors", save({"a": np.zeros(3, "f4")})),
        f"{MODEL}: a safetensors file, but not elman's; give a run folder that 'elman train' made",
    ),
    "pickle": (replaced("model.safetensors", pickle.dumps({"a": 1})), f"{MODEL}: damaged, or not a model file"),
    "hostile header": (replaced("model.safetensors", struct.pack("<Q", 2**62) + b"{}"), f"{MODEL}: damaged"),
    "cut test model": (replaced("tested.safetensors", b"\x10\0\0"), "run/tested.safetensors: damaged"),
    "newer model": (described(lambda d: d.update(format=3, elman="9.0")), "written by elman '9.0'", "upgrade"),
    "model of another task": (described(lambda d: d.update(task="tag")), f"{MODEL}: it was trained for 'tag'"),
    "immense layers": (described(lambda d: d["layers"][0].update(num_layers=10**9)), f"{MODEL}: not a usable"),
    "no marks of what was seen": (
        described(lambda d: d["encoding"].pop("fitted")),
        f"{MODEL}: its forecasting record is malformed",
    ),
    "negative window": (described(lambda d: d["encoding"]["encoding"].update(window=-3)), f"{MODEL}: its forecasting"),
}


@pytest.mark.parametrize("case", BROKEN_RUNS)
def test_broken_runs(case, here, capsys):
    damage, *named = BROKEN_RUNS[case]
    damage(here / "run")
    remedies = ("copy it again or train again", "train it again", "give a", "upgrade elman", "load it as such")
    for words in (PREDICT, EVALUATE, ("info", "run"), ("train", "forecast", "sales.csv", "--from", "run", *OUT)):
        line = refused(capsys, words, *named)
        assert any(remedy in line for remedy in remedies)


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b"\xff"])
def test_a_damaged_record_of_scores(content, here, capsys):
    (here / "run" / "metrics.json").write_bytes(content)
    refused(capsys, ("info", "run"), "run/metrics.json: damaged", "copy it again or train again")


@pytest.mark.parametrize("content", [b"", b"\0" * 300, save({"a": np.zeros(3, "f4")})])
def test_resuming_from_a_damaged_checkpoint(content, here, capsys):
    (here / "run" / "checkpoint.safetensors").write_bytes(content)
    refused(capsys, (*TRAIN, "--out", "run", "--resume"), "run/checkpoint.safetensors", "start again with --overwrite")


def test_resuming_with_other_settings(here, capsys):
    shutil.rmtree(here / "run")
    (here / "run").mkdir()
    from elman.training.checkpoint import Checkpoint

    Checkpoint(here / "run" / "checkpoint.safetensors", fingerprint="another training").begin()
    refused(capsys, (*TRAIN, "--out", "run", "--resume"), "begun with other settings or other data", "--overwrite")


def test_in_processes_of_their_own(here):
    (here / "bad.csv").write_bytes(b"month,sales\n2020-01,much\n")
    for words, named in [
        (("train", "forecast", "bad.csv"), "bad.csv, line 2, column 'sales': 'much' is not a number"),
        (("train", "forecast", "sales.csv", "--cell", "x"), "--cell is 'x'"),
        (("predict", "nowhere", "sales.csv"), "nowhere: no run here"),
    ]:
        before = contents(here)
        done = python("-m", "elman", *words)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and named in done.stderr
        done = python("-m", "elman", "--debug", *words)
        assert done.returncode == 2
        assert "Traceback (most recent call last)" in done.stderr
        assert done.stderr.splitlines()[-1].startswith("error: ")
        assert contents(here) == before
