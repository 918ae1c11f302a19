"""Everything that can go wrong, by the room in which it is noticed."""


class ConicflowError(Exception):
    """Base of all errors raised on purpose. A message states the rule, then the value that broke it, then the remedy."""


class ProblemError(ConicflowError):
    """Data, parameters or options that do not make a problem: shapes, dtypes, NaN, a domain, a penalty."""


class SpecError(ConicflowError):
    """A spec of a user's own cannot be read, derived or proved; the words are those of `conicflow.derive`."""


class KernelError(ConicflowError):
    """A compiled kernel is missing, was built for another processor, or refused its arguments."""


class FlowError(ConicflowError):
    """A flow cannot be followed: a bad initial measure, time or scheme."""


class CertificateError(ConicflowError):
    """A bound or a gap cannot be computed, or contradicts itself."""
