"""Frames read from folders of JPEG files 00001.jpg, 00002.jpg, ..., the form of Something-Something V1."""

import functools
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dnrlab.data.decode.types import Frames, Indices, VideoError, VideoInfo

ENDINGS = (".jpg", ".jpeg")


def examine_folder(path: str) -> VideoInfo:
    """The number of frames; the frame rate is unknown. VideoError unless the folder is a complete series of JPEGs."""
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
    names = [each.name for each in Path(path).iterdir() if not each.name.startswith(".")]
    others = sorted(name for name in names if not name.lower().endswith(ENDINGS) or not re.search(r"\d", name))
    if others:
        raise VideoError(path, f"expected JPEG frames like 00001.jpg only, got {others[0]}; move it elsewhere")
    if not names:
        raise VideoError(path, "a folder without frames; put 00001.jpg, 00002.jpg, ... into it, or name a video file")
    by_number = {frame_number(name): name for name in sorted(names)}
    if len(by_number) < len(names):
        twice = sorted(set(names) - set(by_number.values()))[0]
        raise VideoError(
            path, f"two files of one frame number: {twice} and {by_number[frame_number(twice)]}; remove one"
        )
    expected = range(min(by_number), min(by_number) + len(names))
    missing = next((number for number in expected if number not in by_number), None)
    if missing is not None:
        raise VideoError(
            path, f"frame {missing} is missing after {by_number[missing - 1]}; copy it into the folder again"
        )
    return tuple(by_number[number] for number in expected)


def frame_number(name: str) -> int:
    """The last number in a file name: 12 for ``img_00012.jpg``."""
    return int(re.findall(r"\d+", Path(name).stem)[-1])


def read_picture(path: str, name: str) -> Frames:
    """One frame (H, W, 3). VideoError names the file if it cannot be decoded."""
    from PIL import Image

    try:
        with Image.open(Path(path) / name, formats=("JPEG",)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise VideoError(path, f"frame {name} cannot be decoded ({type(error).__name__}); copy it again") from error
