"""Broken files of labelled sequences: an error of one line that names the file and the place, whatever is wrong."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from elman.data import SequenceColumns, read_sequences
from elman.errors import DataError
from tests.data.sequence_files import TS, idx, images, npz, write_mnist

HUGE = b"\xff\xff\xff\xff"
TRAIN = "train-images-idx3-ubyte"

# file → its content, and what is said of it; the folder is whole but for that file
IDX: dict[str, tuple[str, bytes | None, str]] = {
    "empty": (TRAIN, b"", "begins with nothing"),
    "text": (TRAIN, b"label,t0\n1,2\n", "not an IDX file"),
    "no such type": (TRAIN, idx(images(12), code=7), "not an IDX file"),
    "no dimensions": (TRAIN, b"\0\0\x08\0abc", "head, of 0 dimensions"),
    "too many dimensions": (TRAIN, b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"x", "head, of 255 dimensions"),
    "head cut short": (TRAIN, b"\0\0\x08\3\0\0", "cut short or damaged"),
    "data cut short": (TRAIN, idx(images(12))[:-1], "191 follow the head"),
    "a byte too many": (TRAIN, idx(images(12)) + b"x", "193 follow the head"),
    "no images": (TRAIN, idx(images(0)), "holds no values"),
    "sizes of 10^28": (TRAIN, b"\0\0\x08\3" + HUGE * 3 + b"x", "4294967295 × 4294967295 × 4294967295"),
    "flat images": (TRAIN, idx(np.zeros(9)), "images are bytes in three dimensions"),
    "images of another size": ("t10k-images-idx3-ubyte", idx(images(4, size=5)), "differ in size"),
    "labels of two dimensions": ("train-labels-idx1-ubyte", idx(np.zeros((3, 4))), "labels are bytes in a row"),
    "a label too few": ("train-labels-idx1-ubyte", idx(np.zeros(11)), "11 labels for 12 images"),
    "gzip cut short": (TRAIN, gzip.compress(idx(images(12)))[:-9], "damaged or cut short"),
    "a bomb": (TRAIN, gzip.compress(b"\0" * 2**25), "unpacks to more than"),
}


def one_line(error: DataError, *said: str) -> None:
    text = str(error)
    assert "\n" not in text and all(word in text for word in said), text


@pytest.mark.parametrize("case", IDX)
def test_idx_files(tmp_path, case):
    name, content, said = IDX[case]
    folder = write_mnist(tmp_path / "mnist")
    (folder / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_sequences(folder, view="rows")
    one_line(caught.value, "mnist", said)


def test_folders_without_images(tmp_path):
    with pytest.raises(DataError) as caught:
        read_sequences(tmp_path, view="rows")
    one_line(caught.value, str(tmp_path), "get MNIST's four files", "train-images-idx3-ubyte", ".gz")
    write_mnist(tmp_path)
    for given, said in (({}, "rows or pixels"), ({"view": "columns"}, "rows or pixels")):
        with pytest.raises(DataError, match=said):
            read_sequences(tmp_path, **given)
    with pytest.raises(DataError, match="a permutation is one of single pixels"):
        read_sequences(tmp_path, view="rows", permute=1)
    with pytest.raises(DataError, match="these are no images"):
        read_sequences([[1.0]], view="rows")


TS_FILES = {
    "empty": ("", "there is no @data"),
    "no @data": (TS.replace("@data\n", ""), "line 9"),
    "an unknown entry": (TS.replace("@missing", "@wishing"), "line 4"),
    "an entry without a value": (TS.replace("@missing true", "@missing"), "line 4"),
    "no cases": (TS[: TS.index("1,2,3")], "no cases follow @data"),
    "a class that is none": (TS.replace(":up\n", ":sideways\n"), "line 10: 'sideways' is none of the classes"),
    "no class": (TS.replace(":up\n", ":\n"), "line 10: '' is none of the classes"),
    "a word for a number": (TS.replace("7,8", "7,x"), "line 11, channel 0: 'x'"),
    "an empty value": (TS.replace("7,8", "7,"), "line 11, channel 0: ''"),
    "an infinite value": (TS.replace("7,8", "7,inf"), "line 11, channel 0: 'inf'"),
    "too large a value": (TS.replace("7,8", "7,1e300"), "line 11: the value at (0, 1) is infinite"),
    "channels of different length": (TS.replace("7,8", "7"), "line 11: channel 1 has 2 steps and channel 0 1"),
    "a channel too few": (TS.replace("7,8:", ""), "line 11: 1 channels where line 10 has 2"),
    "more channels than said": (TS.replace("@dimensions 2", "@dimensions 3"), "the head speaks of 3 channels"),
    "nothing known": (TS.replace("7,8:9,9", "?,?:?,?"), "line 11: every value is missing"),
    "longer than said": (
        TS.replace("@equalLength false", "@equalLength true\n@seriesLength 2"),
        "line 11: 3 steps, but the head says @seriesLength 2",
    ),
    "times of their own": (TS.replace("@timeStamps false", "@timeStamps true"), "@timeStamps true"),
    "numbers as targets": (TS.replace("@classLabel true up down", "@targetLabel true"), "@targetLabel true"),
    "no text": ("@data\n\0", "binary"),
    "one row of a million": ("@data\n" + "1\n" * 5000 + "1," * 99_999 + "1\n", "a hundred times as many"),
}


@pytest.mark.parametrize("case", TS_FILES)
def test_ts_files(tmp_path, case):
    text, said = TS_FILES[case]
    (tmp_path / "small.ts").write_text(text)
    with pytest.raises(DataError) as caught:
        read_sequences(tmp_path / "small.ts")
    one_line(caught.value, "small.ts", said)


def raw(head: str, data: bytes = b"", version: int = 1) -> bytes:
    """An .npz file with one array of this head."""
    text = head.encode("latin-1")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        size = len(text).to_bytes(2 if version == 1 else 4, "little")
        archive.writestr("inputs.npy", b"\x93NUMPY" + bytes([version, 0]) + size + text + data)
    return file.getvalue()


def head(descr: str = "'<f4'", shape: str = "(2, 2)", order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *words, **more: None)  # of a name that is there twice
        for name in names:
            made.writestr(name, b"")
    return file.getvalue()


def objects() -> bytes:
    file = io.BytesIO()
    np.savez(file, inputs=np.array([[1], None], object))
    return file.getvalue()


NPZ: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not an .npz file"),
    "text": (lambda: b"PK\x03\x04 text", "not an .npz file"),
    "cut short": (lambda: npz(inputs=np.ones((3, 3)))[:-30], "not an .npz file"),
    "damaged": (lambda: npz(inputs=np.ones((30, 30))).replace(b"inputs", b"inputz", 1), "not an .npz file"),
    "no arrays": (lambda: archive(), "it holds no arrays"),
    "no array": (lambda: archive("inputs.npy"), "array 'inputs': not an array"),
    "a name twice": (lambda: archive_twice(), "two arrays are called 'inputs'"),
    "objects": (objects, "an array of objects, which are not read"),
    "code in the head": (lambda: raw(head(shape="(__import__('os').getpid(), 1)")), "its head cannot be read"),
    "a structured type": (lambda: raw(head(descr="[('a', '<f4')]")), "structured type"),
    "a head of 10^9": (lambda: raw(head(), version=2)[:40] + b"", "not an .npz file"),
    "a size that is not there": (lambda: raw(head(shape="(99999999999, 9999)")), "(99999999999, 9999) of float32"),
    "a value too few": (lambda: raw(head(), b"\0" * 12), "take 16 bytes, not 12"),
    "no such type": (lambda: raw(head(descr="'<f3'")), "its head cannot be read"),
    "a negative size": (lambda: raw(head(shape="(-1, 2)")), "its head cannot be read"),
    "other names": (lambda: npz(images=np.ones((2, 2))), "it holds 'images'; name the arrays"),
    "labels too few": (lambda: npz(inputs=np.ones((3, 2)), labels=np.arange(2)), "2 labels for 3 sequences"),
    "lengths too long": (lambda: npz(inputs=np.ones((2, 2)), lengths=np.array([2, 3])), "lengths must be 2 whole"),
    "lengths of floats": (lambda: npz(inputs=np.ones((2, 2)), lengths=np.array([2.0, 1])), "lengths must be 2 whole"),
    "four dimensions": (lambda: npz(inputs=np.ones((2, 2, 2, 2))), "values of shape (2, 2, 2, 2)"),
    "infinite": (lambda: npz(inputs=np.array([[1, np.inf]])), "the value at (0, 1) is infinite"),
    "nothing known": (lambda: npz(inputs=np.array([[1, 2], [np.nan] * 2])), "every value of sequence 1"),
    "complex": (lambda: npz(inputs=np.ones((2, 2), complex)), "its head cannot be read"),
    "a bomb": (lambda: npz(inputs=np.zeros((2**12, 2**13), "f4")), "unpacks to more than"),
}


def archive_twice() -> bytes:
    array = npz(inputs=np.ones((2, 2)))
    with zipfile.ZipFile(io.BytesIO(array)) as made:
        content = made.read("inputs.npy")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("inputs.npy", content)
        made.writestr("inputs", content)
    return file.getvalue()


@pytest.mark.parametrize("case", NPZ)
def test_npz_files(tmp_path, case):
    make, said = NPZ[case]
    (tmp_path / "some.npz").write_bytes(make())
    with pytest.raises(DataError) as caught:
        read_sequences(tmp_path / "some.npz")
    one_line(caught.value, "some.npz", said)


TABLES: dict[str, tuple[str, dict, str]] = {
    "empty": ("", {}, "the file is empty"),
    "a word in a wide row": ("label,t0,t1\na,1,2\nb,1,x\n", {}, "line 3, column 't1': 'x' is not a number"),
    "an infinite value": ("label,t0\na,inf\n", {}, "line 2, column 't0'"),
    "too large a value": ("label,t0\na,1e99\n", {}, "(0, 0) is infinite, or too large"),
    "an empty row": ("label,t0,t1\na,1,2\nb,,\n", {}, "line 3: every value is missing"),
    "no values": ("label\na\nb\n", {}, "there is no column of values"),
    "a missing label": ("label,t0\na,1\n,2\n", {}, "line 3, column 'label': the label is missing"),
    "a label as a value": ("label,t0\na,1\n", {"values": ("label",)}, "named as a value and as label or id"),
    "no such value": ("label,t0\na,1\n", {"values": ("t9",)}, "there is no column 't9'"),
    "no such id": ("label,t0\na,1\n", {"id": "who"}, "there is no column 'who'"),
    "a missing id": ("id,label,x\na,u,1\n,u,2\na,u,3\n", {"id": "id"}, "line 3, column 'id': the id is missing"),
    "two labels of one": ("id,label,x\na,u,1\na,v,2\n", {"id": "id"}, "line 3, column 'label': 'v', but the sequence"),
    "an id of no values": ("id,label,x\na,u,1\na,u,2\nb,v,\n", {"id": "id"}, "line 4: every value of 'b' is missing"),
    "long without id": ("label,x\na,1\n", {"layout": "long"}, "name it as `id`"),
    "a row too short": ("label,t0,t1\na,1,2\nb,1\n", {}, "line 3"),
    "no such symbols": ("label,t0\na,1\n", {"symbols": "dna"}, "there is no column 'dna'"),
    "an empty text": ("label,dna\na,ACG\nb,\n", {"symbols": "dna"}, "line 3, column 'dna': the sequence is empty"),
    "marks in a text": ("label,dna\na,A\x07G\n", {"symbols": "dna"}, "marks that cannot be printed"),
    "counted too far": ("a,1,2\nb,3,4\n", {"label": "0", "values": ("7",)}, "there is no column '7'"),
    "no text": ("label,t0\n\udce9,\x01\n", {}, "is not UTF-8"),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(tmp_path, case):
    text, columns, said = TABLES[case]
    (tmp_path / "some.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(DataError) as caught:
        read_sequences(tmp_path / "some.csv", SequenceColumns(**columns))
    one_line(caught.value, "some.csv", said)


ARRAYS: dict[str, tuple[object, str]] = {
    "none": ([], "there are no sequences"),
    "one value": (np.float64(3), "a single value"),
    "text": (["", "a"], "a text is empty"),
    "words": ([["a", "b"]], "give numbers"),
    "objects": (np.array([[1], [None]], object), "sequence 0 (counted from 0)"),
    "bools": (np.ones((2, 2), bool), "values of type bool"),
    "a triple": ((1, 2, 3), "a tuple of 3"),
    "steps of different size": ([np.ones((2, 2)), np.ones((2, 3))], "sequence 1 (counted from 0)"),
    "an empty one": ([[1.0], []], "sequence 1 (counted from 0)"),
    "labels too many": (([[1.0]], ["a", "b"]), "2 labels for 1 sequences"),
    "a missing label": (([[1.0], [2.0]], ["a", None]), "entry 1 of labels is missing"),
    "infinite": ([[1.0, -np.inf]], "is infinite"),
    "names that clash": ({"inputs": np.ones((2, 2)), "x": np.ones((2, 2))}, "column"),
    "no axis": (np.ones((2, 0)), "values of shape (2, 0)"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays(case):
    source, said = ARRAYS[case]
    with pytest.raises(DataError) as caught:
        read_sequences(source)
    one_line(caught.value, "data", said)


def test_hostile_sizes_take_no_memory(tmp_path):
    folder = write_mnist(tmp_path / "mnist")
    (folder / TRAIN).write_bytes(b"\0\0\x0e\4" + HUGE * 4)
    (tmp_path / "some.npz").write_bytes(raw(head(shape="(9999999999, 9999999999)")))
    tracemalloc.start()
    try:
        for source, given in ((folder, {"view": "rows"}), (tmp_path / "some.npz", {})):
            with pytest.raises(DataError):
                read_sequences(source, **given)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
