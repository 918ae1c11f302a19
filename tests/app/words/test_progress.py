"""Progress is shown where somebody sees it."""

import io
import sys

import pytest
from conicflow.app.words.progress import progress_bar


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar() as progress:
        assert progress is not None
        progress("polish", 0.5, "objective 1")
    shown = sys.stderr.getvalue()
    assert "polish" in shown
    assert "50 %" in shown
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bar() as progress:
        assert progress is None
