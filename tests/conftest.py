"""Hypothesis profiles: `ci` (the default) repeats the same examples; `pytest --hypothesis-profile=fuzz` searches on."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["mutants", "own_kernels"]

_SLOW = [HealthCheck.too_slow]  # 50-digit oracles take their time
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=25, suppress_health_check=_SLOW)
settings.register_profile("fuzz", deadline=None, max_examples=2000, suppress_health_check=_SLOW)
settings.load_profile("ci")
