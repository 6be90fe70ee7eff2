"""How fast networks are beside each other, as ratios within one run, and how noisy the machine was meanwhile.

Other work on a machine and its temperature change seconds by more than DNR does. So the networks take turns, those to
be compared one after the other; a ratio is taken within a round; and the first network stands against a copy of itself:
what that ratio strays from 1 is noise.
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
    """Seconds of forward passes, as in an evaluation: no gradients, on a GPU in mixed precision.

    Args:
        models: by name, those to be compared next to each other; the first is measured once more in every round, as
            ``control``. They are set to evaluation.
        clips: what each network takes, (N, 3, frames, H, W) by its name, on its device.
        rounds: passes a network that count; one more before them, which warms up, does not.
        generator: draws where in their circle each round begins, and which way it goes.
        progress: show a bar.

    Returns: a row a round and network: round, network, turn (its place within the round), seconds (of one clip, a view
        of a video), peak_bytes (on a GPU; of weights, clips and activations at once; NaN elsewhere).

    Raises: ValueError if there is no network, clips are not of the same names, or rounds is below 1.
    """
    if not models or CONTROL in models or set(models) != set(clips):
        raise ValueError(
            f"expected one or more networks, none called {CONTROL!r}, and clips for each of them, "
            f"got networks {list(models)} and clips for {list(clips)}"
        )
    if rounds < 1:
        raise ValueError(f"expected rounds of at least 1, got {rounds}; the round that warms up comes on top")
    first = next(iter(models))
    contestants = {name: (model.eval(), clips[name]) for name, model in models.items()}
    contestants[CONTROL] = (copy.deepcopy(models[first]).eval(), clips[first])
    names, rows = list(contestants), []
    for number in tqdm(range(-1, rounds), desc="rounds", disable=not progress):
        order = circle(names, generator)
        taken = {name: forward_pass(*contestants[name]) for name in order}
        if number >= 0:
            rows += [(number, name, order.index(name), *taken[name]) for name in names]
    return pd.DataFrame(rows, columns=["round", "network", "turn", "seconds", "peak_bytes"])


def circle(names: Sequence[str], generator: torch.Generator) -> list[str]:
    """The names from a random one on, around to the one before it, in one of both directions.

    Whoever stands next to each other still does, but at the break: ``a b c d`` gives ``c d a b`` or ``b a d c``.
    """
    start, backwards = (int(torch.randint(number, (), generator=generator)) for number in (len(names), 2))
    turned = [*names[start:], *names[:start]]
    return turned[::-1] if backwards else turned


@torch.inference_mode()
def forward_pass(model: nn.Module, clips: Tensor) -> tuple[float, float]:
    """Seconds a clip of one pass, and on a GPU the peak of its memory in bytes (NaN elsewhere)."""
    on_gpu, others = clips.device.type == "cuda", 0
    if on_gpu:
        own = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers(), clips))
        others = torch.cuda.memory_allocated(clips.device) - own
        torch.cuda.reset_peak_memory_stats(clips.device)
        torch.cuda.synchronize(clips.device)
    start = time.perf_counter()
    with autocast(clips.device):
        model(clips)
    if on_gpu:
        torch.cuda.synchronize(clips.device)
    seconds = (time.perf_counter() - start) / len(clips)
    return seconds, torch.cuda.max_memory_allocated(clips.device) - others if on_gpu else float("nan")


def speeds(table: pd.DataFrame, references: Mapping[str, str], *, views: int) -> pd.DataFrame:
    """What a table of ``measure`` says of each network.

    Args:
        table: round, network, seconds (a view), peak_bytes.
        references: by name of a network, the one whose speed it is compared with.
        views: a video is judged by; the paper's are 30, 10 clips of 3 crops.

    Returns: a row a network: network, seconds (of a view, the median), videos_per_second (1 / (views x seconds)),
        speed_kept (the reference's seconds / its own within a round, the median), speed_kept_low and speed_kept_high
        (their quartiles; NaN without a reference), peak_gib (NaN but on a GPU). A reference that took 2 s and 3 s, and
        a network that took 4 s in both rounds, give a speed kept of 0.625 with quartiles 0.5625 and 0.6875.

    Raises: ValueError if views is below 1 or a name is not in the table.
    """
    if views < 1:
        raise ValueError(f"expected views of at least 1, got {views}; the paper's are 30")
    seconds = table.pivot(index="round", columns="network", values="seconds")
    missing = sorted({*references, *references.values()} - set(seconds))
    if missing:
        raise ValueError(f"expected networks of the table, got {', '.join(missing)}; it has {', '.join(seconds)}")
    rows = []
    for name, own in table.groupby("network", sort=False):
        row = {"network": name, "seconds": own["seconds"].median()}
        row["videos_per_second"] = 1 / (views * row["seconds"])
        if name in references:
            quartiles = (seconds[references[name]] / seconds[name]).quantile([0.5, 0.25, 0.75])
            row |= dict(zip(("speed_kept", "speed_kept_low", "speed_kept_high"), quartiles, strict=True))
        rows.append(row | {"peak_gib": own["peak_bytes"].max() / 2**30})
    columns = ["network", "seconds", "videos_per_second", "speed_kept", "speed_kept_low", "speed_kept_high", "peak_gib"]
    return pd.DataFrame(rows, columns=columns)


def noise(table: pd.DataFrame) -> float:
    """How far a ratio may be from 1 and mean nothing: as far as the quartiles of the control are, in a table of speeds.

    Quartiles of 0.98 and 1.05 give 0.05. ValueError if the table has no control.
    """
    control = table[table["network"] == CONTROL]
    if len(control) != 1:
        raise ValueError(
            f"expected a row {CONTROL!r}, got networks {list(table['network'])}; give all that was measured"
        )
    return float((control[["speed_kept_low", "speed_kept_high"]] - 1).abs().max(axis=None))
