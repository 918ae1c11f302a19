"""Feature maps and losses by name: those of the catalogue, a few of our own that have what it lacks, and a user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

from conicflow.engine.base.errors import KernelError
from conicflow.engine.kernels.loading import KINDS, describe, kernel_names, load_kernel
from conicflow.engine.kernels.own import Spec
from conicflow.engine.kernels.toolchain import find_toolchain
from conicflow.engine.model import losses
from conicflow.engine.model.losses import LossFactory
from conicflow.engine.model.own import compile_loss
from conicflow.engine.space import catalogue
from conicflow.engine.space.catalogue import FeatureFactory
from conicflow.engine.space.own import compile_spec

PRICED = Spec(
    b"""\
schema = 1
kind = "pointwise"
name = "checked_priced_bump"
title = "A bump whose atoms cost more to the right"
reference = "none: for checks"
family = "partially 1-homogeneous"
phi = "exp(-(x - theta)**2/(2*sigma**2))"
penalty_weight = "(1 + theta**2)/2"

[parameters]
theta = "interval"

[inputs]
x = "place"

[constants.sigma]
description = "width"
positive = true
""",
    "the checked spec of a priced bump",
)
_CHECKED = {"checked_priced_bump": PRICED}
_user: dict[str, FeatureFactory | LossFactory] = {}  # while they are checked


@cache
def checked_names() -> tuple[str, ...]:
    """Names of the maps that are compiled for the checks; none where there is no compiler."""
    try:
        find_toolchain()
    except KernelError:
        return ()
    return tuple(_CHECKED)


@cache
def _compiled(name: str) -> FeatureFactory:
    return compile_spec(_CHECKED[name])


def feature_factory(name: str) -> FeatureFactory:
    """The feature map of this name, as a function of its arguments."""
    user = _user.get(name)
    if isinstance(user, FeatureFactory):
        return user
    made: FeatureFactory = _compiled(name) if name in _CHECKED else getattr(catalogue, name)
    return made


def loss_factory(name: str) -> LossFactory:
    """The loss of this name, as a function of the data."""
    user = _user.get(name)
    if isinstance(user, LossFactory):
        return user
    made: LossFactory = getattr(losses, name)
    return made


def described(name: str) -> Mapping[str, Any]:
    """What a map or a loss says of itself."""
    if name in _user:
        return _user[name].description
    return _compiled(name).description if name in _CHECKED else describe(name)


def users() -> tuple[str, ...]:
    """Names of the user's own map and loss that are checked now."""
    return tuple(_user)


def users_losses() -> tuple[str, ...]:
    """Names of the user's own losses that are checked now: then problems have these, and no others."""
    return tuple(name for name, factory in _user.items() if isinstance(factory, LossFactory))


def kernel(name: str) -> ModuleType:
    """The compiled module of a map or a loss, or one that several share."""
    return _compiled(name).kernel if name in _CHECKED else load_kernel(name)


def checked_spec(name: str) -> Spec:
    """The spec of one of `checked_names`."""
    return _CHECKED[name]


def in_catalogue(name: str) -> bool:
    """Whether a kernel of this name is built in."""
    return name in kernel_names(*KINDS, "loss")


@contextmanager
def including(spec: Spec | None, loss: Spec | None) -> Iterator[None]:
    """A user's own map and loss are known by their names, inside a with statement; compiled where they are not yet."""
    if spec is not None:
        factory = compile_spec(spec)
        _user[factory.name] = factory
    if loss is not None:
        own = compile_loss(loss)
        _user[own.name] = own
    try:
        yield
    finally:
        _user.clear()
