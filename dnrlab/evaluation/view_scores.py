"""Scores of single views in a file that grows while an evaluation runs, so that one that was killed goes on.

Beside ``NAME.npy``, float32 (rows, views, classes) with nan for rows that are not scored, stands ``NAME.json``, which
says of which weights, videos, classes, clips and views the scores are. Scores of anything else are not gone on with.
"""

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import dnrlab
from dnrlab.data.config import DataConfig
from dnrlab.data.csv_table import SECONDS
from dnrlab.data.manifest import Manifest, rows_digest
from dnrlab.files import atomic_write
from dnrlab.models.config import ModelConfig
from dnrlab.runs.folder import VIEW_SCORES, file_of_split

log = logging.getLogger("dnrlab")


Scores = NDArray[np.float32]  # (rows, views, classes)


Fingerprint = dict[str, Any]  # plain values, as in the JSON file


class ScoresFile(NamedTuple):
    """Where an evaluation stores the scores of its views, and the configuration of the network that gives them."""

    path: Path  # NAME.npy
    model: ModelConfig


def scores_file(run_dir: str | Path, split: str, model: ModelConfig) -> ScoresFile:
    """The file of a run folder that takes the scores of all views of a split."""
    return ScoresFile(file_of_split(run_dir, VIEW_SCORES, split), model)


def fingerprint(
    model: nn.Module, config: ModelConfig, manifest: Manifest, data: DataConfig, views: dict[str, int], arithmetic: str
) -> Fingerprint:
    """What scores depend on: the network's configuration, printed modules and weights, the rows, and how they are seen.

    ``views`` has num_clips and num_crops. Batch size and the contents of the video files do not count.
    """
    facts = {
        "model": asdict(config),
        "weights": weights_digest(model),
        "rows": rows_digest(manifest, SECONDS),
        "views": views,  # clip by clip, the crops of one clip together
        "data": asdict(data),
        "classes": list(manifest.classes),
        "arithmetic": arithmetic,
        "versions": {"dnrlab": dnrlab.__version__, "torch": torch.__version__},
    }
    plain: Fingerprint = json.loads(json.dumps(facts))  # tuples are lists there
    return plain


def weights_digest(model: nn.Module) -> str:
    """SHA-256 of names and values of all parameters and buffers, and of how the modules print."""
    digest = hashlib.sha256(repr(model).encode())
    for name, value in model.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def open_scores(file: Path | None, shape: tuple[int, int, int], facts: Fingerprint) -> Scores:
    """The scores so far: those of ``file`` if they are of the same facts, else nan; what is put into them is kept.

    Without a file they are in memory, and all nan.
    """
    if file is None:
        return np.full(shape, np.nan, np.float32)
    beside = file.with_suffix(".json")
    if beside.is_file():
        before = json.loads(beside.read_text(encoding="utf-8"))
        others = [name for name, value in facts.items() if before.get(name) != value]
        if others:
            log.info(f"scores in {file} are of other {', '.join(others)}: starting anew")
        elif is_whole(file, shape):
            kept: Scores = np.load(file, mmap_mode="r+")
            done = int(is_scored(kept).sum())
            if done:
                log.info(f"{done} of {shape[0]} videos were scored before; remove {beside} to score them again")
            return kept
    beside.unlink(missing_ok=True)  # no moment in which it speaks of other scores
    write_unscored(file, shape)
    with atomic_write(beside) as unfinished:
        unfinished.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    return np.asanyarray(np.load(file, mmap_mode="r+"))  # what is put into it goes to the file


def write_unscored(file: Path, shape: tuple[int, int, int]) -> None:
    """A file of nothing but nan, row by row: a full disk is met here, as an error, and not at a later write."""
    row = np.full(shape[1:], np.nan, np.float32).tobytes()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with atomic_write(file) as unfinished, unfinished.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for _ in range(shape[0]):
            stream.write(row)


def is_whole(file: Path, shape: tuple[int, int, int]) -> bool:
    """Whether a file holds scores of that shape; opened for writing, one cut short would be filled up with zeros."""
    try:
        return bool(np.load(file, mmap_mode="r").shape == shape)
    except (OSError, ValueError):
        return False


def is_scored(scores: Scores) -> NDArray[np.bool_]:
    """Of each row whether all its views are scored."""
    return np.asarray(~np.isnan(scores).any(axis=(1, 2)))


def read_scores(file: str | Path) -> tuple[Scores, Fingerprint]:
    """Kept scores, mapped and not read, and what they are of. FileNotFoundError if there are none."""
    file = Path(file)
    if not file.is_file() or not file.with_suffix(".json").is_file():
        raise FileNotFoundError(f"expected scores of views at {file}, found none; evaluate that run first")
    return np.load(file, mmap_mode="r"), json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
