"""Facts from a video file's packets, without decoding: the number of frames, and whether decord reads them rightly.

The frame count in a container's header may be missing or too high, so packets are counted. All decoders use this count.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from dnrlab.data.decode.types import DAMAGED, VideoError, VideoInfo, first_line


class Facts(NamedTuple):
    """What is known about a video before it is decoded."""

    info: VideoInfo
    suits_decord: bool  # whether decord reads the same stream and returns the right frame for each index


class Packet(NamedTuple):
    """A stored frame. Packets come in decoding order."""

    time: int | None  # presentation time, in ticks of the stream
    is_key: bool
    is_discarded: bool  # decoded but not shown, for example because of an edit list


def examine_file(path: str) -> Facts:
    """Count the packets of the best video stream. VideoError if the file cannot be read or has no video stream."""
    import av

    try:
        with av.open(path, metadata_errors="replace") as container:
            stream = video_stream(path, container)
            found = [Packet(p.pts, p.is_keyframe, p.is_discard) for p in container.demux(stream) if p.size]
            rate = float(stream.average_rate or 0) or math.nan
            alone = len(container.streams.video) == 1
    except av.FFmpegError as error:
        raise VideoError(path, f"not a video that can be decoded ({first_line(error)}); {DAMAGED}") from error
    shown = sum(not packet.is_discarded for packet in found)
    if not shown:
        raise VideoError(path, f"a video stream without a frame; {DAMAGED}")
    return Facts(VideoInfo(shown, rate), alone and seeks_exactly(found))


def video_stream(path: str, container: Any) -> Any:
    """The video stream that a player would show.

    In a file of several streams decord may read another one, because it ignores the mark "default".

    Raises: VideoError if there is no video stream, only a cover picture, or no decoder.
    """
    import av

    stream = container.streams.best("video")
    if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
        raise VideoError(path, "not a video that can be decoded: no video stream; leave it out")
    if stream.codec_context is None:
        raise VideoError(path, "not a video that can be decoded: FFmpeg has no decoder for it; encode it again")
    return stream


def seeks_exactly(packets: Sequence[Packet]) -> bool:
    """Whether decord finds every frame: each frame stored after a key frame is also shown after it, and vice versa.

    decord sorts frames by their times, seeks to a key frame and counts on from there. It silently returns wrong frames
    in three cases: where times are missing or equal, where an edit list discards frames, and where frames stored after
    a key frame are shown before it (open groups of pictures). For example, with times 0, 2, 1, 3 and a key frame at
    time 2, it returns frame 3 in place of frame 2.
    """
    times = [packet.time for packet in packets if packet.time is not None and not packet.is_discarded]
    if len(set(times)) < len(packets) or not packets[0].is_key:
        return False
    last_key = latest = times[0]
    for packet, time in zip(packets, times, strict=True):
        if packet.is_key and time >= latest:
            last_key = time
        elif packet.is_key or time < last_key:
            return False
        latest = max(latest, time)
    return True
