"""Synthetic videos: encoded files whose classes only the order of the frames tells apart, pair by pair.

Every scene (object and background) is filmed in all ten classes, so that appearance says nothing about the label; the
classes of a pair show the same frames in opposite order, so that a network that cannot see order scores 0.5 within a
pair. Objects, photographs and waves of the splits are disjoint. 24 frames and 8 segments make the test frames of a
video and of its reversal the same.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.data.synthetic.motions import CLASSES, PAIRS, motion, pair_of
from dnrlab.data.synthetic.render import Strip, boxes, make_scene, render
from dnrlab.files import atomic_write

STRIPS: dict[str, Strip] = {"train": (0.0, 0.6), "val": (0.6, 0.8), "test": (0.8, 1.0)}


# x264's assembly reads memory that nothing wrote, so that a few videos of a set would differ from run to run.
H264 = {"crf": "18", "preset": "veryfast", "x264-params": "no-asm=1"}


@dataclass(frozen=True, kw_only=True)
class SyntheticConfig:
    """How many videos of what shape; a scene gives ten videos, one a class."""

    train_scenes: int = 120
    val_scenes: int = 10
    test_scenes: int = 30
    num_frames: int = 24
    side: int = 96  # pixels, even
    frames_per_second: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        low = {name: getattr(self, name) for name in ("train_scenes", "val_scenes", "test_scenes", "num_frames")}
        if min(low.values()) < 1 or self.side < 32 or self.side % 2:
            raise ValueError(f"expected counts of at least 1 and an even side of at least 32, got {low}, {self.side}")


def make_synthetic(folder: str | Path, config: SyntheticConfig, *, workers: int = 2) -> Path:
    """Write videos, ``manifest.csv``, ``boxes.csv`` and ``card.json`` into ``folder``; returns the manifest's path.

    A folder that holds the set of the same config already is left as it is.
    ``boxes.csv``: path, frame, left, top, right, bottom (pixels), opacity.
    """
    folder = Path(folder)
    card = {"name": "synthetic", "flip": "none", "pairs": PAIRS, "config": vars(config)}
    card_text = json.dumps(card, indent=2)
    manifest = folder / "manifest.csv"
    if manifest.is_file() and (folder / "card.json").is_file():
        if (folder / "card.json").read_text(encoding="utf-8") == card_text:
            return manifest
        raise ValueError(f"{folder} holds a synthetic set of another config; give another folder or remove it")
    scenes = [(split, number) for split in STRIPS for number in range(getattr(config, f"{split}_scenes"))]
    jobs = (joblib.delayed(film_scene)(folder, config, split, number) for split, number in scenes)
    filmed = joblib.Parallel(n_jobs=workers)(jobs)
    boxes_of_all = pd.concat([box_rows for _, box_rows in filmed]).round(2)
    with atomic_write(folder / "boxes.csv") as unfinished:
        boxes_of_all.to_csv(unfinished, index=False)
    with atomic_write(manifest) as unfinished:
        pd.concat([rows for rows, _ in filmed]).to_csv(unfinished, index=False)
    with atomic_write(folder / "card.json") as unfinished:  # last: it says that the set is whole
        unfinished.write_text(card_text, encoding="utf-8")
    return manifest


def small_synthetic() -> Path:
    """The manifest of the set that notebooks use by default, made in ``runs/synthetic`` on first use."""
    return make_synthetic("runs/synthetic", SyntheticConfig())


def film_scene(folder: Path, config: SyntheticConfig, split: str, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Encode the ten videos of a scene. Returns its manifest rows and its boxes."""
    scene_key = [config.seed, list(STRIPS).index(split), number]
    # The first number keeps the streams apart: a seed sequence takes [a, b] and [a, b, 0] for the same.
    scene = make_scene(config.side, STRIPS[split], np.random.default_rng([1, *scene_key]))
    rows, box_tables = [], []
    for label in CLASSES:
        rng = np.random.default_rng([2, *scene_key, PAIRS.index(pair_of(label))])  # the same for both of a pair
        track = motion(label, config.num_frames, rng)
        path = Path(split) / label / f"scene{number:04d}.mp4"
        encode(folder / path, render(scene, track), config.frames_per_second)
        rows.append({"path": path.as_posix(), "label": label, "split": split, "scene": f"{split}{number:04d}"})
        table = pd.DataFrame(boxes(track, config.side), columns=["left", "top", "right", "bottom"])
        table.insert(0, "frame", range(config.num_frames))
        table.insert(0, "path", path.as_posix())
        box_tables.append(table.assign(opacity=track.opacity))
    return pd.DataFrame(rows), pd.concat(box_tables)


def encode(path: Path, frames: NDArray[np.uint8], frames_per_second: int) -> None:
    """Write frames (T, H, W, 3), RGB, as an H.264 file; the same frames give the same bytes."""
    import av

    with atomic_write(path) as unfinished, av.open(str(unfinished), "w") as container:
        stream = container.add_stream("libx264", rate=frames_per_second, options=H264)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def pair_accuracy(labels: list[str], predicted: list[str]) -> dict[str, float]:
    """``top1``; ``pair``: the right pair, whichever of the two; ``within_pair``: the right one among those.

    Chance is 0.1, 0.2 and 0.5. ``within_pair`` is nan where no prediction hits its pair.
    """
    in_pair = [label for label, guess in zip(labels, predicted, strict=True) if guess in pair_of(label)]
    right = sum(label == guess for label, guess in zip(labels, predicted, strict=True))
    within = right / len(in_pair) if in_pair else math.nan
    return {"top1": right / len(labels), "pair": len(in_pair) / len(labels), "within_pair": within}
