"""What processes do in the tests of several: importable, so that they can be started."""

import os
import signal

import torch

from dnrlab import DNRConfig, compiling, create_model
from dnrlab.data.manifest import read_manifest
from dnrlab.device import Runtime
from dnrlab.distributed import ALONE, all_gather, all_sum, broadcast, join
from dnrlab.training.loop import NetworkLoss, train_steps
from dnrlab.training.state import distributed_model, share_buffers
from dnrlab.training.train import train

DNR = DNRConfig(relay_distance=2)
INSTANCE = DNRConfig(relay_distance=2, standardization="instance")
EQUAL = {  # networks whose steps are those of one process: batch statistics do not enter, or are synchronised
    "instance": ("tsn_resnet18", {"norm": "instance"}, False),
    "synchronised": ("tsn_resnet18", {"dnr": DNR}, True),
    "synchronised_tanet": ("tanet_resnet18", {"dnr": DNRConfig(relay_distance=3)}, True),
    "synchronised_tdn": ("tdn_resnet18", {"dnr": DNR}, True),  # whose norms see two batches a forward pass
    "synchronised_bottleneck": ("tsm_resnet50", {"dnr": DNR}, True),
    "synchronised_elsewhere": ("tests.helpers.own_networks:images", {"dnr": DNR}, True),  # of timm, with add_dnr
}
OTHER = {"own": ("tsn_resnet18", {"dnr": DNR}, False)}  # each process has the statistics of its own clips


def places():
    """What the processes know of each other."""
    with join("cpu") as (world, device):
        total = all_sum(torch.tensor([1.0, world.rank]), world).tolist()
        return world, device, total, all_gather(10 * world.rank, world), broadcast(10 * world.rank + 1, world)


def steps(name, sizes, world=ALONE, how="off"):
    """Parameters, buffers and sums after a step a batch of each of some sizes, in double precision."""
    network, settings, sync = (EQUAL | OTHER)[name]
    torch.manual_seed(0)
    model = create_model(
        network, num_classes=3, num_frames=4, width=16 if network.startswith("tdn") else 8, dropout=0.0, **settings
    ).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))  # no gamma or beta as they start
    generator = torch.Generator().manual_seed(1)
    shape = (3, 4 * getattr(model, "frames_per_segment", 1), 32, 32)
    batches = [(torch.rand(size, *shape, generator=generator).double(), torch.arange(size) % 3) for size in sizes]
    own = [(clips[world.rank :: world.size], labels[world.rank :: world.size]) for clips, labels in batches]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    network = NetworkLoss(model)
    network.compile_for(*own[0], how)
    stepped = distributed_model(network, "cpu", world, sync_statistics=sync)
    sums = train_steps(stepped, own, optimizer, schedule, device="cpu", clip_norm=5.0, world=world)
    share_buffers(model, world)
    return {name: value.detach() for name, value in model.state_dict().items()}, sums


def all_steps(sizes):
    """``steps`` of every network, in this process of several."""
    with join("cpu") as (world, _):
        found = {name: steps(name, sizes, world) for name in EQUAL | OTHER}
        return found | {"one clip": steps("instance", (1,), world)}


def compiled_steps(sizes):
    """``steps`` without compiling and compiled, and the number of graphs, in this process of several."""
    import torch._dynamo

    compiling.SETTINGS["default"] = {"backend": "aot_eager"}
    with join("cpu") as (world, _):
        found = [steps("own", sizes, world, how)[0] for how in ("off", "default")]
        return *found, torch._dynamo.utils.counters["stats"]["unique_graphs"]


def apart(recipe, manifest, run_dir):
    """What a training in this process of several says where each has a run folder of its own."""
    with join("cpu") as (world, _):
        try:
            train(recipe, read_manifest(manifest), run_dir / str(world.rank), world=world)
        except ValueError as error:
            return str(error)


def train_among(recipe, manifest, run_dir, dies_at=-1):
    """A training in this process of several; in the first attempt the second one is killed at a step."""
    from dnrlab.training import epoch

    def dying(model, batches, optimizer, schedule, **settings):
        first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
        if first and settings["world"].rank == 1 and schedule.last_epoch == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return train_steps(model, batches, optimizer, schedule, **settings)

    epoch.train_steps = dying
    with join("cpu") as (world, device):
        history = train(recipe, read_manifest(manifest), run_dir, Runtime(device=device), world=world)
    return list(history["loss"])
