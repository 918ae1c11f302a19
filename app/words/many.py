"""What a terminal shows of many problems."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

SHOWN = 3  # errors of single problems; the table has all


def many_summary(records: Sequence[Mapping[str, Any]], count: int, new: int) -> str:
    """How many there are, how many of them this run has solved, and how they stand."""
    standing = Counter(record.get("status", "without a result") for record in records)
    standing["not solved yet"] = count - len(records)
    words = ", ".join(f"{number} {word}" for word, number in standing.items() if number)
    atoms = sum(len(record.get("weights", ())) for record in records)
    return f"{count} problems, {new} of them tried now: {words}; {atoms} atoms"


def complaints(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each of the first problems that have no result, and one for the others."""
    failed = [record for record in records if record["error"]]
    lines = [f"problem {one['problem']} ({one['name']}): {one['error']}" for one in failed[:SHOWN]]
    if len(failed) > SHOWN:
        lines.append(f"{len(failed) - SHOWN} more problems have no result; problems.csv says why")
    return lines
