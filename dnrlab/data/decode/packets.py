"""What the packets of a video file say, without decoding one: how many frames, and whether decord finds them.

A container's own count may be missing or too high, so packets are counted. Every decoder is given the same count.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from dnrlab.data.decode.types import DAMAGED, VideoError, VideoInfo, first_line


class Facts(NamedTuple):
    """What is known of a video before it is decoded."""

    info: VideoInfo
    suits_decord: bool  # whether decord takes the same stream and numbers its frames rightly


class Packet(NamedTuple):
    """A frame as it is stored; packets come in the order of decoding."""

    time: int | None  # when it is shown, in ticks of the stream
    is_key: bool
    is_discarded: bool  # decoded but not shown, as an edit list may ask for


def examine_file(path: str) -> Facts:
    """Count the packets of the best video stream. VideoError if there is no such stream or the file cannot be read."""
    import av

    try:
        with av.open(path) as container:
            stream = video_stream(path, container)
            found = [Packet(p.pts, p.is_keyframe, p.is_discard) for p in container.demux(stream) if p.size]
            rate = float(stream.average_rate or 0) or math.nan
            alone = len(container.streams.video) == 1
    except av.FFmpegError as error:
        raise VideoError(path, f"not a video that can be decoded, {DAMAGED} ({first_line(error)})") from error
    shown = sum(not packet.is_discarded for packet in found)
    if not shown:
        raise VideoError(path, f"a video stream without a frame, {DAMAGED}")
    return Facts(VideoInfo(shown, rate), alone and seeks_exactly(found))


def video_stream(path: str, container: Any) -> Any:
    """The stream that a player would show. VideoError if there is none but a cover picture.

    Where there are several, decord may take another: it knows nothing of the one marked as default.
    """
    import av

    stream = container.streams.best("video")
    if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
        raise VideoError(path, "not a video that can be decoded: no video stream; leave it out")
    return stream


def seeks_exactly(packets: Sequence[Packet]) -> bool:
    """Whether no frame is shown on the other side of a key frame than it is stored on.

    decord numbers frames by their times, seeks to a key frame and counts on. That goes wrong, without an error, where
    times are missing or equal, where an edit list discards frames, and where frames stored after a key frame are
    shown before it (open groups of pictures): key 2 in times 0, 2, 1, 3 makes it take frame 3 for frame 2.
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
