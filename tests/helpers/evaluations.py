"""A network whose scores differ from view to view, and its evaluation."""

import time

import pandas as pd
import torch

from dnrlab import DNRConfig
from dnrlab.data.config import DataConfig
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import read_manifest, select
from dnrlab.evaluation import EvalConfig, evaluate
from dnrlab.evaluation.view_scores import ScoresFile
from dnrlab.models.config import ModelConfig

DATA = DataConfig(sampling="segments", num_frames=4, short_side=20, crop_size=16)


MODEL = ModelConfig(dnr=DNRConfig(relay_distance=2))


VIEWS = EvalConfig(num_clips=2, num_crops=3, batch_size=4)


class Network(torch.nn.Module):
    """Logits of ten classes that depend on the clip, in a way that views differ."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(scale))

    def forward(self, clips):
        return self.scale * clips.mean(dim=(2, 3, 4)).repeat(1, 4)[:, :10] * torch.arange(1, 11)


def evaluated(file, keep, *, reads=None, pause=0.0, scale=1.0, split="test", data=DATA, views=VIEWS, model=MODEL):
    """Evaluate; ``reads`` takes the path of every video that is read, each after a pause in seconds."""

    def read(path, indices):
        time.sleep(pause)
        if reads is not None:
            reads.append(path)
        return READER.read_frames(path, indices)

    videos, scores = select(read_manifest(file), split), keep and ScoresFile(keep, model)
    return evaluate(Network(scale), videos, data, views, reader=READER._replace(read_frames=read), scores=scores)


def assert_same(one, other):
    for first, second in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(first, second)
