"""Functions of networks, compiled by ``torch.compile``: which, when, and with nothing changed by the warm-up.

``default`` fuses operations. ``graphs`` also records all launches of a GPU in CUDA graphs. Shapes are fixed: inputs of
another shape are computed without compiling, and nothing is compiled twice. The log says what is compiled and how long
it took.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

log = logging.getLogger("dnrlab")

LONG_STEPS = 5_000  # compiling takes a minute; on a GPU so many steps take several minutes without it
WARM_UP = 3  # passes: CUDA graphs are recorded in the second one
SETTINGS: dict[str, dict[str, Any]] = {"default": {}, "graphs": {"mode": "reduce-overhead"}}

Result = TypeVar("Result")


def how_to_compile(compile: str, device: str, steps: int) -> str:
    """``auto`` becomes ``graphs`` on a GPU for at least ``LONG_STEPS`` steps, else ``off``. Other choices stay.

    ``graphs`` becomes ``default`` on a CPU, which has none.
    """
    on_gpu = device.startswith("cuda")
    if compile == "auto":
        return "graphs" if on_gpu and steps >= LONG_STEPS else "off"
    return "default" if compile == "graphs" and not on_gpu else compile


def compiled(
    function: Callable[..., Result],
    example: Sequence[Tensor],
    how: str,
    *,
    model: nn.Module,
    warm_up: Callable[[Result], object] = lambda result: None,
    name: str,
    required: bool = False,
) -> Callable[..., Result]:
    """``function``, compiled for inputs of the shapes of ``example``. It is called a few times here, with the example.

    Buffers and gradients of the model and the state of torch's random numbers are as before afterwards. Where there is
    no compiler, or it fails, the log has one sentence that says why, and ``function`` is returned as it is.

    Args:
        how: off, default or graphs.
        model: the network whose state is put back.
        warm_up: called with each result of the warm-up, such as its backward pass.
        name: what is compiled, for the log.
        required: raise where compiling fails.

    Raises: RuntimeError if compiling is required and fails; torch.OutOfMemoryError.
    """
    if how == "off":
        return function
    start = time.perf_counter()

    def run(*inputs: Tensor) -> Result:
        return function(*inputs)

    run.__code__ = run.__code__.replace()  # its own copy: torch limits how often one code is compiled
    try:
        fast = torch.compile(run, fullgraph=True, dynamic=False, **SETTINGS[how])
        with untouched(model):
            for _ in range(WARM_UP):
                for parameter in model.parameters():
                    parameter.grad = None  # those of a graph lie in its memory, which the next step takes
                begin_step(how)
                warm_up(fast(*example))
    except torch.OutOfMemoryError as error:
        error.add_note("compiling needs more memory than the network alone; set compile to off, or lower batch_size")
        raise
    except Exception as error:  # whatever a compiler raises
        cause = getattr(error, "inner_exception", error)
        reason = next(iter(str(cause).strip().splitlines()), "") or type(cause).__name__
        if required:
            raise RuntimeError(f"expected {name} to be compiled, got: {reason}; leave this treatment out") from error
        log.warning(f"{name} runs without compiling, since that failed: {reason}")
        return function
    log.info(f"compiled {name} ({how}) for inputs {shapes_of(example)} in {time.perf_counter() - start:.0f} s")

    def call(*inputs: Tensor) -> Result:
        if shapes_of(inputs) != shapes_of(example):
            return function(*inputs)
        begin_step(how)
        return fast(*inputs)

    return call


def shapes_of(tensors: Sequence[Tensor]) -> list[tuple[int, ...]]:
    """Their shapes."""
    return [tuple(each.shape) for each in tensors]


def begin_step(how: str) -> None:
    """Let a CUDA graph overwrite the results of the step before."""
    if how == "graphs":
        torch.compiler.cudagraph_mark_step_begin()


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Put back the buffers and gradients of a model and the state of torch's random numbers after the block."""
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    devices = {each.device for each, _ in (*buffers, *gradients) if each.device.type == "cuda"}
    try:
        with torch.random.fork_rng(devices=[device.index for device in devices]):
            yield
    finally:
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
        for parameter, gradient in gradients:
            parameter.grad = gradient
