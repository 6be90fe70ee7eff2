"""Forward passes of TSN-ResNet-50 with DNR without interlacing, and of torchvision's ResNet-50, in turns.

python notebooks/results/speed_of_parts.py 30    # rounds
"""

import sys

import torch

from dnrlab import DNRConfig, create_model
from dnrlab.bench import measure, speeds
from dnrlab.bench.rounds import CONTROL
from dnrlab.bench.work import prepare
from dnrlab.models import PerFrame
from dnrlab.torchvision_guard import guard_torchvision

guard_torchvision()
from torchvision.models import resnet50

NAME = "tsn_resnet50"
NETWORKS = {  # each has the one that it is compared with beside it
    "torchvision": lambda: PerFrame(resnet50(num_classes=400)),
    NAME: lambda: create_model(NAME),
    "without interlacing": lambda: create_model(NAME, dnr=DNRConfig(), interlacing=False),
    CONTROL: lambda: create_model(NAME),
}
REFERENCES = {"without interlacing": NAME, CONTROL: NAME, NAME: "torchvision"}

torch.manual_seed(0)
clips = torch.rand(1, 3, 8, 224, 224)
works = [prepare(name, make(), clips, "eager", "forward") for name, make in NETWORKS.items()]
table = measure(works, rounds=int(sys.argv[1]), generator=torch.Generator().manual_seed(0))
columns = ["network", "seconds", "speed_kept", "against_control", "against_control_low", "against_control_high"]
print(speeds(table, REFERENCES, views=30)[columns].round(3).to_string(index=False))
