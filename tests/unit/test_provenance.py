"""lib.provenance: the code that ran, found by reading; libraries; git."""

import importlib.metadata
import modulefinder
import subprocess
from pathlib import Path

import pytest

from lib import provenance
from lib.errors import BadInput

SCRIPTS = sorted(path.name for path in provenance.SCRIPTS.glob("*.py"))


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A scripts/ folder of our own: `tree({"a.py": "import lib.b"})`."""
    monkeypatch.setattr(provenance, "SCRIPTS", tmp_path)

    def write(contents: dict[str, str]) -> None:
        provenance._local_imports.cache_clear()
        for name, text in contents.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)

    yield write
    provenance._local_imports.cache_clear()


def names(*scripts: str) -> list[str]:
    return [path.relative_to(provenance.SCRIPTS).as_posix() for path in provenance.code_files(*scripts)]


@pytest.mark.parametrize("script", SCRIPTS)
def test_code_files_are_those_that_the_standard_library_finds(script):
    finder = modulefinder.ModuleFinder(path=[str(provenance.SCRIPTS)])
    finder.run_script(str(provenance.SCRIPTS / script))
    found = {Path(module.__file__) for module in finder.modules.values() if module.__file__}
    assert set(provenance.code_files(script)) == found


def test_every_way_to_import_is_followed(tree):
    tree(
        {
            "x.py": "import numpy, lib.a\nfrom lib import b\ndef late():\n    from lib.wing import c",
            "lib/__init__.py": "",
            "lib/a.py": "from . import d",
            "lib/b.py": "from .e import thing",
            "lib/d.py": "from .a import again  # a cycle",
            "lib/e.py": "thing = 1",
            "lib/unused.py": "",
            "lib/wing/__init__.py": "from .inside import part",
            "lib/wing/c.py": "from .. import f\nfrom ..g import h",
            "lib/wing/inside.py": "",
            "lib/f.py": "",
            "lib/g/__init__.py": "h = 1",
        }
    )
    everything = {path.relative_to(provenance.SCRIPTS).as_posix() for path in provenance.SCRIPTS.rglob("*.py")}
    assert set(names("x.py")) == everything - {"lib/unused.py"}


def test_several_names_are_taken_together(tree):
    tree({"x.py": "", "lib/__init__.py": "", "lib/a.py": "from . import b", "lib/b.py": ""})
    assert names("x.py", "lib/a.py") == ["lib/__init__.py", "lib/a.py", "lib/b.py", "x.py"]


def test_a_script_that_is_not_there_is_named():
    with pytest.raises(BadInput, match=r"train_nothing.py: No such file"):
        provenance.code_files("train_nothing.py")


def test_the_code_hash_moves_with_imported_code_only(tree):
    code = {"x.py": "from lib import a", "lib/__init__.py": "", "lib/a.py": "n = 1", "lib/unused.py": "n = 1"}
    tree(code)
    first = provenance.code_hash("x.py")
    tree(code | {"lib/unused.py": "n = 2"})
    assert provenance.code_hash("x.py") == first
    tree(code | {"lib/a.py": "n = 2"})
    assert provenance.code_hash("x.py") != first


def test_the_environment_names_what_is_installed(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    environment = provenance.environment()
    assert environment["threads"] == 3
    assert environment["libraries"]["torch"] == importlib.metadata.version("torch")
    assert provenance.version("no-such-distribution") is None


def test_the_git_revision_says_when_the_tree_differs(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "SCRIPTS", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_revision() is None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "x.py").write_text("n = 1")
    git("init")
    git("add", ".")
    git("commit", "-m", "x")
    assert provenance.git_revision() == git("rev-parse", "HEAD")
    (tmp_path / "x.py").write_text("n = 2")
    assert provenance.git_revision() == git("rev-parse", "HEAD") + "+changes"
