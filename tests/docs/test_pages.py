"""The pages of the repository: links lead somewhere, paths exist, code runs, and references to the theory name its sections."""

import ast
import contextlib
import io
import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from conicflow.app import cli

FOLDERS = ("derive", "generated", "engine", "proofs_check", "app", "tests", "docs", "benchmarks", ".ci")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*-]+)`")
REFERENCE = re.compile(r"theory(?:\.md)?,? (?:§|sections? )(\d+(?:(?:, | and )§\d+)*)", re.IGNORECASE)
PROPERTIES = (
    "energy decrease",
    "2-homogeneity",
    "conic-to-Wasserstein equivalence",
    "global optimality certificates",
)
UNREFERENCED: set[int] = set()  # sections of the theory that no source needs to point to


@pytest.fixture(scope="module")
def pages(pytestconfig: pytest.Config) -> dict[str, str]:
    """Text of every page by its path in the checkout."""
    root = pytestconfig.rootpath
    paths = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("benchmarks/*.md")]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """What links may name after #: headings in small letters, spaces as hyphens, without punctuation."""
    headings = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> list[str]:
    """Links to files that are not there, or to headings that are not in them."""
    dead = []
    for target in LINK.findall(without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        words = (
            text if not name else path.read_text(encoding="utf-8") if path.suffix == ".md" and path.is_file() else ""
        )
        if not path.exists() or (anchor and anchor not in anchors(words)):
            dead.append(target)
    return dead


def test_links_lead_somewhere(pages: dict[str, str], pytestconfig: pytest.Config) -> None:
    found = {name: dead_links(pytestconfig.rootpath / name, text) for name, text in pages.items()}
    assert {name: dead for name, dead in found.items() if dead} == {}
    assert sum(len(LINK.findall(text)) for text in pages.values()) > 30


@pytest.mark.parametrize("link", ["nowhere.md", "docs/nowhere.png", "#nothing", "docs/concepts.md#nothing"])
def test_a_dead_link_is_seen(link: str, pytestconfig: pytest.Config) -> None:
    assert dead_links(pytestconfig.rootpath / "README.md", f"# A title\n[words]({link}) [more](#a-title)\n") == [link]


def missing_paths(root: Path, text: str) -> list[str]:
    """Paths in `code` that are not in the checkout; * stands for any name."""
    return [path for path in PATH.findall(text) if not any(root.glob(path.rstrip("/")))]


def test_paths_that_pages_name_exist(pages: dict[str, str], pytestconfig: pytest.Config) -> None:
    found = {name: missing_paths(pytestconfig.rootpath, text) for name, text in pages.items() if name != "CHANGELOG.md"}
    assert {name: missing for name, missing in found.items() if missing} == {}


def test_a_missing_path_is_seen(pytestconfig: pytest.Config) -> None:
    text = "`engine/nowhere.py`, `engine/model/gap.py`, `derive/specs/*.toml`, `proofs_check/*.nothing`, `derive/specs`"
    assert missing_paths(pytestconfig.rootpath, text) == ["engine/nowhere.py", "proofs_check/*.nothing"]


def test_the_readme_is_short(pages: dict[str, str]) -> None:
    assert len(pages["README.md"].splitlines()) <= 150


@pytest.mark.parametrize("page", ["README.md", "docs/concepts.md", "docs/extending.md"])
def test_python_of_a_page_runs(page: str, pages: dict[str, str], tmp_path: Path) -> None:
    blocks = [body for language, body in BLOCK.findall(pages[page]) if language == "python"]
    (tmp_path / "page.py").write_text("\n".join(blocks), encoding="utf-8")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        runpy.run_path(str(tmp_path / "page.py"))
    assert blocks
    if page != "docs/extending.md":
        assert "certified" in said.getvalue()
    if page == "README.md":
        assert said.getvalue().startswith("converged ")


@pytest.mark.parametrize("page", ["README.md", "docs/problem_file.md"])
def test_the_problem_file_of_a_page_is_solved(page: str, pages: dict[str, str], tmp_path: Path) -> None:
    (text,) = [body for language, body in BLOCK.findall(pages[page]) if language == "toml"]
    (source,) = set(re.findall(r"\w+\.csv", text))
    t = np.arange(120.0)
    value = 3.0 * np.cos(2 * np.pi * 0.08 * t) + 1.5 * np.cos(2 * np.pi * 0.17 * t + 1.0) + 7.0
    np.savetxt(tmp_path / source, np.column_stack([t, value]), delimiter=",", header="time,value", comments="")
    (tmp_path / "problem.toml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(cli.main, ["solve", str(tmp_path / "problem.toml"), "--out", str(tmp_path / "result")])
    assert done.exit_code == 0, done.output
    assert "certified" in done.output


@pytest.mark.parametrize("page", ["README.md", "docs/theory.md", "docs/concepts.md"])
def test_the_four_properties_have_the_same_names(page: str, pages: dict[str, str]) -> None:
    words = " ".join(pages[page].split())
    missing = [name for name in PROPERTIES if f"*{name}*" not in words]
    assert missing == []


def test_one_version_is_told(pages: dict[str, str], pytestconfig: pytest.Config) -> None:
    project = tomllib.loads((pytestconfig.rootpath / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (pytestconfig.rootpath / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [project["version"]]
    assert re.findall(r"^license: (.*)$", citation, re.MULTILINE) == [project["license"]]
    assert re.findall(r"^## (.*)$", pages["CHANGELOG.md"], re.MULTILINE)[:2] == ["Unreleased", project["version"]]


def unknown_commands(text: str) -> list[str]:
    """Lines of a shell that call conicflow with a command or an option that it does not have."""
    wrong = []
    for line in text.splitlines():
        words = shlex.split(line.split(" && ")[-1], comments=True)
        if not words or words[0].rsplit("/", 1)[-1] != "conicflow" or len(words) < 2:
            continue
        command = cli.main.commands.get(words[1])
        options = [] if command is None else [name for option in command.params for name in option.opts]
        if command is None or any(word.startswith("--") and word not in options for word in words[2:]):
            wrong.append(line)
    return wrong


def test_commands_of_the_pages_exist(pages: dict[str, str]) -> None:
    assert isinstance(cli.main, click.Group)
    shells = [body for text in pages.values() for language, body in BLOCK.findall(text) if language in ("sh", "bash")]
    assert [line for body in shells for line in unknown_commands(body)] == []
    assert unknown_commands("conicflow solve x.toml --out y\nconicflow dissolve\n.venv/bin/conicflow demo --none") == [
        "conicflow dissolve",
        ".venv/bin/conicflow demo --none",
    ]


def references(text: str) -> Iterator[int]:
    """The numbers of the sections of docs/theory.md that a text points to."""
    for found in REFERENCE.findall(text):
        yield from (int(number) for number in re.findall(r"\d+", found))


@pytest.fixture(scope="module")
def sources(pytestconfig: pytest.Config) -> dict[str, str]:
    """Text of every source file by its path in the checkout."""
    root = pytestconfig.rootpath
    paths = [path for folder in FOLDERS for kind in ("py", "toml", "md") for path in (root / folder).rglob(f"*.{kind}")]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_references_to_the_theory_name_its_sections(sources: dict[str, str]) -> None:
    theory = sources["docs/theory.md"]
    sections = [int(number) for number in re.findall(r"^## (\d+)\. ", theory, re.MULTILINE)]
    assert sections == list(range(1, len(sections) + 1))
    found = {name: set(references(text)) - set(sections) for name, text in sources.items() if name != THIS}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    code = {name: text for name, text in sources.items() if name.endswith(".py") and name != THIS}
    referenced = {number for text in code.values() for number in references(text)}
    assert set(sections) - referenced == UNREFERENCED


THIS = "tests/docs/test_pages.py"


def test_references_are_seen() -> None:
    text = "docs/theory.md §4, theory §2, §11, Theory §1 and §3: CB18 §9, theory, section 7"
    assert list(references(text)) == [4, 2, 11, 1, 3, 7]


def bare_references(source: str) -> list[str]:
    """Docstrings that name the theory, but not the file that it stands in."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, documented)]
    return [text for text in texts if re.search(r"(?<!docs/)theory(?:\.md)? §", text, re.IGNORECASE)]


def test_docstrings_name_the_file_of_the_theory(sources: dict[str, str]) -> None:
    found = {name: bare_references(text) for name, text in sources.items() if name.endswith(".py")}
    assert {name: texts for name, texts in found.items() if texts} == {}
    assert bare_references('"""As theory §4 says."""') == ["As theory §4 says."]
    assert bare_references('"""As docs/theory.md §4 says."""') == []
