"""The options of DNR."""

from dataclasses import dataclass

CHOICES = {
    "direction": ("uni", "bi", "bi_shared"),
    "where": ("both", "temporal", "layer"),
    "standardization": ("batch", "group", "instance", "layer"),
    "statistics": ("group", "clip"),
}
MOST_CELLS = 100  # stacked


@dataclass(frozen=True, kw_only=True)
class DNRConfig:
    """The method's settings; the defaults are the paper's.

    Channel interlacing also works without DNR. It is therefore a field of ``dnrlab.models.config.ModelConfig`` and an
    argument of ``create_model``.

    Raises: ValueError if a number is below 1 or a word is not in ``CHOICES``; TypeError if a number is not an integer.
    """

    relay_distance: int = 4  # frames per group of cross-temporal DNR, d_r in the paper
    direction: str = "uni"  # over frame groups: uni: forwards; bi: both ways, averaged; bi_shared: so, with one cell
    reduction: int = 4  # r: the LSTM's bottlenecks have C/r channels
    depth: int = 1  # number of stacked LSTM cells
    where: str = "both"  # temporal: cross-temporal DNR only; layer: cross-layer DNR only
    standardization: str = "batch"  # batch: statistics of the batch; group, instance, layer: of each clip
    statistics: str = "group"  # group: over each frame group, as released; clip: over the whole clip

    def __post_init__(self) -> None:
        paper = DNRConfig.__dataclass_fields__
        for name in ("relay_distance", "reduction", "depth"):
            value, default = getattr(self, name), paper[name].default
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"expected {name} to be a whole number, got {value!r}; the paper's value is {default}")
            if value < 1:
                raise ValueError(f"expected {name} of at least 1, got {value}; the paper's value is {default}")
        if self.depth > MOST_CELLS:
            raise ValueError(f"expected depth of at most {MOST_CELLS}, got {self.depth}; the paper's value is 1")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                default = paper[name].default
                raise ValueError(
                    f"expected {name} in {choices}, got {getattr(self, name)!r}; the paper's value is {default!r}"
                )


PAPER = DNRConfig()  # the paper's main setting
