"""Proof, by pixels, that decord finds frames of a file by seeking.

Whether decord's seek lands depends on container and codec: in AVI, WMV and transport streams it often returns other
frames without a word. So a few frames of each file are read in two ways, once.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from dnrlab.data.decode.packets import video_stream
from dnrlab.data.decode.pyav_reader import upright
from dnrlab.data.decode.types import DAMAGED, Frames, Indices, VideoError

ROUNDING = 0.5  # of 255: the largest mean difference between two decoders' pixels of one frame

STEP = 3  # every third pixel of every third row is compared, so that even and odd ones are


def read_by_time(path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part, by PyAV, which seeks by time and checks each frame's time.

    Only for files in which each frame has one packet with a time of its own. An index is that of a key frame, or
    follows the one before it.

    Raises: VideoError if a seek does not return the frame with the right time as the first one.
    """
    import av

    with av.open(path, metadata_errors="replace") as container:
        stream = video_stream(path, container)
        times = sorted(packet.pts for packet in container.demux(stream) if packet.size)
        stream.codec_context.thread_count = 1  # the loader already runs several workers
        size = stream.codec_context.width, stream.codec_context.height
        for indices in parts:
            frames: dict[int, Frames] = {}
            for index in indices.tolist():
                if index - 1 not in frames:
                    stream.codec_context.flush_buffers()
                    container.seek(times[index], stream=stream, backward=True)
                    decoded = container.decode(stream)
                frame = next(decoded, None)
                if frame is None or frame.pts != times[index]:
                    raise VideoError(path, f"a seek to frame {index} found another frame; {DAMAGED}")
                frames[index] = upright(frame, *size)
            yield np.stack([*frames.values()])


def same_frames(frames: Frames, others: Frames) -> bool:
    """Whether frames that were read in two ways are the same.

    Each frame must be as close to the other one of its index as to any other. If there are more than two, which come
    from several groups of pictures, they must not all look alike: that would prove nothing.
    """
    if frames.shape != others.shape:
        return False
    grid = [each[:, ::STEP, ::STEP].astype(np.int16) for each in (frames, others)]
    difference = np.array([[np.abs(a - b).mean() for b in grid[1]] for a in grid[0]])
    own = np.diag(difference)
    tell_something = len(frames) <= 2 or difference.max() > own.max()
    return bool(own.max() <= ROUNDING and (difference >= own).all() and (own <= difference.T).all() and tell_something)
