"""What is timed: the forward pass of an evaluation or a training step of a network, compiled or not."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dnrlab.compiling import compiled
from dnrlab.device import autocast
from dnrlab.models.inference import optimize_for_inference
from dnrlab.training.loop import NetworkLoss, training_step

TREATMENTS = ("eager", "folded", "compiled", "graphs")  # folded: by optimize_for_inference, for forward passes only
TASKS = ("forward", "step")
HOW = {"eager": "off", "folded": "off", "compiled": "default", "graphs": "graphs"}  # as in dnrlab.compiling
LR, CLIP_NORM = 1e-4, 40.0  # of the steps; the weights hardly move


class Work(NamedTuple):
    """A piece of work, and what is known of it."""

    network: str
    treatment: str
    task: str
    run: Callable[[], object]
    clips: int  # per turn
    device: str = "cpu"
    own_bytes: int = 0  # weights, buffers and clips
    saved_bytes: float = float("nan")  # for the backward pass, per turn
    recorded_bytes: int = 0  # the peak while CUDA graphs were recorded; a replay allocates nothing

    @property
    def key(self) -> tuple[str, str, str]:
        """Network, treatment and task."""
        return self.network, self.treatment, self.task


def prepare(name: str, model: nn.Module, clips: Tensor, treatment: str, task: str) -> Work:
    """Make the work of a network, which is its own from here on. Compiling takes its time here.

    Args:
        clips: (N, 3, T, H, W), floating point in [0, 1], on the network's device.

    Raises: ValueError if treatment or task is unknown, or they do not go together; RuntimeError if compiling fails.
    """
    if treatment not in TREATMENTS or task not in TASKS or (treatment, task) == ("folded", "step"):
        raise ValueError(
            f"expected a treatment in {TREATMENTS} and a task in {TASKS}, folded for forward passes only, "
            f"got {treatment} and {task}; choose others"
        )
    make = forward_pass if task == "forward" else step
    recorded = treatment == "graphs" and clips.device.type == "cuda"
    before = torch.cuda.memory_allocated(clips.device) if recorded else 0
    if recorded:
        torch.cuda.reset_peak_memory_stats(clips.device)
    run = make(model, clips, treatment, f"{name} ({task})")
    peak = torch.cuda.max_memory_allocated(clips.device) - before if recorded else 0
    own = sum(each.nbytes for each in (*model.parameters(), *model.buffers(), clips))
    saved = saved_bytes(run, model) if task == "step" and clips.device.type == "cpu" else float("nan")
    return Work(name, treatment, task, run, len(clips), str(clips.device), own, saved, peak)


def forward_pass(model: nn.Module, clips: Tensor, treatment: str, name: str) -> Callable[[], Tensor]:
    """A forward pass as in an evaluation: without gradients, on a GPU in mixed precision."""
    network = optimize_for_inference(model) if treatment == "folded" else model.eval()

    @torch.inference_mode()
    def run() -> Tensor:
        with autocast(clips.device):
            logits: Tensor = fast(clips)
            return logits

    with torch.inference_mode(), autocast(clips.device):
        fast = compiled(network, [clips], HOW[treatment], model=model, name=name, required=True)
    return run


def step(model: nn.Module, clips: Tensor, treatment: str, name: str) -> Callable[[], object]:
    """A step of a training: forward and backward pass, clipping, SGD."""
    labels = torch.zeros(len(clips), dtype=torch.long, device=clips.device)
    network = NetworkLoss(model).train()
    network.compile_for(clips, labels, HOW[treatment], name=name, required=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)
    return partial(training_step, network, optimizer, clips, labels, clip_norm=CLIP_NORM)


def saved_bytes(run: Callable[[], object], model: nn.Module) -> float:
    """Bytes that the forward passes in ``run`` save for their backward passes, without parameters and buffers.

    Tensors that share memory count once.
    """
    known = {each.untyped_storage().data_ptr() for each in (*model.parameters(), *model.buffers())}
    found: dict[int, tuple[int, Tensor]] = {}

    def remember(tensor: Tensor) -> Tensor:
        memory = tensor.untyped_storage()
        found[memory.data_ptr()] = memory.nbytes(), tensor  # the tensor keeps its memory from being used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(remember, lambda tensor: tensor):
        run()
    return float(sum(size for pointer, (size, _) in found.items() if pointer not in known))
