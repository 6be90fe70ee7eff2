"""What can be chosen of DNR."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DNRConfig:
    """The method's settings; the defaults are the paper's.

    Raises: ValueError if a number is below 1.
    """

    relay_distance: int = 4  # frames a group of cross-temporal DNR, d_r in the paper
    reduction: int = 4  # r: the LSTM's bottlenecks are C/r wide

    def __post_init__(self) -> None:
        for name in ("relay_distance", "reduction"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of at least 1, got {getattr(self, name)}; the paper's value is 4")
