"""What-if questions about one clip: other frames, a relay that is cut, gamma and beta that are held."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dnrlab.explain.affine.relay_cut import KINDS, relay_cut
from dnrlab.explain.clips import ClipView, middle_frames
from dnrlab.explain.frame_order import ORDERS, in_order, reordered
from dnrlab.relay import RelayNorm
from dnrlab.relay.norm import Relayed

FRAMES = (*ORDERS, "one frame held", "frames dropped")
HELD = ("", "first group", "class mean")

AffineMeans = Mapping[tuple[str, str], tuple[Tensor, Tensor]]  # gamma and beta (C,) by layer and kind


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """A change of a clip and of a network; the default changes nothing.

    Raises: ValueError if a word is unknown.
    """

    frames: str = "forwards"  # one of FRAMES
    frame: int = 0  # the frame that is held, from 0
    dropped: tuple[int, ...] = ()  # the frames that are dropped, from 0
    cut: tuple[str, ...] = ()  # relays that start from zero at every step: cross_temporal, cross_layer
    held: str = ""  # gamma and beta: those of the "first group", or the "class mean"

    def __post_init__(self) -> None:
        for name, value, known in (("frames", self.frames, FRAMES), ("held", self.held, HELD)):
            if value not in known:
                raise ValueError(f"expected {name} to be one of {known}, got {value!r}; choose one")
        if not set(self.cut) <= set(KINDS):
            raise ValueError(f"expected cut to hold only {KINDS}, got {self.cut}; choose from these")

    @property
    def words(self) -> str:
        """What is changed, such as "frames backwards; relay cut over time"; '' if nothing is."""
        listed = " ".join(str(frame + 1) for frame in self.dropped)
        frames = {
            "forwards": "",
            "within groups": "frames shuffled within groups",
            "across groups": "groups of frames shuffled",
            "one frame held": f"frame {self.frame + 1} held",
            "frames dropped": f"without frame{'s' * (len(self.dropped) != 1)} {listed}",
        }.get(self.frames, f"frames {self.frames}")
        cut = [f"relay cut over {'time' if kind == KINDS[0] else 'layers'}" for kind in self.cut]
        held = f"γ and β held at the {self.held}" if self.held else ""
        return "; ".join(filter(None, [frames, *cut, held]))


NOTHING = WhatIf()  # changes nothing


def frame_order(question: WhatIf, num_frames: int, group: int, *, seed: int = 0) -> Tensor:
    """Indices (T,) of the frames that a clip has after the change. ``group`` is the number of frames per group.

    A dropped frame shows the last frame before it that is left, or the first that is left: of 4 frames without 0 and 2
    remain [1, 1, 1, 3].

    Raises: ValueError if a frame is not in the clip, or no frame is left.
    """
    if question.frames == "one frame held":
        check_frames([question.frame], num_frames)
        return torch.full((num_frames,), question.frame)
    if question.frames == "frames dropped":
        check_frames(question.dropped, num_frames)
        left = [frame for frame in range(num_frames) if frame not in question.dropped]
        if not left:
            raise ValueError(f"expected a frame that is left, got all {num_frames} dropped; drop fewer")
        return torch.tensor([max((f for f in left if f <= frame), default=left[0]) for frame in range(num_frames)])
    return reordered(num_frames, question.frames, group, torch.Generator().manual_seed(seed))


def check_frames(frames: Sequence[int], num_frames: int) -> None:
    """ValueError unless all ``frames`` are in a clip of ``num_frames``."""
    outside = [frame for frame in frames if not 0 <= frame < num_frames]
    if outside:
        raise ValueError(f"expected frames 1 to {num_frames} of the clip, got {outside[0] + 1}; give one of these")


def changed_view(view: ClipView, question: WhatIf, group: int) -> ClipView:
    """The clip with its frames in another order. A frame that is held stands still within its segment, too."""
    order = frame_order(question, len(view.frames), group)
    per_segment = view.clip.shape[1] // len(view.frames)
    clip = in_order(view.clip[None], order[None], question.frames, per_segment)[0]
    if question.frames == "one frame held":
        clip = clip[:, middle_frames(per_segment)].repeat_interleave(per_segment, dim=1)
    indices = order.tolist()
    return view._replace(
        clip=clip,
        frames=view.frames[indices],
        frame_indices=[view.frame_indices[index] for index in indices],
        seconds=[view.seconds[index] for index in indices],
    )


@contextmanager
def changed_network(model: nn.Module, question: WhatIf, means: AffineMeans | None = None) -> Iterator[None]:
    """Inside the ``with`` block the relay is cut, and gamma and beta are held, as asked.

    Raises: ValueError if the network has no DNR, or the class mean is asked for without ``means``.
    """
    with ExitStack() as stack:
        if question.cut:
            stack.enter_context(relay_cut(model, *question.cut))
        if question.held:
            if question.held == "class mean" and means is None:
                raise ValueError("expected the means of gamma and beta, got none; compute them with affine_means")
            stack.enter_context(affine_held(model, means if question.held == "class mean" else None))
        yield


@contextmanager
def affine_held(model: nn.Module, means: AffineMeans | None = None) -> Iterator[None]:
    """Inside the ``with`` block all DNR layers apply the gamma and beta of their first frame group, or ``means``.

    The relay goes on computing; only what is applied is held. ValueError if the network has no DNR layer.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, RelayNorm)}
    if not layers:
        raise ValueError("expected a network with DNR, got one without; train or create one with dnr")
    handles = []
    for name, norm in layers.items():

        def hook(_: nn.Module, inputs: tuple[Any, ...], name: str = name) -> tuple[Any, ...]:
            x, mean, variance, sources, lengths = inputs
            return x, mean, variance, [held(source, name, means) for source in sources], lengths

        handles.append(norm.affine.register_forward_pre_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def held(source: Relayed, layer: str, means: AffineMeans | None) -> Relayed:
    """What a layer received, (N, G, C), with the values of the first group, or of ``means``, in all groups."""
    if means is None:
        return source._replace(gamma=source.gamma[:, :1].expand_as(source.gamma),
                               beta=source.beta[:, :1].expand_as(source.beta))  # fmt: skip
    gamma, beta = (each.to(source.gamma) for each in means[layer, source.kind])
    return source._replace(gamma=gamma.expand_as(source.gamma), beta=beta.expand_as(source.beta))
