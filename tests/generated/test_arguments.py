"""Arrays of the wrong dtype, order or shape: kernels and the engine refuse them, and nothing is read outside an array."""

from collections.abc import Callable

import conicflow as cf
import numpy as np
import pytest
from by_hand import NAMES, example, random_field, random_positions
from conicflow.engine.base.errors import FlowError, ProblemError
from conicflow.engine.flow.particles import Flow
from conicflow.engine.kernels.loading import describe, kernel_names, load_kernel

WRONG: dict[str, Callable[[np.ndarray], object]] = {
    "float32": lambda array: array.astype(np.float32),
    "int64": lambda array: array.astype(np.int64),
    "text": lambda array: array.astype(str),
    "a list": lambda array: array.tolist(),
    "one axis more": lambda array: array[None],
    "one axis less": lambda array: np.ascontiguousarray(array[..., 0]),
    "None": lambda array: None,
}


def parts(name: str) -> tuple[cf.FeatureMap, np.ndarray, np.ndarray]:
    """A feature map, five particles and a point of F."""
    features = example(name).features
    generator = np.random.default_rng(0)
    particles = np.column_stack([generator.standard_normal(5), random_positions(features, 5, generator)])
    return features, np.ascontiguousarray(particles), random_field(features, generator)


@pytest.mark.parametrize("spoil", [*WRONG.values(), np.asfortranarray], ids=[*WRONG, "Fortran order"])
@pytest.mark.parametrize("name", NAMES)
def test_kernels_refuse_other_types_and_orders(name: str, spoil: Callable[[np.ndarray], object]) -> None:
    features, particles, g = parts(name)
    kernel, statics = features.kernel, features.statics
    positions = np.tile(particles[:, 1:], (1, 2))  # two columns: an order to be wrong
    for function, arguments in {
        "forward": (spoil(particles), statics),
        "slopes": (spoil(particles), statics, g),
        "jacobian": (spoil(positions), statics),
        "certificate": (spoil(positions), statics, g),
    }.items():
        with pytest.raises(TypeError):
            getattr(kernel, function)(*arguments)
    with pytest.raises(TypeError):
        kernel.certificate(np.ascontiguousarray(particles[:, 1:]), statics, g.astype(np.complex64))


@pytest.mark.parametrize("name", kernel_names("loss"))
def test_loss_kernels_refuse_other_types(name: str) -> None:
    kernel, omega, constants = load_kernel(name), np.ones(4), np.full((2, 4), 0.5)
    f = np.ones((4, 2)) if describe(name)["targets"] == "class" else np.ones(4)
    for function in ("value", "slope", "curvature", "conjugate"):
        call = getattr(kernel, function)
        call(f, f, omega, constants)
        for spoilt in (f.astype(np.float32), f.astype(int), f[None], f.astype(complex), f.tolist(), f[..., 0]):
            for arguments in ((spoilt, f, omega, constants), (f, spoilt, omega, constants)):
                with pytest.raises(TypeError):
                    call(*arguments)
        for spoilt in (omega, constants.astype(int), constants.tolist(), None):
            with pytest.raises(TypeError):
                call(f, f, omega, spoilt)


@pytest.mark.parametrize("name", NAMES)
def test_feature_maps_refuse_wrong_shapes(name: str) -> None:
    """Kernels do not check bounds, so the engine has to."""
    features, particles, g = parts(name)
    weights, positions = particles[:, 0].copy(), particles[:, 1:].copy()
    wide, flat, short = np.hstack([positions, positions]), positions[:, 0], g[:3]
    calls: list[Callable[[], object]] = [
        lambda: features.forward(weights, wide),
        lambda: features.forward(weights[:2], positions),
        lambda: features.forward(weights, positions[:, :0]),
        lambda: features.jacobian(wide),
        lambda: features.jacobian(flat),
        lambda: features.certificate(wide, g),
        lambda: features.certificate(positions, short),
        lambda: features.certificate(positions, g.astype(str)),
        lambda: features.adjoint(particles, short),
        lambda: features.adjoint(np.hstack([particles, particles]), g),
        lambda: features.certificate(np.full_like(positions, np.nan), g),
    ]
    for call in calls:
        with pytest.raises(ProblemError):
            call()


@pytest.mark.parametrize("spoil", [*WRONG.values()], ids=[*WRONG])
@pytest.mark.parametrize("name", NAMES)
def test_flows_refuse_other_particles(name: str, spoil: Callable[[np.ndarray], object]) -> None:
    features, particles, g = parts(name)
    problem = cf.Problem(features, cf.losses.squared(g), 0.1)
    with pytest.raises(FlowError):
        Flow(problem, spoil(particles))  # type: ignore[arg-type]
    with pytest.raises(FlowError):  # particles change in place: a copy in another order would lose the flow
        Flow(problem, np.asfortranarray(particles))
    with pytest.raises(FlowError):
        cf.flow(problem, spoil(particles), until=1.0)  # type: ignore[arg-type]
