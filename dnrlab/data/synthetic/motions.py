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


class Range(NamedTuple):
    """Where a number is drawn from, uniformly."""

    low: float
    high: float

    def draw(self, rng: np.random.Generator) -> float:
        """A number."""
        return float(rng.uniform(self.low, self.high))


class Look(NamedTuple):
    """How large, how fast and how visible objects are."""

    size: Range = Range(0.26, 0.36)  # side of an object that keeps its size, as part of the frame
    far: Range = Range(0.14, 0.18)  # side of one that comes nearer, at its start; it grows threefold
    speed: Range = Range(1.0, 1.0)  # part of a motion's path that is seen, in the same number of frames
    contrast: Range = Range(1.0, 1.0)  # opacity over the background


USUAL = Look()


class Track(NamedTuple):
    """An object's position, size and opacity in every frame; each (T,)."""

    x: NDArray[np.float64]  # centre, in [0, 1]
    y: NDArray[np.float64]
    size: NDArray[np.float64]  # side of the object's square
    opacity: NDArray[np.float64]  # 0 invisible, 1 opaque


def pair_of(label: str) -> tuple[str, str]:
    """The pair of a class: ``right`` gives (left, right)."""
    return next(pair for pair in PAIRS if label in pair)


def motion(
    label: str, num_frames: int, rng: np.random.Generator, look: Look = USUAL, looks: np.random.Generator | None = None
) -> Track:
    """A track of one class. With equal generators the two classes of a pair give the same track, one reversed.

    Speed and contrast are drawn from ``looks``, which stands apart from the class; without it they are the highest.
    """
    first, _ = pair_of(label)
    speed, contrast = speed_and_contrast(look, looks)
    phase = np.linspace(0.5 - speed / 2, 0.5 + speed / 2, num_frames)  # the middle of the path
    track = forward_motion(first, phase, rng, look)
    track = track._replace(opacity=contrast * track.opacity)
    return track if label == first else Track(*(values[::-1] for values in track))


def speed_and_contrast(look: Look, looks: np.random.Generator | None) -> tuple[float, float]:
    """Part of the path that is seen, and opacity. Without a generator they are the highest."""
    if looks is None:
        return look.speed.high, look.contrast.high
    return look.speed.draw(looks), look.contrast.draw(looks)


def forward_motion(label: str, phase: NDArray[np.float64], rng: np.random.Generator, look: Look) -> Track:
    """The track of a pair's first class. ``phase`` (T,) runs from 0 at the start of the path to 1 at its end."""
    still = np.ones_like(phase)
    size = look.size.draw(rng)
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
        return Track(x * still, y * still, look.far.draw(rng) * 3.0**sweep, still)
    fade = np.clip((phase - rng.uniform(0.4, 0.6)) / 0.1 + 0.5, 0, 1)
    return Track(x * still, y * still, size * still, fade)
