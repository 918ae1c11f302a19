"""Mistakes that only an optimal value from elsewhere, a distance between flows, or a theorem's failure can show."""

from __future__ import annotations

from .mutant import Mutant
from .source import InSource


def _in(where: str, right: str, wrong: str) -> InSource:
    return InSource(f"engine.{where}", right, wrong)


MUTANTS = (
    Mutant("dual-multiple-too-long", "the dual point is a fifth too long", "gap-against-reference", "fourier one spike",
           _in("model.gap._feasible", "problem.penalty / bound.value", "1.2 * problem.penalty / bound.value"), raises=True),
    Mutant("proved-gap-too-small", "a proved gap is nine tenths of itself", "gap-against-reference", "fourier_2d one spike",
           InSource("proofs_check.certify.proof_of", "gap=_above(gap)", "gap=0.9 * _above(gap)")),
    Mutant("variation-too-large", "|mu| is a hundredth more than it is", "minimum-against-reference", "fourier",
           _in("model.problem.Problem.total_variation", "self.gauge.size(self.with_penalty_weights(measure).rows).sum()",
               "1.01 * self.gauge.size(self.with_penalty_weights(measure).rows).sum()")),
    Mutant("result-without-penalty", "a result states R in the place of J", "minimum-against-reference", "relu",
           _in("solve.search.Search.result", "objective=gap.objective",
               "objective=problem.loss.value(problem.forward(measure))")),
    Mutant("certificate-at-the-atoms", "sup |eta| is looked for at the atoms alone", "stationary-not-optimal", "fourier",
           _in("model.gap.gap_at", "supremum(eta, measure.positions)", "supremum_over(eta, measure.positions)")),
    Mutant("slower-with-more", "with more particles the flow is slower", "many-particles-grid", "fourier",
           _in("flow.velocity.Velocity.__call__", "np.repeat(self.speeds, (self.q, u.shape[1] - self.q))",
               "np.repeat(self.speeds, (self.q, u.shape[1] - self.q)) / len(u) ** 0.25")),
    Mutant("random-starts-on-a-grid", "independent positions are equispaced", "many-particles-random", "fourier",
           _in("flow.initial.uniform", "np.random.default_rng(seed).random((m, problem.features.dimension + 1))",
               "(np.arange(m)[:, None] + np.zeros((m, problem.features.dimension + 1))) / m")),
    Mutant("weights-that-rest", "weights do not move", "too-few-particles", "m = 100",
           _in("flow.schemes.compiled.Compiled.start", "length * alpha", "0.0 * alpha")),
    Mutant("cluster-all-over", "a cluster is spread over Theta", "start-at-a-point", "fourier, one point",
           _in("flow.initial.concentrated", "middle + offsets", "middle + offsets + np.linspace(0, 1, m)[:, None]")),
    Mutant("conic-penalty-halved", "the conic flow feels half the penalty", "start-in-a-half-space", "relu, one half-line",
           _in("flow.velocity.ConicVelocity.__call__", "along[:, 0] + self.threshold",
               "along[:, 0] + self.threshold / 2")),
    Mutant("grid-of-both-signs", "every other mass starts below zero", "start-with-one-sign", "conic, positive",
           _in("flow.initial.grid", "np.full((len(positions), problem.outputs), float(weight))",
               "weight * (-1.0) ** np.arange(len(positions))")),
    Mutant("flow-without-penalty", "2-homogeneous units feel no penalty", "no-limit", "logistic, a penalty",
           _in("model.lifts.Balanced.slope", "self.penalty * self._factors(u) * u", "0 * u")),
)  # fmt: skip
