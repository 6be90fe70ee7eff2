"""Training and evaluation mode of the modules of a network."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def modes_restored(model: nn.Module) -> Iterator[None]:
    """After the ``with`` block every module is again in the mode that it was in.

    ``model.train(model.training)`` would set all modules to the mode of the outermost one, such as frozen batch norms.
    """
    before = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training
