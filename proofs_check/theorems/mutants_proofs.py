"""Mistakes in proofs: of homogeneity in `derive`, of bounds in `proofs_check`."""

from __future__ import annotations

from .inject import InSource
from .mutant import Mutant


def _in(module: str, right: str, wrong: str) -> InSource:
    return InSource(f"proofs_check.{module}", right, wrong)


MUTANTS = (
    Mutant("degree-of-z", "a ridge feature is to be of degree 2 in z", "homogeneity-proofs", "relu_signed_square",
           InSource("derive.derivation", "degree = 1  # in z", "degree = 2  # in z")),
    Mutant("claims-believed", "a claimed degree is taken for granted", "homogeneity-proofs", "relu",
           InSource("derive.proofs", "    refute(residual, claim, points)\n    prove(residual, claim)", "    return")),
    Mutant("bessel-at-the-centre", "a ball's radius is forgotten by sin(z)/z", "enclosures", "sinc",
           _in("balls", "return value + arb(0, z.rad())", "return value")),
    Mutant("larger-of-the-smaller", "max(a, b) on boxes ends where the first of them does", "enclosures", "max",
           _in("balls", "first.upper().max(second.upper()))", "first.upper().min(second.upper()))")),
    Mutant("flipped-hessian", "the second derivative of a wave has the wrong sign", "jets", "fourier",
           _in("suprema_torus", "rows.append([e, rate * e, rate * rate * e])", "rows.append([e, rate * e, -rate * rate * e])")),
    Mutant("small-remainder", "1/24 in the place of 1/2 in the change of a ball's Hessian", "jets", "cosine",
           _in("suprema_ball", "size = abs(weight * whole) * reach * reach / 2",
               "size = abs(weight * whole) * reach * reach / 24")),
    Mutant("change-without-third-order", "the third derivatives move no Hessian", "jets", "gaussian_2d",
           _in("derivatives", "key: total([radius * abs(entries", "key: 0 * total([radius * abs(entries")),
    Mutant("remainder-of-a-smaller-cell", "Taylor's remainder is that of a cell of half the size", "taylor-models", "gaussian",
           _in("suprema_pointwise", "TERMS + 1)[TERMS]) * r**TERMS", "TERMS + 1)[TERMS]) * (r / 2) ** TERMS")),
    Mutant("cells-as-points", "values at grid points in the place of bounds on cells", "rigorous-suprema", "fourier",
           _in("suprema_torus", "return np.asarray(value + (error", "return np.asarray(value + 0 * (error")),
    Mutant("slopes-lower-bounds", "Taylor's first-order term is subtracted", "rigorous-suprema", "gaussian_2d",
           _in("branch", "bound += radii[a] * abs(g[a])", "bound -= radii[a] * abs(g[a])"), raises=True),
    Mutant("wrong-side", "sup eta in the place of sup -eta where mu >= 0", "rigorous-suprema", "laplace",
           _in("suprema", "sides = (-1,) if statement.one_sided", "sides = (1,) if statement.one_sided")),
    Mutant("half-a-cone", "the bound of a cone is |A|/2", "cone-bounds", "relu",
           _in("suprema_relu", "return inner(a, a).sqrt(), a", "return inner(a, a).sqrt() / 2, a")),
    Mutant("chords-forgotten", "samples that change sign in a cone add nothing to its bound", "cone-bounds", "relu",
           _in("suprema_relu", "height = total([", "height = 0 * total([")),
    Mutant("unrounded-residual", "R(f) is taken for the middle of its ball", "enclosed-residuals", "gaussian",
           _in("gap", "objective = loss.value(f) + arb(", "objective = arb(loss.value(f).mid()) + arb(")),
    Mutant("infeasible-multiple", "s·p may be twice as long as is feasible", "rigorous-gaps", "fourier",
           _in("gap", "ratio = arb(statement.penalty) / supremum", "ratio = 2 * arb(statement.penalty) / supremum"), raises=True),
    Mutant("rigorous-gap-of-wrong-sign", "R* is subtracted in the rigorous gap", "rigorous-gaps", "laplace",
           _in("gap", "gap = arb((objective + _dual(", "gap = arb((objective - _dual("), raises=True),
)  # fmt: skip
