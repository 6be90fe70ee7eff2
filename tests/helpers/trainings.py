"""What tests of trainings share: a tiny recipe, weights of runs, and an interrupt."""

import torch

from dnrlab import DNRConfig
from dnrlab.recipes.named import demo, override
from dnrlab.runs.load import load_run
from dnrlab.training.loop import train_steps


def tiny(**changes):
    settings = {"epochs": 3, "batch_size": 8, "crop_size": 16, "short_side": 18, "num_frames": 4, "validate_every": 2}
    return override(
        demo(), **{"dnr": DNRConfig(relay_distance=2), "dropout": 0.5, "warmup_iterations": 2} | settings | changes
    )


def weights(run_dir):
    return load_run(run_dir).model.state_dict()


def same(ours, theirs):
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def interrupt(monkeypatch, *, call):
    """Let the ``call``-th part of an epoch end as by Ctrl-C; the parts after it go on."""
    calls = []

    def interrupted(*arguments, **settings):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return train_steps(*arguments, **settings)

    monkeypatch.setattr("dnrlab.training.epoch.train_steps", interrupted)
