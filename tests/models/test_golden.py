"""Numbers that must not move: a network's logits and a ten-step loss curve.

``python -m tests.models.test_golden`` writes them anew, after a change that is meant to move them.
"""

import json

import numpy as np
import pytest
import torch

from dnrlab import DNRConfig, create_model
from dnrlab.training.loop import NetworkLoss, train_steps
from tests.helpers.paths import PROJECT

FILE = PROJECT / "tests" / "golden" / "networks.json"
NETWORKS = {
    "tsn_resnet18": {"dnr": None},
    "tsn_resnet18_dnr": {"dnr": DNRConfig(relay_distance=2)},
    "tsn_resnet50_dnr": {"dnr": DNRConfig(relay_distance=2)},
    "tsm_resnet18_dnr": {"dnr": DNRConfig(relay_distance=2)},
    "tanet_resnet18_dnr": {"dnr": DNRConfig(relay_distance=2)},
    "tdn_resnet18_dnr": {"dnr": DNRConfig(relay_distance=2)},
}


def numbers(shape, seed):
    """Normal numbers that do not depend on torch's generator."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(tuple(shape)))


def golden(name):
    shape = {"num_classes": 4, "num_frames": 4, "width": 8, "dropout": 0.0}
    model = create_model(name.removesuffix("_dnr"), **shape, **NETWORKS[name]).double()
    with torch.no_grad():
        for seed, (key, parameter) in enumerate(model.named_parameters()):
            if parameter.ndim > 1:
                parameter.copy_(numbers(parameter.shape, seed) * (2 / parameter[0].numel()) ** 0.5)
            else:  # biases and the scales of batch norm
                parameter.copy_(numbers(parameter.shape, seed) * 0.1 + ("bias" not in key))
    clips, labels = numbers((4, 3, 4 * model.frames_per_segment, 48, 48), 99) * 0.2 + 0.5, torch.tensor([0, 1, 2, 3])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.002)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, 1)
    step = {"device": "cpu", "clip_norm": 20.0}
    losses = [
        train_steps(NetworkLoss(model), [(clips, labels)], optimizer, schedule, **step).loss / 4 for _ in range(10)
    ]
    return {"losses": losses, "logits": model.eval()(clips).tolist()}


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_and_losses_are_those_on_record(name):
    expected, found = json.loads(FILE.read_text())[name], golden(name)
    torch.testing.assert_close(torch.tensor(found["losses"]), torch.tensor(expected["losses"]), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(torch.tensor(found["logits"]), torch.tensor(expected["logits"]), rtol=1e-5, atol=1e-7)
    assert expected["losses"][-1] < expected["losses"][0]


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: golden(name) for name in NETWORKS}, indent=1) + "\n")
