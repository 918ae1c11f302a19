"""Everything that can go wrong, by the room in which it is noticed."""

MOST_CHARACTERS = 300  # of a message


def clipped(message: str) -> str:
    """A message as one line of at most `MOST_CHARACTERS`, all of them printable: a longer one loses its middle."""
    line = " ".join("".join(letter if letter.isprintable() else _shown(letter) for letter in message).split())
    if len(line) <= MOST_CHARACTERS:
        return line
    end = MOST_CHARACTERS // 2
    return f"{line[: MOST_CHARACTERS - end - 3]} … {line[-end:]}"


def _shown(letter: str) -> str:
    """A letter that would move a cursor or cannot be written: white space as it is, others by their code."""
    return letter if letter.isspace() else ascii(letter)[1:-1]


class ConicflowError(Exception):
    """Base of all errors raised on purpose. A message states the rule, then the value that broke it, then the remedy.

    It is one line of at most `MOST_CHARACTERS`.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(clipped(message))


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
