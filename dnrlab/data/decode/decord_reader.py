"""Frames by decord, the quickest where it may seek."""

import importlib.util

from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError, first_line


def have_decord() -> bool:
    """Whether decord (or eva-decord, of the same import name) is installed."""
    return importlib.util.find_spec("decord") is not None


def read_decord(path: str, numbers: Indices) -> Frames:
    """The frames (T, H, W, 3) of ascending, distinct numbers, each decoded once. VideoError if one cannot be decoded.

    The reader is dropped after use: kept ones grow. ``fault_tol``: without it decord gives a neighbour in place of a
    frame that it cannot decode, and says nothing.
    """
    import decord

    try:
        reader = decord.VideoReader(path, ctx=decord.cpu(0), num_threads=1, fault_tol=1e-9)
        frames: Frames = reader.get_batch(numbers).asnumpy()
    except (RuntimeError, IndexError, decord.DECORDError, decord.DECORDLimitReachedError) as error:
        raise VideoError(path, f"decoding stopped, {DAMAGED} (decord: {first_line(error)})") from error
    return frames
