"""Labelled sequences from files and arrays of every format: the values, lengths and labels that were written."""

from __future__ import annotations

import numpy as np
import pandas
import polars
import pytest
from numpy.testing import assert_array_equal

from elman.data import SequenceColumns, Sequences, read_sequences
from elman.data.idx_files import parse_idx
from elman.data.npz_file import parse_npz
from elman.data.options import TableOptions
from elman.data.sequences import sorted_classes
from elman.errors import DataError
from tests.data.sequence_files import CODES, TS, idx, images, npz, write_mnist

NAN = np.nan


def holds(found: Sequences, rows: list, labels: list | None, ids: list | None = None) -> None:
    """Each row's own steps, with zeros behind them."""
    assert found.lengths.tolist() == [len(row) for row in rows]
    assert found.inputs.dtype == (np.int64 if found.alphabet else np.float32)
    for row, length, expected in zip(found.inputs, found.lengths, rows, strict=True):
        values = [found.alphabet[k] for k in row[:length]] if found.alphabet else row[:length]
        if found.alphabet:
            assert "".join(values) == expected
        else:
            expected = np.array(expected, "f4")
            assert_array_equal(values, expected.reshape(len(expected), -1))
        assert not row[length:].any()
    assert found.labels == (None if labels is None else tuple(labels))
    assert ids is None or found.ids == tuple(ids)


def read_text(tmp_path, text: str, name: str = "some.csv", **columns) -> Sequences:
    (tmp_path / name).write_text(text)
    return read_sequences(tmp_path / name, SequenceColumns(**columns))


def test_long(tmp_path):
    text = "id,t,x,z,label\na,0,1,5,up\nb,0,2,,down\na,1,3,6,up\nb,1,,,down\na,2,4,,up\n"
    found = read_text(tmp_path, text, id="id", values=("x", "z"))
    holds(found, [[[1, 5], [3, 6], [4, NAN]], [[2, NAN]]], ["up", "down"], ["a", "b"])
    assert found.channels == ("x", "z") and found.missing == 2
    found = read_text(tmp_path, text, id="id", label="label")
    assert found.channels == ("t", "x", "z")


def test_wide(tmp_path):
    text = "name,kind,t0,t1,t2\nr1,up,1,,3\nr2,down,4,5,\n"
    found = read_text(tmp_path, text, label="kind", id="name")
    holds(found, [[1, NAN, 3], [4, 5]], ["up", "down"], ["r1", "r2"])
    found = read_text(tmp_path, "t0,t1\n1,2\n3,4\n", label="kind")
    holds(found, [[1, 2], [3, 4]], None)
    with pytest.raises(DataError, match="some.csv: there is no column of labels"):
        found.known_labels()


def test_the_layout_can_be_chosen(tmp_path):
    text = "id,a,b,label\nx,1,2,up\nx,3,4,up\n"
    holds(read_text(tmp_path, text, id="id"), [[[1, 2], [3, 4]]], ["up"], ["x"])
    holds(read_text(tmp_path, text, id="id", layout="wide"), [[1, 2], [3, 4]], ["up", "up"], ["x", "x"])
    one = "id,a,b,label\nx,1,2,up\ny,3,4,down\n"
    holds(read_text(tmp_path, one, id="id"), [[1, 2], [3, 4]], ["up", "down"], ["x", "y"])
    holds(read_text(tmp_path, one, id="id", layout="long"), [[[1, 2]], [[3, 4]]], ["up", "down"])


def test_symbols_and_columns_that_are_counted(tmp_path):
    text = "EI,  ONE-1, ACGT\nN, TWO-2, TTN\n"
    found = read_text(tmp_path, text, "splice.data", label="0", id="1", symbols="2")
    holds(found, ["ACGT", "TTN"], ["EI", "N"], ["ONE-1", "TWO-2"])
    assert found.alphabet == ("A", "C", "G", "N", "T")
    found = read_text(tmp_path, "label,text\na,xyx\nb,zz\n")
    holds(found, ["xyx", "zz"], ["a", "b"])


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files(tmp_path, packed):
    folder = write_mnist(tmp_path / "mnist", packed=packed)
    both = np.concatenate([images(12, 0), images(4, 1)])
    found = read_sequences(folder, view="rows")
    assert_array_equal(found.inputs, both.astype("f4") / np.float32(255))
    assert found.labels == tuple(str(k % 3) for k in [*range(12), *range(4)])
    assert_array_equal(found.is_test, np.arange(16) >= 12)
    assert found.ids[0] == "train-0" and found.ids[-1] == "t10k-3"
    pixels = read_sequences(folder, view="pixels")
    assert_array_equal(pixels.inputs, found.inputs.reshape(16, 16, 1))
    mixed = read_sequences(folder, view="pixels", permute=5)
    order = np.random.default_rng(5).permutation(16)
    assert_array_equal(mixed.inputs, pixels.inputs[:, order])
    assert (read_sequences(folder, view="pixels", permute=6).inputs != mixed.inputs).any()


def test_some_of_the_idx_files(tmp_path):
    folder = write_mnist(tmp_path / "mnist")
    (folder / "train-images-idx3-ubyte").unlink()
    found = read_sequences(folder, view="rows")
    assert len(found) == 4 and found.is_test is None and found.labels is not None
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="the files of labels .* are missing; add them"):
        read_sequences(folder, view="rows").known_labels()
    alone = read_sequences(folder / "t10k-images-idx3-ubyte", view="rows")
    assert_array_equal(alone.inputs, found.inputs)


def test_every_type_of_idx_file():
    for dtype, code in CODES.items():
        array = np.array([[1, 2, 3], [4, 5, 6]], dtype)
        content = bytes([0, 0, code, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + array.tobytes()
        assert_array_equal(parse_idx(content, "x"), array)
    assert_array_equal(parse_idx(idx(images(2)), "x"), images(2))


def test_ts_files(tmp_path):
    found = read_text(tmp_path, TS, "small.ts")
    holds(found, [[[1, 4], [2, NAN], [3, 6]], [[7, 9], [8, 9]]], ["up", "down"], ["0", "1"])
    found = read_text(tmp_path, "@classLabel false\n@data\n1,2,?,?\n3\n", "small.ts")
    holds(found, [[1, 2], [3]], None)  # what is unknown to the end is padding


def test_npz_files(tmp_path):
    values = np.arange(24, dtype="f4").reshape(4, 3, 2)
    labels = np.array(["a", "b", "a", "b"])
    (tmp_path / "some.npz").write_bytes(npz(inputs=values, labels=labels, lengths=np.array([3, 2, 1, 3])))
    found = read_sequences(tmp_path / "some.npz")
    rows = [values[k, :n] for k, n in enumerate([3, 2, 1, 3])]
    holds(found, rows, labels.tolist(), list("0123"))
    split = {"x_train": values, "y_train": np.arange(4), "x_test": values[:2, :2] + 1, "y_test": np.array([3, 0])}
    (tmp_path / "some.npz").write_bytes(npz(**split))
    found = read_sequences(tmp_path / "some.npz")
    holds(found, [*values, *(values[:2, :2] + 1)], list("012330"))
    assert_array_equal(found.is_test, [False] * 4 + [True] * 2)
    for array in (np.asfortranarray(values), np.array(3.5), np.arange(3, dtype=">i2"), labels):
        assert_array_equal(parse_npz(npz(a=array), "x")["a"], array)


def test_arrays_and_lists():
    values = np.array([[1, 2, NAN], [3, NAN, 4]])
    holds(read_sequences(values), [[1, 2], [3, NAN, 4]], None)
    holds(read_sequences((values[:, :, None], [True, False])), [[1, 2], [3, NAN, 4]], ["True", "False"])
    holds(read_sequences(([[1, 2], [3]], np.array([1.0, 2.0]))), [[1, 2], [3]], ["1", "2"])
    pairs = [np.ones((2, 3)), np.zeros((1, 3))]
    holds(read_sequences((pairs, ["a", "b"])), pairs, ["a", "b"])
    holds(read_sequences((["abc", "c"], [0, 1])), ["abc", "c"], ["0", "1"])
    given = {"inputs": values, "labels": ["u", "v"], "lengths": [3, 3], "ids": [7, 8]}
    holds(read_sequences(given), [[1, 2, NAN], [3, NAN, 4]], ["u", "v"], ["7", "8"])
    found = read_sequences(given)
    assert read_sequences(found) is found


def test_frames_and_columns():
    columns = {"label": ["a", "b"], "t0": [1.0, 2.0], "t1": [3.0, None]}
    for frame in (pandas.DataFrame(columns), polars.DataFrame(columns), columns):
        holds(read_sequences(frame), [[1, 3], [2]], ["a", "b"])
    wide = pandas.DataFrame({"t0": [1.0, 2.0], "t1": [3.0, 4.0]})
    holds(read_sequences((wide, ["x", "y"])), [[1, 3], [2, 4]], ["x", "y"])


def test_two_sources_as_one():
    first = read_sequences((["ab", "a"], ["x", "y"]))
    second = read_sequences((["cab"], ["x"]))
    both = first.followed_by(second)
    holds(both, ["ab", "a", "cab"], ["x", "y", "x"])
    assert both.is_test.tolist() == [False, False, True]
    numbers = read_sequences(([[1.0, 2.0]], ["x"]))
    holds(numbers.followed_by(read_sequences(([[3.0]], ["y"]))), [[1, 2], [3]], ["x", "y"])
    with pytest.raises(DataError, match="give a test of the same kind"):
        first.followed_by(numbers)


def test_digests_are_of_the_sequence_alone():
    a = read_sequences(([[1.0, 2.0], [1.0, 2.0, 3.0], [1.0]], ["x", "y", "z"])).digests()
    b = read_sequences({"inputs": np.array([[1.0, 2.0, 9.0], [1.0, 2.0, 3.0]]), "lengths": [2, 3]}).digests()
    assert_array_equal(a[:2], b)
    assert len(set(a.tolist())) == 3
    letters = read_sequences(["ab", "b"]).digests(), read_sequences(["xab", "b", "ab"]).digests()
    assert letters[0].tolist() == letters[1][[2, 1]].tolist()


def test_classes_in_order():
    assert sorted_classes(["10", "9", "b", "a", "9"]) == ("9", "10", "a", "b")


def test_what_was_read_is_said(tmp_path):
    lines = read_text(tmp_path, TS, "small.ts").describe()
    assert lines[0].endswith("small.ts: 2 sequences of 2 to 3 steps, 2 channels")
    assert lines[1] == "2 classes: down 1, up 1" and "1 values are missing" in lines[2]


def test_real_images(shared_mnist):
    found = read_sequences(shared_mnist, view="rows")
    assert found.inputs.shape == (70_000, 28, 28) and int(found.is_test.sum()) == 10_000
    assert found.labels[:5] == ("5", "0", "4", "1", "9") and found.labels[60_000:60_003] == ("7", "2", "1")
    assert found.inputs.min() == 0 and found.inputs.max() == 1


@pytest.mark.parametrize(
    ("name", "count", "steps", "channels", "classes"),
    [
        ("ArrowHead_TEST", 175, (251, 251), 1, 3),
        ("BasicMotions_TRAIN", 40, (100, 100), 6, 4),
        ("GunPoint_TRAIN", 50, (150, 150), 1, 2),
        ("JapaneseVowels_TEST", 370, (7, 29), 12, 9),
    ],
)
def test_real_ts_files(shared_ts, name, count, steps, channels, classes):
    found = read_sequences(shared_ts / f"{name}.ts")
    assert (len(found), len(found.channels), len(set(found.labels))) == (count, channels, classes)
    assert (found.lengths.min(), found.lengths.max()) == steps and not found.missing


def test_real_symbols(shared_dna):
    found = read_sequences(shared_dna / "splice.data", SequenceColumns(label="0", id="1", symbols="2"))
    assert len(found) == 3190 and found.inputs.shape == (3190, 60)
    assert found.alphabet == tuple("ACDGNRST") and set(found.labels) == {"EI", "IE", "N"}
    assert "".join(found.alphabet[k] for k in found.inputs[0]).startswith("CCAGCTGCATCACAGG")


def test_tables_of_sequences_are_repaired_and_it_is_said(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text('label,t0,t1\nup,"1,234",(5)\ndown,999,7\n', encoding="utf-8")
    data = read_sequences(path)
    assert data.inputs[:, :, 0].tolist() == [[1234, -5], [999, 7]]
    assert "read: column 't0': 1 number with marks between the thousands ('1,234' is 1234)" in data.describe()
    with pytest.raises(DataError, match="column 't0': 1 number with marks .* without `strict`"):
        read_sequences(path, options=TableOptions(strict=True))
    json_file = tmp_path / "some.json"
    json_file.write_text('[{"label": "up", "t0": 1, "t1": 2}, {"label": "down", "t0": 3, "t1": 4}]', encoding="utf-8")
    assert read_sequences(json_file).inputs[:, :, 0].tolist() == [[1, 2], [3, 4]]
