"""Wrong lines of what derive emits, in kernels that are compiled again."""

from __future__ import annotations

from .mutant import Mutant
from .rebuilt import InTemplate


def _flow(right: str, wrong: str, where: str = "_MOVE") -> InTemplate:
    return InTemplate("_flow", f"scalar_flow.{where}", right, wrong)


def _ridge(right: str, wrong: str, where: str = "ridge_move.RIDGE_MOVE") -> InTemplate:
    return InTemplate("_ridge", where, right, wrong)


def _torus(right: str, wrong: str, where: str = "_BODY") -> InTemplate:
    return InTemplate("_torus", f"torus.{where}", right, wrong)


def _bump(right: str, wrong: str, where: str = "pointwise._BODY") -> InTemplate:
    return InTemplate("lorentzian", where, right, wrong)


MUTANTS = (
    Mutant("proximal-step-of-positions", "the proximal step of weights has the positions' speed", "steps", "gaussian",
           _flow("penalty_down, scheme, a)\n            for", "penalty_down, scheme, b)\n            for")),
    Mutant("positions-leave", "positions leave their interval at its upper end", "steps", "gaussian_2d",
           _flow("theta = min(max(theta, lower[j]), upper[j])", "theta = max(theta, lower[j])")),
    Mutant("circles-are-intervals", "positions stop where a circle begins", "steps", "fourier",
           _flow("if wraps[j]:", "if wraps[j] and theta < lower[j] - 1.0e9:")),
    Mutant("weights-never-leave", "weights at rest stay at rest", "steps", "laplace",
           _flow("u[i, 0] = -a*shrink(eta, penalty_down, penalty_up)", "u[i, 0] = 0.0")),
    Mutant("prices-exchanged-at-rest", "a weight at rest pays the price of the other sign", "steps", "sinc",
           _flow("shrink(eta, penalty_down, penalty_up)", "shrink(eta, penalty_up, penalty_down)")),
    Mutant("jump-across-zero", "Euler's step takes weights across zero", "steps", "lorentzian",
           _flow("max(w - a*(eta + penalty_up), 0.0)", "w - a*(eta + penalty_up)")),
    Mutant("half-the-reaction", "masses react with 2 g in the place of 4 g", "order-of-conic-schemes", "gaussian",
           _flow("np.exp(-4.0*rate)", "np.exp(-2.0*rate)", "SCHEMES")),
    Mutant("root-beyond-zero", "r below zero comes back as a mass", "steps", "gaussian_width",
           _flow("max(1.0 - 2.0*rate, 0.0)**2", "(1.0 - 2.0*rate)**2", "SCHEMES")),
    Mutant("conic-side-forgotten", "negative masses move as positive ones do", "order-of-conic-schemes", "laplace",
           _flow("u[i, j] -= b*side*q[i, j]\n        elif", "u[i, j] -= b*q[i, j]\n        elif")),
    Mutant("penalty-of-the-sum", "V is summed, not averaged, over particles", "descent-test", "gaussian",
           _flow("return penalty_up*total/u.shape[0]", "return penalty_up*total")),
    Mutant("step-not-undone", "the step that raises F_m is kept", "descent-test", "lorentzian",
           _flow("            u[:] = previous\n", "", "_FLOW")),
    Mutant("slope-of-the-end", "every step goes along the slope at the first particles", "order-of-euclidean-schemes", "sinc",
           _flow("fit, whole, q)\n        energies[step + 1]", "fit, whole, q.copy())\n        energies[step + 1]", "_FLOW")),
    Mutant("mean-forgotten", "f is the sum over particles, not their mean", "data-term", "lorentzian",
           _bump("w = u[i, 0] / m", "w = u[i, 0]", "evaluate._EVALUATE")),
    Mutant("mean-forgotten-at-once", "f is the sum over particles where R takes all samples at once",
           "data-term-of-correlated-noise", "lorentzian",
           _bump("            mean[j] /= m\n", "            mean[j] /= 1\n", "evaluate._EVALUATE")),
    Mutant("chunks-overlap", "samples at the seam of two chunks count twice", "large-kernels", "lorentzian",
           _bump("(chunk + 1) * count_of_tiles // chunks):",
                 "min(count_of_tiles, (chunk + 1) * count_of_tiles // chunks + 1)):", "evaluate._EVALUATE")),
    Mutant("last-chunk-alone", "of the chunks' slopes the last is taken for their sum", "large-kernels", "lorentzian",
           _bump("total += rows[chunk, i, k]", "total = rows[chunk, i, k]", "evaluate._EVALUATE")),
    Mutant("last-tile-forgotten", "samples beyond whole tiles have no prediction", "large-kernels", "lorentzian",
           _bump("range(tiles.shape[0] - 1):\n        start", "range(tiles.shape[0] - 2):\n        start")),
    Mutant("tile-starts-over", "eta of the last tile is eta", "large-kernels", "lorentzian",
           _bump("$slope_scalars2\n        for tile in range(tiles.shape[0] - 1):",
                 "$slope_scalars2\n        for tile in range(tiles.shape[0] - 2, tiles.shape[0] - 1):")),
    Mutant("price-forgotten", "kappa is 1 in the kernel", "convexity", "checked_priced_bump",
           InTemplate("checked_priced_bump", "weight._BODY", "return kappa, gradient", "return 0.0*kappa + 1.0, gradient")),
    Mutant("fit-from-the-start", "every tile is compared with the first one's data", "large-kernels", "laplace",
           InTemplate("squared", "fit._SCALAR", "sample = start + j", "sample = j")),
    Mutant("value-without-omega", "R of a flow forgets the weights of samples", "data-term", "tanh",
           InTemplate("squared", "fit._SCALAR", "total += omega[sample]*value", "total += value")),
    Mutant("conjugate-of-p", "the conjugate takes p in the place of p/omega", "fenchel-young", "huber",
           InTemplate("huber", "loss._SCALAR", "conjugate_at(p[j]/omega[j], y[j]$at_j)", "conjugate_at(p[j], y[j]$at_j)")),
    Mutant("domain-of-the-conjugate", "R* is finite far beyond the slopes of R", "fenchel-young", "quantile",
           InTemplate("quantile", "loss._SCALAR", "ROUNDING = 1e-15", "ROUNDING = 1e15")),
    Mutant("covariance-of-one-output", "correlated noise reads the residual of the first sample",
           "data-term-of-correlated-noise", "relu",
           InTemplate("_covariance", "covariance._BODY", "np.sum(precision[j]*residual[k])", "np.sum(precision[0]*residual[k])")),
    Mutant("hermitian-forgotten", "the imaginary part of a covariance is dropped",
           "data-term-of-correlated-noise", "fourier",
           InTemplate("_covariance", "covariance._BODY", " - precision[j, 2*i + 1]*im[i]", "")),
    Mutant("stale-recurrence", "the recurrence of sines starts afresh at the wrong frequency", "large-kernels", "fourier",
           _torus("result[re] = np.cos(k*alpha)", "result[re] = np.cos((k - 1)*alpha)")),
    Mutant("one-group-of-particles", "particles beyond the first groups are forgotten", "large-kernels", "fourier_2d",
           _torus("    for group in range(1, groups):\n        partial[0] += partial[group]\n", "")),
    Mutant("derivative-of-a-wave", "d cos = sin, without its sign", "kernels-match-specs", "fourier",
           _torus("result[im] = -k*SLOPE*b[re]", "result[im] = k*SLOPE*b[re]")),
    Mutant("chain-rule-forgotten", "slopes of a warped unit lack the warp's", "kernels-match-specs", "relu_signed_square",
           _ridge("    result[:, outputs:] *= chain\n", "", "ridge._BODY")),
    Mutant("bend-forgotten", "the Hessian of a warped unit lacks the warp's", "kernels-match-specs", "relu_signed_square",
           _ridge("hessian[i, a, a] += bend[i, a]*along", "hessian[i, a, a] += 0.0*along", "ridge._BODY")),
    Mutant("last-block-forgotten", "particles beyond whole blocks have no slopes", "large-kernels", "relu",
           _ridge("for block in range((m + BLOCK - 1) // BLOCK):", "for block in range(m // BLOCK):", "ridge._BODY")),
    Mutant("balanced-without-theta", "forward-backward steps do not shrink theta", "steps", "relu",
           _ridge("(u[i, outputs + j] - b*size*q[i, outputs + j])/(1.0 + b*least)",
                  "(u[i, outputs + j] - b*size*q[i, outputs + j])")),
    Mutant("squares-shrink-once", "V = |theta|² pulls with |theta|, not 2 |theta|", "steps", "relu_signed_square",
           _ridge("size*q[i, outputs + j] + 2.0*price*u[i, outputs + j]", "size*q[i, outputs + j] + price*u[i, outputs + j]")),
    Mutant("vectors-shrink-by-one", "the proximal step of a vector forgets the step", "steps", "erf",
           _ridge("shrink(length(u[i, :outputs]), times(a, price_of", "shrink(length(u[i, :outputs]), times(1.0, price_of")),
    Mutant("ball-without-rim", "positions leave their ball", "steps", "tanh",
           _ridge("if reach > radius:", "if reach > 2.0*radius:")),
    Mutant("vectors-do-not-turn", "directions of vector masses stay", "steps", "gelu",
           _ridge("direction - b*(q[i, k] - inner*direction)", "direction - b*0.0*(q[i, k] - inner*direction)")),
    Mutant("slope-without-factor", "sigma' of a unit is not multiplied by the residual", "data-term", "sigmoid",
           InTemplate("sigmoid", "activation._BODY", "        factor = factors[row]\n$slope2",
                      "        factor = 1.0 + 0.0*factors[row]\n$slope2")),
)  # fmt: skip
