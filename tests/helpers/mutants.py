"""Damaged copies of videos, by a seed: changed bits, cuts, swapped and zeroed blocks, headers, spliced files.

The pictures show their numbers (``containers.numbered``), so that a frame that stands in for another one is seen.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.helpers.containers import Cell, make

SOURCES = (  # container and codec
    Cell("libx264", "mp4", 12, 2),
    Cell("libx264", "mkv", 12, 0),
    Cell("libx264", "ts", 12, 2),
    Cell("mpeg4", "avi", 12, 0),
    Cell("libvpx-vp9", "webm", 12, 0),
    Cell("libx265", "mkv", 12, 2),
    Cell("mjpeg", "mov", 12, 0),
)
HEADER = 1500  # bytes at the start of a file that count as its header


class Mutant(NamedTuple):
    """A damaged file: what it is made from, how it was damaged, and its bytes."""

    source: Cell
    damage: str
    content: bytes


def sources(folder):
    """The whole files, by their cell."""
    return {cell: Path(make(cell, folder)).read_bytes() for cell in SOURCES}


def mutant(whole, seed):
    """The mutant with this seed, of the files of ``sources``. All pairs and kinds of damage come equally often."""
    rng = np.random.default_rng(seed)
    source = SOURCES[seed % len(SOURCES)]
    name = list(DAMAGES)[seed // len(SOURCES) % len(DAMAGES)]
    other = whole[SOURCES[rng.integers(len(SOURCES))]]
    return Mutant(source, name, DAMAGES[name](whole[source], rng, other))


def bits(content, rng, _):
    changed = np.frombuffer(content, np.uint8).copy()
    places = rng.integers(len(content), size=rng.integers(1, 30))
    changed[places] ^= 1 << rng.integers(8, size=len(places)).astype(np.uint8)
    return changed.tobytes()


def cut(content, rng, _):
    return content[: rng.integers(1, len(content))]


def block(content, rng):
    """A block of a thousandth to a third of the file: its start and length."""
    length = int(len(content) * 10 ** rng.uniform(-3, -0.5)) + 1
    return int(rng.integers(len(content) - length)), length


def zeros(content, rng, _):
    start, length = block(content, rng)
    return content[:start] + bytes(length) + content[start + length :]


def without(content, rng, _):
    start, length = block(content, rng)
    return content[:start] + content[start + length :]


def swapped(content, rng, _):
    (start, length), other = block(content, rng), bytearray(content)
    target = int(rng.integers(len(content) - length))
    other[start : start + length], other[target : target + length] = (
        content[target : target + length],
        content[start : start + length],
    )
    return bytes(other)


def header(content, rng, _):
    changed = np.frombuffer(content, np.uint8).copy()
    start = len(content) - HEADER if rng.integers(2) and content[4:8] == b"ftyp" else 0  # MP4's index is at its end
    places = start + rng.integers(min(HEADER, len(content)), size=rng.integers(1, 6))
    changed[places] = rng.integers(256, size=len(places))
    return changed.tobytes()


def spliced(content, rng, other):
    place, start = rng.integers(len(content)), rng.integers(len(other))
    return content[:place] + other[start:]


DAMAGES = {
    "bits": bits,
    "cut": cut,
    "zeros": zeros,
    "without a block": without,
    "swapped blocks": swapped,
    "header": header,
    "spliced": spliced,
}
