"""DNR inside networks that were built elsewhere: norms, stages and interlacing that are called like plain modules.

The blocks of such a network pass features alone. So the relay of cross-layer DNR travels beside them: a stage hands it
to each of its blocks and takes it back. It is a value of the stage's call, and nothing stays on a module.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, overload

from torch import Tensor, nn

from dnrlab.relay import CrossLayerNorm, CrossLayerTemporalNorm, CrossTemporalNorm, InterlacedConv2d, LayerRelay
from dnrlab.relay.axes import merge_time, split_time
from dnrlab.relay.functional import interlace_channels
from dnrlab.relay.norm import RelayNorm


class Passing(threading.local):
    """The relay of the block that runs in this thread; None outside of a stage's blocks."""

    relay: LayerRelay | None = None


PASSING = Passing()


class InjectedNorm(RelayNorm):
    """A DNR layer that is called with features alone, like the norm that it replaced.

    Shape: images (N*T, C, H, W) of clips of ``num_frames`` frames, or clips (N, C, T, H, W); the same shape out.

    Raises: ValueError if images come without ``num_frames``, or a block runs outside of its stage.
    """

    num_frames: int | None = None  # T of the clips of a 2D network
    name: str = ""  # of the layer in its network, for errors

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        if PASSING.relay is None and not isinstance(self, InjectedCrossTemporal):
            raise ValueError(
                f"expected {self.name} to run inside its stage, which passes the relay, got a call of the block alone; "
                "call the stage (checkpoint whole stages, too), or use DNRConfig(where='temporal')"
            )
        if x.ndim == 4 and self.num_frames is None:
            raise ValueError(
                f"expected clips (N, C, T, H, W) at {self.name}, got {tuple(x.shape)}; "
                "for images give num_frames to add_dnr, or call set_num_frames(model, T)"
            )
        y, PASSING.relay = super().forward(x, PASSING.relay, self.num_frames if x.ndim == 4 else None)
        return y


class InjectedCrossTemporal(InjectedNorm, CrossTemporalNorm):  # type: ignore[misc]
    """Cross-temporal DNR in a network from elsewhere."""


class InjectedCrossLayer(InjectedNorm, CrossLayerNorm):  # type: ignore[misc]
    """Cross-layer DNR in a network from elsewhere."""


class InjectedCrossLayerTemporal(InjectedNorm, CrossLayerTemporalNorm):  # type: ignore[misc]
    """Both relays on one norm in a network from elsewhere."""


class RelayedStage(nn.Sequential):
    """Residual blocks in order, as before, and the cells of cross-layer DNR that they share.

    The cells are no steps: indexing, iterating and ``len`` see the blocks alone. A relay starts from zero at the first
    block of each cell.

    Attributes:
        cell_of: for the name of each block with cross-layer DNR, the name of its cell, such as ``lstm``.

    Shape: those of the blocks.
    """

    cell_of: dict[str, str]

    def forward(self, x: Tensor) -> Tensor:
        relay: LayerRelay | None = None
        for name, block in self.steps().items():
            if name not in self.cell_of:
                x = block(x)
                continue
            lstm: Any = self.get_submodule(self.cell_of[name])
            if relay is None or relay.lstm is not lstm:
                relay = LayerRelay(lstm)
            x, relay = run_block(block, x, relay)
        return x

    def steps(self) -> "OrderedDict[str, nn.Module]":
        """The blocks by name."""
        cells = {*self.cell_of.values()}
        return OrderedDict((name, module) for name, module in self._modules.items() if name not in cells and module)

    def extra_repr(self) -> str:
        return f"cell_of={self.cell_of}"

    def __delitem__(self, index: int | slice) -> None:
        raise fixed("delete")

    def insert(self, index: int, module: nn.Module) -> "RelayedStage":
        """A stage with DNR takes no block in its middle. Raises: TypeError."""
        raise fixed("insert")

    def pop(self, key: int | slice) -> nn.Module:
        """A stage with DNR gives no block away. Raises: TypeError."""
        raise fixed("pop")

    def __len__(self) -> int:
        return len(self.steps())

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self.steps().values())

    @overload
    def __getitem__(self, index: int) -> nn.Module: ...
    @overload
    def __getitem__(self, index: slice) -> nn.Sequential: ...
    def __getitem__(self, index: int | slice) -> nn.Module:
        if isinstance(index, slice):
            return nn.Sequential(OrderedDict(list(self.steps().items())[index]))
        return list(self.steps().values())[index]


def fixed(action: str) -> TypeError:
    """The error of changing the blocks of a stage that share a relay."""
    return TypeError(f"expected fixed blocks in a stage with DNR, got {action}; change the blocks before add_dnr")


def run_block(block: nn.Module, x: Tensor, relay: LayerRelay) -> tuple[Tensor, LayerRelay | None]:
    """The output of a block, and the relay after it."""
    before, PASSING.relay = PASSING.relay, relay
    try:
        y = block(x)
        return y, PASSING.relay
    finally:
        PASSING.relay = before


class Interlace:
    """A forward pre-hook that interlaces the channels of a module's input.

    Attributes:
        num_frames: T of the clips of a 2D network; None for a 3D network.
    """

    def __init__(self, num_frames: int | None) -> None:
        self.num_frames = num_frames

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x, *others = inputs
        if x.ndim == 5:
            return interlace_channels(x), *others
        return merge_time(interlace_channels(split_time(x, self.num_frames or 0))), *others


def set_num_frames(model: nn.Module, num_frames: int) -> None:
    """Tell a 2D network with injected DNR that its images now come from clips of another T.

    Raises: ValueError if ``num_frames`` is below 1 or the network has no injected DNR.
    """
    if num_frames < 1:
        raise ValueError(f"expected num_frames of at least 1, got {num_frames}; give the frames per clip")
    modules = list(model.modules())
    hooks = [hook for module in modules for hook in module._forward_pre_hooks.values()]
    convolutions = [each for each in modules if isinstance(each, InterlacedConv2d) and "num_frames" in vars(each)]
    parts = [*convolutions, *(part for part in (*modules, *hooks) if isinstance(part, InjectedNorm | Interlace))]
    if not parts:
        raise ValueError("expected a network with injected DNR, got one without; call add_dnr first")
    for part in parts:
        part.num_frames = num_frames
