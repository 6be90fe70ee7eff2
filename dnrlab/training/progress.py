"""Progress of a running training: lines of the log, and curves for TensorBoard where it is installed."""

import importlib.util
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dnrlab.runs.folder import TENSORBOARD
from dnrlab.text import duration

Draw = Callable[[int, Mapping[str, Any]], None]  # a step, and the values of that step by name


class Clock:
    """Estimates the remaining time of a run from the steps of this call."""

    def __init__(self, first_step: int, total_steps: int) -> None:
        self.first_step, self.total_steps, self.start = first_step, total_steps, time.perf_counter()

    def left(self, step: int) -> str:
        """``12 minutes left`` after ``step`` steps. Empty before the first step and after the last."""
        done, rest = step - self.first_step, self.total_steps - step
        if done < 1 or rest < 1:
            return ""
        seconds = (time.perf_counter() - self.start) / done * rest
        return f"  {duration(seconds / 3600)} left"


def epoch_line(row: Mapping[str, Any], epochs: int) -> str:
    """``epoch 3/12  loss 1.203  top-1 0.52  val 0.61  41 clips/s``, and the number of clips if some were left out."""
    validated = "" if math.isnan(row["val_top1"]) else f"  val {row['val_top1']:.2f}"
    trained = f"epoch {row['epoch'] + 1}/{epochs}  loss {row['loss']:.3f}  top-1 {row['top1']:.2f}"
    skipped = f"  {row['clips']} of {row['clips'] + row['skipped']} clips" if row["skipped"] else ""
    return f"{trained}{validated}  {speed(row)}{skipped}"


def step_line(row: Mapping[str, Any], step: int, total_steps: int) -> str:
    """The line of a checkpoint within an epoch: ``step 2000 of 735000  loss 5.102  top-1 0.03  83 clips/s``."""
    return f"step {step} of {total_steps}  loss {row['loss']:.3f}  top-1 {row['top1']:.2f}  {speed(row)}"


def speed(row: Mapping[str, Any]) -> str:
    """``41 clips/s``; below ten with one decimal."""
    per_second = row["clips"] / row["seconds"]
    return f"{per_second:.0f} clips/s" if per_second >= 10 else f"{per_second:.1f} clips/s"


@contextmanager
def tensorboard(run_dir: Path, first_step: int, *, wanted: bool = True) -> Iterator[Draw]:
    """Yield a function that adds values to the curves in ``run_dir/tensorboard``.

    It does nothing if TensorBoard is not installed or ``wanted`` is false. Curves of an earlier call are cut at
    ``first_step``, where this call starts.
    """
    if not wanted or importlib.util.find_spec("tensorboard") is None:
        yield lambda step, values: None
        return
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(run_dir / TENSORBOARD), purge_step=first_step)

    def add(step: int, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if not math.isnan(value):
                writer.add_scalar(name, value, step)
        writer.flush()

    try:
        yield add
    finally:
        writer.close()
