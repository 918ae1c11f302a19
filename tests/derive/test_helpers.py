"""The helpers that kernels carry along are the functions they stand for, everywhere on the line, and share what is costly."""

import mpmath
import numpy as np
import pytest
import sympy
from conicflow.derive.emit import helpers
from conicflow.derive.emit.helpers import bessel_coefficients, erf_coefficients, helper_sources, lower
from conicflow.derive.emit.printer import print_expression, shared_lines
from conicflow.derive.errors import SpecError
from conicflow.derive.read.functions import differentiate, sinc, spherical_bessel
from exact import DIGITS
from printed import import_source

Z = sympy.Symbol("z", real=True)
# The whole line: tiny numbers, every scale, where the pieces of a definition meet, and so far out that powers overflow.
POINTS = np.concatenate(
    [np.linspace(0.0, 7.0, 700), 10.0 ** np.arange(-320, 308, 4.0), [1.0, np.nextafter(1.0, 2.0), 2.0, 30.0, 1e300]]
)
POINTS = np.concatenate([-POINTS, POINTS])


def erf_error(module) -> float:
    """The largest error of the helper for exp(-z²) rounded once; where that is inexact erf is 1 to the last digit."""
    with mpmath.workdps(DIGITS):
        return max(
            abs(float(mpmath.erf(z) - module.erf_at(z, float(mpmath.exp(-(mpmath.mpf(z) ** 2))))))
            for z in POINTS.tolist()
        )


def test_erf_is_right_to_rounding_everywhere(tmp_path):
    """Of 1 - e P/Q, with e P/Q <= 1 the result of two polynomials, a division and a product, each rounded to 1.1e-16."""
    module = import_source(tmp_path, helper_sources("erf(z, v0)"))
    assert erf_error(module) < 4e-16
    assert (module.erf_at(1e300, 0.0), module.erf_at(-1e300, 0.0)) == (1.0, -1.0)


def test_a_wrong_coefficient_of_erf_is_seen(tmp_path):
    source = helper_sources("erf(z, v0)")
    digit = repr(erf_coefficients()[0][3])
    assert source.count(digit) == 1
    assert erf_error(import_source(tmp_path, source.replace(digit, repr(float(digit) * (1 + 1e-13))))) > 4e-16


def test_the_rational_function_of_erf_is_closer_than_rounding(monkeypatch):
    """erf_coefficients' claim, on a grid far finer than its 16 points; one degree less would not do."""

    def distance() -> float:
        numerator, denominator = (list(map(mpmath.mpf, reversed(part))) for part in erf_coefficients())
        ts = [mpmath.mpf(i) / 100 for i in range(1000)]
        return float(
            max(
                abs(
                    mpmath.exp(-(t**2)) * mpmath.polyval(numerator, t) / mpmath.polyval(denominator, t) - mpmath.erfc(t)
                )
                for t in ts
            )
        )

    with mpmath.workdps(DIGITS):
        # the coefficients are rounded: each relative error of 1.1e-16 moves a ratio of positive sums by no more
        assert distance() < 2e-17 + 1.2e-16
        erf_coefficients.cache_clear()
        monkeypatch.setattr(helpers, "_ERF_DEGREE", 6)
        assert distance() > 1e-15
    erf_coefficients.cache_clear()


def bessel(order: int, x: float):
    """j_n in 50 digits, by Bessel's J."""
    if x == 0:
        return mpmath.mpf(order == 0)
    t = abs(mpmath.mpf(x))
    value = mpmath.sqrt(mpmath.pi / (2 * t)) * mpmath.besselj(order + mpmath.mpf(1) / 2, t)
    return value if x > 0 else (-1) ** order * value


def bessel_error(module, order: int) -> float:
    function = getattr(module, f"spherical_bessel_{order}_at")
    worst = 0.0
    with mpmath.workdps(DIGITS):
        for x in POINTS[np.abs(POINTS) < 1e8].tolist():
            s, c = float(mpmath.sin(x)), float(mpmath.cos(x))
            worst = max(worst, abs(float(bessel(order, x) - function(x, *((s,) if order == 0 else (s, c))))))
    return worst


@pytest.mark.parametrize("order", [0, 1, 2, 3, 5])
def test_spherical_bessel_functions_at_and_near_zero(tmp_path, order):
    """Up to rounding of a few terms no larger than 1, growing to (2n - 1)!!/n^n of it on the way up from order 0."""
    module = import_source(tmp_path, helper_sources(f"spherical_bessel_{order}(x, s, c)"))
    assert bessel_error(module, order) < (4e-16 if order <= 2 else 2e-15)
    if order > 0:  # relative accuracy at 0: j_n(x) = x^n/(2n + 1)!!
        small = getattr(module, f"spherical_bessel_{order}_at")(1e-8, 1e-8, 1.0)
        assert small == pytest.approx(1e-8**order * bessel_coefficients(order, 1.0)[0], rel=1e-15)


@pytest.mark.parametrize("order", [1, 2])
def test_the_closed_form_alone_would_cancel(tmp_path, order):
    """Mutant: no series."""
    source = helper_sources(f"spherical_bessel_{order}(x, s, c)")
    reach = f"{float(max(1, order))}"
    assert f"if abs(x) <= {reach}" in source
    mutant = source.replace(f"abs(x) > {reach} else {reach}", "abs(x) > 1e-9 else 1.0").replace(
        f"if abs(x) <= {reach}", "if abs(x) <= 1e-9"
    )
    assert bessel_error(import_source(tmp_path, mutant), order) > 1e-9


def test_a_helper_and_its_derivatives_share_what_is_costly():
    """One exp for erf, one sine and one cosine for sinc, however many derivatives."""
    for phi, expected in ((sympy.erf(3 * Z), ["exp", "erf"]), (sinc(Z / 3), ["sin", "cos"])):
        first = differentiate(phi, Z)
        lines, remaining = shared_lines([phi, first, differentiate(first, Z)], [(Z, "z")])
        calls = [value.func.__name__ for _, value in lines if value.is_Function]
        assert sorted(name for name in calls if not name.startswith("spherical")) == sorted(expected)
        assert len(calls) == len(set(calls))
        assert not any(item.atoms(sympy.exp, sympy.sin, sympy.cos) for item in remaining)


def test_numbers_that_are_the_same_for_all_samples_take_the_scalar_form():
    x, theta = sympy.symbols("x theta", real=True)
    lines, _ = shared_lines([sympy.erf(theta) * x], [(x, "x_tile")])
    assert [line for line, _ in lines] == ["v0 = np.exp(-theta**2)", "v1 = erf_at(theta, v0)"]


def test_array_forms_are_the_scalar_ones(tmp_path):
    module = import_source(tmp_path, helper_sources("erf(z, v0) + spherical_bessel_1(x, s, c)"))
    z = np.linspace(-3.0, 3.0, 7)
    assert module.erf(z, np.exp(-(z**2))).tolist() == [module.erf_at(t, np.exp(-(t**2))) for t in z]
    assert module.spherical_bessel_1(z, np.sin(z), np.cos(z)).tolist() == [
        module.spherical_bessel_1_at(t, np.sin(t), np.cos(t)) for t in z
    ]


def test_only_what_is_called_is_emitted():
    assert helper_sources("np.exp(x) + serf(x) + erf_(x)") == ""
    assert helper_sources("erf_at(theta, v0)").count("def ") == 2
    assert lower(sympy.exp(Z)) == sympy.exp(Z)


def test_losses_have_no_helpers():
    for expression in (sympy.erf(Z), sinc(Z), spherical_bessel(1, Z)):
        with pytest.raises(SpecError, match="NumPy's functions"):
            print_expression(expression)
