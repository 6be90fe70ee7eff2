"""Whether each packet of a stream is one frame, so that frames can be counted without decoding."""

from collections.abc import Sequence
from typing import Any

from dnrlab.data.decode.h264 import is_progressive

SMALLEST_MPEG4 = 12  # bytes; a "not coded" MPEG-4 picture, for which a decoder gives no frame, takes 6 to 8


def one_frame_per_packet(codec: Any, packets: Sequence[Any]) -> bool:
    """Whether a decoder gives exactly one frame for each packet. False also where this is not known.

    It is known for codecs of key frames only, AV1 and HEVC. It holds for H.264 without fields, for VP8 and VP9 without
    hidden reference frames, and for MPEG-4 in which every picture is coded.

    Args:
        codec: the stream's ``av.VideoCodecContext``.
        packets: all its packets, without empty ones: objects with ``size`` in bytes and ``is_shown``.
    """
    name = codec.codec.canonical_name
    if name == "h264":
        return is_progressive(codec.extradata or b"")
    if name == "mpeg4":
        return all(packet.size >= SMALLEST_MPEG4 for packet in packets)
    if name in ("vp8", "vp9"):
        return all(packet.is_shown for packet in packets)
    return name in ("av1", "hevc", "gif", "png", "apng") or bool(codec.codec.intra_only)


def shows_a_frame(name: str, packet: bytes) -> bool:
    """Whether a VP8 or VP9 packet holds a frame that is shown (RFC 6386, §9.1; VP9 bitstream specification, §6.2)."""
    if name == "vp8":
        return bool(packet[0] & 0b10000)
    if packet[-1] >> 5 == 0b110:  # ends with the index of a superframe: hidden frames, and a shown one after them
        return True
    third = packet[0] & 0b110000 == 0b110000  # profile 3 is followed by a reserved bit
    flags = packet[0] >> (0 if third else 1)
    return bool(flags & 0b101)  # an earlier frame is shown again; this frame is shown
