"""The texts and numbers of a clip as the player takes them: plain values, and images as bytes."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dnrlab.explorer.clip import ClipSeen, Lines, OfRun, most_moving, most_moving_layer
from dnrlab.plots.style import CHANNELS
from dnrlab.runs.load import Run

TOP = 5  # classes whose scores are shown
REST = 60  # channels that are drawn in grey


NO_CLIP: dict[str, Any] = {"key": "", "place": "", "label": "cannot be read", "runs": [], "frame_indices": []}


def scene_of(
    seen: ClipSeen,
    runs: Mapping[str, Run],
    num_windows: int = 1,
    *,
    start: int = 0,
    before: ClipSeen | None = None,
    lines: Mapping[str, Any] | None = None,
    note: str = "",
) -> dict[str, Any]:
    """The ``scene`` of the player.

    Args:
        num_windows: clips that cover the video.
        start: frame of the clip where the player begins, from 0.
        before: the same clip without the change, to compare scores with.
        lines: from ``lines_scene``.
        note: a sentence below the plots.
    """
    view, place = seen.view, seen.place
    change = zlib.crc32(repr(place).encode())
    earlier = {} if before is None else before.of_runs
    return {
        "key": f"{place.row}.{place.window}.{change}.{len(seen.of_runs)}",
        "place": f"{place.row}.{place.window}",
        "start": start,
        "label": view.label,
        "path": "/".join(Path(view.path).parts[-2:]),
        "change": place.question.words,
        "frame_indices": view.frame_indices,
        "seconds": [second if np.isfinite(second) else None for second in view.seconds],
        "clip": place.window,
        "clips": num_windows,
        "runs": [
            run_scene(name, seen.of_runs.get(name), earlier.get(name), run.classes, view.label)
            for name, run in runs.items()
        ],
        "lines": lines,
        "note": note,
    }


def run_scene(
    name: str, own: OfRun | None, before: OfRun | None, classes: Sequence[str], label: str = ""
) -> dict[str, Any]:
    """A network's name, prediction and highest scores, and that of the label; with ``before`` also those before."""
    if own is None:
        return {"name": name, "waiting": "computing …"}
    if own.explanation is None:
        return {"name": name, "error": own.error}
    scores = own.explanation.scores
    earlier = None if before is None or before.explanation is None else before.explanation.scores
    best = np.argsort(-(scores if earlier is None else np.maximum(scores, earlier)), kind="stable")[:TOP]
    if label in classes and classes.index(label) not in best:
        best[-1] = classes.index(label)
    rows = [{"name": classes[index], "score": float(scores[index])} for index in best]
    if earlier is not None:
        rows = [{**row, "before": float(earlier[index])} for row, index in zip(rows, best, strict=True)]
    return {
        "name": name,
        "predicted": own.explanation.predicted,
        "was": None if before is None or before.explanation is None else before.explanation.predicted,
        "unchanged": earlier is not None and same_scores(scores, earlier),
        "explained": own.explanation.explained,
        "scores": rows,
    }


def same_scores(scores: ArrayLike, others: ArrayLike) -> bool:
    """Whether scores are the same in the two digits that are shown."""
    return bool(np.array_equal(np.asarray(scores).round(2), np.asarray(others).round(2)))


def lines_of_clip(
    seen: ClipSeen, before: ClipSeen | None, name: str, layer: str, channels: Sequence[int]
) -> tuple[dict[str, Any] | None, str]:
    """The ``lines`` of a network and the sentence below them; none before it has seen the clip, or without DNR.

    ``layer`` may be empty: the one whose gamma moves most, before a change. ValueError if it has no such channel.
    """
    own = seen.of_runs.get(name)
    if own is None or not own.lines:
        return None, ""
    unchanged = before.of_runs[name].lines if before is not None and name in before.of_runs else {}
    layer = layer if layer in own.lines else most_moving_layer(unchanged or own.lines)
    earlier = unchanged.get(layer)
    note = "" if earlier is None else "Solid lines: as shown. Dashed: before the change. "
    note += "γ and β change from one group of frames to the next. Grey: other channels."
    return lines_scene(name, layer, own.lines[layer], channels=channels, before=earlier), note


def lines_scene(
    run: str, layer: str, lines: Lines, *, channels: Sequence[int] = (), before: Lines | None = None
) -> dict[str, Any]:
    """Gamma and beta of a layer as the player draws them: the most moving or the given channels in colour.

    Raises: ValueError if the layer has no such channel.
    """
    num_channels = len(lines.gamma)
    missing = [channel for channel in channels if not 0 <= channel < num_channels]
    if missing:
        raise ValueError(f"expected channels 0 to {num_channels - 1} of {layer}, got {missing[0]}; choose from these")
    chosen = list(channels) or most_moving(before or lines, len(CHANNELS))
    others = [channel for channel in range(num_channels) if channel not in chosen]
    others = [others[index] for index in np.linspace(0, len(others) - 1, min(REST, len(others))).astype(int)]
    coloured = []
    for index, channel in enumerate(chosen):
        line = {"channel": channel, "colour": CHANNELS[index % len(CHANNELS)], **values(lines, channel)}
        coloured.append(line if before is None else {**line, "before": values(before, channel)})
    return {
        "run": run,
        "layer": layer,
        "frames": lines.gamma.shape[1],
        "channels": coloured,
        "rest": [values(lines, channel) for channel in others],
    }


def values(lines: Lines, channel: int) -> dict[str, list[float]]:
    """Gamma and beta of a channel over the frames, rounded to six digits."""
    return {name: np.round(getattr(lines, name)[channel].astype(float), 6).tolist() for name in Lines._fields}


def heats_of(seen: ClipSeen, names: Sequence[str]) -> list[list[bytes]]:
    """The images of the maps of each network; none where it has none yet."""
    return [seen.of_runs[name].heat if name in seen.of_runs else [] for name in names]
