"""Spec files of one line that tests write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from conicflow.derive.read.spec import FeatureSpec, load_spec


def write_feature(
    folder: Path,
    phi: str,
    kind: str = "pointwise",
    family: str = "partially 1-homogeneous",
    domains: Mapping[str, str] | None = None,
) -> FeatureSpec:
    """A feature map of theta, or of the parameters in `domains`, read back."""
    frequencies = ["k"] if len(domains or {}) < 2 else [f"k{axis + 1}" for axis in range(len(domains))]
    inputs = {"pointwise": ["x"], "ridge": ["z"], "torus": ["h", *frequencies]}[kind]
    vector = "real" if family.startswith("2") else "ball"
    domains = domains or {"theta": {"pointwise": "interval", "ridge": vector, "torus": "torus"}[kind]}
    lines = ["schema = 1", f'kind = "{kind}"', 'name = "feature"', 'title = "t"', 'reference = "r"']
    lines += [f'family = "{family}"', f'phi = "{phi}"', "[parameters]"]
    lines += [f'{name} = "{domain}"' for name, domain in domains.items()]
    lines += ["[inputs]", *(f'{name} = "input"' for name in inputs)]
    path = folder / "feature.toml"
    path.write_text("\n".join(lines))
    return load_spec(path)
