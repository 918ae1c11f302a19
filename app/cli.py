"""The command `conicflow`: its page of help, and its commands. How they end is in `commands.ending`."""

import click
from conicflow.engine.base.version import __version__

from .commands.catalogue import features, losses
from .commands.ending import Commands, say
from .commands.folders import certify, plot
from .commands.kernels import cache, derive
from .commands.solving import demo, path, solve
from .commands.theorems import check


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="conicflow %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Minimise a convex function of a measure, and prove how close to the minimum you are.

    \b
    conicflow demo                                solve and draw the bundled examples
    conicflow solve problem.toml --out result     solve your own, draw it, and keep it in a folder
    conicflow solve stack.toml --workers 2 --out results    many problems: data with one more axis
    conicflow path problem.toml --out path        solve it for a range of penalties, and choose one
    conicflow certify result                      prove again what the folder claims, without the solver
    conicflow plot result                         draw it again
    conicflow check                               search for counterexamples to the theorems in this program
    conicflow cache                               list the kernels compiled from your own specs

    \b
    A problem file, problem.toml:
      [features]
      name = "line_spectrum"              # conicflow features lists them all; or spec = "my_kernel.toml"
      t = "measurements.csv:time"         # or times.npy, or archive.npz:key
      theta = [0.01, 0.25]                # frequencies, per unit of t
      [loss]
      name = "squared"                    # conicflow losses; or spec = "my_loss.toml"
      data = "measurements.csv:value"
      [measure]
      penalty_ratio = 0.05                # or penalty = 0.1
      sign = "nonnegative"                # or "any"

    Exit codes: 0 certified or converged, 1 a claim does not hold, 3 not converged, 2 bad input, 70 a mistake of conicflow,
    130 interrupted by Ctrl-C or SIGTERM (`solve` then writes the best so far, `path` the penalties that are done).
    """
    if context.invoked_subcommand is None:
        say(context.get_help())


for command in (solve, path, certify, check, plot, demo, derive, features, losses, cache):
    main.add_command(command)
