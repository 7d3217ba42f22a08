"""The house rules, read from the syntax trees: who may import whom, what nobody calls, how long a file may be."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from lib.provenance import SCRIPTS, code_files

ROOT = SCRIPTS.parent
FILES = sorted(path for path in SCRIPTS.rglob("*.py") if "__pycache__" not in path.parts)
OTHERS = sorted(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
LIGHT = ["gate.py", "verdict.py", "lib/files.py", "lib/config.py", "lib/gates.py"]
HEAVY = {"torch", "transformers", "peft", "sentence_transformers", "accelerate", "faiss", "sklearn"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.save", "yaml.load", "os.system"}
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
UNSAFE_FLAGS = {"allow_pickle", "trust_remote_code", "shell"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DISPATCHER = "eval_unified.py"
FILE_LINES, FUNCTION_LINES = 250, 40


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted(node: ast.AST) -> str:
    """`a.b.c` for a chain of names, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def imports(tree: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Dotted names of what a module in `package` imports, relative ones made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = base + tuple(node.module.split(".") if node.module else ())
            yield from ((*module, alias.name) for alias in node.names)


# Each rule takes (path below scripts/, its tree) and yields what breaks it.


def forbidden_imports(name: str, tree: ast.Module, wings: set[str], scripts: set[str]) -> Iterator[str]:
    """Scripts import lib; a wing imports shared lib and itself; shared lib imports no wing."""
    package = tuple(Path(name).parts[:-1])
    wing = package[1] if len(package) > 1 else None
    for module in imports(tree, package):
        if module[0] in scripts or module[0] == "scripts":
            yield f"imports the script {'.'.join(module)}"
        if module[0] == "lib" and package and set(module[1:2]) & wings - {wing}:
            yield f"imports the wing {module[1]}"


def unsafe(name: str, tree: ast.Module) -> Iterator[str]:
    for module in imports(tree, tuple(Path(name).parts[:-1])):
        if module[0] in UNSAFE_MODULES:
            yield f"imports {module[0]}"
        if ".".join(module) in UNSAFE_CALLS | {"sys.path"}:
            yield f"imports {'.'.join(module)}"
        if module in {("importlib",), ("importlib", "import_module")} and name != DISPATCHER:
            yield "imports by name, which code_files cannot follow"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func) in UNSAFE_CALLS:
            yield f"line {node.lineno}: calls {dotted(node.func)}"
        if isinstance(node, ast.keyword) and node.arg in UNSAFE_FLAGS and ast.unparse(node.value) != "False":
            yield f"line {node.value.lineno}: passes {node.arg}"
        if dotted(node) == "sys.path":
            yield f"line {node.lineno}: touches sys.path"


def untidy(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    if not source.isascii():
        yield "is not ASCII"
    if not (ast.get_docstring(tree, clean=False) or "").split("\n")[0].strip():
        yield "does not start with a docstring"
    if source.count("\n") >= FILE_LINES:
        yield f"has {source.count(chr(10))} lines"
    for node in ast.walk(tree):
        length = node.end_lineno - node.lineno + 1 if isinstance(node, FUNCTIONS) else 0
        if length > FUNCTION_LINES:
            yield f"line {node.lineno}: {node.name} has {length} lines"


def heavy(tree: ast.Module) -> Iterator[str]:
    yield from (module[0] for module in imports(tree, ()) if module[0] in HEAVY)


# The house as it stands


def names_of(paths: list[Path]) -> list[str]:
    return [path.relative_to(SCRIPTS).as_posix() for path in paths]


@pytest.mark.parametrize("name", names_of(FILES))
def test_imports_go_downwards(name):
    wings = {path.parent.name for path in SCRIPTS.glob("lib/*/__init__.py")}
    scripts = {path.stem for path in SCRIPTS.glob("*.py")}
    assert list(forbidden_imports(name, tree_of(SCRIPTS / name), wings, scripts)) == []


@pytest.mark.parametrize("name", names_of(FILES))
def test_row_20_nothing_that_runs_a_files_content(name):
    assert list(unsafe(name, tree_of(SCRIPTS / name))) == []


@pytest.mark.parametrize("name", names_of(FILES))
def test_files_are_short_and_begin_with_what_they_are(name):
    assert list(untidy((SCRIPTS / name).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_so_are_tests_and_benchmarks_which_may_speak_other_scripts(path):
    assert set(untidy(path.read_text(encoding="utf-8"))) <= {"is not ASCII"}


@pytest.mark.parametrize("name", LIGHT)
def test_a_gate_is_light(name):
    assert [(file.name, found) for file in code_files(name) for found in heavy(tree_of(file))] == []


@pytest.mark.parametrize("module", ["gate", "verdict", "lib.files", "lib.config", "lib.gates"])
def test_importing_a_gate_imports_no_torch(run_python, module):
    run = run_python(f"import sys, {module}\nprint(sorted({HEAVY!r} & set(sys.modules)))")
    assert run.stdout == "[]\n", run.stderr


# The rules themselves: each must see what it forbids


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gate.py", "import verdict"),
        ("gate.py", "from verdict import table"),
        ("gate.py", "def late():\n    import verdict"),
        ("lib/files.py", "from scripts import gate"),
        ("lib/files.py", "import gate"),
        ("lib/files.py", "from .naics import codes"),
        ("lib/files.py", "from lib.naics import codes"),
        ("lib/files.py", "from . import naics"),
        ("lib/tickets/loss.py", "from ..naics import codes"),
        ("lib/tickets/loss.py", "import lib.naics.codes"),
        ("lib/tickets/deep/loss.py", "from ...naics.codes import parent"),
    ],
)
def test_a_forbidden_import_is_seen(name, line):
    assert list(forbidden_imports(name, ast.parse(line), {"naics", "tickets"}, {"gate", "verdict"}))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gate.py", "from lib import files"),
        ("train_naics_stage.py", "from lib.naics import codes"),
        ("lib/tickets/loss.py", "from .phases import weights\nfrom .. import seeds\nfrom lib import files"),
        ("lib/files.py", "from .errors import BadInput\nimport verdicts"),
    ],
)
def test_an_allowed_import_is_not_seen(name, line):
    assert not list(forbidden_imports(name, ast.parse(line), {"naics", "tickets"}, {"gate", "verdict"}))


@pytest.mark.parametrize(
    "line",
    [
        "eval('1')",
        "exec('x = 1')",
        "__import__('os')",
        "torch.load('a.pt')",
        "def f():\n    return torch.save({}, 'a.pt')",
        "from torch import load",
        "import pickle",
        "from joblib import load",
        "def late():\n    import _pickle",
        "np.load('a.npy', allow_pickle=True)",
        "np.load('a.npy', allow_pickle=flag)",
        "AutoModel.from_pretrained('x', trust_remote_code=True)",
        "subprocess.run('ls', shell=True)",
        "sys.path.insert(0, '.')",
        "sys.path += ['.']",
        "from sys import path",
        "import importlib",
        "from importlib import import_module",
    ],
)
def test_an_unsafe_line_is_seen(line):
    assert list(unsafe("train.py", ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["model.eval()", "import importlib.metadata", "np.load('a.npy', allow_pickle=False)", "re.compile('a')"]
)
def test_a_safe_line_is_not_seen(line):
    assert not list(unsafe("train.py", ast.parse(line)))


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\n",
        '""""""\n',
        '"""\nLate."""\n',
        '"""Caf\u00e9."""\n',
        '"""Long."""\n' + "x = 1\n" * FILE_LINES,
        '"""Long function."""\ndef f():\n' + "    x = 1\n" * FUNCTION_LINES,
    ],
)
def test_an_untidy_file_is_seen(source):
    assert list(untidy(source))


def test_a_heavy_import_is_seen():
    assert list(heavy(ast.parse("def late():\n    import torch.nn"))) == ["torch"]
