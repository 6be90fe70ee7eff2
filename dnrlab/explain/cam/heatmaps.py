"""Heat maps of trained networks for some clips, and the data of their figure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from dnrlab.data.transforms import normalize
from dnrlab.explain.cam.gradcam import clip_gradcam
from dnrlab.explain.cam.sharp_layer import sharp_layer
from dnrlab.explain.clips import ClipView, clip_for, middle_frames
from dnrlab.runs.load import Run


class Explanation(NamedTuple):
    """A network's prediction for a clip, and its heat map."""

    predicted: str
    score: float  # softmax, in [0, 1]
    explained: str  # the class that the map explains
    heat: NDArray[np.float32]  # (T, crop, crop) in [0, 1]
    scores: NDArray[np.float32]  # (classes,), softmax, in the order of the run's classes


def explain_clips(
    run: Run, views: Sequence[ClipView], *, layer: str = "", target: str = "predicted", device: str = "cpu"
) -> list[Explanation]:
    """The prediction of a run for each clip, and the Grad-CAM++ map of the predicted class or of the label.

    Args:
        views: at least one; they go through the network together.
        layer: see ``clip_gradcam``; empty: ``sharp_layer`` of the run.
        target: ``predicted``, ``label``, or the name of a class.

    Raises: ValueError if the class is unknown to the run.
    """
    clips = normalize(torch.stack([clip_for(run, view) for view in views]).to(device))
    with torch.inference_mode():
        scores = run.model(clips).float().softmax(dim=1).cpu()  # (N, classes)
    predicted = [run.classes[int(best)] for best in scores.argmax(dim=1)]
    named = zip(predicted, views, strict=True)
    explained = [{"predicted": guess, "label": view.label}.get(target, target) for guess, view in named]
    unknown = next((name for name in explained if name not in run.classes), None)
    if unknown is not None:
        raise ValueError(f"expected a class of the run, got {unknown!r}; choose one of {', '.join(run.classes)}")
    heats = clip_gradcam(run.model, clips, [run.classes.index(name) for name in explained], layer or sharp_layer(run))
    heats = heats[:, middle_frames(run.recipe.data.frames_per_segment)]
    best = scores.amax(dim=1).tolist()
    parts = zip(predicted, best, explained, heats.numpy(), scores.numpy(), strict=True)
    return [Explanation(*each) for each in parts]


def figure_data(frames: NDArray[np.uint8], explained: Mapping[str, Explanation]) -> dict[str, Any]:
    """The data of a heat-map figure, for ``save_figure``: frames and maps as arrays, predictions as a table."""
    heats = {f"heat_{name.replace('/', '_')}": each.heat for name, each in explained.items()}
    rows = [
        {"network": name, "predicted": each.predicted, "score": each.score, "explained": each.explained}
        for name, each in explained.items()
    ]
    return {"frames": frames, **heats, "table": pd.DataFrame(rows)}
