"""Size, speed and contrast of the objects in synthetic videos, computed without making the videos."""

import pandas as pd

from dnrlab.data.synthetic.make import SyntheticConfig, generators
from dnrlab.data.synthetic.motions import CLASSES, motion, speed_and_contrast


def objects_of(config: SyntheticConfig, split: str) -> pd.DataFrame:
    """The objects of a split (train, val or test), drawn again as the set's maker draws them.

    Returns: path (below the set's folder), size (side, as part of the frame; mean over the frames), speed (part of the
        path that is seen) and contrast (opacity where it is highest); one row per video.
    """
    rows = []
    for number in range(getattr(config, f"{split}_scenes")):
        for label in CLASSES:
            rng, looks = generators(config.seed, split, number, label)
            size = motion(label, config.num_frames, rng, config.look, looks).size.mean()
            _, looks = generators(config.seed, split, number, label)  # anew, for the motion has drawn from the first
            speed, contrast = speed_and_contrast(config.look, looks)
            path = f"{split}/{label}/scene{number:04d}.mp4"
            rows.append({"path": path, "size": size, "speed": speed, "contrast": contrast})
    return pd.DataFrame(rows)
