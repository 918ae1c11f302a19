"""What a feature map has, as its spec says and derive has proved: asked here, and nowhere else by the name of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FAMILIES = ("partially 1-homogeneous", "2-homogeneous", "2-homogeneous in theta")


class Described:
    """A feature map, or the function that makes one: what follows from its `description` alone."""

    description: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The spec's name."""
        return str(self.description["name"])

    @property
    def kind(self) -> str:
        """pointwise, ridge or torus."""
        return str(self.description["kind"])

    @property
    def family(self) -> str:
        """How Phi scales (docs/theory.md §1), in words; see `degree`."""
        return str(self.description["family"])

    @property
    def degree(self) -> int:
        """p in phi(s theta) = s^p phi(theta), s > 0: it decides the lift, the flow and the domain.

        1 where Phi is 2-homogeneous in (w, theta) (CB18 Thm 3.3); 2 where it is so in theta, with a sign w that does not move;
        0 where it is partially 1-homogeneous, in w (Thm 3.5).
        """
        return _FAMILIES.index(self.family)

    @property
    def homogeneous(self) -> bool:
        """Whether Phi is 2-homogeneous, so that positions live on the unit sphere."""
        return self.degree > 0

    @property
    def complex(self) -> bool:
        """Whether F is complex."""
        return self.kind == "torus"

    @property
    def takes_images(self) -> bool:
        """Whether data (h, w) are an image, one number for each sample, rather than w outputs."""
        return self.kind == "pointwise"

    @property
    def takes_tables(self) -> bool:
        """Whether a sample is a row of a table."""
        return self.kind == "ridge"

    @property
    def takes_vectors(self) -> bool:
        """Whether weights may be in R^q: the kernel takes them, and the unit's own output sign is free."""
        return self.takes_tables and self.degree < 2
