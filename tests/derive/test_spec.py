"""Spec files: the shipped ones load, and every other kind of file is refused by name, rule and value."""

import tomllib
from pathlib import Path

import pytest
import sympy
from conicflow.derive import SPECS
from conicflow.derive.errors import SpecError
from conicflow.derive.read.loss_spec import LossSpec
from conicflow.derive.read.spec import MAX_FILE_BYTES, FeatureSpec, load_spec
from conicflow.derive.read.vector_loss_spec import VectorLossSpec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

POINTWISE = """
schema = 1
kind = "pointwise"
name = "lorentz"
title = "Lorentzian line"
reference = "none"
family = "partially 1-homogeneous"
phi = "1 / (1 + ((x - theta)/width)**2)"

[parameters]
theta = "interval"

[inputs]
x = "location"

[constants]
width = { positive = true, description = "half width" }
"""
SHORT = """
name = "lorentz"
phi = "1/(1 + (x - theta)**2)"
parameters = { theta = "interval" }
inputs = { x = "location" }
"""
LOSS = """
schema = 1
kind = "loss"
name = "poisson"
title = "Poisson negative log-likelihood of a log rate"
reference = "none"
targets = "count"
value = "exp(f) - y*f"
conjugate = "xlogx(p + y) - (p + y)"
conjugate_domain = ["p + y"]
"""
CLASSES = """
schema = 1
kind = "vector loss"
name = "multinomial"
title = "Multinomial logistic loss"
reference = "none"
value = "log(sum(exp(f))) - sum(y*f)"
conjugate = "sum(xlogx(p + y))"
conjugate_domain = ["p + y"]
"""


def refusal(folder: Path, content: str | bytes) -> str:
    path = folder / "spec.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message.removeprefix(str(path))
    return message


def test_shipped_specs_are_named_after_their_files():
    paths = sorted(SPECS.glob("*.toml"))
    assert len(paths) >= 6
    for path in paths:
        assert load_spec(path).name == path.stem


def test_shipped_specs_say_everything():
    """What a user may leave out is documentation here."""
    said = {"schema", "kind", "name", "title", "reference"}
    for path in SPECS.glob("*.toml"):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        of_kind = {"loss": {"targets"}, "vector loss": {"value"}}.get(table["kind"], {"family"})
        assert table.keys() >= said | of_kind, path
        assert all(entry["description"] for entry in table.get("constants", {}).values()), path


def test_a_feature_in_four_lines(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text(SHORT)
    spec, long = load_spec(path), load_long(tmp_path)
    assert isinstance(spec, FeatureSpec)
    assert (spec.name, spec.title, spec.kind, spec.reference) == ("lorentz", "lorentz", "pointwise", "none given")
    assert spec.family_claim == "partially 1-homogeneous"
    assert spec.phi == long.phi.subs(long.constants[0].symbol, 1)
    with_constant = SHORT.replace("theta)**2", "theta)**2/s") + "constants = { s = { positive = true } }"
    path.write_text(with_constant)
    assert [(item.name, item.description) for item in load_spec(path).constants] == [("s", "s")]


def test_what_has_a_value_is_a_loss(tmp_path):
    path = tmp_path / "loss.toml"
    path.write_text(LOSS.replace('kind = "loss"', "").replace("schema = 1", ""))
    assert isinstance(load_spec(path), LossSpec)


def load_long(folder: Path) -> FeatureSpec:
    path = folder / "long.toml"
    path.write_text(POINTWISE)
    spec = load_spec(path)
    assert isinstance(spec, FeatureSpec)
    return spec


def test_a_feature_as_read(tmp_path):
    path = tmp_path / "lorentz.toml"
    path.write_text(POINTWISE)
    spec = load_spec(str(path))
    assert isinstance(spec, FeatureSpec)
    theta, x = sympy.symbols("theta x", real=True)
    width = sympy.Symbol("width", positive=True)
    assert spec.phi == 1 / (1 + ((x - theta) / width) ** 2)
    assert [(item.name, item.symbol, item.domain) for item in spec.parameters] == [("theta", theta, "interval")]
    assert [(item.name, item.symbol, item.description) for item in spec.inputs] == [("x", x, "location")]
    assert [(item.name, item.symbol, item.positive) for item in spec.constants] == [("width", width, True)]
    assert [(item.below, item.default) for item in spec.constants] == [(None, None)]
    assert (spec.kind, spec.family_claim) == ("pointwise", "partially 1-homogeneous")


def test_constants_have_bounds_and_defaults(tmp_path):
    path = tmp_path / "lorentz.toml"
    old = 'width = { positive = true, description = "half width" }'
    assert old in POINTWISE
    new = (
        'width = { positive = true, below = 1, default = 0.5, description = "a" }\n'
        'height = { positive = false, default = "width", description = "b" }'
    )
    path.write_text(POINTWISE.replace(old, new).replace('phi = "1', 'phi = "height'))
    width, height = load_spec(path).constants
    assert (width.below, width.default, height.below, height.default) == (1.0, 0.5, None, "width")
    assert width.described()["default"] == 0.5


@pytest.mark.parametrize(
    ("domain", "positive", "nonnegative"),
    [("interval", None, None), ("nonnegative interval", None, True), ("positive interval", True, True)],
)
def test_the_domain_says_where_a_parameter_lies(tmp_path, domain, positive, nonnegative):
    path = tmp_path / "lorentz.toml"
    path.write_text(POINTWISE.replace('"interval"', f'"{domain}"'))
    symbol = load_spec(path).parameters[0].symbol
    assert (symbol.is_real, symbol.is_positive, symbol.is_nonnegative) == (True, positive, nonnegative)


def test_a_loss_as_read(tmp_path):
    path = tmp_path / "poisson.toml"
    path.write_text(LOSS)
    spec = load_spec(path)
    assert isinstance(spec, LossSpec)
    f, y, p = sympy.symbols("f y p", real=True)
    assert spec.value == sympy.exp(f) - y * f
    assert spec.conjugate_domain == (p + y,)
    assert (spec.targets, spec.complex_values, spec.constants) == ("count", False, ())


def test_a_constant_of_a_loss_may_have_an_upper_bound(tmp_path):
    path = tmp_path / "poisson.toml"
    constant = '[constants]\nrate = {{ positive = true, {}description = "of counts" }}\n'
    text = LOSS.replace("exp(f) - y*f", "rate*exp(f) - y*f")
    path.write_text(text + constant.format("below = 3, "))
    (rate,) = load_spec(path).constants
    assert (rate.name, rate.positive, rate.below) == ("rate", True, 3)
    path.write_text(text + constant.format(""))
    assert load_spec(path).constants[0].below is None
    assert "below" in refusal(tmp_path, text + constant.format('below = "one", '))


def test_the_torus_has_an_integer_frequency_and_a_complex_filter():
    symbols = {item.name: item.symbol for item in load_spec(SPECS / "fourier.toml").inputs}
    assert symbols["k"].is_integer
    assert symbols["h"].is_complex
    assert symbols["h"].is_real is None


TORUS = """
schema = 1
kind = "torus"
name = "plane"
title = "t"
reference = "r"
family = "partially 1-homogeneous"
phi = "h*exp(-2*pi*I*(k1*a + k2*b))"
[parameters]
a = "torus"
b = "torus"
[inputs]
k1 = "frequency"
h = "filter"
k2 = "frequency"
"""


def test_each_axis_of_the_torus_has_its_frequency(tmp_path):
    path = tmp_path / "plane.toml"
    path.write_text(TORUS)
    symbols = {item.name: item.symbol for item in load_spec(path).inputs}
    assert symbols["k1"].is_integer
    assert symbols["k2"].is_integer
    assert symbols["h"].is_real is None
    changes = {
        "one axis is a circle": ('b = "torus"', 'b = "circle"'),
        "a frequency too few": ('k2 = "frequency"', ""),
        "no filter": ('h = "filter"', ""),
        "another input": ('k2 = "frequency"', 'k2 = "frequency"\nx = "time"'),
        "frequencies in another order": ('k1 = "frequency"\nh = "filter"\nk2', 'k2 = "frequency"\nh = "filter"\nk1'),
        "k of one dimension": ('k1 = "frequency"', 'k = "frequency"'),
    }
    for old, new in changes.values():
        assert old in TORUS
        assert "a torus feature declares" in refusal(tmp_path, TORUS.replace(old, new))


def test_the_hash_ignores_the_style_of_newlines_and_nothing_else(tmp_path):
    hashes = []
    for index, text in enumerate((POINTWISE, POINTWISE.replace("\n", "\r\n"), POINTWISE + "# note\n")):
        path = tmp_path / f"{index}.toml"
        path.write_bytes(text.encode())
        hashes.append(load_spec(path).source_sha256)
    assert hashes[0] == hashes[1] != hashes[2]
    assert all(len(value) == 64 for value in hashes)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("schema = 1", "schema = 2", "found 2"),
        ("schema = 1", "schema = true", "found True"),
        ('title = "Lorentzian line"', "title = 3", "title is a non-empty string, found 3"),
        ('title = "Lorentzian line"', 'title = " "', "title is a non-empty string"),
        ('title = "Lorentzian line"', 'title = "two\\nlines"', "on one line"),
        ('title = "Lorentzian line"', 'title = \'"""\'', "without double quotes"),
        ('title = "Lorentzian line"', 'title = "\\u202e"', "printable"),
        ('title = "Lorentzian line"', f'title = "{"a" * 201}"', "200 printable"),
        ('name = "lorentz"', "", "needs the key 'name'"),
        ('kind = "pointwise"', 'kind = "spline"', "found 'spline'"),
        ('kind = "pointwise"', 'kind = "ridge"', "a ridge feature declares"),
        ('kind = "pointwise"', 'kind = "torus"', "a torus feature declares"),
        ('kind = "pointwise"', 'kind = "loss"', "the keys of such a spec"),
        ('name = "lorentz"', 'name = "../lorentz"', "found '../lorentz'"),
        ('name = "lorentz"', 'name = "lorentz\\n"', "name"),
        ('name = "lorentz"', 'name = "lambda"', "found 'lambda'"),
        ('name = "lorentz"', f'name = "{"a" * 32}"', "a name matches"),
        ('"partially 1-homogeneous"', '"3-homogeneous"', "family is one of"),
        ('"partially 1-homogeneous"', '["2-homogeneous"]', "family is one of"),
        ('"interval"', '"sphere"', "found 'sphere'"),
        ('"interval"', '["interval"]', "found ['interval']"),
        ('theta = "interval"', "", "declares at least one parameter"),
        ('x = "location"', "x = 1", "x is a non-empty string"),
        ('x = "location"', 'x = "location"\n_X = "upper"', "found '_X'"),
        ('x = "location"', 'x = "location"\nexp = "clash"', "found 'exp'"),
        ('x = "location"', 'x = "location"\npi = "clash"', "found 'pi'"),
        ('x = "location"', 'x = "location"\nI = "clash"', "found 'I'"),
        ('x = "location"', 'x = "location"\ntheta = "clash"', "found 'theta' in two tables"),
        ('x = "location"', 'x = "location"\nx = "clash"', "valid TOML"),
        ('x = "location"', 'x = "location"\ntime = "unused"', "not on 'time'"),
        ("(x - theta)", "(x - nu)", "phi: every name must be declared"),
        ("(x - theta)", "(x - x)", "not on 'theta'"),
        ('phi = "', 'phi = 3 # "', "phi: an expression is a string, found 3"),
        ('phi = "', 'psi = "', "found 'psi'"),
        ("{ positive = true, ", '{ positive = "yes", ', "a constant is a table"),
        ("{ positive = true, ", "{ ", "a constant is a table"),
        ("{ positive = true, ", "{ sign = 1, positive = true, ", "a constant is a table"),
        ('description = "half width"', "description = 3", "description is a non-empty string"),
        ("{ positive = true, description = ", "0.1 # ", "a constant is a table"),
        ("positive = true, ", "positive = true, below = 0, ", "below a positive number, found width below 0"),
        ("positive = true, ", 'positive = true, below = "one", ', "below of a constant is a number, found 'one'"),
        ("positive = true, ", "positive = true, below = true, ", "found True"),
        ("positive = true, ", "positive = true, below = nan, ", "found nan"),
        ("positive = true, ", "positive = true, default = -1, ", "a default is a value the constant may take"),
        ("positive = true, ", "positive = true, below = 1, default = 1, ", "found width = 1"),
        ("positive = true, ", "positive = true, default = inf, ", "found inf"),
        (
            "positive = true, ",
            'positive = true, default = "width", ',
            "or the name of a constant above it, found 'width'",
        ),
        ("positive = true, ", 'positive = true, default = "x", ', "found 'x'"),
        ("positive = true, ", "positive = true, default = [1], ", "found [1]"),
        ("[inputs]", "[[inputs]]", "inputs is a table"),
        ("[parameters]", "[", "valid TOML"),
    ],
)
def test_refused_features(tmp_path, old, new, rule):
    assert old in POINTWISE
    assert rule in refusal(tmp_path, POINTWISE.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('targets = "count"', 'targets = "any"', "targets is one of"),
        ('targets = "count"', 'targets = "count"\ncomplex = true', "only for real targets"),
        ('targets = "count"', 'targets = "real"\ncomplex = 1', "complex is true or false"),
        ('["p + y"]', '"p + y"', "conjugate_domain is a list"),
        ('["p + y"]', "[1]", "conjugate_domain: an expression is a string, found 1"),
        ('["p + y"]', '["f"]', "conjugate_domain: every name must be declared"),
        ('["p + y"]', '["p + y"]\nvalue_domain = "f"', "value_domain is a list"),
        ('["p + y"]', '["p + y"]\nvalue_domain = ["p"]', "value_domain: every name must be declared"),
        ('"exp(f) - y*f"', '"exp(p) - y*f"', "value: every name must be declared"),
        ('"exp(f) - y*f"', '"exp(f)"', "not on 'y'"),
        ('["p + y"]', '["p + y"]\n[constants]\nf = { positive = true, description = "clash" }', "found 'f'"),
        ('conjugate = "', 'phi = "', "found 'phi'"),
        ('conjugate = "xlogx(p + y) - (p + y)"', "", "needs the key 'conjugate'"),
    ],
)
def test_refused_losses(tmp_path, old, new, rule):
    assert old in LOSS
    assert rule in refusal(tmp_path, LOSS.replace(old, new))


def test_refused_files(tmp_path):
    for path in (tmp_path / "missing.toml", tmp_path, Path("/dev/zero"), tmp_path / "nul\0byte"):
        with pytest.raises(SpecError, match="no such file"):
            load_spec(path)
    assert "UTF-8" in refusal(tmp_path, POINTWISE.encode() + b"# \xff")
    assert "UTF-8" in refusal(tmp_path, POINTWISE.encode("utf-16"))
    assert "valid TOML" in refusal(tmp_path, "\ufeff" + POINTWISE)
    assert "valid TOML" in refusal(tmp_path, "schema = " + "[" * 5000)
    assert "valid TOML" in refusal(tmp_path, "schema = " + "9" * 5000)
    assert f"at most {MAX_FILE_BYTES} bytes" in refusal(tmp_path, POINTWISE + "#" * MAX_FILE_BYTES)
    assert "needs the key 'name'" in refusal(tmp_path, "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the one file is rewritten by each example
@given(
    st.sampled_from([POINTWISE, LOSS, CLASSES]),
    st.integers(0, len(LOSS)),
    st.integers(0, 20),
    st.one_of(st.binary(max_size=8), st.sampled_from([b'"', b"[", b"{}", b"\n", b"=1", b"**9", b"*x", b"-1e9"])),
)
def test_a_damaged_file_is_read_or_refused(tmp_path, text, start, length, insertion):
    source = text.encode()
    path = tmp_path / "spec.toml"
    path.write_bytes(source[:start] + insertion + source[start + length :])
    try:
        outcome = load_spec(path)
    except SpecError as error:
        outcome = str(error)
    assert isinstance(outcome, FeatureSpec | LossSpec | VectorLossSpec) or outcome.startswith(f"{path}: ")
