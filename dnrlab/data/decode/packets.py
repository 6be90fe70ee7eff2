"""Facts from a video file's packets: its frames, their times, and where decord must prove that it finds frames.

The frame count in a container's header may be missing or too high, so packets are counted. Where a packet need not be
one frame, the file is decoded to its end and its frames are counted. All decoders use this count.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dnrlab.data.decode.damage import signs
from dnrlab.data.decode.one_frame import one_frame_per_packet, shows_a_frame
from dnrlab.data.decode.opening import opened
from dnrlab.data.decode.types import DAMAGED, VideoError, VideoInfo, first_line

TOLERANCE = 1e-3  # seconds, a tick of Matroska

MOST_SEEKS = 500  # key frames that are tried


class Facts(NamedTuple):
    """What is known about a video before its frames are read."""

    info: VideoInfo
    places: tuple[int, ...] = ()  # frame indices that decord must read rightly before it is used; empty: never used


class Packet(NamedTuple):
    """A stored frame. Packets come in decoding order."""

    time: int | None  # presentation time, in ticks of the stream
    is_key: bool
    is_discarded: bool  # decoded but not shown, for example because of an edit list
    decoding_time: int | None = None  # in ticks of the stream
    size: int = 1000  # bytes
    is_shown: bool = True  # False for a hidden reference frame of VP8 or VP9
    duration: int = 0  # for how long it is shown, in ticks of the stream; 0 where unknown
    is_corrupt: bool = False  # whether the demuxer flags it as damaged
    place: int | None = None  # in the file, in bytes


def packet_of(packet: Any, codec: str) -> Packet:
    """What is needed of an ``av.Packet``, without its data."""
    shown = codec not in ("vp8", "vp9") or shows_a_frame(codec, bytes(packet))
    order = packet.pts, packet.is_keyframe, packet.is_discard, packet.dts, packet.size, shown
    return Packet(*order, packet.duration or 0, packet.is_corrupt, packet.pos)


def examine_file(path: str) -> Facts:
    """Facts of the best video stream. VideoError if the file cannot be read or has no video stream."""
    import av

    try:
        with opened(path) as container:
            stream = video_stream(path, container)
            codec = stream.codec_context
            indexed = [entry.timestamp for entry in stream.index_entries]
            packets = [packet_of(each, codec.codec.canonical_name) for each in container.demux(stream) if each.size]
            if not any(not packet.is_discarded for packet in packets):
                raise VideoError(path, f"a video stream without a frame; {DAMAGED}")
            counted = starts_with_key(packets) and one_frame_per_packet(codec, packets)
            times = shown_times(packets) if counted else decoded_times(path)
            seeks = counted and len(container.streams.video) == 1 and groups_are_closed(packets)
            if seeks and codec.has_b_frames and not are_reordered(packets):
                seeks = times_are_true(path, times)  # B-frames, but no packet is stored before it is shown
            places = places_to_prove(packets) if seeks and lands_on_keys(container, stream, packets) else ()
            info = info_of(times, stream)._replace(size=(codec.height, codec.width))
            note = signs(packets, indexed, stream, container)
    except av.FFmpegError as error:
        raise VideoError(path, f"not a video that can be decoded ({first_line(error)}); {DAMAGED}") from error
    return Facts(info._replace(note=note), places)


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


def starts_with_key(packets: Sequence[Packet]) -> bool:
    """Whether the first packet is a key frame and no other one is shown before it. A decoder may drop such frames."""
    first = packets[0].time
    return packets[0].is_key and all(first is None or p.time is None or p.time >= first for p in packets)


def shown_times(packets: Sequence[Packet]) -> list[int | None]:
    """The presentation times of the shown frames in order, in ticks of the stream.

    All are None if one is missing, two are equal, or the clock starts again within the file, as in joined streams.
    """
    times = [packet.time for packet in packets if not packet.is_discarded]
    clock = [packet.decoding_time for packet in packets if packet.decoding_time is not None]
    if None in times or len(set(times)) < len(times) or any(after < before for before, after in pairwise(clock)):
        return [None] * len(times)
    return sorted(times)  # type: ignore[type-var]


def decoded_times(path: str) -> list[int | None]:
    """The times of all frames that a decoder returns, as in ``shown_times``. VideoError if it fails before the end."""
    import av

    try:
        with opened(path) as container:
            stream = video_stream(path, container)
            stream.codec_context.thread_count = 1  # the loader already runs several workers
            times = [frame.pts for frame in container.decode(stream)]
    except av.FFmpegError as error:
        raise VideoError(path, f"decoding stopped (PyAV: {first_line(error)}); {DAMAGED}") from error
    if not times:
        raise VideoError(path, f"decoding stopped before the first frame; {DAMAGED}")
    return times if None not in times and times == sorted(times) else [None] * len(times)


def times_are_true(path: str, times: Sequence[int | None]) -> bool:
    """Whether a decoder returns frames with exactly these times."""
    try:
        return decoded_times(path) == times
    except VideoError:  # damage further on, which is an error of the frames that it concerns
        return False


def info_of(times: Sequence[int | None], stream: Any) -> VideoInfo:
    """Number of frames, frame rate and times of a stream, given the presentation times of its frames in ticks.

    The rate in the header is used if the times agree with it. Otherwise it is computed from the times.
    """
    number, rate = len(times), float(stream.average_rate or 0) or math.nan
    if times[0] is None:
        return VideoInfo(number, rate)
    seconds = (np.array(times) - times[0]) * float(stream.time_base)
    if is_regular(seconds, rate) or not seconds[-1] > 0:
        return VideoInfo(number, rate)
    rate = float((number - 1) / seconds[-1])
    return VideoInfo(number, rate, () if is_regular(seconds, rate) else tuple(seconds.tolist()))


def is_regular(seconds: NDArray[np.float64], rate: float) -> bool:
    """Whether frame i is shown ``i / rate`` seconds after the first frame."""
    return bool(np.all(np.abs(seconds - np.arange(len(seconds)) / rate) <= TOLERANCE))


def groups_are_closed(packets: Sequence[Packet]) -> bool:
    """Whether each frame that is stored after a key frame is also shown after it, and vice versa.

    decord sorts frames by their times, seeks to a key frame and counts on from there. It silently returns wrong frames
    where times are missing or equal, where an edit list discards frames, and in open groups of pictures. For example,
    with times 0, 2, 1, 3 and a key frame at time 2, it returns frame 3 in place of frame 2.
    """
    times = [packet.time for packet in packets if packet.time is not None and not packet.is_discarded]
    if len(set(times)) < len(packets) or not packets[0].is_key or shown_times(packets)[0] is None:
        return False
    last_key = latest = times[0]
    for packet, time in zip(packets, times, strict=True):
        if packet.is_key and time >= latest:
            last_key = time
        elif packet.is_key or time < last_key:
            return False
        latest = max(latest, time)
    return True


def are_reordered(packets: Sequence[Packet]) -> bool:
    """Whether the presentation times differ from the order of storage, as they must if there are B-frames."""
    times = [packet.time for packet in packets]
    return times != sorted(times)  # type: ignore[type-var]


def key_times(packets: Sequence[Packet]) -> list[int]:
    """The times of the key frames, in ticks of the stream."""
    return [packet.time for packet in packets if packet.is_key and packet.time is not None]


def lands_on_keys(container: Any, stream: Any, packets: Sequence[Packet]) -> bool:
    """Whether a seek to the time of a key frame finds this key frame, for all of them, or 500 evenly chosen ones."""
    import av

    keys = key_times(packets)
    for index in np.linspace(0, len(keys) - 1, min(len(keys), MOST_SEEKS)).astype(int):
        try:
            container.seek(keys[index], stream=stream, backward=True)
            found = next(packet for packet in container.demux(stream))
        except av.FFmpegError:
            return False
        if found.pts != keys[index] or not found.is_keyframe:
            return False
    return True


def places_to_prove(packets: Sequence[Packet]) -> tuple[int, ...]:
    """The first two frames of the first, a middle and the last group of pictures: their frame indices."""
    index = {time: number for number, time in enumerate(shown_times(packets))}
    keys, last = key_times(packets), len(packets) - 1
    starts = {index[keys[number]] for number in (0, len(keys) // 2, len(keys) - 1)}
    return tuple(sorted({min(start + step, last) for start in starts for step in (0, 1)}))
