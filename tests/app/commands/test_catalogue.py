"""`features` and `losses`: what a problem file can name."""

import re

import conicflow as cf
from command_line import run
from conicflow.app.files.model_tables import loss_forms
from conicflow.engine.kernels.loading import describe, kernel_names


def test_features_and_losses_list_the_catalogue() -> None:
    done = run("features")
    assert done.exit_code == 0
    for words in ("fourier: ", "gaussian: ", "line_spectrum: ", "relu: ", "cutoff: an integer", "theta: two finite"):
        assert words in done.stdout
    for name in cf.features.names():
        description = describe(name)
        entry = f"{name}: {description['title']}\n    {description['equation']}\n    {description['reference']}\n"
        assert entry in done.stdout
        keys = done.stdout.split(entry)[1].split("\n")
        for item in description["constants"]:
            assert any(line.startswith(f"    {item['name']}: ") for line in keys)
    for words in ("sigma: two finite numbers, 0 < low < high", "pixel: an optional finite number; without it, 1"):
        assert words in done.stdout
    done = run("losses")
    assert done.exit_code == 0
    entries = dict(entry.split(": ", 1) for entry in re.split(r"\n(?=\S)", done.stdout))
    assert list(entries) == list(kernel_names("loss"))
    for name, entry in entries.items():
        for key, form in loss_forms(describe(name)).items():
            assert f"    {key}: {form}" in entry.split("\n")
    assert "delta: a finite number, or a reference" in entries["huber"]
    assert [name for name, entry in entries.items() if "cholesky: " in entry] == ["squared"]
