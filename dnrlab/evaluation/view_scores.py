"""Scores of single views, stored in a file during an evaluation, so that a killed evaluation can resume.

``NAME.npy`` is float32 (rows, views, classes), with nan for rows without scores. ``NAME.json`` beside it is the
fingerprint of the scores: weights, videos, classes, clips and views. An evaluation with another fingerprint starts
again.
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
from dnrlab.files import atomic_write, explain_read_errors, refuse_link
from dnrlab.models.config import ModelConfig
from dnrlab.models.own import is_own, source_digest
from dnrlab.runs.folder import VIEW_SCORES, file_of_split

log = logging.getLogger("dnrlab")


Scores = NDArray[np.float32]  # (rows, views, classes)


Fingerprint = dict[str, Any]  # plain values, as in the JSON file


class ScoresFile(NamedTuple):
    """The file that stores the scores of all views, and the configuration of the network for its fingerprint."""

    path: Path  # NAME.npy
    model: ModelConfig


def scores_file(run_dir: str | Path, split: str, model: ModelConfig) -> ScoresFile:
    """The file in a run folder that stores the scores of all views of a split."""
    return ScoresFile(file_of_split(run_dir, VIEW_SCORES, split), model)


def fingerprint(
    model: nn.Module, config: ModelConfig, manifest: Manifest, data: DataConfig, views: dict[str, int], arithmetic: str
) -> Fingerprint:
    """All values that the scores depend on: configuration, printed modules and weights, rows, clips and views.

    ``views`` has num_clips and num_crops. Batch size and the contents of the video files are not part of it.
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
    if is_own(config.name):
        facts["model_source"] = source_digest(config.name)
    plain: Fingerprint = json.loads(json.dumps(facts))  # JSON has lists, no tuples
    return plain


def weights_digest(model: nn.Module) -> str:
    """SHA-256 of the names and values of all parameters and buffers, and of the printed modules."""
    digest = hashlib.sha256(repr(model).encode())
    for name, value in model.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def open_scores(file: Path | None, shape: tuple[int, int, int], facts: Fingerprint) -> Scores:
    """The scores so far: the scores in ``file`` if it has the fingerprint ``facts``, else nan.

    The array is a memory map: values assigned to it are stored in the file. Without a file it is in memory, all nan.
    """
    if file is None:
        return np.full(shape, np.nan, np.float32)
    beside = file.with_suffix(".json")
    if beside.is_file():
        stored = facts_in(beside)
        changed = [name for name, value in facts.items() if stored.get(name) != value]
        if changed:
            log.info(f"scores in {file} have other {', '.join(changed)}: all videos are scored again")
        elif is_whole(file, shape):
            refuse_link(file)
            scores: Scores = np.load(file, mmap_mode="r+")
            done = int(is_scored(scores).sum())
            if done:
                log.info(f"{done} of {shape[0]} videos have scores already; remove {beside} to score them again")
            return scores
    beside.unlink(missing_ok=True)  # first: it must never describe other scores
    write_unscored(file, shape)
    with atomic_write(beside) as unfinished:
        unfinished.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    return np.asanyarray(np.load(file, mmap_mode="r+"))


def facts_in(file: Path) -> Fingerprint:
    """The fingerprint in a file, or an empty one if the file cannot be read: then all videos are scored again."""
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return stored if isinstance(stored, dict) else {}


def write_unscored(file: Path, shape: tuple[int, int, int]) -> None:
    """Write a file of nan, row by row. A full disk raises an error here, and not at a later write to the memory map."""
    row = np.full(shape[1:], np.nan, np.float32).tobytes()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with atomic_write(file) as unfinished, unfinished.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for _ in range(shape[0]):
            stream.write(row)


def is_whole(file: Path, shape: tuple[int, int, int]) -> bool:
    """Whether a file holds scores of this shape. (numpy pads a truncated file with zeros when it opens it to write.)"""
    try:
        stored = np.load(file, mmap_mode="r")
        return bool(stored.shape == shape and stored.dtype == np.float32)
    except (OSError, ValueError, EOFError):
        return False


def is_scored(scores: Scores) -> NDArray[np.bool_]:
    """For each row, whether all its views are scored."""
    return np.asarray(~np.isnan(scores).any(axis=(1, 2)))


def read_scores(file: str | Path) -> tuple[Scores, Fingerprint]:
    """Stored scores as a memory map, and their fingerprint. FileNotFoundError if there are none."""
    file = Path(file)
    if not file.is_file() or not file.with_suffix(".json").is_file():
        raise FileNotFoundError(f"expected scores of views at {file}, got no such file; evaluate that run first")
    with explain_read_errors(file, "evaluate that run again"):
        return np.load(file, mmap_mode="r"), json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
