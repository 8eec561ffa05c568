"""The house rules that a linter does not know."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "xrdkit").rglob("*.py"))
FORBIDDEN_IMPORTS = {"pickle", "dill", "yaml", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "print"}


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_no_file_is_longer_than_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_no_forbidden_code(path):
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Assert), f"assert at line {node.lineno}"
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            assert not names & FORBIDDEN_IMPORTS, f"line {node.lineno}"
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN_IMPORTS
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS, f"{node.func.id} at line {node.lineno}"


@pytest.mark.parametrize(
    "path", [p for p in PACKAGE if "workflow" not in p.parts], ids=name_of
)  # fmt: skip
def test_only_the_workflow_layer_catches_everything(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler) and ast.unparse(node.body[-1]) != "raise":
            caught = ast.unparse(node.type) if node.type else "everything"
            assert not re.search(r"\b(Base)?Exception\b|everything", caught), node.lineno


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_public_functions_and_classes_have_docstrings(path):
    tree = ast.parse(path.read_text())
    for node in tree.body:
        public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if public:
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, xrdkit; "
        "heavy = {'numpy', 'xarray', 'pyFAI', 'fabio', 'lmfit', 'matplotlib', 'scipy', 'numba'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_public_name_can_be_imported():
    import xrdkit

    for name in xrdkit.__all__:
        assert getattr(xrdkit, name) is not None
        assert getattr(xrdkit, name).__doc__, f"{name} has no docstring"


def test_the_error_tree_in_the_docstring_is_the_real_one():
    from xrdkit import errors

    drawn = {}
    parents = {}
    for line in errors.__doc__.splitlines()[2:]:
        match = re.match(r"^([│├└─ ]*)([A-Z]\w+)", line)
        if match:
            depth = len(match[1]) // 3
            parents[depth] = match[2]
            drawn[match[2]] = parents.get(depth - 1)
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.XrdkitError)
    }
    real["XrdkitError"] = None
    assert drawn == real
    codes = [getattr(errors, name).code for name in real]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_checks_are_silenced_one_by_one_and_with_a_reason(path):
    """``type: ignore[code]  # why`` and ``noqa: CODE - why``."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        for found in re.findall(r"#\s*(?:type:\s*ignore|noqa).*", line):
            known = re.fullmatch(r"# (type: ignore\[[\w-]+\]  #|noqa: [A-Z]+\d+ -) \S.*", found)
            assert known, f"line {number}: {found}"


def tracked_texts():
    """Every text file that git tracks, this one aside; nothing where there is no git."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path != Path(__file__):
            content = path.read_bytes()
            if b"\0" not in content:
                yield name, content.decode("utf-8")


def test_no_file_names_a_place_on_a_machine():
    """Homes, mounts and temporary folders of one machine mean nothing on another."""
    place = re.compile(
        r"(?<![\w./])/(?:home|root|Users|work|mnt|media|tmp)/\w|\b[A-Z]:\\\\?Users\b"
    )
    found = [
        f"{name}: {match.group(0)}"
        for name, text in tracked_texts()
        for match in place.finditer(text)
    ]
    assert found == []
