"""Frames read by PyAV. It decodes from the first frame on, reads every file and runs on every machine."""

from typing import Any

import numpy as np

from dnrlab.data.decode.packets import video_stream
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError, first_line


def read_pyav(path: str, indices: Indices) -> Frames:
    """The frames (T, H, W, 3) at ascending, distinct frame indices, turned upright.

    Frame indices count frames in presentation order, which is the order in which decoders return them.

    Raises: VideoError if a frame cannot be decoded.
    """
    import av

    try:
        with av.open(path, metadata_errors="replace") as container:  # metadata need not be UTF-8
            frames = chosen_frames(container, video_stream(path, container), set(indices.tolist()))
    except av.FFmpegError as error:
        raise VideoError(path, f"decoding stopped (PyAV: {first_line(error)}); {DAMAGED}") from error
    if len(frames) < len(indices):
        decoded = f"{len(frames)} of {len(indices)} requested frames"
        raise VideoError(path, f"decoding stopped after {decoded}, although the file has packets for all; {DAMAGED}")
    return np.stack(frames)


def chosen_frames(container: Any, stream: Any, wanted: set[int]) -> list[Frames]:
    """The frames whose index is in ``wanted``, each (H, W, 3). Fewer if the stream ends too early."""
    stream.codec_context.thread_count = 1  # the loader already runs several workers
    width, height = stream.codec_context.width, stream.codec_context.height  # the size may change within a stream
    frames: list[Frames] = []
    for index, frame in enumerate(container.decode(stream)):  # also flushes the decoder at the end of the file
        if index in wanted:
            frames.append(upright(frame, width, height))
        if len(frames) == len(wanted):
            break
    return frames


def upright(frame: Any, width: int, height: int) -> Frames:
    """An av.VideoFrame as (H, W, 3), resized, and rotated by its display matrix (FFmpeg leaves this to the caller)."""
    picture: Frames = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.rot90(picture, round(frame.rotation / 90))
