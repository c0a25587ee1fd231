"""Names of cells, parameters counted, sizes that match."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elman.cells import CELLS
from elman.errors import SettingsError
from elman.recurrence import Layout
from elman.studies.cell_specs import matched_size, multiply_adds, parse_cells, recurrent_parameters, sized

SIZES = st.integers(1, 40)
BUILT_IN = sorted(CELLS)


def test_names():
    assert parse_cells("rnn,lstm , gru-before") == ("rnn", "lstm", "gru-before")
    assert parse_cells(["lstm-peephole"]) == ("lstm-peephole",)


@pytest.mark.parametrize(
    ("text", "reason"), [("rnn,elm", "'elm' is none of"), ("", "'' is none of"), ("gru,gru", "twice")]
)
def test_names_that_are_none(text, reason):
    with pytest.raises(SettingsError, match=reason):
        parse_cells(text)


@given(SIZES, SIZES, st.integers(1, 3))
def test_rnn_lstm_and_gru_have_parameters_as_1_to_4_to_3(inputs, hidden, layers):
    rnn, lstm, gru = (Layout(cell, inputs, hidden, layers).parameter_count() for cell in ("rnn", "lstm", "gru"))
    assert (lstm, gru) == (4 * rnn, 3 * rnn)


@settings(max_examples=30)
@given(
    st.sampled_from(BUILT_IN), st.sampled_from(BUILT_IN), SIZES, st.integers(1, 120), st.integers(1, 2), st.booleans()
)
def test_no_size_matches_better(reference, cell, inputs, hidden, layers, both):
    layout = Layout(reference, inputs, hidden, layers, bidirectional=both)
    size = matched_size([layout], cell)
    distance = {
        n: abs(recurrent_parameters([sized(layout, cell, n)]) - layout.parameter_count())
        for n in range(1, 2 * size + 120)
    }
    assert distance[size] == min(distance.values())


def test_every_head_has_as_many_units():
    size = matched_size([Layout("rnn", 5, 40)], "slstm", (4.0,))
    assert size % 4 == 0
    wanted = Layout("rnn", 5, 40).parameter_count()
    distance = {n: abs(Layout("slstm", 5, n, options=(4.0,)).parameter_count() - wanted) for n in range(4, 80, 4)}
    assert distance[size] == min(distance.values())


def test_multiply_adds_are_the_products_written_out():
    inputs, hidden = 5, 7
    lower, upper = 3 * hidden * (inputs + hidden), 3 * hidden * (2 * hidden + hidden)
    assert multiply_adds([Layout("gru", inputs, hidden, 2, bidirectional=True)]) == 2 * (lower + upper)
    peepholes = 3 * hidden
    assert multiply_adds([Layout("lstm-peephole", inputs, hidden)]) == 4 * hidden * (inputs + hidden) + peepholes
