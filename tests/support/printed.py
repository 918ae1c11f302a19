"""Printed source, run by NumPy instead of the compiler."""

import importlib.util
from pathlib import Path
from types import ModuleType


def import_source(folder: Path, source: str) -> ModuleType:
    """The module whose text is `source`, with NumPy as np."""
    path = folder / "printed.py"
    path.write_text(f"import numpy as np\n\n{source}", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("printed", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
