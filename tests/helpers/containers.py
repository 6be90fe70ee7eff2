"""Videos in every container and codec that FFmpeg's command writes, whose pictures show their number.

``python -m tests.helpers.containers`` prints the table of data_manifests/DECODING.md.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

NUM_FRAMES, HEIGHT, WIDTH, RATE = 60, 64, 96, 25
SIDE, TOPS, LEFTS = 16, (8, 32), (4, 28, 52, 76)  # of the eight squares, which show the bits of the frame's number
Q3 = ("-q:v", "3")
CODECS = {  # the encoder's options, and the containers
    "libx264": (("-pix_fmt", "yuv420p", "-threads", "1"), "mp4 mov mkv avi flv ts mpg 3gp asf nut m2ts mxf h264 m4v"),
    "libx265": (("-pix_fmt", "yuv420p", "-x265-params", "log-level=error"), "mp4 mkv ts mov hevc nut"),
    "mpeg4": (Q3, "mp4 avi mkv mov 3gp ts m4v nut asf mpg"),
    "mpeg2video": (Q3, "mpg vob ts mkv mp4 avi m2v mxf nut"),
    "mpeg1video": (Q3, "mpg mkv m1v avi mp4"),
    "msmpeg4v2": (Q3, "avi asf mkv"),
    "msmpeg4": (Q3, "avi asf mkv"),
    "wmv1": (Q3, "wmv avi mkv"),
    "wmv2": (Q3, "wmv avi mkv"),
    "flv": (Q3, "flv avi swf mkv"),
    "h263p": (Q3, "avi mkv"),
    "libvpx": (("-b:v", "1M"), "webm mkv avi ivf"),
    "libvpx-vp9": (("-b:v", "1M"), "webm mkv mp4 ivf"),
    "libaom-av1": (("-cpu-used", "8", "-crf", "30", "-b:v", "0"), "mp4 mkv webm ivf"),
    "libtheora": (("-q:v", "8"), "ogv mkv"),
    "mjpeg": (Q3, "avi mov mkv mp4 mjpeg"),
    "svq1": (Q3, "mov"),
    "snow": (("-q:v", "3", "-strict", "-2"), "avi mkv"),
    "ffv1": ((), "avi mkv mov"),
    "huffyuv": ((), "avi mkv"),
    "rawvideo": ((), "avi mov nut"),
    "dvvideo": (("-s", "720x576", "-pix_fmt", "yuv420p"), "avi dv mov"),
    "prores": ((), "mov mkv"),
    "rv20": (Q3, "rm"),
    "gif": ((), "gif"),
    "apng": (("-f", "apng"), "apng"),
}
WITH_B_FRAMES = ("libx264", "libx265", "mpeg4", "mpeg2video", "mpeg1video")


class Cell(NamedTuple):
    """A file of the matrix."""

    codec: str
    container: str
    group: int  # frames from one key frame to the next
    b_frames: int

    @property
    def name(self):
        return f"{self.codec}_{self.group}_{self.b_frames}.{self.container}"


CELLS = [
    Cell(codec, container, group, b_frames)
    for codec, (_, containers) in CODECS.items()
    for container in containers.split()
    for group in (12, 300)
    for b_frames in ((0, 2) if codec in WITH_B_FRAMES else (0,))
]


def ffmpeg(*arguments, given=b""):
    """Run FFmpeg's command and return what it prints: the system's, or the one of the package imageio-ffmpeg."""
    command = shutil.which("ffmpeg")
    if command is None:
        import imageio_ffmpeg

        command = imageio_ffmpeg.get_ffmpeg_exe()
    whole = [command, "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    done = subprocess.run(whole, input=given, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def numbered(num_frames=NUM_FRAMES):
    """(T, H, W, 3) uint8: waves that move, and eight squares, black or white: the bits of the frame's number."""
    t, y, x = np.ogrid[:num_frames, :HEIGHT, :WIDTH]
    waves = 128 + 40 * np.cos(2 * np.pi * (x / WIDTH + 0.03 * t)) + 20 * np.cos(2 * np.pi * (y / HEIGHT + 0.02 * t))
    frames = waves[..., None].repeat(3, axis=3)
    for bit in range(8):
        top, left = TOPS[bit // 4], LEFTS[bit % 4]
        white = np.arange(num_frames) >> bit & 1
        frames[:, top : top + SIDE, left : left + SIDE] = 20 + 215 * white[:, None, None, None]
    return frames.round().astype(np.uint8)


def numbers(frames):
    """The numbers that frames show, at any size."""
    down, right = frames.shape[1] / HEIGHT, frames.shape[2] / WIDTH
    found = np.zeros(len(frames), int)
    for bit in range(8):
        top, left = TOPS[bit // 4], LEFTS[bit % 4]
        rows, columns = (
            slice(int((start + 4) * by), int((start + 12) * by)) for start, by in ((top, down), (left, right))
        )
        found += (frames[:, rows, columns].mean(axis=(1, 2, 3)) > 128).astype(int) << bit
    return found.tolist()


def raw_input(rate=RATE):
    """Arguments by which FFmpeg reads ``numbered`` from standard input."""
    return ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", rate, "-i", "-")


def make(cell, folder):
    """Encode a cell; its path."""
    path = Path(folder) / cell.name
    options = ("-g", cell.group, *(("-bf", cell.b_frames) if cell.codec in WITH_B_FRAMES else ()))
    ffmpeg(*raw_input(), "-c:v", cell.codec, *CODECS[cell.codec][0], *options, path, given=numbered().tobytes())
    return str(path)


def frames_of_ffmpeg(path, height=HEIGHT, width=WIDTH):
    """All frames (T, H, W, 3) that FFmpeg's command decodes, each once."""
    raw = ffmpeg("-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def seconds_of_ffmpeg(path):
    """The presentation times of all frames, in seconds, from the list of FFmpeg's frame hashes."""
    words = ("-i", path, "-fps_mode", "passthrough", "-f", "framehash", "-enc_time_base")
    try:
        lines = ffmpeg(*words, "demux", "-")
    except AssertionError:  # before FFmpeg 6.1
        lines = ffmpeg(*words, "-1", "-")
    lines = lines.decode().splitlines()
    tick = next(line.split()[2] for line in lines if line.startswith("#tb 0:"))
    above, below = map(int, tick.split("/"))
    times = np.array([int(line.split(",")[2]) for line in lines if not line.startswith("#")])
    return (times - times[0]) * above / below


def table():
    """The rows of the matrix: how each container and codec is read."""
    from dnrlab.data.decode.reader import READER

    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for cell in CELLS:
            path = make(cell, folder)
            READER.read_frames(path, np.array([0]))
            found = READER.probe(path).seeks
            rows.setdefault((cell.codec, cell.container), {})[cell.group, cell.b_frames] = "seek" if found else "start"
    columns = [(12, 0), (12, 2), (300, 0), (300, 2)]
    lines = [f"| {c} | {e} | " + " | ".join(row.get(key, "") for key in columns) + " |" for (c, e), row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
