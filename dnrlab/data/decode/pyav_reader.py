"""Frames read by PyAV. It decodes from the first frame on, reads every file and runs on every machine."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dnrlab.data.decode.opening import opened
from dnrlab.data.decode.packets import video_stream
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError, first_line


def read_pyav(path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part, turned upright. The frame indices of all parts are distinct and ascend.

    Frame indices count frames in presentation order, which is the order in which decoders return them.

    Raises: VideoError if a frame cannot be decoded.
    """
    import av

    try:
        with opened(path) as container:
            stream = video_stream(path, container)
            stream.codec_context.thread_count = 1  # the loader already runs several workers
            size = stream.codec_context.width, stream.codec_context.height  # the size may change within a stream
            decoded = enumerate(container.decode(stream))  # also flushes the decoder at the end of the file
            for part in parts:
                wanted = set(part.tolist())
                last = max(wanted)
                frames = []
                for index, frame in decoded:
                    if index in wanted:
                        frames.append(upright(frame, *size))
                    if index == last:
                        break
                if len(frames) < len(wanted):
                    found = f"{len(frames)} of {len(wanted)} requested frames"
                    raise VideoError(path, f"decoding stopped after {found}, although they were counted; {DAMAGED}")
                yield np.stack(frames)
    except av.FFmpegError as error:
        raise VideoError(path, f"decoding stopped (PyAV: {first_line(error)}); {DAMAGED}") from error


def upright(frame: Any, width: int, height: int) -> Frames:
    """An av.VideoFrame as (H, W, 3), resized, and rotated by its display matrix (FFmpeg leaves this to the caller)."""
    picture: Frames = frame.to_ndarray(format="rgb24", width=width, height=height)
    return np.rot90(picture, round(frame.rotation / 90))
