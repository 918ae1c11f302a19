"""Commands about kernels: their sources, derived from specs, and those compiled from a user's own."""

from contextlib import redirect_stdout
from io import StringIO

import click
from conicflow.engine.base.errors import SpecError

from .ending import say


@click.command()
@click.argument("specs", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing: show how the files differ, and exit with 1 if they do.")
def derive(specs: tuple[str, ...], check: bool) -> int:
    """Write the kernel sources that the SPECS derive; in a checkout without any, all of them.

    \b
    conicflow derive                 write generated/ from derive/specs/*.toml
    conicflow derive --check         show the drift between them
    conicflow derive my_kernel.toml  write my_kernel.py here
    """
    from conicflow.derive.errors import SpecError as Refused
    from conicflow.derive.regenerate import regenerate

    printed = StringIO()
    try:
        with redirect_stdout(printed):
            return regenerate(specs, check=check)
    except Refused as error:
        raise SpecError(str(error)) from None
    finally:
        if text := printed.getvalue():
            say(text.rstrip("\n"))


@click.command()
@click.option("--clear", is_flag=True, help="Remove them all.")
def cache(clear: bool) -> None:
    """List the kernels compiled from your own specs: name, date, size, Python and processor family.

    \b
    conicflow cache            list them
    conicflow cache --clear    remove them; the next use compiles again
    """
    from conicflow.engine.kernels.cache import Cache

    from ..words.tables import size_text, table

    kernels = Cache()
    if clear:
        count, size = kernels.clear()
        say(f"removed {count} compiled {'kernel' if count == 1 else 'kernels'}, {size_text(size)}, from {kernels.root}")
        return
    say(f"{kernels.root}")
    if entries := kernels.entries():
        rows = [(item.name, item.made, size_text(item.size), item.python, item.cpu) for item in entries]
        say(table(("name", "compiled", "size", "Python", "processor"), rows))
