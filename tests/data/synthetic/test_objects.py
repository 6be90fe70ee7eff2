"""Sizes, speeds and contrasts of objects, against the videos that are made."""

import numpy as np
import pandas as pd

from dnrlab.data.synthetic.make import SMALL, SyntheticConfig, make_synthetic
from dnrlab.data.synthetic.motions import CLASSES
from dnrlab.data.synthetic.objects import objects_of


def test_they_are_those_of_the_made_set(tmp_path):
    config = SyntheticConfig(train_scenes=1, val_scenes=1, test_scenes=2, side=64, look=SMALL)
    make_synthetic(tmp_path, config, workers=1)
    boxes = pd.read_csv(tmp_path / "boxes.csv")
    found = objects_of(config, "test").set_index("path")
    assert len(found) == 2 * len(CLASSES)
    for path, row in found.iterrows():
        own = boxes[boxes["path"] == path]
        widths = (own["right"] - own["left"]) / config.side
        assert np.isclose(row["size"], widths.mean(), atol=2e-4)  # boxes are rounded to 0.01 pixels
        assert np.isclose(row["contrast"], own["opacity"].max(), atol=0.01)
    left = boxes[boxes["path"] == "test/left/scene0001.mp4"]
    way = (left["left"].iloc[0] - left["left"].iloc[-1]) / config.side
    assert 2 * 0.26 <= way / found.loc["test/left/scene0001.mp4", "speed"] <= 2 * 0.32  # what the whole path measures
    pairs = found.loc[["test/left/scene0001.mp4", "test/right/scene0001.mp4"]]
    assert pairs.drop_duplicates().shape[0] == 1
    assert found["speed"].between(*SMALL.speed).all()
    assert found["speed"].nunique() == found["contrast"].nunique() == len(found) / 2
