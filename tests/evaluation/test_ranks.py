"""Several processes share an evaluation: every row once, one writes, and the results are those of one process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import torch.distributed as dist

from dnrlab.cli import main
from dnrlab.data.dataset import Unreadable
from dnrlab.data.decode.reader import READER
from dnrlab.data.manifest import read_manifest
from dnrlab.distributed import join, launch
from dnrlab.evaluation import EvalConfig, evaluate, read_scores
from dnrlab.evaluation.evaluate import BATCHES_PER_GATHER, Scored
from dnrlab.evaluation.view_scores import ScoresFile
from dnrlab.models.config import ModelConfig
from tests.helpers.evaluations import DATA, Network, assert_same
from tests.helpers.paths import PROJECT

VIEWS = EvalConfig(num_clips=3, batch_size=3)  # a video at a time: several parts of BATCHES_PER_GATHER of them


@pytest.fixture
def videos(synthetic, tmp_path):
    """33 videos, two of which cannot be read."""
    rows = read_manifest(synthetic).rows.head(33)
    rows.loc[[0, 7], "path"] = [str(tmp_path / "gone.mp4"), str(tmp_path / "lost.mp4")]
    rows.to_csv(tmp_path / "videos.csv", index=False)
    return tmp_path / "videos.csv"


def share(file, keep):
    """The predictions in one of several processes, the rows that it read, and kinds of what it sent to all others."""
    reads, kinds, gather = [], set(), dist.all_gather_object

    def read(path, indices):
        reads.append(path)
        return READER.read_frames(path, indices)

    def noting(values, value):
        kinds.update(type(each) for each in value or ())
        gather(values, value)

    with join("cpu") as (world, _), patch.object(dist, "all_gather_object", noting):
        manifest, reader = read_manifest(file), READER._replace(read_frames=read)
        own = ScoresFile(Path(keep) / str(world.rank) / "view_scores.npy", ModelConfig())
        found = evaluate(Network(), manifest, DATA, VIEWS, reader=reader, scores=own, world=world)
    return found, reads, kinds


def test_two_processes_share_the_rows_and_find_what_one_finds(videos, tmp_path):
    keep = tmp_path / "0" / "view_scores.npy"
    alone = evaluate(
        Network(), read_manifest(videos), DATA, VIEWS, reader=READER, scores=ScoresFile(keep, ModelConfig())
    )
    assert len(alone.videos) == 31
    np.load(keep, mmap_mode="r+")[10:] = np.nan  # as if it had been killed after ten rows
    (first, read_first, sent), (second, read_second, _) = launch(share, 2, str(videos), str(tmp_path), restarts=0)
    assert_same(first, alone)
    assert_same(second, alone)
    rest = alone.videos.loc[10:, "path"]
    assert len(rest) > 2 * BATCHES_PER_GATHER  # they come in more than one part
    assert sorted(read_first + read_second) == sorted(rest)  # none twice, none of those scored before
    assert abs(len(read_first) - len(read_second)) <= 2
    assert sent == {Scored, Unreadable}  # the tables, much larger, go from the first process alone
    assert not (tmp_path / "1").exists()  # only one writes
    assert int((~np.isnan(read_scores(keep)[0]).any(axis=(1, 2))).sum()) == 31


def test_the_command_under_torchrun_gives_what_it_gives_alone(synthetic, tmp_path, capsys):
    run = tmp_path / "run"
    tiny = ["--epochs", "1", "--short-side", "20", "--crop-size", "16", "--batch-size", "10", "--cache-dir", ""]
    with pytest.raises(SystemExit):
        main(["train", "--manifest", str(synthetic), "--out", str(run), *tiny])
    words = ["evaluate", str(run), "--manifest", str(synthetic), "--split", "", "--cache-dir", "", "--json"]
    many = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dnrlab"]
    done = subprocess.run(
        [*many, *words], cwd=PROJECT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    result, table = json.loads(done.stdout), pd.read_csv(run / "predictions_all.csv")  # printed once
    assert result["evaluated"] == "evaluated 40 of 40"
    (run / "view_scores_all.json").unlink()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(words)
    assert json.loads(capsys.readouterr().out) == result
    pd.testing.assert_frame_equal(pd.read_csv(run / "predictions_all.csv"), table, rtol=1e-5)
