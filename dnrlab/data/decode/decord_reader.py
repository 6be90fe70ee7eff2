"""Frames read by decord, the fastest decoder for files in which it can seek."""

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnrlab.data.decode.opening import local
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError, first_line

DECORDS_TOLERANCE = 2e-3  # seconds


def have_decord() -> bool:
    """Whether decord is installed, or eva-decord, which has the same import name."""
    return importlib.util.find_spec("decord") is not None


def read_decord(path: str, parts: Sequence[Indices], times: NDArray[np.float64] | None = None) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part. The frame indices of all parts are distinct and ascend.

    The reader is dropped after use, because the memory of stored readers grows. ``fault_tol`` makes decord raise an
    error for a frame that it cannot decode. Without it decord silently returns a neighbouring frame.

    Args:
        times: of all frames, in seconds after the first one, which decord must know; None: they are not compared.

    Raises: VideoError if a frame cannot be decoded, or decord has other times.
    """
    import decord

    try:
        reader = decord.VideoReader(local(path), ctx=decord.cpu(0), num_threads=1, fault_tol=1e-9)
        if times is not None and not has_times(reader, times):
            raise VideoError(path, f"decord has other times than the file; {DAMAGED}")
        for indices in parts:
            yield reader.get_batch(indices).asnumpy()
    except (RuntimeError, IndexError, decord.DECORDError, decord.DECORDLimitReachedError) as error:
        raise VideoError(path, f"decoding stopped (decord: {first_line(error)}); {DAMAGED}") from error


def has_times(reader: Any, times: NDArray[np.float64]) -> bool:
    """Whether a ``decord.VideoReader`` has these times, counted from its first frame."""
    if len(reader) != len(times):
        return False
    found = reader.get_frame_timestamp(np.arange(len(times)))[:, 0].astype(float)  # from float32
    return bool(np.abs(found - found[0] - times).max() <= DECORDS_TOLERANCE)
