"""The object of a synthetic video in the network's crop: its position, size, contrast and speed."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.data.config import DataConfig
from dnrlab.data.manifest import Manifest
from dnrlab.explain.clips import ClipView

SEEN = 0.5  # part of its highest opacity in the video from which an object counts as seen


TRAITS = ("size", "contrast", "speed")


COLUMNS = ["left", "top", "right", "bottom"]


class ObjectTrack(NamedTuple):
    """An object in the T frames of a clip."""

    boxes: NDArray[np.float64]  # (T, 4): left, top, right, bottom in sides of the crop, clipped to [0, 1]
    seen: NDArray[np.bool_]  # (T,)


def read_boxes(manifest: Manifest) -> pd.DataFrame | None:
    """``boxes.csv`` beside the manifest, indexed by absolute path and frame; None if there is none.

    Columns: path, frame, left, top, right, bottom (pixels of the file), opacity, and seen: whether the opacity is at
    least half of the highest that the object has in the video. So a faint object is seen, too.
    """
    file = manifest.file.parent / "boxes.csv"
    if not file.is_file():
        return None
    table = pd.read_csv(file)
    highest = table.groupby("path")["opacity"].transform("max")
    seen = (table["opacity"] >= SEEN * highest) & (table["opacity"] > 0)
    return table.assign(seen=seen, path=[str(file.parent / path) for path in table["path"]]).set_index(
        ["path", "frame"]
    )


def object_track(boxes: pd.DataFrame, view: ClipView, data: DataConfig) -> ObjectTrack:
    """The object of a clip, in the network's crop; ``boxes`` is from ``read_boxes``.

    Raises: ValueError if a frame has no box.
    """
    wanted = [(view.path, index) for index in view.frame_indices]
    missing = next((key for key in wanted if key not in boxes.index), None)
    if missing:
        raise ValueError(
            f"expected one row of boxes.csv per frame, got none for {missing[0]}, frame {missing[1]}; "
            "add it, or take boxes.csv away to measure deletion instead"
        )
    rows = boxes.loc[wanted]
    height, width = view.frame_size
    scale = data.short_side / min(height, width)
    offset = np.array([(side * scale - data.crop_size) / 2 for side in (width, height)] * 2)
    corners = (rows[COLUMNS].to_numpy() * scale - offset) / data.crop_size
    return ObjectTrack(np.clip(corners, 0, 1), rows["seen"].to_numpy())


def object_masks(track: ObjectTrack, side: int) -> NDArray[np.bool_]:
    """(T, side, side): whether a pixel's centre lies in the object's box; False in frames where it is not seen."""
    centres = (np.arange(side) + 0.5) / side
    left, top, right, bottom = (each[:, None] for each in track.boxes.T)
    across, down = (left <= centres) & (centres < right), (top <= centres) & (centres < bottom)  # (T, side)
    return np.asarray(down[:, :, None] & across[:, None, :] & track.seen[:, None, None])


def object_traits(track: ObjectTrack, frames: NDArray[np.uint8]) -> dict[str, float]:
    """Size, contrast and speed of an object, over the frames (T, S, S, 3) in which it is seen; nan if it never is.

    ``size``: side of the box, as a share of the crop's side. ``contrast``: distance between the mean colours in the box
    and around it, in [0, 1]. ``speed``: mean motion of the box's corners per frame, as a share of the crop's side.
    """
    if not track.seen.any():
        return dict.fromkeys(TRAITS, np.nan)
    areas = (track.boxes[:, 2] - track.boxes[:, 0]) * (track.boxes[:, 3] - track.boxes[:, 1])
    steps = np.abs(np.diff(track.boxes, axis=0)).mean(axis=1)[track.seen[1:] & track.seen[:-1]]
    inside, outside = object_masks(track, frames.shape[1]), object_masks(widened(track), frames.shape[1])
    contrasts = [
        np.linalg.norm(frame[box].mean(axis=0) - frame[around & ~box].mean(axis=0)) / (255 * np.sqrt(3))
        for frame, box, around in zip(frames, inside, outside, strict=True)
        if box.any() and (around & ~box).any()
    ]
    return {
        "size": float(np.sqrt(areas)[track.seen].mean()),
        "contrast": float(np.mean(contrasts)) if contrasts else np.nan,
        "speed": float(steps.mean()) if len(steps) else 0.0,
    }


def widened(track: ObjectTrack) -> ObjectTrack:
    """Boxes with the same centres, 1.5 times as wide and high, clipped to the crop."""
    sides = (track.boxes[:, 2:] - track.boxes[:, :2]) / 4
    return track._replace(boxes=np.clip(track.boxes + np.concatenate([-sides, sides], axis=1), 0, 1))
