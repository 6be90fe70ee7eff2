"""Speeds of networks relative to each other in one run, and the noise of the machine during that run.

Other work on a machine, and its temperature, change seconds by more than DNR does. So the networks take turns, and
networks to compare run one after the other. Ratios are taken within a round. The first network also runs against a copy
of itself: the distance of that ratio from 1 is noise.
"""

import copy
import time
from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from dnrlab.device import autocast

CONTROL = "control"  # the copy of the first network


def measure(
    models: Mapping[str, nn.Module],
    clips: Mapping[str, Tensor],
    *,
    rounds: int,
    generator: torch.Generator,
    progress: bool = False,
) -> pd.DataFrame:
    """Seconds of forward passes as in an evaluation: without gradients, on a GPU in mixed precision.

    Args:
        models: networks by name. Networks to compare are neighbours. A copy of the first is measured as ``control``.
            The networks are set to evaluation mode.
        clips: input of each network by name, (N, 3, frames, H, W), on the network's device.
        rounds: measured passes per network. One warm-up pass before them does not count.
        generator: draws the first network and the direction of each round.
        progress: show a bar.

    Returns: one row per round and network: round, network, turn (its position in the round), seconds (per clip),
        peak_bytes (on a GPU the peak of weights, clips and activations together; NaN elsewhere).

    Raises: ValueError if there is no network, the names of networks and clips differ, or rounds is below 1.
    """
    if not models or CONTROL in models or set(models) != set(clips):
        raise ValueError(
            f"expected one or more networks, none named {CONTROL!r}, and clips for each of them, "
            f"got networks {list(models)} and clips for {list(clips)}; give both by the same names"
        )
    if rounds < 1:
        raise ValueError(f"expected rounds of at least 1, got {rounds}; raise it (the warm-up is not one of them)")
    first = next(iter(models))
    networks = {name: (model.eval(), clips[name]) for name, model in models.items()}
    networks[CONTROL] = (copy.deepcopy(models[first]).eval(), clips[first])
    names, rows = list(networks), []
    for round_index in tqdm(range(-1, rounds), desc="rounds", disable=not progress):
        order = circle(names, generator)
        measured = {name: forward_pass(*networks[name]) for name in order}
        if round_index >= 0:
            rows += [(round_index, name, order.index(name), *measured[name]) for name in names]
    return pd.DataFrame(rows, columns=["round", "network", "turn", "seconds", "peak_bytes"])


def circle(names: Sequence[str], generator: torch.Generator) -> list[str]:
    """The names in a circle, from a random start and in a random direction.

    Neighbours stay neighbours, except at the start: ``a b c d`` gives ``c d a b`` or ``b a d c``.
    """
    start, backwards = (int(torch.randint(count, (), generator=generator)) for count in (len(names), 2))
    turned = [*names[start:], *names[:start]]
    return turned[::-1] if backwards else turned


@torch.inference_mode()
def forward_pass(model: nn.Module, clips: Tensor) -> tuple[float, float]:
    """Seconds per clip of one pass, and on a GPU its peak memory in bytes (NaN elsewhere)."""
    on_gpu, other_bytes = clips.device.type == "cuda", 0
    if on_gpu:
        own_bytes = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers(), clips))
        other_bytes = torch.cuda.memory_allocated(clips.device) - own_bytes
        torch.cuda.reset_peak_memory_stats(clips.device)
        torch.cuda.synchronize(clips.device)
    start = time.perf_counter()
    with autocast(clips.device):
        model(clips)
    if on_gpu:
        torch.cuda.synchronize(clips.device)
    seconds = (time.perf_counter() - start) / len(clips)
    return seconds, torch.cuda.max_memory_allocated(clips.device) - other_bytes if on_gpu else float("nan")


def speeds(table: pd.DataFrame, references: Mapping[str, str], *, views: int) -> pd.DataFrame:
    """Speed and memory of each network, from a table of ``measure``.

    Args:
        table: round, network, seconds (per view), peak_bytes.
        references: for a network's name, the name of the network to compare its speed with.
        views: views per video. The paper has 30: 10 clips of 3 crops.

    Returns: one row per network: network, seconds (per view, the median), videos_per_second (1 / (views x seconds)),
        speed_kept (the reference's seconds divided by the network's, within a round; the median), speed_kept_low and
        speed_kept_high (the quartiles; NaN without a reference), peak_gib (NaN except on a GPU). Example: in two rounds
        the reference takes 2 s and 3 s, and the network takes 4 s in both. speed_kept is 0.625, with quartiles 0.5625
        and 0.6875.

    Raises: ValueError if views is below 1 or a name is not in the table.
    """
    if views < 1:
        raise ValueError(f"expected views of at least 1, got {views}; the paper has 30")
    seconds = table.pivot(index="round", columns="network", values="seconds")
    missing = sorted({*references, *references.values()} - set(seconds))
    if missing:
        raise ValueError(f"expected networks of the table, got {', '.join(missing)}; choose among {', '.join(seconds)}")
    rows = []
    for name, passes in table.groupby("network", sort=False):
        row = {"network": name, "seconds": passes["seconds"].median()}
        row["videos_per_second"] = 1 / (views * row["seconds"])
        if name in references:
            quartiles = (seconds[references[name]] / seconds[name]).quantile([0.5, 0.25, 0.75])
            row |= dict(zip(("speed_kept", "speed_kept_low", "speed_kept_high"), quartiles, strict=True))
        rows.append(row | {"peak_gib": passes["peak_bytes"].max() / 2**30})
    columns = ["network", "seconds", "videos_per_second", "speed_kept", "speed_kept_low", "speed_kept_high", "peak_gib"]
    return pd.DataFrame(rows, columns=columns)


def noise(table: pd.DataFrame) -> float:
    """How far a ratio can be from 1 by chance: the larger distance of the control's quartiles from 1.

    ``table`` is the result of ``speeds``.

    Quartiles of 0.98 and 1.05 give 0.05. ValueError if the table has no control.
    """
    control = table[table["network"] == CONTROL]
    if len(control) != 1:
        raise ValueError(
            f"expected one row {CONTROL!r}, got networks {list(table['network'])}; give the whole table of speeds"
        )
    return float((control[["speed_kept_low", "speed_kept_high"]] - 1).abs().max(axis=None))
