"""Frames read by decord, the fastest decoder for files in which it can seek."""

import importlib.util
from collections.abc import Iterator, Sequence

from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError, first_line


def have_decord() -> bool:
    """Whether decord is installed, or eva-decord, which has the same import name."""
    return importlib.util.find_spec("decord") is not None


def read_decord(path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part. The frame indices of all parts are distinct and ascend.

    The reader is dropped after use, because the memory of stored readers grows. ``fault_tol`` makes decord raise an
    error for a frame that it cannot decode. Without it decord silently returns a neighbouring frame.

    Raises: VideoError if a frame cannot be decoded.
    """
    import decord

    try:
        reader = decord.VideoReader(path, ctx=decord.cpu(0), num_threads=1, fault_tol=1e-9)
        for indices in parts:
            yield reader.get_batch(indices).asnumpy()
    except (RuntimeError, IndexError, decord.DECORDError, decord.DECORDLimitReachedError) as error:
        raise VideoError(path, f"decoding stopped (decord: {first_line(error)}); {DAMAGED}") from error
