"""The house's rules: imports point down, torch stays above its line, nothing dangerous, files of a readable size."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import elman

SOURCE = Path(elman.__file__).parent
ROOT = Path(__file__).resolve().parents[1]

# From the top down; names on one line stand on one floor.
FLOORS = [
    {"cli", "__main__"},
    {"jobs"},
    {"report"},
    {"training"},
    {"nn"},
    {"torch_private"},
    # torch is imported above this line, never below
    {"tasks"},
    {"data"},
    {"model", "modelfile", "stream"},
    {"kernels"},
    {"recurrence"},
    {"cells"},
    {"settings", "errors", "atomic"},
]
TORCH_LINE = FLOORS.index({"tasks"})
# The choices of the setting `cell` are the registered cells: the one name that the ground takes from above.
ALLOWED = {("elman.settings", "elman.cells")}
# Modules that anyone may import: the package itself holds the version and resolves names at their first use.
ROOF = {"elman"}


def name_of(path: Path) -> str:
    return ".".join(("elman", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(SOURCE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def imports(tree: ast.AST, *, checking: bool = False) -> Iterator[tuple[str, bool]]:
    """Every module imported, wherever it stands, and whether for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports(ast.Module(node.body, []), checking=True)
            yield from imports(ast.Module(node.orelse, []), checking=checking)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, checking) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield str(node.module), checking
            for alias in node.names:  # `from elman.jobs import runfolder` imports a module too
                if f"{node.module}.{alias.name}" in MODULES:
                    yield f"{node.module}.{alias.name}", checking
        else:
            yield from imports(node, checking=checking)


def floor(module: str) -> int:
    part = module.split(".")[1]
    (number,) = (k for k, names in enumerate(FLOORS) if part in names)
    return number


def test_the_search_sees_what_it_should():
    assert len(MODULES) > 60
    text = "if TYPE_CHECKING:\n import a\nelse:\n import b\ndef f():\n  with c:\n   from elman.jobs import train"
    tree = ast.parse(text)
    assert list(imports(tree)) == [("a", True), ("b", False), ("elman.jobs", False), ("elman.jobs.train", False)]
    assert "elman.jobs.fitting" in MODULES and "torch" in {name for name, _ in imports(TREES["elman.jobs.fitting"])}


def test_every_module_is_on_a_floor():
    assert all(floor(name) >= 0 for name in MODULES if name not in ROOF)
    for names in FLOORS:
        assert all(f"elman.{name}" in MODULES for name in names)


@pytest.mark.parametrize("module", [name for name in MODULES if name not in ROOF])
def test_imports_point_down(module):
    for imported, _ in imports(TREES[module]):
        if imported.split(".")[0] == "elman" and imported not in ROOF and (module, imported) not in ALLOWED:
            assert floor(imported) >= floor(module), f"{module} imports {imported}, which is above it"


def test_the_package_itself_imports_nothing_of_its_own():
    assert [name for name, checking in imports(TREES["elman"]) if name.startswith("elman") and not checking] in (
        [],
        ["elman.errors"],  # for the message that says what to install
    )


@pytest.mark.parametrize("module", MODULES)
def test_torch_stays_above_its_line(module):
    found = {name.split(".")[0] for name, _ in imports(TREES[module])}
    if module in ROOF or floor(module) >= TORCH_LINE:
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
    assert not {name.split(".")[0] for name, _ in imports(tree)} & (FORBIDDEN_MODULES - NEEDED.get(module, set()))
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
        if last == "savefig":  # drawn to the temporary file that atomic gives
            assert "elman.atomic" in {name for name, _ in imports(TREES[module])}


def test_nothing_is_left_to_do():
    for name, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        for word in ("TODO", "FIXME", "XXX", "HACK", "raise NotImplementedError", "breakpoint("):
            assert word not in text, f"{name}: {word}"


def test_files_are_of_a_readable_size():
    files = [*MODULES.values(), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    files += [p for p in (ROOT / "native").rglob("*") if p.suffix in {".cpp", ".hpp", ".h", ".cc"}]
    assert len(files) > 100
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) < 500, f"{path.relative_to(ROOT)} has {len(lines)} lines"


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
    "statement",
    ["import elman", HELP.format(words=""), HELP.format(words="'train', 'forecast', ")],
    ids=["import elman", "elman --help", "elman train forecast --help"],
)
def test_starting_loads_nothing_heavy(statement):
    assert not loaded(statement) & HEAVY


def test_using_a_model_loads_no_torch():
    names = ("load", "Forecaster", "Stream", "errors", "use_backend", "Cell", "register_cell")
    found = loaded("import elman\n" + "\n".join(f"elman.{name}" for name in names))
    assert "numpy" in found
    assert not found & (HEAVY - {"numpy", "safetensors"})
