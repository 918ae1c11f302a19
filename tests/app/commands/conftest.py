"""A problem file for the commands."""

from pathlib import Path

import numpy as np
import pytest
from command_line import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a problem file with two spikes' coefficients beside it."""
    frequencies = np.arange(-5, 6)
    np.save(tmp_path / "y.npy", np.exp(-2j * np.pi * np.outer(frequencies, [0.2, 0.7])) @ [1.0, -0.5])

    def write(text: str) -> Path:
        path = tmp_path / "problem.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
