"""Makers of odd and damaged videos, each with the outcome that data_manifests/DECODING.md promises for it.

Frame t of a whole video has the mean brightness 20 + 8 t, whatever its size, so that its number can be read off it.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from PIL import Image

from tests.helpers.encoding import encoded, half_a_jpeg, jpegs, noise, pictures, sound, stream_of, two_sizes, video
from tests.helpers.paths import PROJECT


class Odd(NamedTuple):
    name: str  # as in the table of DECODING.md
    make: Callable[[Path], Path]  # takes a folder of its own; gives what the manifest would name
    outcome: range | str | None  # numbers of the frames that come, a part of the reason, or None: as many as are left
    decord: str | None = None  # a part of decord's reason where decord alone would fail, or be wrong


def av1(folder):
    """Encoded by another process: run by root, SVT-AV1 leaves its process with real-time priority."""
    code = f"from tests.helpers.odd_videos import *; encoded({str(folder / 'av1.mp4')!r}, pictures(), 'libsvtav1')"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT, stderr=subprocess.DEVNULL)
    return folder / "av1.mp4"


def turned(degrees):
    """A video whose display matrix (in the box tkhd) asks for a turn, counter-clockwise."""

    def make(folder):
        path = encoded(folder / "turned.mp4", pictures(20, 64, 128))  # decord fails where a row is no multiple of 64
        content = bytearray(path.read_bytes())
        cosine, sine = ({90: (0, -1), 180: (-1, 0), 270: (0, 1)})[degrees]
        matrix = np.array([cosine, sine, 0, -sine, cosine, 0, 0, 0, 0x4000], dtype=">i4") * 0x10000
        start = content.index(b"tkhd") + 44  # after version, times, track, duration, layer and volume
        content[start : start + 36] = matrix.astype(">i4").tobytes()
        path.write_bytes(content)
        return path

    return make


def changed(make, change):
    """A video whose bytes are changed."""

    def make_changed(folder):
        path = make(folder)
        path.write_bytes(change(path.read_bytes()))
        return path

    return make_changed


def cut(share):
    return lambda content: content[: int(len(content) * share)]


def zeroed(content):
    start = len(content) // 3
    return content[:start] + bytes(len(content) // 5) + content[start + len(content) // 5 :]


def flipped(content):
    changed_bytes = bytearray(content)
    for position in np.random.default_rng(0).integers(len(content) // 2, len(content) * 3 // 4, 8):
        changed_bytes[position] ^= 0x10
    return bytes(changed_bytes)


def content(name, what):
    def make(folder):
        (folder / name).write_bytes(what)
        return folder / name

    return make


def named(make, name):
    """A good video under another name."""
    return lambda folder: make(folder).rename(folder / name)


def link(target):
    def make(folder):
        (folder / "link.mp4").symlink_to(target(folder))
        return folder / "link.mp4"

    return make


def sound_only(folder):
    with av.open(str(folder / "sound.mp4"), "w") as container:
        sound(container)
    return folder / "sound.mp4"


def cover_only(folder):
    """Sound with a cover picture, which FFmpeg gives as a stream of video: an ID3 tag before a stream of AAC."""
    with av.open(str(folder / "sound.aac"), "w", format="adts") as container:
        sound(container)
    Image.new("RGB", (32, 32)).save(folder / "cover.jpg")
    picture = b"\0image/jpeg\0\x03\0" + (folder / "cover.jpg").read_bytes()
    frame = b"APIC" + len(picture).to_bytes(4, "big") + b"\0\0" + picture
    size = bytes(len(frame) >> shift & 127 for shift in (21, 14, 7, 0))
    path = folder / "cover.mp4"
    path.write_bytes(b"ID3\x03\0\0" + size + frame + (folder / "sound.aac").read_bytes())
    return path


def with_sound(folder):
    with av.open(str(folder / "both.mp4"), "w") as container:
        frames = pictures()
        stream = stream_of(container, frames, "libx264", "yuv420p")
        sound(container)
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return folder / "both.mp4"


def two_streams(folder):
    """The first stream is marked as default; the second is larger, and black."""
    with av.open(str(folder / "two.mp4"), "w") as container:
        small, large = pictures(), np.zeros((20, 96, 96, 3), np.uint8)
        streams = [stream_of(container, frames, "libx264", "yuv420p") for frames in (small, large)]
        for pair in zip(small, large, strict=True):
            for stream, picture in zip(streams, pair, strict=True):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for stream in streams:
            container.mux(stream.encode())
    return folder / "two.mp4"


def no_packets(folder):
    with av.open(str(folder / "header.mp4"), "w") as container:
        stream_of(container, pictures(), "libx264", "yuv420p")
        container.start_encoding()
    return folder / "header.mp4"


def no_first_key(folder):
    """A video cut before its second key frame: ten frames cannot be decoded, though they are there."""
    whole = encoded(folder / "whole.mkv", pictures(), g="10", bf="0", sc_threshold="0")
    with av.open(str(whole)) as source, av.open(str(folder / "cut.mkv"), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for packet in list(source.demux(video=0))[1:]:
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    return folder / "cut.mkv"


def fifo(folder):
    os.mkfifo(folder / "pipe.mp4")
    return folder / "pipe.mp4"


def forbidden(folder):
    path = encoded(folder / "forbidden.mp4", pictures())
    path.chmod(0)
    return path


def empty_folder(folder):
    (folder / "frames").mkdir()
    return folder / "frames"


def sixteen_bits(folder):
    (folder / "frames").mkdir()
    Image.fromarray(np.full((48, 64), 30000, np.uint16)).save(folder / "frames" / "1.png")
    return folder / "frames"


def as_jpeg(folder):
    Image.fromarray(pictures(1)[0]).save(folder / "still.mp4", format="JPEG", quality=95)
    return folder / "still.mp4"


WHOLE = range(20)
NOT_A_VIDEO = "not a video that can be decoded"
WRONGLY = "would return wrong frames"
STOPPED = "decoding stopped"
GAPS = np.cumsum(np.random.default_rng(0).integers(20, 400, 20))
PLAIN = video("plain.mp4")
AVI_B = video("b.avi", "mpeg4", bf="2", g="8")
LONG = video("long.mp4", num_frames=28, height=96, width=128, crf="5")
INDEX_FIRST = video("first.mp4", num_frames=28, height=96, width=128, muxer={"movflags": "faststart"}, crf="5")
TS_B = video("b.ts", bf="3")

GOOD = [
    Odd("H.264 in MP4", PLAIN, WHOLE),
    Odd("one frame", video("one.mp4", num_frames=1), range(1)),
    Odd("odd width and height", video("odd.webm", "libvpx-vp9", height=47, width=63), WHOLE),
    Odd("4:4:4, odd sides", video("444.mp4", "libx264", "yuv444p", height=47, width=63), WHOLE),
    Odd("grayscale", video("gray.mkv", "ffv1", "gray"), WHOLE, WRONGLY),
    Odd("full range", video("full.mp4", "libx264", "yuvj420p"), WHOLE),
    Odd("10 bits, H.264", video("ten.mp4", "libx264", "yuv420p10le"), WHOLE),
    Odd("10 bits, HEVC", video("hevc.mp4", "libx265", "yuv420p10le", x265_params="log-level=none"), WHOLE),
    Odd("B-frames, negative decoding times", video("b.mp4", bf="4", g="10"), WHOLE),
    Odd(
        "open groups of pictures",
        video("open.mp4", x264_params="open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0"),
        WHOLE,
        WRONGLY,
    ),
    Odd("one key frame only", video("long.mp4", g="1000", sc_threshold="0"), WHOLE),
    Odd("key frames only", video("keys.mp4", g="1"), WHOLE),
    Odd("variable frame rate", video("vfr.mp4", times=GAPS), WHOLE),
    Odd("times that start late", video("late.mkv", times=5000 + GAPS), WHOLE),
    Odd("an edit list that discards frames", video("edit.mp4", times=100 * np.arange(-5, 15)), range(5, 20), WRONGLY),
    Odd("fragmented MP4", video("parts.mp4", muxer={"movflags": "frag_keyframe+empty_moov"}), WHOLE),
    Odd("MPEG-4 in AVI", video("mpeg4.avi", "mpeg4"), WHOLE),
    Odd("MPEG-4 with B-frames in AVI", AVI_B, WHOLE, WRONGLY),
    Odd("Motion JPEG in AVI", video("mjpeg.avi", "mjpeg", "yuvj420p"), WHOLE),
    Odd("VP8 in WebM", video("vp8.webm", "libvpx"), WHOLE),
    Odd("VP9 in WebM", video("vp9.webm", "libvpx-vp9"), WHOLE),
    Odd("WMV", video("wmv.wmv", "wmv2"), WHOLE, WRONGLY),
    Odd("AV1", av1, WHOLE, WRONGLY),
    Odd("GIF", video("gif.gif", "gif", "rgb8"), WHOLE, WRONGLY),
    Odd("H.264 in a transport stream", TS_B, WHOLE, WRONGLY),
    Odd("turned by 90 degrees", turned(90), WHOLE),
    Odd("turned by 180 degrees", turned(180), WHOLE),
    Odd("turned by 270 degrees", turned(270), WHOLE),
    Odd("with sound", with_sound, WHOLE),
    Odd("two streams of video", two_streams, WHOLE, WRONGLY),
    Odd("two sizes in one stream", two_sizes, WHOLE),
    Odd("a wrong extension", named(video("vp9.webm", "libvpx-vp9"), "wrong.mp4"), WHOLE),
    Odd("metadata that is not UTF-8", changed(video("tags.mkv"), lambda c: c.replace(b"Lavf", b"Lav\xe9")), WHOLE),
    Odd("no extension", named(PLAIN, "none"), WHOLE),
    Odd("spaces and letters of the world in the name", named(PLAIN, "Übung ß 视频 %d 'a'.mp4"), WHOLE),
    Odd("a link", link(PLAIN), WHOLE),
    Odd("a JPEG file as a video", as_jpeg, range(1), WRONGLY),
    Odd("a folder of JPEG frames", jpegs(), WHOLE),
    Odd("JPEG frames without leading zeros, from 0", jpegs([f"img_{n}.jpg" for n in range(20)]), WHOLE),
    Odd("grayscale JPEG frames", jpegs(mode="L"), WHOLE),
    Odd("PNG frames", jpegs([f"frame-{n}.png" for n in range(7, 27)]), WHOLE),
    Odd("every fifth frame", jpegs([f"{5 * n:06d}.jpeg" for n in range(20)]), WHOLE),
    Odd("two numbers in the names", jpegs([f"{n:03d}_cam2.bmp" for n in range(20)]), WHOLE),
]
DAMAGED = [
    Odd("Matroska, cut", changed(video("cut.mkv", num_frames=28, crf="5"), cut(0.7)), None),
    Odd("AVI, cut", changed(lambda f: encoded(f / "cut.avi", noise(), "mpeg4"), cut(0.7)), None),
    Odd("WebM, cut", changed(video("cut.webm", "libvpx-vp9", num_frames=28), cut(0.7)), None),
    Odd("a few bits changed", changed(video("bits.avi", "mpeg4", num_frames=28), flipped), None),
    Odd("no first key frame", no_first_key, None, WRONGLY),
]
BAD = [
    Odd("no file", lambda folder: folder / "none.mp4", "no such file"),
    Odd("a link to nothing", link(lambda folder: folder / "none.mp4"), "no such file"),
    Odd("zero bytes", content("zero.mp4", b""), "an empty file"),
    Odd("junk", content("junk.mp4", noise(1).tobytes()), NOT_A_VIDEO),
    Odd("text", content("text.mp4", b"path,label\n" * 200), NOT_A_VIDEO),
    Odd("sound only", sound_only, "no video stream"),
    Odd("sound and a cover picture", cover_only, "no video stream"),
    Odd(
        "an unknown codec",
        changed(video("unknown.avi", "mpeg4"), lambda content: content.replace(b"FMP4", b"ZZZZ")),
        "FFmpeg has no decoder for it",
    ),
    Odd("a header without frames", no_packets, NOT_A_VIDEO),
    Odd("MP4 cut before its index", changed(LONG, cut(0.7)), NOT_A_VIDEO),
    Odd("MP4 cut behind its index", changed(INDEX_FIRST, cut(0.7)), STOPPED, WRONGLY),
    Odd("zeros in the middle", changed(lambda f: encoded(f / "zeros.mp4", noise()), zeroed), STOPPED, WRONGLY),
    Odd("a named pipe", fifo, "neither a file nor a folder"),
    Odd("no permission", forbidden, "no permission to read"),
    Odd("an empty folder", empty_folder, "a folder without frames"),
    Odd("a gap in the JPEG frames", jpegs(change=lambda f: (f / "00007.jpg").unlink()), "frame 7 is missing"),
    Odd("a cut JPEG frame", jpegs(change=half_a_jpeg), "frame 00007.jpg cannot be decoded"),
    Odd(
        "a PNG file among the frames", jpegs(change=lambda f: (f / "00021.png").touch()), "expected frames of one kind"
    ),
    Odd("two frames of one number", jpegs(change=lambda f: (f / "7.jpg").touch()), "two files of one frame number"),
    Odd(
        "two series of frames",
        jpegs(change=lambda f: [(f / f"flow_{n:05d}.jpg").touch() for n in range(20)]),
        "2 series of frames",
    ),
    Odd("16-bit frames", sixteen_bits, "more than 8 bits per colour"),
    Odd(
        "JPEG frames of two sizes",
        jpegs(change=lambda f: Image.new("RGB", (32, 32)).save(f / "00007.jpg")),
        "frames of one size",
    ),
]
