"""Whether heat depends on what a network has learned: maps of networks whose parts get random weights, last to first.

Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, cascading randomisation. Maps are compared by
Spearman's rank correlation. Differs from the source: a randomised layer also loses its running statistics.
"""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from dnrlab.models.config import build_model
from dnrlab.runs.load import Run

ANOTHER = 1_000_003  # added to the seed of the training


def forgetting(run: Run) -> Iterator[tuple[str, Run]]:
    """The run with random weights in more and more of its parts, from the classifier to the first convolution.

    The random weights are not those that the training began with, since trained weights stay related to these.

    Yields: the name of the part randomised last, and the run. The given run stays unchanged.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.recipe.training.seed + ANOTHER)
        fresh = build_model(run.recipe.model, num_classes=len(run.classes), num_frames=run.recipe.data.num_frames)
    model = copy.deepcopy(run.model)
    device = next(model.parameters()).device
    for name, part in reversed(list(model.named_children())):
        if list(part.parameters()):
            part.load_state_dict(fresh.to(device).get_submodule(name).state_dict())
            yield name, run._replace(model=copy.deepcopy(model))


def similarity(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Spearman's rank correlation of two maps of one shape; 0 if one of them is constant."""
    if first.min() == first.max() or second.min() == second.max():
        return 0.0
    return float(spearmanr(first.ravel(), second.ravel()).statistic)
