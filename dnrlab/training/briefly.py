"""A short training of any network, without a run folder: for a first look."""

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from dnrlab.data.config import DataConfig
from dnrlab.data.dataset import TrainingClips
from dnrlab.data.decode.reader import READER
from dnrlab.data.loading import training_batches
from dnrlab.data.manifest import Manifest
from dnrlab.training.bad_videos import readable
from dnrlab.training.loop import NetworkLoss, Sums, train_steps


def train_briefly(
    network: nn.Module,
    videos: Manifest,
    data: DataConfig,
    *,
    epochs: int = 1,
    batch_size: int = 16,
    lr: float = 0.05,
    num_workers: int = 0,
    device: str = "cpu",
) -> Sums:
    """Train a network in place by SGD with momentum; the learning rate rises to ``lr`` and falls again.

    Nothing is stored and nothing can be resumed: ``dnrlab.training.train`` does both.

    Args:
        network: from clips (N, 3, T, H, W) to logits, on ``device``.
        videos: the training videos.
        data: sampling and size of the clips.

    Returns: the sums over all steps; ``means()`` gives loss and accuracy.

    Raises: VideoError that names a video that cannot be read; ValueError if a number is below 1.
    """
    for name, value in {"epochs": epochs, "batch_size": batch_size}.items():
        if value < 1:
            raise ValueError(f"expected {name} of at least 1, got {value}; raise it")
    batches = training_batches(TrainingClips(videos, data, READER, 0), batch_size, range(epochs), num_workers)
    optimizer = torch.optim.SGD(network.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)
    steps = epochs * max(len(videos.rows) // batch_size, 1)
    schedule = OneCycleLR(optimizer, lr, total_steps=steps)
    read = readable(batches, videos, "error", {})
    return train_steps(NetworkLoss(network), read, optimizer, schedule, device=device, clip_norm=20.0)
