"""Frames read from folders of pictures 00001.jpg, 00002.jpg, ..., the form of Something-Something V1.

The first number is free, and so is the text around the numbers. Numbers may have a step, such as 0, 5, 10.
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
    names = sorted(each.name for each in Path(path).iterdir() if not is_junk(each.name))
    if not names:
        raise VideoError(path, "a folder without frames; put 00001.jpg, 00002.jpg, ... into it, or name a video file")
    endings = [Path(name).suffix.lower() for name in names]
    other = next((name for name, end in zip(names, endings, strict=True) if not is_alike(end, endings[0])), None)
    other = next((name for name in names if not re.search(r"\d", Path(name).stem)), other)
    if other is not None:
        reason = f"expected numbered frames of one kind like 00001.jpg only, got {other}; move it elsewhere"
        raise VideoError(path, reason)
    texts = {re.sub(r"\d+", "#", Path(name).stem): name for name in names}
    if len(texts) > 1:
        one, two = list(texts.values())[:2]
        start = re.split(r"\d", two)[0]
        raise VideoError(path, f"two series of frames, such as {one} and {two}; move one: mv {path}/{start}* ELSEWHERE")
    numbers = frame_numbers(names)
    by_number = dict(zip(numbers, names, strict=True))
    if len(by_number) < len(names):
        twice = next(name for number, name in zip(numbers, names, strict=True) if by_number[number] != name)
        other = by_number[numbers[names.index(twice)]]
        raise VideoError(path, f"two files of one frame number: {twice} and {other}; remove one")
    ordered = sorted(by_number)
    step = min((b - a for a, b in pairwise(ordered)), default=1)
    missing = next((number for number in range(ordered[0], ordered[-1], step) if number not in by_number), None)
    if missing is not None:
        reason = f"frame {missing} is missing after {by_number[missing - step]}; copy it into the folder again"
        raise VideoError(path, reason)
    return tuple(by_number[number] for number in ordered)


def is_junk(name: str) -> bool:
    """Whether a file is hidden, or left behind by a system."""
    return name.startswith(".") or name.lower() in ("thumbs.db", "desktop.ini")


def is_alike(ending: str, other: str) -> bool:
    """Whether two extensions are of frames of one kind; ``.jpg`` and ``.jpeg`` are."""
    return ending in ENDINGS and FORMATS[ending] == FORMATS.get(other)


def frame_numbers(names: Sequence[str]) -> list[int]:
    """The number of each frame: of all numbers in a file name the one that changes most, and of such ones the last.

    ``cam2_00012.jpg`` has the number 12, and so has ``00012_left2.jpg`` among files that all end in ``_left2``.
    """
    columns = list(
        zip(*([int(digits) for digits in re.findall(r"\d+", Path(name).stem)] for name in names), strict=True)
    )
    return list(max(reversed(columns), key=lambda column: len(set(column))))


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
