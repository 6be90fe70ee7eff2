"""What can be chosen of DNR."""

from dataclasses import dataclass

CHOICES = {
    "direction": ("uni", "bi", "bi_shared"),
    "where": ("both", "temporal", "layer"),
    "standardization": ("batch", "group", "instance", "layer"),
    "statistics": ("group", "clip"),
}


@dataclass(frozen=True, kw_only=True)
class DNRConfig:
    """The method's settings; the defaults are the paper's. Channel interlacing, which can be had without DNR, is a
    field of ``dnrlab.recipes.config.ModelConfig`` and an argument of ``create_model``.

    Raises: ValueError if a number is below 1 or a word is not among ``CHOICES``; TypeError if a number is not whole.
    """

    relay_distance: int = 4  # frames a group of cross-temporal DNR, d_r in the paper
    direction: str = "uni"  # of cross-temporal DNR: first to last group; bi: and back, averaged; bi_shared: one cell
    reduction: int = 4  # r: the LSTM's bottlenecks are C/r wide
    depth: int = 1  # LSTM cells on top of one another
    where: str = "both"  # temporal: cross-temporal DNR only; layer: cross-layer DNR only
    standardization: str = "batch"  # by batch statistics; group, instance, layer: of each clip alone
    statistics: str = "group"  # of what: the frame group, as released, or the whole clip

    def __post_init__(self) -> None:
        paper = DNRConfig.__dataclass_fields__
        for name in ("relay_distance", "reduction", "depth"):
            value, default = getattr(self, name), paper[name].default
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"expected {name} to be a whole number, got {value!r}; the paper's value is {default}")
            if value < 1:
                raise ValueError(f"expected {name} of at least 1, got {value}; the paper's value is {default}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                default = paper[name].default
                raise ValueError(
                    f"expected {name} in {choices}, got {getattr(self, name)!r}; the paper's value is {default!r}"
                )


PAPER = DNRConfig()  # the paper's main setting
