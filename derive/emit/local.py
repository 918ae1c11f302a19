"""Source of the module that multiplies features which meet at a few samples only."""

from __future__ import annotations

from .header import shared_header

_BODY = '''
PARALLEL = 2048  # pairs, about half a millisecond, below which waiting for threads costs more than it saves


# pythran export inner(int64[:], int64[:], int64[:], int64[:], float64[:, :] order(C), int64[:], int64[:])
def inner(starts, begins, ends, places, values, first, second):
    """Sums over common samples of values[a] of position first[p] times values[b] of position second[p], shape (p, w, w).

    Position i has the runs of samples from starts[i] to starts[i + 1]: run r those from begins[r] to ends[r], rising, whose
    values (w, ..) are from places[r] on.
    """
    width = values.shape[0]
    count = first.shape[0]
    result = np.zeros((count, width, width))
    parallel = count > PARALLEL
    # omp parallel for schedule(static) if(parallel)
    for p in range(count):
        i = starts[first[p]]
        j = starts[second[p]]
        while i < starts[first[p] + 1] and j < starts[second[p] + 1]:
            begin = max(begins[i], begins[j])
            length = min(ends[i], ends[j]) - begin
            if length > 0:
                left = places[i] + begin - begins[i]
                right = places[j] + begin - begins[j]
                for a in range(width):
                    row = values[a, left:left + length]
                    for b in range(width):
                        column = values[b, right:right + length]
                        total = 0.0
                        # omp simd reduction(+:total)
                        for k in range(length):
                            total += row[k]*column[k]
                        result[p, a, b] += total
            if ends[i] < ends[j]:
                i += 1
            else:
                j += 1
    return result
'''


def local_source() -> str:
    """The module `_local`: inner products of features at the samples in reach of both."""
    return shared_header("Inner products of features that reach few samples") + _BODY
