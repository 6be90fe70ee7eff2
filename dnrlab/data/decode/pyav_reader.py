"""Frames by PyAV, from the first frame on: for every file and every machine."""

from typing import Any

import numpy as np

from dnrlab.data.decode.packets import video_stream
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError, first_line


def read_pyav(path: str, numbers: Indices) -> Frames:
    """The frames (T, H, W, 3) of ascending, distinct numbers, upright. VideoError if one cannot be decoded.

    A frame's number is its place in the order of showing, which is that in which decoders give frames.
    """
    import av

    try:
        with av.open(path) as container:
            frames = chosen_frames(container, video_stream(path, container), set(numbers.tolist()))
    except av.FFmpegError as error:
        raise VideoError(path, f"decoding stopped, {DAMAGED} (PyAV: {first_line(error)})") from error
    if len(frames) < len(numbers):
        found = f"{len(frames)} of {len(numbers)} wanted frames"
        raise VideoError(path, f"decoding stopped after {found}, fewer than the file promises; {DAMAGED}")
    return np.stack(frames)


def chosen_frames(container: Any, stream: Any, wanted: set[int]) -> list[Frames]:
    """The wanted frames, each (H, W, 3); fewer if the stream ends before."""
    stream.codec_context.thread_count = 1  # the loader's workers are the threads
    width, height = stream.codec_context.width, stream.codec_context.height  # which may change on the way
    frames: list[Frames] = []
    for number, frame in enumerate(container.decode(stream)):  # flushes the decoder at the end of the file
        if number in wanted:
            frames.append(upright(frame, width, height))
        if len(frames) == len(wanted):
            break
    return frames


def upright(frame: Any, width: int, height: int) -> Frames:
    """An av.VideoFrame as (H, W, 3), resized, and turned as its display matrix asks, which FFmpeg leaves to callers."""
    picture: Frames = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.rot90(picture, round(frame.rotation / 90))
