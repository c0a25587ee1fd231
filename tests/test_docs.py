"""The pages are true: examples run, links lead somewhere, flags exist, tables are those of the code."""

from __future__ import annotations

import argparse
import dataclasses
import doctest
import itertools
import pkgutil
import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import benchmarks
import elman
from elman.cells import CELLS
from elman.cli.parser import make_parser
from elman.model import ModelSettings
from elman.runs import estimator
from elman.runs.writing import WritingSettings
from elman.settings import flag_of, from_record
from elman.studies import demo
from elman.studies.settings import CompareSettings, MemorySettings
from elman.tasks.classify import ClassifySettings
from elman.tasks.forecast import ForecastSettings
from elman.tasks.language import LanguageSettings
from elman.tasks.regress import RegressSettings
from elman.tasks.tag import TagSettings
from elman.training.settings import TrainingSettings
from tests.pages import PAGES, ROOT, fences, prose, rows

names = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@names
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in [slug(heading) for heading in headings], f"{page.name} links to {target}"


@names
def test_named_files_exist(page: Path) -> None:
    for name in re.findall(r"`((?:src|tests|docs|native|benchmarks)/[\w./-]*)`", page.read_text(encoding="utf-8")):
        if not name.endswith("mgu.py"):  # the file that a reader is told to make
            assert (ROOT / name).exists(), f"{page.name} names {name}"


# --- commands


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(actions[0].choices) if actions else {}


def flags(parser: argparse.ArgumentParser) -> set[str]:
    return set(parser._option_string_actions).union(*(flags(sub) for sub in subparsers(parser).values()))


def check_command(command: str, where: str) -> None:
    """The words of the command are commands and tasks (or placeholders for them), its flags theirs."""
    parser, words = make_parser(), shlex.split(command)[1:]
    while words and words[0].islower() and not words[0].startswith("-") and subparsers(parser):
        assert words[0] in subparsers(parser), f"{where}: there is no 'elman {words[0]}'"
        parser = subparsers(parser)[words.pop(0)]
    unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - flags(parser)
    assert not unknown, f"{where}: '{command}' has no {unknown}"


@names
def test_commands_and_flags_exist(page: Path) -> None:
    known = flags(make_parser())
    for code in re.findall(r"`([^`]+)`", prose(page)):
        code = " ".join(code.split())
        if code.startswith("elman "):
            check_command(code, page.name)
        elif code.startswith("--"):
            assert code.split()[0] in known, f"{page.name} names {code}"
    for fence in fences(page):
        for line in fence.lines if fence.language == "sh" else []:
            if line.startswith("elman "):
                check_command(line, page.name)
                make_parser().parse_args(shlex.split(line)[1:])  # and nothing is missing


def test_a_wrong_command_is_noticed() -> None:
    for command in ("elman trian forecast x", "elman train forecast x --horizn 3", "elman demo --epochs 3"):
        with pytest.raises(AssertionError, match="there is no|has no"):
            check_command(command, "here")


@names
def test_make_targets_exist(page: Path) -> None:
    targets = re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for name in re.findall(r"^    make (\S+)|`make (\S+)`", page.read_text(encoding="utf-8"), flags=re.MULTILINE):
        assert "".join(name) in targets, f"{page.name} names make {''.join(name)}"


# --- examples


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """A folder with the file that the examples read, two epochs for all training; the settings that were given."""
    asked: list[dict[str, Any]] = []

    def short(cls: Any, record: dict[str, Any]) -> Any:
        if not issubclass(cls, TrainingSettings):
            return from_record(cls, record)
        asked.append(dict(record))
        return from_record(cls, {**record, "epochs": 2})

    months = np.arange(np.datetime64("1949-01"), np.datetime64("1961-01"))
    values = 100 + 3 * np.arange(144) + 20 * np.sin(np.arange(144) * np.pi / 6)
    text = "".join(f"{month},{value:.0f}\n" for month, value in zip(months, values, strict=True))
    (tmp_path / "air_passengers.csv").write_text("Month,#Passengers\n" + text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(estimator, "from_record", short)
    before = dict(CELLS)
    yield asked
    for name in CELLS.keys() - before.keys():
        del CELLS[name]


def run(page: Path) -> dict[str, Any]:
    """Run a page's Python as one program whose lines have the page's numbers; give the names that it leaves."""
    lines = [""] * len(page.read_text(encoding="utf-8").splitlines())
    for fence in fences(page):
        if fence.language == "python":
            assert not any(line.startswith(">>>") for line in fence.lines), f"{page.name}: a session is 'pycon'"
            lines[fence.line : fence.line + len(fence.lines)] = fence.lines
    program = Path(page.stem + ".py")
    program.write_text("\n".join(lines), encoding="utf-8")
    return runpy.run_path(str(program))


@pytest.mark.usefixtures("trained")
@names
def test_sessions_run(page: Path) -> None:
    for fence in fences(page):
        if fence.language == "pycon":
            text = "\n".join(fence.lines) + "\n"
            example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), fence.line)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
            assert runner.run(example).failed == 0


def test_the_readme_runs(trained: list[dict[str, Any]]) -> None:
    left = run(ROOT / "README.md")
    assert trained[0] == {"horizon": 12}
    assert left["forecast"].shape == (12,)
    assert np.isfinite(left["forecast"]).all()
    assert Path("state.safetensors").is_file()
    assert (left["output"][1, 40:] == 0).all()  # behind the row's length
    assert set(left["gates"]) == {f"{name}_l{layer}" for name in "hrzn" for layer in (0, 1)}


def test_the_recipes_run(trained: list[dict[str, Any]]) -> None:
    left = run(ROOT / "docs/forecasting.md")
    assert trained[0] == {**demo.SETTINGS, "cell": "lstm"}, "the first recipe is the demo's"
    assert_array_equal(left["price"], demo.noisy_price()[0])
    assert left["ahead"].shape == (100,)


def test_the_smallest_regressor_runs(trained: list[dict[str, Any]]) -> None:
    left = run(ROOT / "docs/regression.md")
    assert trained[0] == {"at": "last", "cell": "lstm", "num_layers": 2, "hidden_size": 20}
    assert left["regressor"].metrics["test_size"] == 20
    assert Path("smallest/model.safetensors").is_file()


def test_the_added_cell_is_the_equation(trained: list[dict[str, Any]]) -> None:
    left = run(ROOT / "CONTRIBUTING.md")
    assert trained[0]["cell"] == "mgu"
    assert (left["output"][1, 2:] == 0).all()
    layer = elman.nn.Recurrent("mgu", 2, 3).double()
    w = {name.removesuffix("_l0"): value.numpy() for name, value in layer.state_dict().items()}
    x, h = np.random.default_rng(0).normal(size=(4, 2)), np.zeros(3)
    outputs = []
    for x_t in x:
        from_x = w["weight_ih"] @ x_t + w["bias_ih"]
        f = 1 / (1 + np.exp(-(from_x[:3] + w["weight_hh"][:3] @ h + w["bias_hh"][:3])))
        h = (1 - f) * h + f * np.tanh(from_x[3:] + w["weight_hh"][3:] @ (f * h) + w["bias_hh"][3:])
        outputs.append(h)
    with torch.no_grad():
        assert_allclose(layer(torch.from_numpy(x))[0].numpy(), outputs, rtol=1e-12, atol=1e-14)


def test_the_classifier_of_its_page_runs(trained: list[dict[str, Any]]) -> None:
    left = run(ROOT / "docs/classification.md")
    assert left["probabilities"].shape == (3, 2) and left["likeliest"]["rank"] == [1, 2] * 3
    assert_allclose(left["so_far"], left["probabilities"][0], rtol=1e-4)


def test_the_language_model_of_its_page_runs(trained: list[dict[str, Any]]) -> None:
    left = run(ROOT / "docs/language.md")
    assert left["after"].shape == (len(set("the cat sat on the mat. dog l")) + 1,)
    assert_allclose(left["after"].sum(), 1, rtol=1e-5)


def test_the_tagger_of_its_page_runs(trained: list[dict[str, Any]]) -> None:
    left = run(ROOT / "docs/tagging.md")
    assert left["told"]["word"] == ["Apple", "hires", "me"]


def test_the_explanation_of_its_page_runs(trained: list[dict[str, Any]]) -> None:
    left = run(ROOT / "docs/explain.md")
    assert left["forget"].shape == (len(left["found"].steps), 8) and left["depends"].shape == (3, len(left["forget"]))
    assert 0 <= left["longest"] < 8 and left["shut"].shape == left["wide_open"].shape == (8,)


@names
def test_python_is_run_by_a_test(page: Path) -> None:
    run_above = {"README.md", "classification.md", "forecasting.md", "regression.md", "CONTRIBUTING.md"}
    run_above |= {"language.md", "tagging.md", "explain.md"}
    run_above |= {
        "jobs.md",
        "jobs.zh-CN.md",
        "README.zh-CN.md",
    }  # by tests/test_job_page.py, or equal to those that are
    assert page.name in run_above or not any(fence.language == "python" for fence in fences(page))


# --- tables


def test_the_table_of_settings() -> None:
    written = {flag.removeprefix("--"): default for flag, default, _ in rows(ROOT / "docs/forecasting.md", "| flag |")}
    assert written == {f.name.replace("_", "-"): shown(f.default) for f in dataclasses.fields(ForecastSettings)}


def test_the_table_of_regression() -> None:
    written = {flag.removeprefix("--"): default for flag, default, _ in rows(ROOT / "docs/regression.md", "| flag |")}
    shared = {f.name for base in (ModelSettings, TrainingSettings) for f in dataclasses.fields(base)}
    own = [f for f in dataclasses.fields(RegressSettings) if f.name not in shared]
    assert written == {f.name.replace("_", "-"): shown(f.default) for f in own}


def test_the_table_of_a_classifiers_settings() -> None:
    table = rows(ROOT / "docs/classification.md", "| setting |")
    common = {f.name for cls in (ModelSettings, TrainingSettings) for f in dataclasses.fields(cls)}
    own = [f for f in dataclasses.fields(ClassifySettings) if f.name not in common]
    assert {flag: default for flag, default, _ in table} == {flag_of(f.name): shown(f.default) for f in own}


@pytest.mark.parametrize(("page", "settings"), [("language", LanguageSettings), ("tagging", TagSettings)])
def test_the_tables_of_texts(page: str, settings: Any) -> None:
    table = rows(ROOT / f"docs/{page}.md", "| setting |")
    common = {f.name for cls in (ModelSettings, TrainingSettings) for f in dataclasses.fields(cls)}
    own = [f for f in dataclasses.fields(settings) if f.name not in common]
    assert {flag: default for flag, default, _ in table} == {flag_of(f.name): shown(f.default) for f in own}


def test_the_table_of_choices_when_writing() -> None:
    table = {flag: default for flag, default, _ in rows(ROOT / "docs/language.md", "| choice |")}
    expected = {flag_of(f.name): shown(f.default) for f in dataclasses.fields(WritingSettings)}
    assert table == expected


@pytest.mark.parametrize(("header", "settings"), [("| choice |", CompareSettings), ("| option |", MemorySettings)])
def test_the_tables_of_studies(header: str, settings: Any) -> None:
    table = {flag: default for flag, default, _ in rows(ROOT / "docs/comparing.md", header)}
    assert table == {flag_of(f.name): shown(f.default) for f in dataclasses.fields(settings)}


def shown(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return ",".join(map(shown, default))
    return "–" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


def test_the_table_of_cells() -> None:
    assert [row[0] for row in rows(ROOT / "README.md", "| name | layer |")] == list(CELLS)


def test_the_tables_of_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    declared += itertools.chain(*project["project"]["optional-dependencies"].values())
    packages = {re.split(r"[\[<>=]", entry)[0] for entry in declared} - {"elman"}
    assert {row[0] for row in rows(ROOT / "docs/dependencies.md", "| package |")} == packages


def test_the_table_of_benchmarks() -> None:
    there = {m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_")}
    assert {row[0] for row in rows(ROOT / "docs/benchmarks.md", "| name |")} == there


def test_the_changelog_knows_this_version() -> None:
    headings = re.findall(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] == elman.__version__
