"""Proof, by pixels, that decord finds frames of a file by seeking.

Whether decord's seek lands depends on container and codec: in AVI, WMV and transport streams it often returns other
frames without a word. So a few frames of each file are read in two ways, once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dnrlab.data.decode.decord_reader import read_decord
from dnrlab.data.decode.opening import opened
from dnrlab.data.decode.packets import video_stream
from dnrlab.data.decode.pyav_reader import upright
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError

ROUNDING = 0.5  # of 255: the largest mean difference between two decoders' pixels of one frame

STEP = 3  # every third pixel of every third row is compared, so that even and odd ones are


def read_by_time(path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part, by PyAV, which seeks by time and checks each frame's time.

    Only for files in which each frame has one packet with a time of its own. It seeks to key frames and decodes on
    from them.

    Raises: VideoError if a seek to a key frame does not return it, or no frame has the right time.
    """
    with opened(path) as container:
        stream = video_stream(path, container)
        packets = [(packet.pts, packet.is_keyframe) for packet in container.demux(stream) if packet.size]
        times, keys = sorted(time for time, _ in packets), {time for time, is_key in packets if is_key}
        stream.codec_context.thread_count = 1  # the loader already runs several workers
        size = stream.codec_context.width, stream.codec_context.height
        decoded: Iterator[Any] = iter(())
        for indices in parts:
            frames: list[Frames] = []
            for time in (times[index] for index in indices.tolist()):
                if time in keys:
                    stream.codec_context.flush_buffers()
                    container.seek(time, stream=stream, backward=True)
                    decoded = container.decode(stream)
                    frame = next(decoded, None)
                else:
                    frame = next((frame for frame in decoded if frame.pts >= time), None)
                if frame is None or frame.pts != time:
                    raise VideoError(path, f"the frame at time {time} was not found by seeking; {DAMAGED}")
                frames.append(upright(frame, *size))
            yield np.stack(frames)


def read_timed(path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part, by decord, if it has the right times of all frames, counted from the first.

    Where decord's FFmpeg finds no presentation times, as in AVI with B-frames, it sometimes returns the frame before.

    Raises: VideoError if the times differ, or decord fails.
    """
    with opened(path) as container:
        stream = video_stream(path, container)
        ticks = np.array(sorted(packet.pts for packet in container.demux(stream) if packet.size))
        times = (ticks - ticks[0]) * float(stream.time_base)
    yield from read_decord(path, parts, times)


def same_frames(frames: Frames, others: Frames) -> bool:
    """Whether frames that were read in two ways are the same.

    No frame may be closer to another one than to the one of its own index. More than two frames come from several
    groups of pictures. They must not all look alike, for that would prove nothing.
    """
    if frames.shape != others.shape:
        return False
    grid = [each[:, ::STEP, ::STEP].astype(np.int16) for each in (frames, others)]
    difference = np.array([[np.abs(a - b).mean() for b in grid[1]] for a in grid[0]])
    own = np.diag(difference)
    are_distinct = len(frames) <= 2 or difference.max() > own.max()
    return bool(own.max() <= ROUNDING and (difference >= own).all() and (own <= difference.T).all() and are_distinct)
