"""The ten motions of the synthetic videos: five pairs, in which the second motion is the first one played backwards.

A motion is the position, size and opacity of an object in every frame. Lengths are fractions of the frame's side. x
runs to the right, y downwards.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PAIRS = (
    ("left", "right"),
    ("up", "down"),
    ("nearer", "farther"),
    ("clockwise", "counter_clockwise"),
    ("appears", "disappears"),
)


CLASSES = tuple(sorted(name for pair in PAIRS for name in pair))


class Track(NamedTuple):
    """An object's position, size and opacity in every frame; each (T,)."""

    x: NDArray[np.float64]  # centre, in [0, 1]
    y: NDArray[np.float64]
    size: NDArray[np.float64]  # side of the object's square
    opacity: NDArray[np.float64]  # 0 invisible, 1 opaque


def pair_of(label: str) -> tuple[str, str]:
    """The pair of a class: ``right`` gives (left, right)."""
    return next(pair for pair in PAIRS if label in pair)


def motion(label: str, num_frames: int, rng: np.random.Generator) -> Track:
    """A track of one class. With equal generators the two classes of a pair give the same track, one reversed."""
    first, _ = pair_of(label)
    track = forward_motion(first, np.linspace(0, 1, num_frames), rng)
    return track if label == first else Track(*(values[::-1] for values in track))


def forward_motion(label: str, phase: NDArray[np.float64], rng: np.random.Generator) -> Track:
    """The track of a pair's first class. ``phase`` (T,) runs from 0 at the first frame to 1 at the last."""
    still = np.ones_like(phase)
    size = rng.uniform(0.26, 0.36)
    sweep = phase + rng.uniform(-0.02, 0.02)
    reach, aside = rng.uniform(0.26, 0.32), 0.5 + rng.uniform(-0.12, 0.12)
    if label == "left":
        return Track(0.5 + reach * (1 - 2 * sweep), aside * still, size * still, still)
    if label == "up":
        return Track(aside * still, 0.5 + reach * (1 - 2 * sweep), size * still, still)
    if label == "clockwise":  # on a screen, where y runs downwards, growing angles turn clockwise
        angle = 2 * math.pi * (rng.uniform(0, 1) + rng.uniform(0.4, 0.5) * phase)
        return Track(0.5 + reach * np.cos(angle), 0.5 + reach * np.sin(angle), size * still, still)
    x, y = 0.5 + rng.uniform(-0.15, 0.15, size=2)
    if label == "nearer":
        return Track(x * still, y * still, rng.uniform(0.14, 0.18) * 3.0**sweep, still)
    fade = np.clip((phase - rng.uniform(0.4, 0.6)) / 0.1 + 0.5, 0, 1)
    return Track(x * still, y * still, size * still, fade)
