"""The report of the benchmarks: every script is run by it, and docs/measured.md is what it writes."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

SHARED = {"report", "timing", "instances", "functions", "forging"}
FIGURE = re.compile(r"\d (?:ns|µs|ms)\b|ratio \d")  # a time that somebody measured


@pytest.fixture
def report(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/report.py, loaded anew for each test."""
    spec = importlib.util.spec_from_file_location("report", pytestconfig.rootpath / "benchmarks/report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "report", module)  # its dataclass looks there
    spec.loader.exec_module(module)
    return module


def test_every_benchmark_is_run_and_explained(report: ModuleType, pytestconfig: pytest.Config) -> None:
    scripts = {path.stem for path in (pytestconfig.rootpath / "benchmarks").glob("*.py")}
    run = {run.command.split()[1].removeprefix("benchmarks/").removesuffix(".py") for run in report.RUNS.values()}
    assert scripts - SHARED <= run
    text = (pytestconfig.rootpath / "benchmarks/README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`benchmarks/(\w+)\.py`", text)) == scripts - {"report"}


def test_the_page_is_what_the_report_writes(report: ModuleType) -> None:
    written = report.PAGE.read_text(encoding="utf-8")
    assert report.page(report.measured(written)) == written, "write it again: python benchmarks/report.py --only"
    assert report.measured(written).keys() == report.RUNS.keys()


def test_one_section_is_measured_and_the_others_stay(
    report: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "said.py").write_text(
        '"""Two words.\n\nRun: python said.py\n"""\nprint("## spoken\\n`word`\\n")\nraise SystemExit(1)\n'
    )
    runs = {"quiet": report.Run("python quiet.py", "Silence."), "said": report.Run("python said.py")}
    monkeypatch.setattr(report, "RUNS", runs)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "PAGE", tmp_path / "measured.md")
    report.PAGE.write_text(report.page({"quiet": "Never.\n\n```text\nnothing\n```"}), encoding="utf-8")
    report.main(["--only", "said"])
    written = report.PAGE.read_text(encoding="utf-8")
    assert "## quiet\n\nSilence.\n\n`python quiet.py`\n\nNever.\n\n```text\nnothing\n```\n" in written
    assert "## said\n\nTwo words.\n\n`python said.py`\n\n20" in written
    assert written.endswith("exit code 1.\n\n```text\n## spoken\n`word`\n```\n")
    report.main(["--only"])
    assert report.PAGE.read_text(encoding="utf-8") == written


def test_an_unknown_name_is_refused(report: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        report.main(["--only", "nothing"])
    assert "got nothing" in capsys.readouterr().err


def test_figures_stand_in_one_file(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    pages = {path.name: path for path in (*root.glob("*.md"), *root.glob("docs/*.md"), root / "benchmarks/README.md")}
    with_figures = {name for name, path in pages.items() if FIGURE.search(path.read_text(encoding="utf-8"))}
    assert with_figures == {"measured.md"}
