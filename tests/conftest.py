"""Hypothesis profiles: `ci` (the default) repeats the same examples; `pytest --hypothesis-profile=fuzz` searches on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter  # pytest has it as its own from 9 on

pytest_plugins = ["machine", "own_kernels"]

_SLOW = [HealthCheck.too_slow]  # 50-digit oracles take their time
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=25, suppress_health_check=_SLOW)
settings.register_profile("fuzz", deadline=None, max_examples=2000, suppress_health_check=_SLOW)
settings.load_profile("ci")


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """What tests tell by `record_property("told", words)`, from whichever worker."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, words in report.user_properties:
                if name == "told":
                    terminalreporter.write_line(str(words))
