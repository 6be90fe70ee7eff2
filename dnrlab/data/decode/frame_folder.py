"""Frames read from folders of pictures 00001.jpg, 00002.jpg, ..., the form of Something-Something V1.

The first number is free, and so is the text around the numbers. Numbers may have a step, such as 0, 5, 10, or be times.
Files of other kinds are ignored.
"""

import functools
import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from dnrlab.data.decode.types import Frames, Indices, VideoError, VideoInfo

FORMATS = {  # Pillow's names of formats, by extension
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".ppm": "PPM",
    ".pgm": "PPM",
}


ENDINGS = tuple(FORMATS)


def examine_folder(path: str) -> VideoInfo:
    """The number of frames; the frame rate is unknown. VideoError unless the folder is a complete series."""
    return VideoInfo(len(frame_files(path)), math.nan)


def read_folder(path: str, parts: Sequence[Indices]) -> Iterator[Frames]:
    """The frames (T, H, W, 3) of each part. Index 0 is the first file, whatever its name.

    Raises: VideoError that names a file which cannot be decoded, or whose size differs from that of the first file.
    """
    files = frame_files(path)
    size = read_picture(path, files[0]).shape[:2]
    for indices in parts:
        pictures = [read_picture(path, files[index]) for index in indices]
        for index, picture in zip(indices, pictures, strict=True):
            if picture.shape[:2] != size:
                found = f"{picture.shape[:2]} in {files[index]} and {size} in {files[0]}"
                reason = f"expected frames of one size (height, width), got {found}; resize them to one size"
                raise VideoError(path, reason)
        yield np.stack(pictures)


def frame_files(path: str) -> tuple[str, ...]:
    """File names of the frames, by frame number. VideoError if a frame is missing or another file is in the folder."""
    return named_files(path, Path(path).stat().st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def named_files(path: str, changed: int) -> tuple[str, ...]:
    """File names of the frames, cached until the folder's modification time changes."""
    everything = sorted(each.name for each in Path(path).iterdir() if not each.name.startswith("."))
    names = [name for name in everything if Path(name).suffix.lower() in FORMATS]
    if not names:
        reason = "a folder without frames; put 00001.jpg, 00002.jpg, ... into it, or name a video file"
        if everything:
            ending = Path(everything[0]).suffix
            reason = f"{reason}; if {everything[0]} is a frame, convert: ffmpeg -i %05d{ending} %05d.png"
        raise VideoError(path, reason)
    kinds = {FORMATS[Path(name).suffix.lower()]: name for name in names}
    if len(kinds) > 1:
        found = " and ".join(kinds.values())
        raise VideoError(path, f"expected frames of one kind, got {found}; move one kind elsewhere")
    series = {re.sub(r"\d+", "*", Path(name).stem): Path(name).suffix for name in names}
    if len(series) > 1:
        globs = [f"{start}{ending}" for start, ending in series.items()]
        advice = "keep one in the folder, and move the others elsewhere"
        raise VideoError(path, f"{len(globs)} series of frames ({', '.join(globs[:6])}); {advice}")
    return in_order(path, names)


def in_order(path: str, names: Sequence[str]) -> tuple[str, ...]:
    """Names by frame number. VideoError if a number is missing, occurs twice, or is not the only one that counts."""
    numbers = [tuple(int(digits) for digits in re.findall(r"\d+", Path(name).stem)) for name in names]
    ordered = sorted(zip(numbers, names, strict=True))
    changing = [column for column in zip(*(key for key, _ in ordered), strict=True) if len(set(column)) > 1]
    if not changing:
        if len(names) > 1 or not numbers[0]:
            raise VideoError(path, f"expected a number in each file name, got {names[0]}; rename it, such as 00001.jpg")
        return tuple(names)
    counted = max(reversed(changing), key=lambda column: len(set(column)))  # as 12 in cam2_00012.jpg
    for before, after, (_, name), (_, other) in zip(counted, counted[1:], ordered, ordered[1:], strict=False):
        if after == before:
            raise VideoError(path, f"two files of one frame number: {name} and {other}; remove one")
        if after < before:
            reason = f"expected one number that counts the frames, got {name} and {other}; rename them 00001.jpg, ..."
            raise VideoError(path, reason)
    steps = [after - before for before, after in pairwise(counted)]
    gap = next((number for number, step in enumerate(steps) if step != min(steps)), None)
    if gap is not None and all(step % min(steps) == 0 for step in steps):  # else the numbers are times
        missing = counted[gap] + min(steps)
        raise VideoError(path, f"frame {missing} is missing after {ordered[gap][1]}; copy it into the folder again")
    return tuple(name for _, name in ordered)


def read_picture(path: str, name: str) -> Frames:
    """One frame (H, W, 3). VideoError names the file if it cannot be decoded."""
    from PIL import Image

    try:
        with Image.open(Path(path) / name, formats=(FORMATS[Path(name).suffix.lower()],)) as image:
            if image.mode.startswith(("I", "F")):  # converting would clip the values
                raise VideoError(path, f"frame {name} has more than 8 bits per colour; convert the frames to 8 bits")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise VideoError(path, f"frame {name} cannot be decoded ({type(error).__name__}); copy it again") from error
