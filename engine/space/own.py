"""A feature map of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from ..base.progress import Progress
from ..kernels.own import Source, built_in_spec, obtain_feature, read
from .catalogue import FeatureFactory


def compile_spec(
    source: Source | FeatureFactory, progress: Progress | None = None, *, losses: Sequence[Source] = ()
) -> FeatureFactory:
    """The feature map of a spec of one's own, as a function of its arguments, like `features.NAME`.

    The first use derives and compiles it, which takes about 15 s; then it is loaded from the kernel cache.

    Parameters
    ----------
    source : path of a spec file, or what `spec` returns; or a built-in feature map, to follow losses of one's own.
    progress : told the phase, the fraction done and a message, when there is something to compile.
    losses : specs of losses of one's own that the flow shall follow beside the built-in ones; see `compile_loss`.

    Raises
    ------
    SpecError : a spec cannot be read, or a claim that it makes does not hold.
    KernelError : a tool is missing, the kernel does not compile, or the cache is not the user's alone to write.
    """
    first = built_in_spec(source.name) if isinstance(source, FeatureFactory) else read(source)
    return FeatureFactory(*obtain_feature(first, losses, progress))
