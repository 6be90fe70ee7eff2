"""How well heat lies on an object whose position is known: share, pointing, steadiness.

Source: the pointing game is that of Zhang et al., "Top-down neural attention by excitation backprop", ECCV 2016, here
without tolerance. The share of heat in the box is as in Wang et al., "Score-CAM", CVPR workshops 2020.
Axes: T frames, S pixels per side. Heat (T, S, S) is not negative; masks (T, S, S) mark the object.
"""

import numpy as np
from numpy.typing import NDArray

from dnrlab.explain.cam.objects import ObjectTrack, object_masks

Heat = NDArray[np.float32]


Mask = NDArray[np.bool_]


def localisation(heat: Heat, track: ObjectTrack) -> dict[str, float]:
    """All measures of a clip; nan if the object is never seen.

    ``area`` is the share that a uniform map has; ``times_chance`` is the share divided by it.
    """
    mask = object_masks(track, heat.shape[1])
    share, area = share_on_object(heat, mask), float(mask[mask.any(axis=(1, 2))].mean()) if mask.any() else np.nan
    return {
        "share": share,
        "pointing": pointing(heat, mask),
        "steadiness": steadiness(heat, track),
        "area": area,
        "times_chance": share / area,
    }


def share_on_object(heat: Heat, mask: Mask) -> float:
    """The part of the heat that lies on the object, over the frames in which it is seen; 0 if these have no heat.

    Heat equal to the mask gives 1. Uniform heat gives the part of the frame that the object covers.
    """
    seen = mask.any(axis=(1, 2))
    if not seen.any():
        return np.nan
    total = float(heat[seen].sum())
    return float(heat[mask].sum()) / total if total > 0 else 0.0


def pointing(heat: Heat, mask: Mask) -> float:
    """The part of the frames with the object whose hottest pixel lies on the object.

    A frame without heat, or with uniform heat, counts as a miss.
    """
    seen = mask.any(axis=(1, 2))
    if not seen.any():
        return np.nan
    hits = []
    for frame, own in zip(heat[seen], mask[seen], strict=True):
        hottest = np.unravel_index(int(frame.argmax()), frame.shape)
        hits.append(frame.max() > frame.min() and bool(own[hottest]))
    return float(np.mean(hits))


def steadiness(heat: Heat, track: ObjectTrack) -> float:
    """How similar the maps of neighbouring frames are after the object's motion is removed, in [0, 1].

    Each map is scaled to sum to 1, and the second is moved back by the motion of the box's centre, in whole pixels. The
    overlap of two maps is sum(min(p, q)); the result is its mean over pairs of frames in which the object is seen, nan
    without such a pair. A map that follows the object unchanged gives 1. Maps that do not overlap give 0, and so does a
    frame without heat.
    """
    side = heat.shape[1]
    centres = (track.boxes[:, :2] + track.boxes[:, 2:]) / 2 * side  # (T, 2): x, y
    overlaps = []
    for t in np.flatnonzero(track.seen[1:] & track.seen[:-1]):
        right, down = np.round(centres[t + 1] - centres[t]).astype(int)
        first, second = heat[t], moved(heat[t + 1], -down, -right)
        if first.sum() > 0 and heat[t + 1].sum() > 0:
            overlaps.append(np.minimum(first / first.sum(), second / heat[t + 1].sum()).sum())
        else:
            overlaps.append(0.0)
    return float(np.mean(overlaps)) if overlaps else np.nan


def moved(image: Heat, down: int, right: int) -> Heat:
    """An image moved by whole pixels and filled with 0; pixels that leave it are lost."""
    height, width = image.shape
    down, right = max(min(down, height), -height), max(min(right, width), -width)
    result = np.zeros_like(image)
    to = slice(max(down, 0), height + min(down, 0)), slice(max(right, 0), width + min(right, 0))
    of = slice(max(-down, 0), height + min(-down, 0)), slice(max(-right, 0), width + min(-right, 0))
    result[to] = image[of]
    return result
