"""Every number of a search, with its reason: how far it goes before it gives up, and what it does on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..atoms.interior import PATIENCE, ROUNDS
from ..atoms.merge import COALESCED
from ..atoms.polish import Effort
from ..base.errors import ProblemError
from ..base.validation import integer, number

_MOST = 10_000_000  # of anything that is counted


def _whole(default: int, low: int = 0, high: int = _MOST) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


def _wholes(*default: int, low: int = 0, length: int | None = None) -> Any:
    return field(default=default, metadata={"low": low, "high": _MOST, "length": length})


def _real(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True)
class Schedule:
    """The numbers by which `solve`, `path` and the baselines search. None decides what is true: gaps are computed all the same.

    Easy problems do not feel them: 36 random ones that take less than half a second were certified to 1e-8 with every number of
    the flow, its start and merging changed by a factor of 2 to 10 as well, one at a time. They decide how far a hard search
    gets. A result tells in `ended_by` which of them ended its search, so that it can be retried with that one raised:
    `conicflow.solve(problem, schedule=conicflow.Schedule(exchange_patience=60))`.

    The numbers by which sup |eta| is searched are not among them, and stand where they are used, in `engine.dual`: a gap is a
    matter of the problem and the measure, whatever schedule led there.

    Parameters
    ----------
    particles_per_feature : particles for every feature that fits side by side into Theta.
    fewest_particles, most_particles : bounds of their number.
    sphere_particles : their number on a sphere or in a ball, where features are not counted.
    start_radius : norm of 2-homogeneous units to start with, relative to that of the unit which alone explains the data.
    flow_rounds : flow steps before each attempt to merge, polish and bound the gap, and to complete what is missing.
    kinked_from : the round, in steps, from which atoms are inserted where phi has kinks.
    record_every, frames : steps between recorded states of the flow at least, and the most states of a round.
    merge_radius : joins particles of one basin: their features differ by less than this part of their norms.
    join_radius : the same for atoms that polishing drove together.
    negligible_weight : share of the mass below which a particle is left out.
    joins : most rounds of joining and polishing again.
    join_reach : k such that the last joins have radii join_radius·4^-k to join_radius·4^k.
    unfelt : share of a gap within the tolerances, by which J may rise where atoms are joined or left out in the end.
    dust : share of the mass above which no atom is left out then.
    settling : Newton steps of a polish, and rounds of polishing and reweighing.
    passing : the same between rounds of the exchange.
    brief : the same where kinks of phi stop Newton's method.
    secant_steps : Newton steps by the secants of a loss that is straight in parts.
    slow_steps : Newton steps in a row that may gain little.
    most_coordinates : weights and coordinates of a measure that is polished.
    insertion_height : share of the highest maximum's excess over the penalty, above which others are inserted with it.
    insertions_at_once : most atoms inserted together.
    insertion_halvings : halvings of their weights until J falls.
    insertion_patience : insertions in a row that may fail to let the gap fall.
    exchange_rounds : most rounds of one exchange.
    exchange_patience : of these, in a row, that may fail to let the gap fall.
    exchange_accuracy : gap of the weights of a round, relative to the smallest gap before.
    exchange_numbers : numbers of all features of a round, beyond which it is not begun.
    polish_after : fall of the gap, as a factor, before the exchange tries to polish.
    light_weight : weight of an atom that joins the exchange, relative to the mean.
    interior_rounds, interior_patience : Newton steps of an interior-point solve, and how many in a row may gain nothing.
    fallen : a gap has fallen when it is below this part of what it was.
    candidates, together, alike : of `baselines.weights_at`: positions of large |eta| that are compared, how many join at
        once, and the correlation of features from which on they stand for one bump of |eta|.

    Raises
    ------
    ProblemError : a number that is out of its range or not of its kind.
    """

    # On the 36 problems, of 449 atoms in the end, 36 were inserted; with half as many particles 40, with twice as many 39.
    particles_per_feature: float = _real(2.0, 1e-3, 1e6)
    fewest_particles: int = _whole(100, 1)
    most_particles: int = _whole(10_000, 1)
    sphere_particles: int = _whole(200, 1)  # of the 36 problems: 36 inserted; with 50 particles 39, with 800 still 33
    # CB18 §4.2 starts near zero, where units turn before they grow; at zero they would stay.
    start_radius: float = _real(0.3, 1e-12, 1e6)
    # The first few dozen steps find the basin as a rule; where they have not, inserting is cheaper than waiting.
    flow_rounds: tuple[int, ...] = _wholes(64, 128, 256, 1024, 4096, low=1)
    kinked_from: int = _whole(256)  # longer flows merge into fewer atoms there, and Newton's method cannot join them
    record_every: int = _whole(16, 1)  # the flow's kernel takes so many steps at a time
    frames: int = _whole(100, 1)  # a picture shows no more

    merge_radius: float = _real(0.7, 1e-12, 2.0)  # features of one norm differ by it where their cosine is 0.755
    join_radius: float = _real(COALESCED, 1e-12, 2.0)  # see `atoms.merge`
    negligible_weight: float = _real(1e-9, 0.0, 1.0)  # the gap that is asked for by default: J feels no less
    joins: int = _whole(4)  # the second finds nothing left as a rule
    join_reach: int = _whole(
        2, high=10
    )  # from halves of one atom, to what differs by a third of a norm where J is flat
    unfelt: float = _real(0.01, 0.0, 1.0)  # J is not known to so little
    dust: float = _real(1e-3, 0.0, 1.0)  # what is heavier is felt, and would be tried in vain

    settling: tuple[int, int] = _wholes(60, 8, length=2)  # quadratic convergence takes 10 steps; valleys take the rest
    passing: tuple[int, int] = _wholes(20, 1, length=2)  # more is wasted while the exchange changes the atoms
    brief: tuple[int, int] = _wholes(5, 1, length=2)  # the exchange goes on, whatever the steps gain
    secant_steps: int = _whole(Effort.secant_steps)  # these three: see `atoms.polish`
    slow_steps: int = _whole(Effort.slow_steps, 1)
    most_coordinates: int = _whole(Effort.most_coordinates)

    insertion_height: float = _real(0.3, 0.0, 1.0)  # lower bumps are often shoulders of the highest, gone with it
    insertions_at_once: int = _whole(16, 1)  # Newton's matrix grows with them
    insertion_halvings: int = _whole(40, 1)  # 2^-40 of a weight changes J by less than rounding
    insertion_patience: int = _whole(3)  # one insertion may trade places; three that gain nothing are the exchange's

    exchange_rounds: int = _whole(200)
    exchange_patience: int = _whole(20)
    exchange_accuracy: float = _real(1e-6, 0.0, 1.0)  # more is wasted until positions are right
    exchange_numbers: int = _whole(2**26, 1, 2**40)  # 512 megabytes, and seconds for each Newton step
    polish_after: float = _real(10.0, 1.0, 1e9)  # a polish costs several rounds; its square where it was in vain
    light_weight: float = _real(1e-3, 1e-12, 1.0)  # an interior point, but one that hardly changes f
    interior_rounds: int = _whole(ROUNDS, 1)  # these two: see `atoms.interior`
    interior_patience: int = _whole(PATIENCE, 1)

    fallen: float = _real(0.5, 0.0, 1.0)  # a search that halves its gap ends within fifty falls: float64 has no more

    candidates: int = _whole(256, 1)  # the highest: more share the bumps of these
    together: int = _whole(16, 1)  # Newton's matrix grows with them
    alike: float = _real(0.5, 0.0, 1.0)  # features half correlated share half a bump

    def __post_init__(self) -> None:
        for item in fields(self):
            value, rule = getattr(self, item.name), item.metadata
            remedy = f"the default is {item.default}"
            if isinstance(item.default, tuple):
                value = _tuple(item.name, value, rule, remedy)
            elif isinstance(item.default, int):
                value = integer(item.name, value, rule["low"], rule["high"], remedy)
            else:
                value = number(item.name, value, f"a number from {rule['low']:g} to {rule['high']:g}", remedy)
                if not rule["low"] <= value <= rule["high"]:
                    raise ProblemError(
                        f"{item.name} must be a number from {rule['low']:g} to {rule['high']:g}; got {value}; {remedy}"
                    )
            object.__setattr__(self, item.name, value)
        if self.fewest_particles > self.most_particles:
            raise ProblemError(
                f"fewest_particles must not exceed most_particles; got {self.fewest_particles} and {self.most_particles}; "
                "change one of them"
            )

    def effort(self, steps: int) -> Effort:
        """Of a polish by this many Newton steps."""
        return Effort(steps, self.secant_steps, self.slow_steps, self.most_coordinates)

    def to_dict(self) -> dict[str, int | float | list[int]]:
        """Every number by its name, as JSON and TOML have them."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Schedule:
        """From some or all numbers by name; the others keep their defaults.

        Raises
        ------
        ProblemError : a name that is none of these, or a value that its rule refuses.
        """
        known = [item.name for item in fields(Schedule)]
        if unknown := [name for name in values if name not in known]:
            raise ProblemError(f"a schedule has the numbers {', '.join(known)}; got {unknown[0]!r:.60}; leave it out")
        return Schedule(**values)


def _tuple(name: str, values: Any, rule: Mapping[str, Any], remedy: str) -> tuple[int, ...]:
    """Counts, as many as asked for, or at least one."""
    length = rule["length"]
    if not isinstance(values, (tuple, list)) or len(values) != (length or max(1, len(values))):
        raise ProblemError(
            f"{name} must be {'a list of counts' if length is None else f'{length} counts'}; got {values!r:.60}; {remedy}"
        )
    return tuple(integer(f"each of {name}", value, rule["low"], rule["high"], remedy) for value in values)


DEFAULT = Schedule()
