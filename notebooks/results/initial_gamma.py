"""Initial weights of the relay network of the evidence with γ near 0.25, as usual, and near 0.48.

python notebooks/results/initial_gamma.py    # writes runs/initial_gamma/{usual,raised}_seed{0,1,2}.pt

For evidence_reasons_synthetic. γ is sigmoid(o) sigmoid(c'), with o and c' near 0 at first, so about 0.25. With 3 added
to the bias of the output gate o it is about 0.95 * 0.5 = 0.48. No other weight changes. But γ is the relayed state, so
later γ and β start elsewhere, too; and the sigmoid of o is flatter there (slope 0.045 instead of 0.25), so γ learns
more slowly. A difference can come from each of these.
"""

from pathlib import Path

import torch

from dnrlab import DNRConfig, create_model
from dnrlab.data.synthetic.motions import CLASSES
from dnrlab.files import atomic_write
from dnrlab.relay.cell import RelayCell

FOLDER = Path("runs/initial_gamma")
RAISED = 3.0

if __name__ == "__main__":
    for seed in range(3):
        torch.manual_seed(seed)
        network = create_model("tsn_resnet18", num_classes=len(CLASSES), width=32, dnr=DNRConfig(), interlacing=False)
        for name in ("usual", "raised"):
            if name == "raised":
                for cell in (module for module in network.modules() if isinstance(module, RelayCell)):
                    cell.input_gates[-1].bias.data[3 * cell.channels :] += RAISED  # gates are in the order i, f, g, o
            with atomic_write(FOLDER / f"{name}_seed{seed}.pt") as unfinished:
                torch.save(network.state_dict(), unfinished)
