"""A loss of one's own."""

from __future__ import annotations

from ..base.progress import Progress
from ..kernels.own import Source, obtain_loss
from .losses import LossFactory


def compile_loss(source: Source, progress: Progress | None = None) -> LossFactory:
    """The loss of a spec of one's own, as a function of the data and its constants, like `losses.NAME`.

    Every feature map follows it as it is: the flow takes a loss as an argument.

    Parameters
    ----------
    source, progress : as of `compile_spec`.

    Raises
    ------
    SpecError, KernelError : as from `compile_spec`; value and conjugate must be proved to be Fenchel conjugates.
    """
    return LossFactory(*obtain_loss(source, progress))
