"""Writes docs/catalogue.md, a section and a picture for every feature map and loss, from what the compiled kernels say.

Run in a checkout, with conicflow installed: python docs/draw_catalogue.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import conicflow as cf
import numpy as np
from conicflow.engine.kernels.loading import describe
from conicflow.engine.model.losses import suited
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
STYLE: Mapping[Any, Any] = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.3,
    "legend.frameon": False,
}
SAMPLES = {1: 400, 2: 121, 3: 41}  # on each axis of the inputs

# What suits a formula better than samples in (0, 1), constants 0.1 and parameters between 0.15 and 0.85.
BETTER: Mapping[str, Mapping[str, Any]] = {
    "damped_lines": {"t": (0.0, 40.0), "theta": (0.05, 0.2), "gamma": (0.02, 0.15), "p": (0.0, 1.0)},
    "gaussian_density": {"sigma": (0.05, 0.15)},
    "gaussian_width": {"sigma": (0.05, 0.15)},
    "gaussian_2d_width": {"sigma": (0.1, 0.2)},
    "gaussian_3d_width": {"sigma": (0.1, 0.2)},
    "laplace": {"x": (0.0, 3.0), "theta": (0.3, 4.0)},
    "line_spectrum": {"t": (0.0, 20.0), "theta": (0.05, 0.2), "p": (0.0, 1.0)},
    "pixel_gaussian": {"sigma": 1.0, "x1": (0, 12), "x2": (0, 12), "theta1": (3.3, 9.0), "theta2": (3.0, 8.6)},
    "sinc": {"band": 6.0},
    "huber": {"delta": 1.0},
    "poisson": {"background": 0.5},
    "quantile": {"tau": 0.8, "width": 0.4},
}


def setting(name: str, key: str, default: Any) -> Any:
    """A range or number for the picture of one feature map or loss."""
    return BETTER.get(name, {}).get(key, default)


def draw_feature(name: str, axes: Axes) -> None:
    """phi for a few parameters, as the compiled kernel computes it."""
    kind = describe(name)["kind"]
    {"pointwise": draw_pointwise, "ridge": draw_ridge, "torus": draw_torus}[kind](name, axes)


def draw_pointwise(name: str, axes: Axes) -> None:
    """Curves over one input; over two, the sum of two atoms; over three, its slice at the middle."""
    description = describe(name)
    inputs, parameters = description["inputs"], description["parameters"]
    lines = [np.linspace(*setting(name, item["name"], (0.0, 1.0)), SAMPLES[len(inputs)]) for item in inputs]
    grid = np.meshgrid(*lines, indexing="ij")
    arguments: dict[str, Any] = {item["name"]: axis.ravel() for item, axis in zip(inputs, grid, strict=True)}
    for item in description["constants"]:
        if item["default"] is None:
            arguments[item["name"]] = setting(name, item["name"], 0.1)
    ranges = [setting(name, item["name"], (0.15, 0.85)) for item in parameters]
    arguments |= {
        item["name"]: (0.5 * low, 2 * high)
        for item, (low, high) in zip(parameters, ranges, strict=True)
        if item["domain"].endswith("interval")
    }
    features = getattr(cf.features, name)(**arguments)
    count = 4 if len(inputs) == 1 else 2
    positions = np.column_stack([np.linspace(low, high, count) for low, high in ranges])
    if len(inputs) > 1:
        image = features.forward(np.ones(count), positions).reshape([len(line) for line in lines])
        show_image(axes, image if len(inputs) == 2 else image[:, :, len(lines[2]) // 2], lines)
        axes.set(xlabel=inputs[0]["name"], ylabel=inputs[1]["name"])
        return
    for colour, position in zip(COLOURS, positions, strict=True):
        label = ", ".join(f"{item['name']} = {value:.2g}" for item, value in zip(parameters, position, strict=True))
        axes.plot(lines[0], features.forward(np.ones(1), position[None, :]), color=colour, label=label)
    axes.set(xlabel=inputs[0]["name"], ylabel="φ")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def draw_ridge(name: str, axes: Axes) -> None:
    """The function of z = <theta, x> with its derivative, along theta = 1 in one dimension."""
    z = np.linspace(-4.0, 4.0, SAMPLES[1])
    radius = {} if describe(name)["family"] != "partially 1-homogeneous" else {"radius": 1.0}
    features = getattr(cf.features, name)(x=z[:, None], **radius)
    phi, slope = features.jacobian(np.ones((1, 1)))[:, 0]
    axes.plot(z, phi, color=COLOURS[0], label="φ")
    factor = 2.0 if describe(name)["family"] == "2-homogeneous in theta" else 1.0  # v = theta², dv = 2 at theta = 1
    inner = np.abs(z) > 0.02
    axes.plot(z[inner], slope[inner] / (factor * z[inner]), color=COLOURS[1], lw=0.9, label="dφ/dz")
    axes.set(xlabel="z", ylabel="φ")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def draw_torus(name: str, axes: Axes) -> None:
    """What a cutoff leaves of a spike: Re sum_k phi(theta)_k e^(2 pi i k x), as a function of x on the torus."""
    d = len(describe(name)["parameters"])
    cutoff = 7
    features = getattr(cf.features, name)(cutoff=cutoff)
    centre = np.full((1, d), 0.4)
    line = np.linspace(0.0, 1.0, SAMPLES[2] if d > 1 else SAMPLES[1])
    points = np.stack([axis.ravel() for axis in np.meshgrid(*[line] * min(d, 2), indexing="ij")], axis=1)
    points = np.column_stack([points, np.full((len(points), d - points.shape[1]), 0.4)])
    kernel = features.eta(points, features.forward(np.ones(1), centre))
    if d == 1:
        axes.plot(line, kernel, color=COLOURS[0])
        axes.axvline(0.4, color="0.6", lw=0.8)
        axes.set(xlabel="x", ylabel="spike through |k| ≤ 7")
        return
    show_image(axes, kernel.reshape(len(line), len(line)), [line, line])
    axes.set(xlabel="x1", ylabel="x2")


def show_image(axes: Axes, image: np.ndarray, lines: list[np.ndarray]) -> None:
    """An image with its colour bar, the first input to the right."""
    extent = (lines[0][0], lines[0][-1], lines[1][0], lines[1][-1])
    shown = axes.imshow(image.T, origin="lower", extent=extent, cmap="viridis", aspect="equal")
    axes.figure.colorbar(shown, ax=axes, label="φ")


TARGETS: Mapping[str, tuple[float, ...]] = {
    "real": (-1.0, 0.5),
    "sign": (-1.0, 1.0),
    "count": (0.0, 1.0, 3.0),
    "class": (0, 1),
}


def draw_loss(name: str, figure: Figure) -> None:
    """l(f) and l*(p) for a few targets; of a loss of classes, for outputs (f, 0) and the pair (p, -p)."""
    description = describe(name)
    left, right = figure.subplots(1, 2)
    constants = {item["name"]: setting(name, item["name"], 1.0) for item in description["constants"]}
    for colour, y in zip(COLOURS, TARGETS[description["targets"]], strict=False):
        if description["targets"] == "class":
            loss = getattr(cf.losses, name)(np.eye(2)[[int(y)]])
            values = [loss.value(np.array([[f, 0.0]])) for f in axis()]
            duals = [loss.conjugate(np.array([[p, -p]])) for p in axis(2.0)]
        else:
            loss = getattr(cf.losses, name)(np.array([y]), **constants)
            values = [loss.value(np.array([f])) for f in axis()]
            duals = [loss.conjugate(np.array([p])) for p in axis(2.0)]
        left.plot(axis(), np.where(np.isfinite(values), values, np.nan), color=colour, label=f"y = {y:g}")
        right.plot(axis(2.0), np.where(np.isfinite(duals), duals, np.nan), color=colour)
    left.set(xlabel="f", ylabel="ℓ(f, y)", ylim=(None, 6.0))
    right.set(xlabel="p", ylabel="ℓ*(p, y)")
    left.legend()


def axis(reach: float = 4.0) -> np.ndarray:
    """Points of a picture's axis."""
    return np.linspace(-reach, reach, SAMPLES[1] + 1)


def picture(name: str, path: Path) -> None:
    """Draw one feature map or loss into a PNG file."""
    with rc_context(dict(STYLE)):
        figure = Figure(figsize=(5.2, 2.2), layout="constrained")
        if describe(name)["kind"] == "loss":
            draw_loss(name, figure)
        else:
            draw_feature(name, figure.subplots())
        figure.savefig(path, dpi=100, metadata={"Software": "conicflow"})


def text() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Catalogue"
    yield ""
    yield "Written by `python docs/draw_catalogue.py` from what the compiled kernels say of themselves; `conicflow features` and"
    yield "`conicflow losses` print the same in a terminal. Every family and every conjugate is proved when a spec is derived."
    yield ""
    yield "## Feature maps"
    for name in cf.features.names():
        description = describe(name)
        yield from ("", f"### {name}", "", f"{description['title']}: `{description['equation']}`")
        yield from ("", f"![{name}](catalogue/{name}.png)", "")
        yield f"- family: {description['family']}"
        for item in description["parameters"]:
            yield f"- parameter `{item['name']}`: {item['domain']}"
        for item in (*description["inputs"], *description["constants"]):
            yield f"- `{item['name']}`: {item['description']}"
        yield f"- losses its flow follows: {', '.join(suited(description['kind']))}"
        yield f"- source: {description['reference']}"
    yield ""
    yield "## Losses"
    for name in cf.losses.names():
        description = describe(name)
        yield from ("", f"### {name}", "", f"{description['title']}: `{description['equation']}`")
        yield from ("", f"![{name}](catalogue/{name}.png)", "")
        yield f"- conjugate: `{description['conjugate']}`"
        yield f"- data: {description['targets']}"
        for item in description["constants"]:
            yield f"- `{item['name']}`: {item['description']}"
        yield f"- source: {description['reference']}"


def main() -> None:
    """Write the page and its pictures."""
    folder = FOLDER / "catalogue"
    folder.mkdir(exist_ok=True)
    names = [*cf.features.names(), *cf.losses.names()]
    for name in names:
        picture(name, folder / f"{name}.png")
    for path in folder.glob("*.png"):
        if path.stem not in names:
            path.unlink()
    (FOLDER / "catalogue.md").write_text(text(), encoding="utf-8")
    print(f"wrote {FOLDER / 'catalogue.md'} and {len(names)} pictures")


if __name__ == "__main__":
    main()
