"""What one small problem gives in the precision of the package that imports this: run twice, in two processes."""

from typing import Any

import conicflow as cf
import numpy as np

WIDTH = 0.1
SAMPLES = np.linspace(0.0, 1.0, 50)
RELATIVE_GAP = 1e-5  # what a solve is asked for; 80 roundings of float32


def problem() -> cf.Problem:
    """Two spikes behind a Gaussian, with noise; four atoms solve it."""
    noise = np.random.default_rng(0).standard_normal(50)
    y = np.exp(-(((SAMPLES[:, None] - [0.3, 0.7]) / WIDTH) ** 2) / 2) @ [1.0, 0.7] + 0.05 * noise
    features = cf.features.gaussian(x=SAMPLES, sigma=WIDTH, theta=(0.0, 1.0))
    return cf.Problem(features, cf.losses.squared(y), 0.3)


def particles() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, positions and a residual that no precision rounds to."""
    random = np.random.default_rng(1)
    return random.standard_normal(20), random.random((20, 1)), random.standard_normal(50)


def functions() -> dict[str, np.ndarray]:
    """Of the kernel: f, and eta with its derivatives, as a flow and as a supremum have them."""
    features, (w, theta, g) = problem().features, particles()
    rows = features.kernel.slopes(np.column_stack([w, theta]), features.statics, g)
    eta, gradient, hessian = features.certificate(theta, g)
    found = {"forward": features.forward(w, theta), "rows": rows[:, 0], "row slopes": rows[:, 1]}
    return found | {"eta": eta, "gradient": gradient[:, 0], "hessian": hessian[:, 0, 0]}


def flow() -> dict[str, Any]:
    """R and the rows of its gradient in one call, as a flow has them, and from f and eta, as they are defined."""
    given, (w, theta, _) = problem(), particles()
    kernel, statics, u = given.features.kernel, given.features.statics, np.column_stack([w, theta])
    value, rows = kernel.value_and_rows(u, statics, given.loss_arguments)
    residual = kernel.forward(u, statics) / len(u) - given.loss.y
    defined = kernel.slopes(u, statics, residual)
    return {"value": value, "flow rows": rows, "defined value": residual @ residual / 2, "defined rows": defined}


def solution() -> dict[str, Any]:
    """Of the solver, and what is proved of it."""
    result = cf.solve(problem(), relative_gap=RELATIVE_GAP)
    proof = cf.certify(problem(), result.measure)
    found = {"weights": result.measure.weights, "positions": result.measure.positions, "objective": result.objective}
    found |= {"converged": result.converged, "finished": proof.finished, "gap": proof.gap}
    return found | {"enclosure": proof.objective, "relative_gap": proof.relative_gap}


def save(path: str) -> None:
    """All of it, for another process."""
    np.savez(path, **functions(), **flow(), **solution())
