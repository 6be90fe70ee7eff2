"""What a training step changes: network, optimizer and schedule. They can be shared by several processes."""

from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from dnrlab.distributed import World
from dnrlab.models.config import build_model
from dnrlab.recipes.config import Recipe
from dnrlab.relay.synchronized import synchronize_statistics
from dnrlab.training.loop import NetworkLoss
from dnrlab.training.optimizer import make_optimizer
from dnrlab.training.schedule import make_schedule


class State(NamedTuple):
    """What a step changes."""

    model: nn.Module
    optimizer: SGD
    schedule: LambdaLR


def fresh_state(recipe: Recipe, num_classes: int, steps_per_epoch: int, device: str) -> State:
    """The state before the first step, with random weights from the recipe's seed."""
    config = recipe.training
    torch.manual_seed(config.seed)
    model = build_model(recipe.model, num_classes=num_classes, num_frames=recipe.data.num_frames).to(device)
    optimizer = make_optimizer(model, config)
    return State(model, optimizer, make_schedule(optimizer, config, steps_per_epoch))


def distributed_model(model: NetworkLoss, device: str, world: World, *, sync_statistics: bool) -> nn.Module:
    """The network and its loss, to call in training. With several processes it averages their gradients.

    Delete it before the process group ends: a DistributedDataParallel that outlives its group hangs at the end.
    """
    if world.size == 1:
        return model
    if sync_statistics:
        synchronize_statistics(model)
    return DistributedDataParallel(model, device_ids=[torch.device(device)] if device.startswith("cuda") else None)


def share_buffers(model: nn.Module, world: World) -> None:
    """Copy the running statistics of rank 0 to all ranks, so that all validate the same network."""
    if world.size > 1:
        for buffer in model.buffers():
            dist.broadcast(buffer, 0)
