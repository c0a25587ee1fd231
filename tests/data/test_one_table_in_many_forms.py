"""One table, written in whatever form, is one set of series."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from elman.data import read_series

START = np.datetime64("2021-03-25")  # days beyond the 12th, so that the order of day and month is settled
DATES = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d %b %Y",
    "%B %d %Y",
    "%a %d-%b-%y",
    "%d.%m.%y",
)
FORMS = st.fixed_dictionaries(
    {
        "date": st.sampled_from(DATES),
        "delimiter": st.sampled_from(",;\t|"),
        "mark": st.sampled_from(".,"),
        "group": st.sampled_from(["", "other", " ", "'"]),
        "affixes": st.sampled_from([("", ""), ("$", ""), ("", " €"), ("", "%"), ("", " kWh")]),
        "accounting": st.booleans(),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
        "titles": st.booleans(),
        "footer": st.booleans(),
        "end": st.sampled_from(["\n", "\r\n"]),
        "name": st.sampled_from(["ds", "observed", "Größe des Tages", "a"]),
    }
)


def number(value, form):
    """A number with two decimals, as a form has it."""
    text = f"{abs(value):,.2f}"
    group = {"other": "," if form["mark"] == "." else "."}.get(form["group"], form["group"])
    text = text.replace(",", "_").replace(".", form["mark"]).replace("_", group)
    before, behind = form["affixes"]
    text = before + text + behind
    return text if value >= 0 else f"({text})" if form["accounting"] else f"-{text}"


def file(days, values, order, form):
    """The bytes of the table in a form; fields that hold the delimiter are quoted."""
    delimiter, end = form["delimiter"], form["end"]
    rows = [[(START + int(days[k])).item().strftime(form["date"]), number(values[k], form)] for k in order]
    quoted = [[f'"{field}"' if delimiter in field else field for field in row] for row in rows]
    text = end.join([delimiter.join([form["name"], "Wert"]), *map(delimiter.join, quoted)]) + end
    if form["titles"]:
        text = f"Werte{end}von 2021{end}{end}" + text
    if form["footer"]:
        text += f"{end}Source: the books{end}"
    return text.encode(form["encoding"])


@given(
    st.lists(st.integers(-(10**9), 10**9), min_size=20, max_size=30),
    st.randoms(use_true_random=False),
    FORMS,
)
@example([5] * 20, __import__("random").Random(0), {
    "date": "%m/%d/%Y", "delimiter": ";", "mark": ",", "group": "other", "affixes": ("", " €"), "accounting": True,
    "encoding": "cp1252", "titles": True, "footer": True, "end": "\r\n", "name": "a",
})  # fmt: skip
@settings(max_examples=150)
def test_order_dates_delimiters_marks_and_encodings_change_nothing(tmp_path_factory, cents, random, form):
    values = np.array(cents) / 100
    days, order = np.arange(len(values)), list(range(len(values)))
    random.shuffle(order)
    folder = tmp_path_factory.getbasetemp()
    clean, other = folder / "clean.csv", folder / "other.csv"
    plain = "".join(f"{START + int(k)},{value!r}\n" for k, value in zip(days, values.tolist(), strict=True))
    clean.write_text(f"{form['name']},Wert\n{plain}", encoding="utf-8")
    other.write_bytes(file(days, values, order, form))
    (wanted,), (found,) = read_series(clean), read_series(other)
    assert_array_equal(found.values, wanted.values)
    assert_array_equal(found.times, wanted.times)
    assert (found.id, read_series(clean).frequency) == (wanted.id, read_series(other).frequency)


@given(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=12), st.randoms(use_true_random=False))
def test_json_is_what_its_numbers_are(tmp_path_factory, values, random):
    rows = [{"ds": str(START + k), "y": value} for k, value in enumerate(values)]
    random.shuffle(rows)
    path = tmp_path_factory.getbasetemp() / "rows.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    (series,) = read_series(path)
    assert_array_equal(series.values, values)
