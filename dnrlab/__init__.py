"""dnrlab: Dynamic Normalization and Relay for video action recognition."""

from typing import TYPE_CHECKING, Any

from dnrlab.models import create_model, model_names
from dnrlab.relay import DNRConfig

if TYPE_CHECKING:
    from dnrlab.explain.dynamics import record_dynamics

__version__ = "0.1.0.dev0"
__all__ = ["DNRConfig", "create_model", "model_names", "record_dynamics"]


def __getattr__(name: str) -> Any:
    """``record_dynamics`` on first use: it needs pandas, which takes a second to import."""
    if name == "record_dynamics":
        from dnrlab.explain.dynamics import record_dynamics

        return record_dynamics
    raise AttributeError(f"module 'dnrlab' has no attribute {name!r}")
