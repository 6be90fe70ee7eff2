"""Networks and runs made for tests, without training."""

import torch

from dnrlab import DNRConfig
from dnrlab.data.synthetic.motions import CLASSES
from dnrlab.models.config import build_model
from dnrlab.recipes.named import demo, override
from dnrlab.runs.load import Run


class Planted(torch.nn.Module):
    """A network whose class 1 is where the red is, in a layer of images (N*T, C, h, w)."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.ReLU())
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, clips):
        num_frames = clips.shape[2]
        features = self.features(clips.transpose(1, 2).flatten(0, 1) * self.scale)
        red = features[:, 0].mean(dim=(1, 2)).view(-1, num_frames).mean(dim=1)
        return torch.stack([-red, red], dim=1)


def made(name, num_frames=8, **settings):
    """A run with random weights, of the synthetic classes."""
    recipe = override(demo(), **{"name": name, "dnr": DNRConfig(), "num_frames": num_frames, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(0)  # whatever ran before
        model = build_model(recipe.model, num_classes=10, num_frames=num_frames).eval()
    return Run(model, recipe, CLASSES)
