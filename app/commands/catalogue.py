"""Commands that list the feature maps and the losses that a problem file can name."""

import click

from .ending import say


@click.command()
def features() -> None:
    """List the feature maps φ: their formula, and the keys of [features] that they take.

    \b
    conicflow features
    """
    from conicflow.engine.kernels.loading import describe
    from conicflow.engine.space.catalogue import names

    from ..files.model_tables import argument_forms

    for name in names():
        _describe(name)
        for key, form in argument_forms(describe(name)).items():
            say(f"    {key}: {form}")


@click.command()
def losses() -> None:
    """List the losses ℓ: their formula, and the keys of [loss] that they take besides data and average.

    \b
    conicflow losses
    """
    from conicflow.engine.kernels.loading import describe
    from conicflow.engine.model.losses import names

    from ..files.model_tables import loss_forms

    for name in names():
        _describe(name)
        for key, form in loss_forms(describe(name)).items():
            say(f"    {key}: {form}")


def _describe(name: str) -> None:
    from conicflow.engine.kernels.loading import describe

    description = describe(name)
    say(f"{name}: {description['title']}\n    {description['equation']}\n    {description['reference']}")
