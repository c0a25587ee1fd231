"""The house's rules: imports point down, in no circle; torch stays above its line; nothing dangerous; short files."""

from __future__ import annotations

import ast
import graphlib
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import elman
from elman.tasks import TASKS

SOURCE = Path(elman.__file__).parent
ROOT = Path(__file__).resolve().parents[1]

# From the top down; names on one line stand on one floor.
FLOORS = [
    {"cli", "__main__"},
    {"studies"},
    {"tasks"},
    # below this line no file knows a task by name
    {"runs"},
    {"report"},
    {"training"},
    {"nn"},
    {"torch_private"},
    # torch is imported above this line, never below
    {"learning"},
    {"data"},
    {"model"},
    {"kernels"},
    {"recurrence"},
    {"cells"},
    {"settings", "errors", "atomic", "arrayfile", "jsontext", "_version"},
]
TASK_LINE = FLOORS.index({"runs"})
TORCH_LINE = FLOORS.index({"learning"})
# The package itself resolves public names at their first use; nothing inside imports it.
ROOF = "elman"


def name_of(path: Path) -> str:
    return ".".join(("elman", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module imported, wherever it stands, for type checkers only or not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in inner if name in MODULES]
            yield from modules  # `from elman.runs import files` imports that file, not the package's own
            if len(modules) < len(inner):
                yield str(node.module)


def own(module: str) -> set[str]:
    """The files of elman that a module imports."""
    return {name for name in imports(TREES[module]) if name in MODULES}


def floor(module: str) -> int:
    part = module.split(".")[1]
    (number,) = (k for k, names in enumerate(FLOORS) if part in names)
    return number


def test_the_search_sees_what_it_should():
    assert len(MODULES) > 80
    text = "if TYPE_CHECKING:\n import a\nelse:\n import b\ndef f():\n  with c:\n   from elman.runs import files, x"
    assert list(imports(ast.parse(text))) == ["a", "b", "elman.runs.files", "elman.runs"]
    assert "torch" in set(imports(TREES["elman.runs.phases"]))


def test_every_module_is_on_a_floor():
    assert all(floor(name) >= 0 for name in MODULES if name != ROOF)
    for names in FLOORS:
        assert all(f"elman.{name}" in MODULES for name in names)


@pytest.mark.parametrize("module", [name for name in MODULES if name != ROOF])
def test_imports_point_down(module):
    for imported in own(module):
        assert imported != ROOF, f"{module} imports the package itself"
        assert floor(imported) >= floor(module), f"{module} imports {imported}, which is above it"


def test_no_file_imports_in_a_circle():
    graph = {module: own(module) for module in MODULES if module != ROOF}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def words_of(tree: ast.AST) -> Iterator[str]:
    """Identifiers, and texts that are no docstring."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        for name in ("id", "attr", "name", "arg"):
            if isinstance(getattr(node, name, None), str):
                yield getattr(node, name)


# where a task's name is the field's word for something else: what a word of a sentence has
ORDINARY = {"elman.data.tagged": {"tag"}, "elman.model.crf": {"tag"}}


@pytest.mark.parametrize("module", [name for name in MODULES if name != ROOF])
def test_below_its_line_no_file_knows_a_task_by_name(module):
    if floor(module) >= TASK_LINE:
        for word in words_of(TREES[module]):
            found = set(re.findall(r"[a-z]+", word.lower())) & TASKS.keys() - ORDINARY.get(module, set())
            assert not found, f"{module} names a task: {word!r}"


def test_the_package_itself_imports_nothing_of_its_own():
    tree = ast.parse(MODULES[ROOF].read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not isinstance(node, ast.If)]  # what type checkers see
    # the error: for the message that says what to install
    assert {name for name in imports(tree) if name.startswith("elman")} == {"elman._version", "elman.errors"}


@pytest.mark.parametrize("module", MODULES)
def test_torch_stays_above_its_line(module):
    found = {name.split(".")[0] for name in imports(TREES[module])}
    if module == ROOF or floor(module) >= TORCH_LINE:
        assert not found & {"torch", "matplotlib", "rich"}
    elif "matplotlib" in found or "rich" in found:
        assert floor(module) == floor("elman.report")


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module):
    tree = TREES[module]
    assert ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_") and node.end_lineno:
            long = node.end_lineno - node.lineno > 8
            assert ast.get_docstring(node) or not long, f"{module}.{node.name} has no docstring"


# A name of torch's with an underscore in it, as an attribute or an import: torch._C, Tensor._version, torch._dynamo.
PRIVATE_OF_TORCH = re.compile(r"\b(torch|Tensor|Variable|nn|autograd|forward_ad|functional)(\.\w+)*\._[a-zA-Z]")
# attributes of torch's modules and tensors that elman's own classes do not define
UNDERSCORED = {"_parameters", "_modules", "_buffers", "_version", "_is_zerotensor", "_current_level"}
UNDERSCORED |= {"_all_weights", "_flat_weights", "_flat_weights_names", "_flat_weight_refs", "_init_flat_weights"}
UNDERSCORED |= {"_execution_engine"}


def test_private_names_of_torch_stand_in_one_file():
    found = set()
    for name, path in MODULES.items():
        text = re.sub(r'f?"""[\s\S]*?"""|#.*', "", path.read_text(encoding="utf-8"))
        attributes = {node.attr for node in ast.walk(TREES[name]) if isinstance(node, ast.Attribute)}
        if PRIVATE_OF_TORCH.search(text) or attributes & UNDERSCORED:
            found.add(name)
    assert found == {"elman.torch_private"}


FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib", "ctypes", "runpy", "subprocess"}
FORBIDDEN_MODULES |= {"socket", "urllib", "requests", "http", "httpx", "aiohttp", "ftplib", "smtplib"}
NEEDED = {
    "elman.training.memory": {"ctypes"},  # one setting of the C library's allocator
    "elman.nn.pool": {"ctypes"},  # addresses of functions in torch's libraries
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_pickled_executed_or_fetched(module):
    tree = TREES[module]
    assert not {name.split(".")[0] for name in imports(tree)} & (FORBIDDEN_MODULES - NEEDED.get(module, set()))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in FORBIDDEN_CALLS, called
            assert called not in {"torch.load", "torch.save", "np.load", "np.save", "numpy.load", "os.system"}, called
            assert not any(keyword.arg == "allow_pickle" for keyword in node.keywords)


WRITERS = {"write_text", "write_bytes", "savez", "savetxt", "tofile", "to_csv", "write_csv_file", "save_file"}


@pytest.mark.parametrize("module", MODULES)
def test_files_are_written_by_atomic_alone(module):
    if module == "elman.atomic":
        return
    for node in ast.walk(TREES[module]):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        last = called.rsplit(".", 1)[-1]
        if last == "open":
            given = [a.value for a in (*node.args, *(k.value for k in node.keywords)) if isinstance(a, ast.Constant)]
            assert not [mode for mode in given if re.fullmatch("[rbt]*[wax+][bt+]*", str(mode))], ast.unparse(node)
        assert last not in WRITERS or called.startswith("atomic."), ast.unparse(node)
        if last == "savefig":  # drawn into memory, for atomic to write
            assert "elman.atomic" in own(module)


def test_nothing_is_left_to_do():
    for name, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        for word in ("TODO", "FIXME", "XXX", "HACK", "raise NotImplementedError", "breakpoint("):
            assert word not in text, f"{name}: {word}"


def test_files_are_of_a_readable_size():
    files = [*MODULES.values(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    files += [p for p in (ROOT / "native").rglob("*") if p.suffix in {".cpp", ".hpp", ".h", ".cc"}]
    assert len(files) > 100
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    for path, length in lengths.items():
        assert length <= 400, f"{path.relative_to(ROOT)} has {length} lines"
    assert statistics.median(lengths.values()) <= 200


def test_no_file_lies_there_by_accident():
    if not (ROOT / ".git").exists():
        pytest.skip("only a checkout knows which files are the project's")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    known = {"LICENSE", "Makefile", ".ci/run"}
    found = {p for p in done.stdout.splitlines() if not Path(p).suffix and not Path(p).name.startswith(".")}
    assert found <= known, f"what are {sorted(found - known)}?"


def loaded(statement: str) -> set[str]:
    """Top-level modules that a fresh process has after ``statement``."""
    script = f"import sys\n{statement}\nimport json\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


HELP = "from elman.cli import main\ntry:\n    main([{words}'--help'])\nexcept SystemExit:\n    pass"
HEAVY = {"torch", "matplotlib", "rich", "polars", "pandas", "pyarrow", "scipy", "safetensors", "numpy"}


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import elman", set()),
        (HELP.format(words=""), {"numpy", "safetensors"}),  # the base installation: a task's settings stand by its code
        (HELP.format(words="'train', 'forecast', "), {"numpy", "safetensors"}),
    ],
    ids=["import elman", "elman --help", "elman train forecast --help"],
)
def test_starting_loads_nothing_heavy(statement, allowed):
    assert not loaded(statement) & (HEAVY - allowed)


def test_using_a_model_loads_no_torch():
    names = ("load", "Forecaster", "Stream", "errors", "use_backend", "Cell", "register_cell")
    found = loaded("import elman\n" + "\n".join(f"elman.{name}" for name in names))
    assert "numpy" in found
    assert not found & (HEAVY - {"numpy", "safetensors"})
