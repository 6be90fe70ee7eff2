"""Flaws of a file that show when it is decoded to its end: damaged frames, frames in a wrong order, lost frames."""

from typing import NamedTuple

from dnrlab.data.decode.damage import ascends, some
from dnrlab.data.decode.opening import opened
from dnrlab.data.decode.packets import video_stream
from dnrlab.data.decode.types import DAMAGED, VideoError, first_line
from dnrlab.text import count, listed


class Decoded(NamedTuple):
    """What decoding a whole file shows."""

    num_frames: int
    in_order: bool  # whether the decoder returns frames by their times, as far as the container knows them
    flagged: tuple[int, ...] = ()  # indices of frames that it flags as damaged, or about which it reports errors


def decode_to_end(path: str) -> Decoded:
    """Decode a file to its end by PyAV, which reports damage that decord hides.

    Raises: VideoError if PyAV cannot decode it to its end.
    """
    import av

    level, skips = av.logging.get_level(), av.logging.get_skip_repeated()
    flagged: list[int] = []
    stored: list[int | None] = []
    times: list[int | None] = []
    try:
        av.logging.set_level(av.logging.ERROR)
        av.logging.set_skip_repeated(False)  # else a message is lost if an earlier file ended with the same one
        with av.logging.Capture() as messages, opened(path) as container:
            stream = video_stream(path, container)
            stream.codec_context.thread_count = 1  # the loader already runs several workers
            knows_order = container.format.name != "avi"  # its packets have no times of their own
            messages.clear()
            for packet in container.demux(stream):
                stored.append(packet.pts)
                for frame in packet.decode():
                    if frame.is_corrupt or any(name != "NULL" for _, name, _ in messages):
                        flagged.append(len(times))
                    messages.clear()
                    times.append(frame.pts)
    except av.FFmpegError as error:
        raise VideoError(path, f"decoding stopped (PyAV: {first_line(error)}); {DAMAGED}") from error
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skips)
    knows_order &= not ascends(stored)  # B-frames in the order of storage: their times are those of decoding
    return Decoded(len(times), ascends(times) or not knows_order, tuple(flagged))


def flaws_of(decoded: Decoded, num_frames: int) -> str:
    """What is wrong with the frames of a file that was decoded, in words; empty if nothing is."""
    found = []
    if decoded.num_frames != num_frames:
        found.append(f"{count(decoded.num_frames, 'frame')} decoded of {num_frames} stored")
    if not decoded.in_order:
        found.append("frames that are not in the order of their times")
    if decoded.flagged:
        frames = count(len(decoded.flagged), "damaged frame")
        found.append(f"{frames} ({some([str(number) for number in decoded.flagged])})")
    return listed(found) if found else ""
