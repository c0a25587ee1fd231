"""Memory horizons: the protocol's arithmetic, complete tables, kills, and errors in one line."""

from __future__ import annotations

import json

import pytest
import torch
from numpy.testing import assert_allclose

from elman.cells import get_cell
from elman.cli import main
from elman.data.generated import PUZZLES
from elman.errors import RunFolderError, SettingsError
from elman.recurrence import Layout
from elman.settings import from_record
from elman.studies.memory import learning, memory, parse_lags, report
from elman.studies.memory.horizon import Tried, conclude, enough, horizon_of
from elman.studies.memory.learning import Lesson, learn
from elman.studies.settings import MemorySettings
from tests.studies.kills import killed_and_resumed

TINY = {"cells": "rnn,gru", "lags": "2,4", "seeds": 2, "budget": 150, "hidden_size": 12, "learning_rate": 0.02}
FLAGS = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def runs(**solved: list[bool]):
    """Runs of lags called ``at_5`` …; whoever solved one holds at twice the lag, and no further."""
    found = {}
    for name, seeds in solved.items():
        lag = int(name.removeprefix("at_"))
        later = {str(2 * lag): 0.001, str(4 * lag): 0.5}
        found[lag] = [{"solved": one, "updates": 9, "error": 0.0, "later": later if one else {}} for one in seeds]
    return found


def test_two_thirds_are_enough():
    assert [n for n in range(1, 10) if enough(2, n)] == [1, 2, 3]
    assert enough(4, 6) and not enough(3, 5)


def test_the_horizon_is_the_largest_lag_below_which_none_failed():
    found = horizon_of(runs(at_5=[True, True, True], at_10=[True, True, False], at_20=[True, False, False]), 0.01)
    assert (found.last, found.failed) == (Tried(10, 2, 3), Tried(20, 1, 3))
    assert found.holds == 10 and found.text() == "10 (20 failed)"
    # a larger lag that was learned all the same does not count
    assert horizon_of(runs(at_5=[True], at_10=[False], at_20=[True]), 0.01).last == Tried(5, 1, 1)
    assert horizon_of(runs(at_5=[False]), 0.01).text() == "< 5"
    assert horizon_of(runs(at_5=[True]), 0.01).text() == "≥ 5"


def test_few_seeds_separate_nothing():
    long, short = runs(at_5=[True] * 3), runs(at_5=[False] * 3)
    (text,) = conclude({"gru": horizon_of(long, 0.01), "rnn": horizon_of(short, 0.01)})
    assert text == "Not separated: gru and rnn."
    long, short = runs(at_5=[True] * 4), runs(at_5=[False] * 4)
    (text,) = conclude({"rnn": horizon_of(short, 0.01), "gru": horizon_of(long, 0.01)})
    assert text == "gru remembers longer than rnn (at lag 5: 4 of 4 seeds and 0 of 4)."


def lesson(cell="gru", options=(), **changed) -> Lesson:
    given = {
        "puzzle": PUZZLES["recall"], "lag": 3, "seed": 0, "budget": 200, "batch_size": 16, "learning_rate": 0.02,
        "clip_norm": 1.0, "init": "default", "forget_bias": None, "error": 0.01, "later": (6,),
    }  # fmt: skip
    given |= changed
    return Lesson(layout=Layout(cell, given["puzzle"].features, 12, options=options), **given)


def test_a_lesson_is_the_same_again_and_ends_when_it_is_learned():
    before = torch.get_rng_state()
    found = learn(lesson())
    assert found == learn(lesson())
    assert torch.equal(before, torch.get_rng_state())
    assert found["solved"] and found["updates"] < 200 and found["updates"] % learning.CHECKS == 0
    assert found["error"] < 0.01 and found["later"].keys() == {"6"}


def test_an_unlearned_lesson_has_spent_its_budget():
    found = learn(lesson(budget=30, lag=40))
    assert (found["solved"], found["updates"], found["diverged"], found["later"]) == (False, 30, False, {})
    assert 0.5 < found["error"] <= 1


def test_a_lesson_that_diverges_is_a_failure_and_the_others_go_on(tmp_path, monkeypatch):
    settings = {**TINY, "cells": "rnn-relu,gru", "lags": "40,50", "seeds": 2, "budget": 50}
    # an identity times 10 as the recurrent weights: 10^40 is beyond float32
    real = learning._network

    def wild(one: Lesson):
        network = real(one)
        if one.layout.cell == "rnn-relu":
            with torch.no_grad():
                network.get_parameter("0.weight_hh_l0").copy_(10 * torch.eye(one.layout.hidden_size))
        return network

    monkeypatch.setattr(learning, "_network", wild)
    found = memory(out=tmp_path / "out", **settings)
    row = found.record["cells"]["rnn-relu"]["tried"][0]
    assert row["diverged"] == [True, True] and row["updates"] == [1, 1] and found.horizons["rnn-relu"].text() == "< 40"
    assert "Diverged: rnn-relu at lag 40 (2 of 2 seeds)." in " ".join(found.text.split())
    assert len(found.horizons["gru"].tried[0]) == 3
    assert memory(out=tmp_path / "out", **settings).record == found.record


@pytest.mark.parametrize("puzzle", PUZZLES)
def test_every_puzzle_can_be_learned_from(puzzle):
    found = learn(lesson(puzzle=PUZZLES[puzzle], budget=40, lag=4, error=1e-9))
    assert found["error"] < 1.2 * PUZZLES[puzzle].chance


def test_initial_values_are_those_that_were_asked_for():
    for cell in ("gru", "lstm"):
        network = learning._network(lesson(cell=cell, forget_bias=3.0))
        bias = network.get_parameter("0.bias_ih_l0") + network.get_parameter("0.bias_hh_l0")
        first = get_cell(cell).gates.index(get_cell(cell).keep) * 12
        assert_allclose(bias.detach()[first : first + 12], 3.0)
        assert bias.detach().abs().max() == 3 and (bias.detach() == 3).sum() == 12
    chrono = learning._network(lesson(cell="lstm", init="chrono", lag=50)).get_parameter("0.bias_ih_l0").detach()
    first = get_cell("lstm").gates.index("f") * 12
    assert (chrono[first : first + 12] >= 0).all() and chrono.max() <= torch.log(torch.tensor(49.0))


@pytest.mark.parametrize("cell", ["lem", "mingru"])
def test_chrono_acts_on_a_cell_that_writes_and_keeps_the_rest(cell):
    bias = learning._network(lesson(cell=cell, init="chrono", lag=50)).get_parameter("0.bias_ih_l0").detach()
    first = get_cell(cell).gates.index(get_cell(cell).write) * 12
    written = bias[first : first + 12]
    assert (written <= 0).all() and written.min() >= -torch.log(torch.tensor(49.0)) and written.min() < -1


def test_options_go_to_the_cells_that_have_them(tmp_path):
    settings = {**TINY, "cells": "gru,lem,slstm", "lags": "2", "seeds": 1, "budget": 25}
    found = memory(out=tmp_path / "out", cell_options="dt=0.25,heads=3", **settings)
    cells = json.loads((tmp_path / "out/memory.json").read_text())["cells"]
    assert [row["options"] for row in cells.values()] == [{}, {"dt": 0.25}, {"heads": 3.0}]
    slstm = Layout("slstm", PUZZLES["recall"].features, cells["slstm"]["hidden_size"], options=(3.0,))
    assert slstm.hidden_size % 3 == 0 and cells["slstm"]["recurrent_parameters"] == slstm.parameter_count()
    assert "lem with dt=0.25; slstm with heads=3" in " ".join(found.text.split())
    with pytest.raises(RunFolderError, match="cell_options differ"):
        memory(out=tmp_path / "out", **settings)


def test_an_option_changes_what_is_learned():
    slow = learn(lesson(cell="lem", budget=50, options=(0.001,)))
    assert slow["error"] > 0.5 > learn(lesson(cell="lem", budget=200))["error"]


def test_a_measurement(tmp_path):
    found = memory(out=tmp_path / "out", **TINY)
    assert list(found.horizons) == ["rnn", "gru"]
    record = json.loads((tmp_path / "out/memory.json").read_text())
    sizes = [row["recurrent_parameters"] for row in record["cells"].values()]
    assert sizes[0] == Layout("rnn", PUZZLES["recall"].features, 12).parameter_count()
    assert abs(sizes[1] - sizes[0]) / sizes[0] < 0.15
    for part in (
        "Horizon in steps: an error below 0.01 within 150 updates",
        "seeds there",
        "without memory it is 0.875",
    ):
        assert part in " ".join(found.text.split())
    assert {path.suffix for path in found.files} == {".json", ".md", ".html", ".png"}
    assert [path.name for path in found.files if path.suffix == ".png"] == ["success.png", "updates.png"]
    needed = {cell: [sorted(row["updates"]) for row in found.record["cells"][cell]["tried"]] for cell in ("rnn", "gru")}
    for line in report.effort(PUZZLES["recall"], from_record(MemorySettings, TINY), found.record["cells"])[0].lines:
        assert_allclose(line.y, [sum(two) / 2 for two in needed[line.label]])  # all of them learned
    more = memory(out=tmp_path / "out", **{**TINY, "cells": "rnn,gru,lstm", "seeds": 3})
    assert more.horizons["rnn"].tried[0].seeds == 3
    with pytest.raises(RunFolderError, match="holds another measurement \\(lags differ\\)"):
        memory(out=tmp_path / "out", **{**TINY, "lags": "2,8"})


def test_a_killed_measurement_ends_as_one_that_is_not(tmp_path):
    killed_and_resumed(["memory", *FLAGS], tmp_path, "memory", kills=3, seed=1)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--lags", "5,x"], "--lags is '5,x'; it takes whole numbers"),
        (["--lags", "10,5"], "each must be larger"),
        (["--cells", "none"], "'none' is none of"),
        (["--task", "subtracting"], "choose one of: recall, adding, copy, selective-copy"),
        (["--task", "adding", "--lags", "1,2"], "adding takes one from 2"),
        (
            ["--cell-options", "dt=0.5"],
            "--cell-options has 'dt', an option of none of: rnn, lstm, gru; they have: none",
        ),
        (["--cells", "gru,lem", "--cell-options", "dt=2"], "the option dt is 2.0; it must be a number above 0"),
        (["--error", "0"], "--error is 0.0; it must be greater than 0"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(words, reason, tmp_path, capsys):
    assert main(["memory", *words, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and reason in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_damaged_result_is_said(tmp_path):
    memory(out=tmp_path / "out", **{**TINY, "seeds": 1})
    (tmp_path / "out/results/rnn-2-0.json").write_text("{")
    with pytest.raises(RunFolderError, match="rnn-2-0.json: damaged .* remove it, and the run is made again"):
        memory(out=tmp_path / "out", **{**TINY, "seeds": 1})


def test_lags():
    assert parse_lags("5, 10") == (5, 10)
    with pytest.raises(SettingsError, match="larger"):
        parse_lags("5,5")
