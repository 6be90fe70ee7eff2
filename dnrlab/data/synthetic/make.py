"""Synthetic videos: encoded files in which the two classes of a pair differ only in the order of the frames.

Every scene (object and background) is filmed in all ten classes, so that appearance says nothing about the label. The
two classes of a pair show the same frames in opposite order, so that a network that cannot see order scores 0.5 within
a pair. The splits share no objects, photographs or waves. With 24 frames and 8 segments, a video and its reversal have
the same test frames.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnrlab.data.synthetic.motions import CLASSES, PAIRS, USUAL, Look, Range, motion, pair_of
from dnrlab.data.synthetic.render import Strip, boxes, make_scene, render
from dnrlab.files import atomic_write, explain_read_errors
from dnrlab.lock import locked
from dnrlab.parent import workers_of

STRIPS: dict[str, Strip] = {"train": (0.0, 0.6), "val": (0.6, 0.8), "test": (0.8, 1.0)}


# no-asm: x264's assembly reads uninitialized memory, so a few videos of a set would differ between runs.
H264 = {"crf": "18", "preset": "veryfast", "x264-params": "no-asm=1"}

MANIFEST, CARD = "manifest.csv", "card.json"
PATIENCE = 3600.0  # seconds to wait for another process that makes the set
SLOWEST = 0.3  # with less of the path an object is neither whole nor gone at the ends of its fading


@dataclass(frozen=True, kw_only=True)
class SyntheticConfig:
    """Number and shape of the videos. Each scene gives ten videos, one per class."""

    train_scenes: int = 120
    val_scenes: int = 10
    test_scenes: int = 30
    num_frames: int = 24
    side: int = 96  # pixels, even
    frames_per_second: int = 12
    seed: int = 0
    look: Look = USUAL  # how large, how fast and how visible objects are

    def __post_init__(self) -> None:
        for name in ("train_scenes", "val_scenes", "test_scenes", "num_frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}; raise {name}")
        for name, low, high in self.look_ranges():
            if not 0 < low <= high <= 1:
                raise ValueError(f"expected {name} in (0, 1], the lower number first, got {low} and {high}; correct it")
        if 3 * self.look.far.high > 1 or self.look.speed.low < SLOWEST:
            raise ValueError(
                f"expected far of at most 1/3, for it grows threefold, got {self.look.far.high}, and speed of at least "
                f"{SLOWEST}, for all of a fading to be seen, got {self.look.speed.low}; correct it"
            )
        if self.side < 32 or self.side % 2:
            raise ValueError(f"expected side to be even and at least 32 (pixels), got {self.side}; change side")

    def look_ranges(self) -> list[tuple[str, float, float]]:
        """Name, low and high of each range of ``look``."""
        return [(name, *getattr(self.look, name)) for name in Look._fields]


# Sets that have names: a name stands for a manifest. The hard one has small, slow and faint objects.
SMALL = Look(size=Range(0.1, 0.3), far=Range(0.08, 0.1), speed=Range(0.4, 1.0), contrast=Range(0.3, 0.8))
SETS = {"synthetic": SyntheticConfig(), "synthetic_hard": SyntheticConfig(look=SMALL)}


def make_synthetic(folder: str | Path, config: SyntheticConfig, *, workers: int = 2) -> Path:
    """Write videos, ``manifest.csv``, ``boxes.csv`` and ``card.json`` into ``folder``.

    A folder that already holds the set of the same config is left as it is. The columns of ``boxes.csv`` are path,
    frame, left, top, right, bottom (pixels) and opacity.

    Returns: the path of the manifest.

    Raises: ValueError if the folder holds a set of another config, or another process is still making one after
        ``PATIENCE`` seconds.
    """
    folder = Path(folder)
    if is_made(folder, config):
        return folder / MANIFEST
    with locked(folder, "making of videos", patience=PATIENCE):
        if not is_made(folder, config):  # by another process meanwhile
            film_scenes(folder, config, workers)
            card = {"name": "synthetic", "flip": "none", "pairs": PAIRS, "config": plain(config)}
            with atomic_write(folder / CARD) as unfinished:  # written last: it marks the set as complete
                unfinished.write_text(json.dumps(card, indent=2), encoding="utf-8")
    return folder / MANIFEST


def plain(config: SyntheticConfig) -> dict[str, Any]:
    """The config as plain values, as JSON gives them back."""
    values = vars(config) | {"look": {name: [low, high] for name, low, high in config.look_ranges()}}
    return dict(values)


def is_made(folder: Path, config: SyntheticConfig) -> bool:
    """Whether a folder holds the whole set. ValueError if it holds one of another config.

    Cards of earlier versions have no ``look``: it was what is the default now.
    """
    if not (folder / MANIFEST).is_file() or not (folder / CARD).is_file():
        return False
    with explain_read_errors(folder / CARD, "remove the folder; the set is made again"):
        stored = json.loads((folder / CARD).read_text(encoding="utf-8"))["config"]
        earlier = {"look": plain(SyntheticConfig())["look"]}
    if earlier | stored == plain(config):
        return True
    raise ValueError(
        f"expected an empty folder or the set of this config, got a set of another config in {folder}; "
        "give another folder or remove this one"
    )


def film_scenes(folder: Path, config: SyntheticConfig, workers: int) -> None:
    """Encode all videos, and write the manifest and the boxes."""
    scenes = [(split, number) for split in STRIPS for number in range(getattr(config, f"{split}_scenes"))]
    jobs = (joblib.delayed(film_scene)(folder, config, split, number) for split, number in scenes)
    filmed = joblib.Parallel(**workers_of(workers))(jobs)
    boxes_of_all = pd.concat([box_rows for _, box_rows in filmed]).round(2)
    with atomic_write(folder / "boxes.csv") as unfinished:
        boxes_of_all.to_csv(unfinished, index=False)
    with atomic_write(folder / MANIFEST) as unfinished:
        pd.concat([rows for rows, _ in filmed]).to_csv(unfinished, index=False)


def named_set(name: str) -> Path:
    """The manifest of a set in ``SETS``, which is made in ``runs/NAME`` on first use."""
    return make_synthetic(Path("runs") / name, SETS[name])


def generators(seed: int, split: str, number: int, label: str) -> tuple[np.random.Generator, np.random.Generator]:
    """Random generators for a scene's motion, and for its speed and contrast; the same for both classes of a pair."""
    key = [seed, list(STRIPS).index(split), number, PAIRS.index(pair_of(label))]
    return np.random.default_rng([2, *key]), np.random.default_rng([3, *key])


def film_scene(folder: Path, config: SyntheticConfig, split: str, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Encode the ten videos of a scene. Returns their manifest rows and their boxes."""
    scene_key = [config.seed, list(STRIPS).index(split), number]
    # The first number (1, 2, 3) keeps the streams apart: a SeedSequence treats [a, b] and [a, b, 0] alike.
    scene = make_scene(config.side, STRIPS[split], np.random.default_rng([1, *scene_key]))
    rows, box_tables = [], []
    for label in CLASSES:
        rng, looks = generators(config.seed, split, number, label)
        track = motion(label, config.num_frames, rng, config.look, looks)
        path = Path(split) / label / f"scene{number:04d}.mp4"
        encode(folder / path, render(scene, track), config.frames_per_second)
        rows.append({"path": path.as_posix(), "label": label, "split": split, "scene": f"{split}{number:04d}"})
        table = pd.DataFrame(boxes(track, config.side), columns=["left", "top", "right", "bottom"])
        table.insert(0, "frame", range(config.num_frames))
        table.insert(0, "path", path.as_posix())
        box_tables.append(table.assign(opacity=track.opacity))
    return pd.DataFrame(rows), pd.concat(box_tables)


def encode(path: Path, frames: NDArray[np.uint8], frames_per_second: int) -> None:
    """Write frames (T, H, W, 3), RGB, to an H.264 file. The same frames give the same bytes."""
    import av

    with atomic_write(path) as unfinished, av.open(str(unfinished.absolute()), "w") as container:
        stream = container.add_stream("libx264", rate=frames_per_second, options=H264)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def pair_accuracy(labels: list[str], predicted: list[str]) -> dict[str, float]:
    """Accuracies by class and by pair of classes.

    ``top1``: the predicted class is right; chance is 0.1. ``pair``: the predicted class is in the right pair; chance is
    0.2. ``within_pair``: top-1 accuracy of the videos whose predicted pair is right; chance is 0.5, and it is nan if
    there are none.
    """
    in_pair = [label for label, guess in zip(labels, predicted, strict=True) if guess in pair_of(label)]
    right = sum(label == guess for label, guess in zip(labels, predicted, strict=True))
    within = right / len(in_pair) if in_pair else math.nan
    return {"top1": right / len(labels), "pair": len(in_pair) / len(labels), "within_pair": within}
