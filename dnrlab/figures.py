"""Save figures to files, beside the data that they show."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dnrlab.files import atomic_write


def short_names(run_dirs: Sequence[str]) -> list[str]:
    """The last part of each folder's path, or the whole paths if two last parts are equal."""
    names = [Path(run_dir).name for run_dir in run_dirs]
    return names if len(set(names)) == len(names) else [Path(run_dir).as_posix() for run_dir in run_dirs]


def figures_folder(run_dirs: Sequence[str]) -> Path:
    """The default folder for figures of some runs: ``runs/figures/a``, or ``runs/figures/a_b`` for two runs."""
    names = "_".join(name.replace("/", "_") for name in short_names(run_dirs))
    return Path("runs") / "figures" / names[:100]


def save_figure(figure: Figure, folder: str | Path, name: str, **data: Any) -> Path:
    """Write ``NAME.png``, ``NAME.pdf`` and the numbers that they show.

    Tables go to CSV files, all arrays to one NPZ file. In the name, each character that is not a letter, digit, dot or
    hyphen becomes an underscore.

    Returns: the path of ``NAME.png``.
    """
    folder, name = Path(folder), re.sub(r"[^\w.-]", "_", name)
    arrays: dict[str, Any] = {key: value for key, value in data.items() if isinstance(value, np.ndarray)}
    if arrays:
        with atomic_write(folder / f"{name}.npz") as unfinished:
            np.savez_compressed(unfinished, **arrays)
    for key, value in data.items():
        if isinstance(value, pd.DataFrame):
            with atomic_write(folder / (f"{name}.csv" if key == "table" else f"{name}_{key}.csv")) as unfinished:
                value.to_csv(unfinished, index=False)
    for suffix in ("png", "pdf"):
        with atomic_write(folder / f"{name}.{suffix}") as unfinished:
            figure.savefig(unfinished, dpi=150)
    return folder / f"{name}.png"
