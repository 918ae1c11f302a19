"""A feature map of one's own."""

from __future__ import annotations

from ..base.progress import Progress
from ..kernels.own import Source, obtain_feature
from .catalogue import FeatureFactory


def compile_spec(source: Source, progress: Progress | None = None) -> FeatureFactory:
    """The feature map of a spec of one's own, as a function of its arguments, like `features.NAME`.

    The first use derives and compiles it, which takes about 10 s; then it is loaded from the kernel cache.

    Parameters
    ----------
    source : path of a spec file, or what `spec` returns.
    progress : told the phase, the fraction done and a message, when there is something to compile.

    Raises
    ------
    SpecError : a spec cannot be read, or a claim that it makes does not hold.
    KernelError : a tool is missing, the kernel does not compile, or the cache is not the user's alone to write.
    """
    return FeatureFactory(*obtain_feature(source, progress))
