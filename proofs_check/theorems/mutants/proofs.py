"""Mistakes in proofs: of homogeneity in `derive`, of bounds in `proofs_check`."""

from __future__ import annotations

from .mutant import Mutant
from .source import InSource


def _in(where: str, right: str, wrong: str) -> InSource:
    return InSource(f"proofs_check.{where}", right, wrong)


MUTANTS = (
    Mutant("degree-of-z", "a ridge feature is to be of degree 2 in z", "homogeneity-proofs", "relu_signed_square",
           InSource("derive.prove.derivation.prove_homogeneity", "degree = 1", "degree = 2")),
    Mutant("claims-believed", "a claimed degree is taken for granted", "homogeneity-proofs", "relu",
           InSource("derive.prove.proofs.prove_zero", "refute(residual, claim, points)\nprove(residual, claim)", "return")),
    Mutant("bessel-at-the-centre", "a ball's radius is forgotten by sin(z)/z", "enclosures", "sinc",
           _in("enclosures.elementary.spherical_bessel", "value + arb(0, z.rad())", "value")),
    Mutant("larger-of-the-smaller", "max(a, b) on boxes ends where the first of them does", "enclosures", "max",
           _in("enclosures.elementary.larger", "first.upper().max(second.upper())", "first.upper().min(second.upper())")),
    Mutant("flipped-hessian", "the second derivative of a wave has the wrong sign", "jets", "fourier",
           _in("suprema.torus.TrigonometricPolynomial", "rate * rate * e", "-rate * rate * e")),
    Mutant("small-remainder", "the remainder of a wave is that of one order more", "taylor-models", "cosine",
           _in("enclosures.taylor_functions.wave", "math.factorial(order + 1)", "math.factorial(order + 2)")),
    Mutant("change-without-third-order", "the third derivatives move no Hessian", "jets", "polynomial",
           _in("enclosures.polynomials.Polynomial", "exponents.sum(axis=0) >= 3", "exponents.sum(axis=0) >= 4")),
    Mutant("remainder-of-a-smaller-cell", "Taylor's remainder is that of a cell of half the size", "taylor-models", "cosine",
           _in("enclosures.taylor_models.Model.composed", "(rise.size + rise.radius) * UP", "(rise.size + rise.radius) / 2")),
    Mutant("terms-dropped", "what a product leaves out is forgotten", "taylor-models", "gelu",
           _in("enclosures.taylor_models.Model.__mul__", "dropped", "0.0 * dropped")),
    Mutant("growth-of-exp", "e^z within reach of the centre is as large as there", "taylor-models", "laplace",
           _in("enclosures.taylor_functions.exponential", "growth * growth", "1.0")),
    Mutant("next-coefficient-at-one-end", "the next coefficient is bounded near one end of its interval", "taylor-models", "tanh",
           _in("enclosures.taylor_functions.Table.next_one", "self._learn(low + np.flatnonzero(inside[:-1]))", "last = first")),
    Mutant("direction-alone", "eta's part across the direction at a simplex's middle is 0", "simplex-bounds-of-outputs", "relu",
           _in("suprema.simplices_of_outputs.Outputs.bound", "length(_less(u, self.outputs[j]))", "0")),
    Mutant("trace-of-a-share", "L'L has the eigenvalue of half its size", "simplex-bounds-of-outputs", "relu",
           _in("suprema.simplices_of_outputs.Outputs.bound", "value.sqrt()", "value.sqrt() / 2")),
    Mutant("cells-as-points", "values at grid points in the place of bounds on cells", "rigorous-suprema", "fourier",
           _in("suprema.torus._grid_bounds", "error + rest + np.abs(value) * 2.0**-50", "0")),
    Mutant("slopes-lower-bounds", "Taylor's first-order term is subtracted", "rigorous-suprema", "gaussian_2d",
           _in("suprema.branch.BranchAndBound", "bound += radii[a] * abs(g[a])", "bound -= radii[a] * abs(g[a])"), raises=True),
    Mutant("wrong-side", "sup eta in the place of sup -eta where mu >= 0", "rigorous-suprema", "laplace",
           _in("gauge.Signed.faces", "Face((-1,), self.up)", "Face((1,), self.up)")),
    Mutant("face-of-the-other-price", "a height in balls divides both sides by the price of one", "gauges-in-balls", "prices",
           _in("gauge.Signed.faces", "Face((1,), self.down)", "Face((1,), self.up)")),
    Mutant("symmetric-anyway", "-p is taken for feasible where p is, whatever the prices", "gauges-in-balls", "prices",
           _in("gauge.Signed.asymmetry", "(up / down).max(down / up)", "arb(1)")),
    Mutant("half-the-size", "a vector's size in balls is half of it", "gauges-in-balls", "vector",
           _in("gauge.Euclidean.size", "total([entry * entry for entry in w]).sqrt()",
               "total([entry * entry for entry in w]).sqrt() / 2")),
    Mutant("half-a-simplex", "the bound of a simplex is |A|/2", "simplex-bounds", "relu",
           _in("suprema.simplices.Sphere", "length(a)", "length(a) / 2")),
    Mutant("chords-forgotten", "samples that change sign in a simplex add nothing to its bound", "simplex-bounds", "relu",
           _in("suprema.simplices.Sphere.bound", "total([self.p[j] * inner(v, self.x[j]).max(arb(0)) for j in rising])", "0")),
    Mutant("unrounded-residual", "R(f) is taken for the middle of its ball", "enclosed-residuals", "gaussian",
           _in("gap.prove", "loss.value(f)", "arb(loss.value(f).mid())")),
    Mutant("infeasible-multiple", "s·p may be twice as long as is feasible", "rigorous-gaps", "fourier",
           _in("gap._dual", "arb(statement.penalty) / supremum", "2 * arb(statement.penalty) / supremum"), raises=True),
    Mutant("rigorous-gap-of-wrong-sign", "R* is subtracted in the rigorous gap", "rigorous-gaps", "laplace",
           _in("gap.prove", "objective + _dual(statement, loss, p, bound.upper)",
               "objective - _dual(statement, loss, p, bound.upper)"), raises=True),
)  # fmt: skip
