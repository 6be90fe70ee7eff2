"""Folders of JPEG frames, 00001.jpg, 00002.jpg, ..., as Something-Something V1 comes."""

import functools
import math
import re
from pathlib import Path

import numpy as np

from dnrlab.data.decode.types import Frames, Indices, VideoError, VideoInfo

ENDINGS = (".jpg", ".jpeg")


def examine_folder(path: str) -> VideoInfo:
    """The number of frames; the rate is unknown. VideoError if the folder is no complete series of JPEG files."""
    return VideoInfo(len(frame_files(path)), math.nan)


def read_folder(path: str, numbers: Indices) -> Frames:
    """The frames (T, H, W, 3) of the given numbers, which count from 0 whatever the first file's name.

    Raises: VideoError naming the file that cannot be decoded or differs in size from the first.
    """
    files = frame_files(path)
    size = read_picture(path, files[0]).shape[:2]
    pictures = [read_picture(path, files[number]) for number in numbers]
    for number, picture in zip(numbers, pictures, strict=True):
        if picture.shape[:2] != size:
            found = f"{picture.shape[:2]} in {files[number]}, {size} in {files[0]}"
            raise VideoError(path, f"expected frames of one size (height, width), got {found}; write them again")
    return np.stack(pictures)


def frame_files(path: str) -> tuple[str, ...]:
    """Names of the frames in the order of their numbers. VideoError if there is none, one is missing, or a stranger."""
    return named_files(path, Path(path).stat().st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def named_files(path: str, changed: int) -> tuple[str, ...]:
    """Names of the frames, kept by the folder's time of change."""
    names = [each.name for each in Path(path).iterdir() if not each.name.startswith(".")]
    strangers = sorted(name for name in names if not name.lower().endswith(ENDINGS) or not re.search(r"\d", name))
    if strangers:
        raise VideoError(path, f"expected JPEG frames like 00001.jpg only, got {strangers[0]}; move it elsewhere")
    if not names:
        raise VideoError(path, "a folder without frames; expected 00001.jpg, 00002.jpg, ... or a video file")
    by_number = {frame_number(name): name for name in sorted(names)}
    if len(by_number) < len(names):
        twice = sorted(set(names) - set(by_number.values()))[0]
        raise VideoError(path, f"two files of one frame number: {twice} and {by_number[frame_number(twice)]}")
    expected = range(min(by_number), min(by_number) + len(names))
    missing = next((number for number in expected if number not in by_number), None)
    if missing is not None:
        raise VideoError(
            path, f"frame {missing} is missing between {by_number[missing - 1]} and the next; copy it again"
        )
    return tuple(by_number[number] for number in expected)


def frame_number(name: str) -> int:
    """The last number in a file's name: 12 in ``img_00012.jpg``."""
    return int(re.findall(r"\d+", Path(name).stem)[-1])


def read_picture(path: str, name: str) -> Frames:
    """One frame (H, W, 3); VideoError naming the file if it cannot be decoded."""
    from PIL import Image

    try:
        with Image.open(Path(path) / name, formats=("JPEG",)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise VideoError(path, f"frame {name} cannot be decoded ({type(error).__name__}); copy it again") from error
