"""Signs in a file's packets that frames are missing, which no decoder reports as an error.

FFmpeg skips bytes that it cannot read and goes on. The frames behind such a hole then have lower indices. The packets
show it without decoding: a gap in their times, a duration or an index that names more frames than there are.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dnrlab.text import count, listed

GAP = 1.6  # times the usual step from a frame to the next; longer steps are gaps

EQUAL = 0.5  # the share of steps that are the usual one, to a tenth, in a file of constant frame rate

PAUSE = 5.0  # in other files: times the step that three in four do not exceed; longer steps are gaps

Clock = list[tuple[int, int]]  # times and durations of packets, in ticks

LATE = 3.5  # steps by which the container may end after the last frame: headers round, and B-frames shift times

HEADER = 2048  # bytes that the header of a Matroska file may take

HEADER_SHARE = 0.25  # of the bytes that missing frames would take, which lie before the first frame at least

HELD = 16  # frames that a decoder may hold back, in all codecs

SURE = 4  # the steps of so few frames have no median to rely on

NAMED = 3  # the most gaps or frames that a note lists


def signs(packets: Sequence[Any], indexed: Sequence[int], stream: Any, container: Any) -> str:
    """What the packets of a file tell about missing and damaged frames, in words; empty if nothing.

    Args:
        packets: all packets of the stream that is read, see ``packets.Packet``.
        indexed: the times in the container's index of this stream, in ticks, as they were before packets were read.
        stream: this stream.
        container: the open file.
    """
    tick = float(stream.time_base)
    shown, decoded = clocks(packets)
    found = []
    if len(indexed) < len(packets):  # else the index of the container knows of each gap
        found = gaps(decoded, tick) or ([] if knows_no_times(container) else gaps(shown, tick))
    found += late_start(packets, tick, container) + late_end(shown or decoded, stream, container)
    words = [f"no frame {some(found)}"] if found else []
    lost = set(indexed) - {packet.time for packet in packets} - {packet.decoding_time for packet in packets}
    if lost:
        words.append(f"{count(len(lost), 'frame')} missing that the file's index names")
    elif stream.frames and stream.frames != named_by(packets, decoded, container):
        words.append(f"{count(len(packets), 'frame')}, although the file names {stream.frames}")
    if not ascends([packet.decoding_time for packet in packets]):
        words.append("a clock that starts again, as in joined files")
    if waits_too_long(packets):
        words.append("frames stored far from their neighbours in time")
    damaged = sum(packet.is_corrupt for packet in packets)
    if damaged:
        words.append(count(damaged, "damaged packet"))
    places = [packet.place for packet in packets if packet.place is not None]
    if "mov" in container.format.name and len(set(places)) < len(places):
        words.append("frames stored in one place")
    return listed(words) if words else ""


def named_by(packets: Sequence[Any], clock: Clock, container: Any) -> int:
    """The number of frames that the header of an intact file names. In AVI a frame counts as often as it is shown."""
    if container.format.name == "avi" and clock:
        return round(clock[-1][0] - clock[0][0] + usual_step(clock))
    return len(packets)


def waits_too_long(packets: Sequence[Any]) -> bool:
    """Whether a frame is stored more frames before its turn, or after it, than a decoder may hold."""
    times = [packet.time for packet in packets if packet.time is not None]
    turns = np.argsort(np.argsort(times, kind="stable"), kind="stable")
    return bool((np.abs(turns - np.arange(len(times))) > HELD).any())


def knows_no_times(container: Any) -> bool:
    """Whether the times at which frames are shown do not tell about gaps: made up, or free in the container's index."""
    return container.format.name in ("avi", "mpegvideo") or "mov" in container.format.name


def clocks(packets: Sequence[Any]) -> tuple[Clock, Clock]:
    """When packets are shown, and when they are decoded, ascending; each empty where a time is not known."""
    durations = [packet.duration for packet in packets]
    both = [packet.time for packet in packets], [packet.decoding_time for packet in packets]
    shown, decoded = ([] if None in times else sorted(zip(times, durations, strict=True)) for times in both)
    return shown, decoded


def usual_step(clock: Clock) -> float:
    """The usual time from a frame to the next one, in ticks; of few frames the shortest one. 0 if unknown."""
    steps = np.diff([time for time, _ in clock])
    steps = steps[steps > 0]
    if len(steps) > SURE:
        return float(np.median(steps))
    return float(min([*steps, *(cover for _, cover in clock if cover)], default=0))


def gaps(clock: Clock, tick: float) -> list[str]:
    """Where frames are missing between others: ``between 0.9 s and 2.4 s, where 14 would be``.

    A step is no gap if the container itself shows a frame for so long.

    Args:
        clock: see ``clocks``.
        tick: in seconds.
    """
    if len(clock) < 2:
        return []
    times, covers = np.array(clock, float).T
    steps, usual = np.diff(times), usual_step(clock)
    if not steps.all():  # equal times: the clock is not one of frames, as in some program streams
        return []
    is_long = steps > GAP * np.maximum(usual, covers[:-1]) + 1  # times are rounded to a tick
    if (np.abs(steps - usual) <= 0.1 * usual + 1).mean() < EQUAL and len(steps) > SURE:
        is_long &= steps > PAUSE * np.quantile(steps, 0.75)
    found = []
    for number in np.flatnonzero(is_long):
        start, end = ((times[place] - times[0]) * tick for place in (number, number + 1))
        found.append(f"between {start:.4g} s and {end:.4g} s, where {round(steps[number] / usual) - 1} would be")
    return found


def late_start(packets: Sequence[Any], tick: float, container: Any) -> list[str]:
    """Where frames are missing at the start of a Matroska file: ``before 1.9 s, where 48 would be``.

    Frames may also start late on purpose. Then no bytes lie before them but those of the header.
    """
    first, step = packets[0], usual_step(clocks(packets)[0])
    if "matroska" not in container.format.name or first.place is None or not first.time or not step:
        return []
    lost = round(first.time / step)
    bytes_of_lost = lost * sum(packet.size for packet in packets) / len(packets)
    if lost < 1 or first.place < max(HEADER, HEADER_SHARE * bytes_of_lost):
        return []
    return [f"before {first.time * tick:.4g} s, where {lost} would be"]


def late_end(clock: Clock, stream: Any, container: Any) -> list[str]:
    """Where frames are missing at the end: ``after 1.6 s, although the file lasts 2.4 s``. See ``gaps``.

    Other streams, such as sound, may last longer than the video: then nothing is missing. MP4 has a duration for each.
    """
    if not clock or container.duration is None:
        return []
    own = stream.duration if "mov" in container.format.name else None
    tick, step = float(stream.time_base), usual_step(clock)
    first, (last, cover) = clock[0][0] * tick, clock[-1]
    ends, allowed = (last + max(step, cover)) * tick, LATE * step * tick
    duration = container.duration / 1e6 if own is None else own * tick
    if "matroska" not in container.format.name and container.start_time is not None:  # there it counts from zero
        duration += container.start_time / 1e6
    if duration <= ends + allowed:
        return []
    others = [each for each in container.streams if each.index != stream.index]
    if others and own is None:
        container.seek(0)
        packets = (each for each in container.demux(others) if each.pts is not None)
        if max((float((each.pts + (each.duration or 0)) * each.time_base) for each in packets), default=0.0) > ends:
            return []
    return [f"after {ends - first:.4g} s, although the file lasts {duration - first:.4g} s"]


def ascends(times: Sequence[int | None]) -> bool:
    """Whether times, without those that are not known, are in order."""
    known = [time for time in times if time is not None]
    return all(before <= after for before, after in pairwise(known))


def some(names: Sequence[str]) -> str:
    """The first names, and the number of others."""
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    return listed([*names[:NAMED], *more])
