"""The first lines of every kernel module: what wrote it, from which spec, and what it says of itself."""

from __future__ import annotations

import json
from string import Template

import sympy

_HEADER = Template('''\
# Written by conicflow.derive from $name.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 $sha256
# SymPy $sympy
"""$title: $equation"""

$imports# pythran export DESCRIPTION
DESCRIPTION = $description


''')


_SHARED = Template('''\
# Written by conicflow.derive: do not edit. To write it again: conicflow derive
"""$title."""

import numpy as np

''')


def shared_header(title: str) -> str:
    """Of a module that several specs share."""
    return _SHARED.substitute(title=title)


def header(description: dict[str, object], sha256: str, imports: str = "import numpy as np\n\n") -> str:
    """Of the module of a spec."""
    return _HEADER.substitute(
        name=description["name"],
        sha256=sha256,
        sympy=sympy.__version__,
        title=description["title"],
        equation=description["equation"],
        imports=imports,
        description=repr(json.dumps(description, sort_keys=True)),
    )
