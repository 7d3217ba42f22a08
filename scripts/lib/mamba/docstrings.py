"""The default articles: the documentation that ships inside installed packages, read from their sources.

A module, class or function whose docstring has several paragraphs is an article. Nothing is imported or run.
Doctests and directives are no prose and are left out.
"""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

from .. import provenance
from ..errors import BadInput
from .articles import Article, Source, paragraphs

PACKAGES = {  # import name: distribution
    "matplotlib": "matplotlib",
    "networkx": "networkx",
    "numpy": "numpy",
    "polars": "polars",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "sqlalchemy": "SQLAlchemy",
}
NO_PROSE = (">>>", "..", "```", "|", "+-")
UNDERLINE = re.compile(r"^\s*([-=~^])\1{2,}\s*$", re.MULTILINE)
TESTS = {"test", "tests", "testing", "_vendor", "externals"}
Documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def source() -> Source:
    """Docstrings of PACKAGES, each text once."""
    versions = {name: str(provenance.version(name)) for name in PACKAGES.values()}
    said = "documentation inside the packages " + ", ".join(f"{name} {at}" for name, at in versions.items())
    return Source("documentation", f"{said} (BSD, MIT and PSF licences)", versions, _articles())


def _articles() -> Iterator[Article]:
    seen: set[str] = set()
    for package in sorted(PACKAGES):
        for article in in_package(package):
            text = "\n\n".join(article.paragraphs)
            if text not in seen:
                yield article
            seen.add(text)


def in_package(package: str) -> Iterator[Article]:
    """The docstrings below a package's folder that have prose; BadInput when it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise BadInput(f"mamba.data: package {package} is not installed, expected {', '.join(PACKAGES)}")
    folder = Path(spec.origin).parent
    for file in sorted(folder.rglob("*.py")):
        if not TESTS & set(file.relative_to(folder).parts):
            module = ".".join(file.relative_to(folder.parent).with_suffix("").parts)
            yield from in_source(file.read_text(encoding="utf-8"), module)


def in_source(text: str, module: str) -> Iterator[Article]:
    """The docstrings of one module; those of a name that stands twice are numbered."""
    names: dict[str, int] = {}
    for name, node in _named(ast.parse(text), module.removesuffix(".__init__")):
        told = prose(ast.get_docstring(node) or "")
        if told:
            names[name] = names.get(name, 0) + 1
            yield Article(name if names[name] == 1 else f"{name}.{names[name]}", name, told)


def prose(docstring: str) -> list[str]:
    """Its paragraphs without underlines of headings, doctests and directives."""
    parts = paragraphs(UNDERLINE.sub("", docstring))
    return [part.strip() for part in parts if not part.lstrip().startswith(NO_PROSE)]


def _named(
    tree: ast.AST, name: str
) -> Iterator[tuple[str, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """What may have a docstring, with its dotted name, in the order of the source."""
    if isinstance(tree, Documented):
        yield name, tree
        for child in tree.body:
            if isinstance(child, Documented):
                yield from _named(child, f"{name}.{child.name}")
