"""Learning rate and weight decay of each parameter.

Source: the published code of TSM (Lin et al., ICCV 2019), which TANet and TDN follow.
"""

from typing import Any, NamedTuple

from torch import nn
from torch.optim import SGD

from dnrlab.models.checkpoints.network import classifier_of
from dnrlab.recipes.config import RULES, TrainConfig
from dnrlab.relay.cell import RelayCell


class Pace(NamedTuple):
    """Factors of the learning rate and of the weight decay."""

    lr: float
    decay: float


PLAIN, NORM, BIAS, RELAY_BIAS = Pace(1, 1), Pace(1, 0), Pace(2, 0), Pace(1, 0)


CLASSIFIER_WEIGHT, CLASSIFIER_BIAS = Pace(5, 1), Pace(10, 0)


NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm)


def make_optimizer(model: nn.Module, config: TrainConfig) -> SGD:
    """SGD with momentum and the parameter groups of a configuration, at its peak learning rate."""
    groups = parameter_groups(model, lr=config.peak_lr, weight_decay=config.weight_decay, rules=config.parameter_rules)
    return SGD(groups, lr=config.peak_lr, momentum=config.momentum)


def parameter_groups(
    model: nn.Module, *, lr: float, weight_decay: float, rules: str = "uniform"
) -> list[dict[str, Any]]:
    """The parameters of ``model`` in groups for ``torch.optim.SGD``, each parameter once.

    - ``uniform``: every parameter has the same rate and decay, as in DNR's paper.
    - ``tsm``: norms do not decay. Biases have 2 times the rate and do not decay. The classifier's weight has 5 times
      the rate, its bias 10 times and no decay. DNR's LSTM has the common rate, and its biases do not decay.
    - ``tdn``: like ``tsm``, but the classifier is treated like any other layer.

    Returns: dictionaries with ``params``, ``lr`` and ``weight_decay``, in the order of the model.

    Raises: ValueError if ``rules`` is unknown.
    """
    if rules not in RULES:
        raise ValueError(f"expected parameter_rules in {RULES}, got {rules!r}; choose one of these")
    if rules == "uniform":
        return [{"params": list(model.parameters()), "lr": lr, "weight_decay": weight_decay}]
    groups: dict[Pace, list[nn.Parameter]] = {}
    for name, pace in paces(model, fast_classifier=rules == "tsm").items():
        groups.setdefault(pace, []).append(model.get_parameter(name))
    return [
        {"params": parameters, "lr": lr * pace.lr, "weight_decay": weight_decay * pace.decay}
        for pace, parameters in groups.items()
    ]


def paces(model: nn.Module, *, fast_classifier: bool) -> dict[str, Pace]:
    """The pace of every parameter, by name."""
    relayed = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, RelayCell))
    found: dict[str, Pace] = {}
    classifier = classifier_of(model)
    for prefix, module in model.named_modules():
        for name, _ in module.named_parameters(prefix, recurse=False):
            is_bias = name.endswith("bias")
            if isinstance(module, NORMS):
                found[name] = NORM
            elif name.startswith(relayed):
                found[name] = RELAY_BIAS if is_bias else PLAIN
            elif fast_classifier and prefix == classifier:
                found[name] = CLASSIFIER_BIAS if is_bias else CLASSIFIER_WEIGHT
            else:
                found[name] = BIAS if is_bias else PLAIN
    return found
