"""The transcendental functions that a feature map must evaluate, as a compiled loop that does nothing else."""

from __future__ import annotations

import importlib.util
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import sympy
from conicflow.derive.emit.helpers import helper_sources
from conicflow.derive.emit.printer import indent, is_costly, print_expression, shared_lines
from conicflow.derive.prove.derivation import derive_feature
from conicflow.derive.read.spec import FeatureSpec
from conicflow.engine.kernels.toolchain import find_toolchain

_PREPARE = """\
# pythran export prepare(float64[:, :] order(C), {types}, float64[:, :, :] order(C))
def prepare(positions, {names}, arguments):
    for i in range(positions.shape[0]):
{lines}
"""
_EVALUATE = """\
# pythran export evaluate(float64[:, :, :] order(C), float64[:, :] order(C), int)
def evaluate(arguments, values, repeats):
    for repeat in range(repeats):
        for i in range(arguments.shape[1]):
{lines}
"""


@dataclass(frozen=True)
class Functions:
    """Source of `prepare(positions, statics, arguments)`, which fills arguments (different ones, tiles, samples), and of
    `evaluate(arguments, values, repeats)`, which writes values (calls, samples) for one tile after the other.

    names : of the functions called per pair, as `Counter`. Without any, `evaluate` divides.
    """

    source: str
    names: Counter[str]
    arguments: int


def functions_of(spec: FeatureSpec) -> Functions:
    """Every distinct call of a transcendental function in phi and its gradient that depends on the sample.

    A function that kernels evaluate by means of others (erf by exp) finds their values, as it does in the kernel.
    """
    derivation = derive_feature(spec)
    inputs = [(item.symbol, item.name) for item in spec.inputs]
    lines, _ = shared_lines([derivation.phi, *derivation.gradient], inputs)
    parameters = spec.parameters if spec.kind == "pointwise" else ()
    prepare = [f"{item.name} = positions[i, {a}]" for a, item in enumerate(parameters)]
    evaluate: list[str] = []
    names: Counter[str] = Counter()
    sampled = {name for _, name in inputs}
    places: dict[sympy.Expr, sympy.Symbol] = {}  # where `evaluate` finds a value
    arguments = 0
    for text, value in lines:
        name = text.split(" = ")[0]
        prepare.append(text)
        if not {symbol.name for symbol in value.free_symbols} & sampled:
            continue
        sampled.add(name)
        if is_costly(value):
            for argument in value.args:
                if argument not in places:
                    places[argument] = sympy.Symbol(f"arguments[{arguments}, i]", real=True)
                    prepare.append(f"arguments[{arguments}, i] = {print_expression(argument)}")
                    arguments += 1
            call = print_expression(value.func(*(places[argument] for argument in value.args)))
            place = f"values[{len(evaluate)}]"
            evaluate.append(f"{place} = {call}")
            places[sympy.Symbol(name, real=True)] = sympy.Symbol(place, real=True)
            names[value.func.__name__] += 1
    if not evaluate:
        prepare.append(f"arguments[0, i] = 1.0 + {spec.inputs[0].name}")
        evaluate, arguments = ["values[0] = 1.0/arguments[0, i]"], 1
    statics = [name for _, name in inputs] + [item.name for item in spec.constants]
    body = _PREPARE.format(
        names=", ".join(statics),
        types=", ".join(["float64[:]"] * len(inputs) + ["float64"] * len(spec.constants)),
        lines=indent(2, prepare),
    ) + _EVALUATE.format(lines=indent(3, evaluate))
    return Functions(f"import numpy as np\n\n{helper_sources(body)}\n{body}", names, arguments)


def build(name: str, source: str, folder: Path) -> ModuleType:
    """Compile a module as the kernels were compiled, and load it."""
    place = folder / name
    place.mkdir()
    find_toolchain().build(source, name, place)
    spec = importlib.util.spec_from_file_location(name, place / "kernel.so")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
