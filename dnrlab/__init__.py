"""dnrlab: Dynamic Normalization and Relay for video action recognition."""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dnrlab.explain.affine.record import record_dynamics
    from dnrlab.explorer.explore import explore
    from dnrlab.models import add_dnr, create_model, model_names
    from dnrlab.models.checkpoints import load_weights
    from dnrlab.models.inference import optimize_for_inference
    from dnrlab.relay import DNRConfig
    from dnrlab.trusted import trust

__version__ = "0.1.0.dev0"
__all__ = [
    "DNRConfig",
    "add_dnr",
    "create_model",
    "explore",
    "load_weights",
    "model_names",
    "optimize_for_inference",
    "record_dynamics",
    "trust",
]

# Waiting OpenMP threads of torch spin. On busy cores a spinning thread takes the core from the thread that it waits
# for, and a training step of 30 ms takes seconds. A short spin is as fast on an idle machine: see
# notebooks/results/threads.md. libgomp reads the variable when torch loads it, and child processes inherit it.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1500")

HOMES = {
    "DNRConfig": "dnrlab.relay",
    "add_dnr": "dnrlab.models",
    "create_model": "dnrlab.models",
    "explore": "dnrlab.explorer.explore",
    "load_weights": "dnrlab.models.checkpoints",
    "model_names": "dnrlab.models",
    "optimize_for_inference": "dnrlab.models.inference",
    "record_dynamics": "dnrlab.explain.affine.record",
    "trust": "dnrlab.trusted",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: torch takes seconds to import, and a decoding process does not need it."""
    if name in HOMES:
        return getattr(importlib.import_module(HOMES[name]), name)
    raise AttributeError(f"module 'dnrlab' has no attribute {name!r}")
