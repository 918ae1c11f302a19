"""What travels to a worker and back: of problems that share a map, the map once for each worker."""

from __future__ import annotations

import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from ..base.errors import ConicflowError
from ..base.fingerprint import fingerprint
from ..base.threads import pin_this_thread
from ..model.background import Background
from ..model.losses import Loss
from ..model.problem import Problem
from ..space.feature_map import FeatureMap
from ..space.gauge import Sign
from .result import Result

Solver = Callable[[Problem], Result]
_KEPT = 16  # shared parts, of those used last, in a worker

_FINGERPRINTS: WeakKeyDictionary[FeatureMap, str] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Shared:
    """What problems have in common: all but data, penalty and sign.

    Parameters
    ----------
    features : the map.
    terms : of the loss, all but its data.
    background : the unpenalised part.
    """

    features: FeatureMap
    terms: Mapping[str, Any]
    background: Background | None

    @property
    def key(self) -> str:
        """By which workers know it."""
        known = _FINGERPRINTS.get(self.features)
        if known is None:
            known = _FINGERPRINTS[self.features] = fingerprint(self.features)
        return known + fingerprint((self.terms, self.background))


@dataclass(frozen=True, eq=False)
class Parcel:
    """A problem on its way.

    Parameters
    ----------
    key : of what it shares with others.
    shared : that itself, where the worker may not have it yet; else None.
    data, penalty, sign : its own.
    """

    key: str
    shared: Shared | None
    data: Mapping[str, Any]
    penalty: float
    sign: Sign

    @staticmethod
    def of(problem: Problem) -> Parcel:
        """With everything."""
        loss = problem.loss.plain
        shared = Shared(problem.features, loss.terms, problem.background)
        return Parcel(shared.key, shared, loss.data, problem.penalty, problem.sign)

    def light(self) -> Parcel:
        """Without what is shared."""
        return replace(self, shared=None)

    def opened(self, shared: Shared) -> Problem:
        """The problem again, as it was checked when it was built."""
        problem = object.__new__(Problem)
        loss = Loss.of_terms(shared.terms, self.data)
        given = {"features": shared.features, "loss": loss, "background": shared.background}
        problem.__setstate__(given | {"penalty": self.penalty, "sign": self.sign})
        return problem


class Lacking:
    """The answer of a worker that has not what a parcel shares with others."""


Answer = Result | Exception | Lacking

_lock = Lock()
_shared: OrderedDict[str, Shared] = OrderedDict()


def worked(solver: Solver, parcel: Parcel) -> Answer:
    """What a worker does with a parcel. Nothing that goes wrong with a problem leaves here as an exception."""
    pin_this_thread()
    with _lock:
        shared = _shared.get(parcel.key) or parcel.shared  # the first map, with what was computed for it, serves all
        if shared is None:
            return Lacking()
        _shared[parcel.key] = shared
        _shared.move_to_end(parcel.key)
        while len(_shared) > _KEPT:
            _shared.popitem(last=False)
    return solved(solver, parcel.opened(shared))


def solved(solver: Solver, problem: Problem) -> Result | Exception:
    """The result without what would be most of its weight, the problem and the particles' paths; or what went wrong."""
    try:
        return replace(solver(problem), problem=None, trajectory=None)
    except ConicflowError as error:
        return error
    except MemoryError:
        return ConicflowError("a problem must fit into memory; this one does not; take fewer particles or samples")
    except Exception as error:  # may hold what cannot travel
        place = traceback.extract_tb(error.__traceback__)[-1]
        return RuntimeError(f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})")
