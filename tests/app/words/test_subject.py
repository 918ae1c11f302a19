"""What atoms are is asked of the features, not of their name."""

from dataclasses import replace

import conicflow as cf
import numpy as np
import pytest
from conicflow.app.words.subject import subject

T = np.arange(50.0)
ROWS = np.eye(3)
MAPS = {
    "lines": cf.features.line_spectrum(t=T, theta=(0.01, 0.4)),
    "lines from zero": cf.features.line_spectrum(t=T, theta=(0.0, 0.4)),
    "lines at Julian dates": cf.features.line_spectrum(t=2.45e6 + T, theta=(0.01, 12.0)),
    "units": cf.features.relu(x=ROWS),
    "units in a ball": cf.features.cosine(x=ROWS, radius=2.0),
    "places on a circle": cf.features.fourier(cutoff=3),
    "places in an interval": cf.features.gaussian(x=T, sigma=1.0, theta=(0.0, 9.0)),
    "places in a plane": cf.features.gaussian_width(x=T, theta=(0.0, 9.0), sigma=(1.0, 2.0)),
    "places of lines that decay": cf.features.damped_lines(t=T, theta=(0.01, 0.4), gamma=(0.0, 1.0)),
}


@pytest.mark.parametrize("told", MAPS)
@pytest.mark.parametrize("name", [None, "line_spectrum", "my_own"])
def test_what_atoms_are_does_not_hang_on_a_name(told: str, name: str | None) -> None:
    features = MAPS[told]
    if name is not None:
        features = replace(features, description={**features.description, "name": name})
    assert subject(features) == told.split()[0]


def test_a_sinusoid_of_other_units_is_no_line() -> None:
    """Angular frequencies, or times in other units than the drawing would show: periods would be wrong."""
    features = MAPS["lines"]
    moved = features.with_inputs(t=T / (2 * np.pi))
    assert subject(moved) == "lines"  # its own times
    assert subject(replace(moved, inputs={"t": T})) == "places"  # the kernel has others than are told
