"""What the relay does: networks whose state is zero at every step, and gamma and beta without the relayed state."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dnrlab.relay import RelayCell, RelayNorm

KINDS = ("cross_temporal", "cross_layer")


TINY = 1e-6  # smaller differences of gamma and beta are float32's rounding


def relay_cells(model: nn.Module) -> dict[str, tuple[str, RelayCell]]:
    """Kind and cell by name: cells of DNR layers relay over time, cells of stages over layers.

    Raises: ValueError if the network has no DNR.
    """
    norms = [name for name, module in model.named_modules() if isinstance(module, RelayNorm)]
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, RelayCell):
            found[name] = (KINDS[0] if name.rpartition(".")[0] in norms else KINDS[1], module)
    if not found:
        raise ValueError("expected a network with DNR, got one without; train or create one with dnr")
    return found


@contextmanager
def relay_cut(model: nn.Module, *kinds: str) -> Iterator[None]:
    """Inside the ``with`` block, cells of these ``KINDS`` (by default both) start from zero at every group and block.

    Gamma and beta then depend on the current features alone. ValueError if the network has no DNR.
    """

    def forget(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return (inputs[0], None)

    cells = relay_cells(model).values()
    handles = [cell.register_forward_pre_hook(forget) for kind, cell in cells if kind in (kinds or KINDS)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Influence:
    """Gamma and beta with the relay and, from the same features, without it, for every step of every cell."""

    def __init__(self) -> None:
        self.steps: dict[tuple[str, str], list[list[Tensor]]] = {}  # by cell and kind: gamma, beta, both unrelayed

    def table(self) -> pd.DataFrame:
        """How much the relay changes gamma and beta in each cell.

        The first step of a relay counts too, although nothing is relayed to it.

        Returns: columns cell, kind, name (gamma, beta), and change, see ``change``.
        """
        rows = []
        for (cell, kind), steps in self.steps.items():
            gamma, beta, gamma_alone, beta_alone = (
                torch.cat(each).double().numpy() for each in zip(*steps, strict=True)
            )
            for name, own, alone in (("gamma", gamma, gamma_alone), ("beta", beta, beta_alone)):
                rows.append({"cell": cell, "kind": kind, "name": name, "change": change(own, alone)})
        return pd.DataFrame(rows, columns=["cell", "kind", "name", "change"])


def change(own: NDArray[np.floating], alone: NDArray[np.floating]) -> float:
    """Root mean square of the relay's part, (own - alone), divided by the standard deviation of what is applied, own.

    Both are (steps, C), over clips and steps. Squares are averaged over the channels before the division. A relay that
    moves every second step of an otherwise constant gamma gives sqrt(2). Without any difference the result is 0.
    """
    moved, spread = np.square(own - alone).mean(), own.var(axis=0).mean()
    if moved <= TINY**2:
        return 0.0
    return float(np.sqrt(moved / spread)) if spread > 0 else float("inf")


@contextmanager
def record_influence(model: nn.Module) -> Iterator[Influence]:
    """Record what the relay changes inside the ``with`` block; the outputs of the network stay the same.

    Raises: ValueError if the network has no DNR.
    """
    influence, handles = Influence(), []
    for name, (kind, cell) in relay_cells(model).items():

        def hook(module: RelayCell, inputs: tuple[Any, ...], output: Any, name: str = name, kind: str = kind) -> None:
            alone = RelayCell.forward(module, inputs[0])
            last = [each.detach().cpu() for each in (*output[-1], *alone[-1])]
            influence.steps.setdefault((name, kind), []).append(last)

        handles.append(cell.register_forward_hook(hook))
    try:
        yield influence
    finally:
        for handle in handles:
            handle.remove()
