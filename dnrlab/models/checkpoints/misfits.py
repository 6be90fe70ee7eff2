"""What to say of a file that does not fit a network."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from dnrlab.models.checkpoints.maps import DNR_RELEASE, Source
from dnrlab.models.checkpoints.network import Network

Shapes = Mapping[str, tuple[int, ...]]
SHOWN = 20  # tensors that an error describes; it names the others in short
MARKS = {".lstm.": "a network with DNR", ".inside.kernel.": "a TANet", ".inside.shift.": "a TDN"}
SHIFT = re.compile(r"(layer\d)\.(?:net\.)?(\d+)\.conv1\.(?:conv\.)?net\.weight")


def check_temporal(names: Collection[str], source: Source, network: Network) -> None:
    """What has no tensors: the shifts and the pooling of a file must be those of the network.

    A file without them fits a network that has them, which then starts from the weights of the plain network.

    Raises: ValueError that says which network the file is of.
    """
    if any(re.fullmatch(r"layer\d\.\d+\.net\.conv1\..*", name) for name in names) and not any(
        ".tam." in name for name in names
    ):
        raise ValueError(
            "expected a shift at the input of the residual branch, got a file of TSM with shift_place='block', which "
            "also shifts the shortcut; no network here does so"
        )
    shifted = {f"{match[1]}.{match[2]}" for name in names if (match := SHIFT.fullmatch(name))}
    if shifted and shifted != network.shifted:
        raise ValueError(
            f"expected weights of a network with shifts in {blocks(network.shifted)}, got weights of TSM with shifts "
            f"in {blocks(shifted)}; create the TSM of the file's depth, or a TSN with interlacing=True"
        )
    if any(re.match(r"layer\d\.net\.", name) for name in names) and not network.temporal_pool:
        raise ValueError(
            "expected weights of a network without temporal pooling, got weights of TSM with it; "
            "create the network with temporal_pool=True"
        )
    if source.table is DNR_RELEASE and network.shifted:
        raise ValueError(
            "expected weights of a network with interlacing, got the authors' release of DNR, which has none; "
            "create a TSN with interlacing=False and DNRConfig(relay_distance=2)"
        )


def blocks(names: Collection[str]) -> str:
    """``no block``, ``layer1.0``, or ``16 blocks from layer1.0 to layer4.2``."""
    if len(names) < 2:
        return min(names, default="no block")
    return f"{len(names)} blocks from {min(names)} to {max(names)}"


def check_fit(ours: Shapes, theirs: Shapes, source: Source) -> None:
    """ValueError that names the tensors that are missing, left over or of another shape, and says what to do."""
    unfit = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    if not unfit:
        return
    lines = [f"{name}: expected {ours.get(name)}, got {theirs.get(name)}" for name in unfit[:SHOWN]]
    if len(unfit) > SHOWN:
        lines.append(f"and {len(unfit) - SHOWN} more: {in_short(unfit[SHOWN:])}")
    raise ValueError(
        f"expected the network's tensors, got {len(unfit)} of {len({**ours, **theirs})} that do not fit "
        f"(read by the names of {source.name}); {advice(ours, theirs)} (None: no such tensor)\n  " + "\n  ".join(lines)
    )


def advice(ours: Shapes, theirs: Shapes) -> str:
    """What to do, from a difference between the network and the file that explains others."""
    depths = depths_of(ours), depths_of(theirs)
    if depths[0] != depths[1] and all(depths):
        return f"the network has {depths[0]} blocks and the file {depths[1]}: create a network of the file's depth"
    if "conv1.weight" in ours and "conv1.weight" in theirs and ours["conv1.weight"][0] != theirs["conv1.weight"][0]:
        return f"create the network with width {theirs['conv1.weight'][0]}"
    for kernel in [name for name in ours if name.endswith(".inside.kernel.0.weight") and name in theirs]:
        if ours[kernel] != theirs[kernel]:
            network, file = ours[kernel][1], theirs[kernel][1]  # of (2 T, T)
            return f"the network is for T={network} frames, the file for T={file}: create it with num_frames={file}"
    for mark, kind in MARKS.items():
        if any(mark in name for name in theirs) and not any(mark in name for name in ours):
            return f"the file is of {kind}: create one"
    return "give a whole file of this network"


def depths_of(names: Collection[str]) -> list[int]:
    """The number of blocks of each stage."""
    found = {match.groups() for name in names if (match := re.match(r"layer(\d)\.(\d+)\.", name))}
    stages = [stage for stage, _ in sorted(found)]
    return [stages.count(stage) for stage in sorted({*stages})]


def in_short(names: Sequence[str]) -> str:
    """``fc.weight, layer*.*.bn1.weight (16)``: the kinds of names, whose numbers are left out, and how many of each."""
    kinds = Counter(re.sub(r"(?<=layer)\d|(?<=\.)\d+(?=\.)", "*", name) for name in names)
    return ", ".join(name if number == 1 else f"{name} ({number})" for name, number in kinds.items())
