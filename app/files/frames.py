"""Data with one more axis than a problem has: many problems, one for each frame.

They are a stack in one file (its first axis counts the frames), columns of a table, or files of one folder, ``"run/*.npy"``,
in the order of their names.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from conicflow.engine.base.errors import ProblemError

from .data import Array, read_array

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """What the data of one problem look like.

    Parameters
    ----------
    kind : of the feature map.
    size : how many samples it has; None of ridge units.
    shape : of the coefficients on the torus, else ().
    sampled : whether these are to be made of real samples on a grid.
    """

    kind: str
    size: int | None
    shape: Shape
    sampled: bool

    def is_stack(self, shape: Shape) -> bool:
        """Whether an array of this shape holds several."""
        if self.kind == "ridge":
            return len(shape) == 3
        if self.kind == "torus" and self.sampled:
            return len(shape) == len(self.shape) + 1
        if self.kind == "torus":
            one = (self.shape, (math.prod(self.shape),))
            return shape not in one and shape[1:] in one
        return len(shape) > 1 and math.prod(shape) != self.size and math.prod(shape[1:]) == self.size


@dataclass(frozen=True)
class Frames:
    """The frames of many problems, each read when it is asked for.

    Parameters
    ----------
    names : what to call each.
    read : the numbers of one, as they are in its file.
    """

    names: tuple[str, ...]
    read: Callable[[int], Array]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Array]:
        return map(self.read, range(len(self)))


def read_frames(source: str, folder: Path, where: str, layout: Layout) -> Frames | Array:
    """The frames that a reference's string names, or the numbers of one problem.

    Raises
    ------
    ProblemError
        If nothing can be read; when a frame is read, also if that cannot be, or has another shape than the first.
    """
    name, colon, selector = source.partition(":")
    if "*" in Path(name).name:
        return _of_files(folder / name, f"{colon}{selector}", where)
    values = read_array(source, folder, where, axes=4)
    if ".csv:" in source and values.ndim == 2 and len(values) == layout.size:
        columns = values.T
        return Frames(tuple(column.strip() for column in selector.split(",")), lambda index: columns[index])
    if not layout.is_stack(values.shape):
        return values
    return Frames(tuple(map(str, range(len(values)))), lambda index: values[index])


def _of_files(pattern: Path, selector: str, where: str) -> Frames:
    folder = pattern.parent
    found = (
        sorted(path.name for path in folder.iterdir() if fnmatchcase(path.name, pattern.name))
        if folder.is_dir()
        else []
    )
    if not found:
        raise ProblemError(
            f"{where} must name files of a folder; got {pattern.name!r:.60}, which none in {folder} has; check the path"
        )
    shapes: list[Shape] = []

    def read(index: int) -> Array:
        values = read_array(f"{found[index]}{selector}", folder, f"{where}, {found[index]}")
        if not shapes:
            shapes.append(values.shape if index == 0 else read(0).shape)
        if values.shape != shapes[0]:
            raise ProblemError(
                f"{where} must be frames of one shape; got {values.shape} in {found[index]} and {shapes[0]} in {found[0]}; "
                "keep the others in another folder"
            )
        return values

    return Frames(tuple(found), read)
