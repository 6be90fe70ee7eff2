"""The names of published checkpoints, and the names that dnrlab gives to the same tensors.

A map is a table of two columns: the name in the file, without the prefixes ``module.``, ``backbone.`` and
``base_model.``, and the name in the network, or None for a tensor that is dropped. The first row that matches counts,
and a name that no row matches stays. S is a stage (1 to 4), B a block, N a convolution (1 to 3) and * the rest of the
name. A tensor is never transposed, reordered, split or merged.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

Table = tuple[tuple[str, str | None], ...]

# What may start anew, each as a whole: if the file has one tensor of it, the file must have all.
CLASSIFIER = "the classifier"
MODULES = "the temporal modules"  # TAM of TANet; mSE and the learned shift of TDN
LSTM = "an LSTM of DNR"  # in place of an affine pair of the file
TDN_STEM = "TDN's stem for differences"  # its convolution starts from the stem
TDN_COPY = "TDN's copy of layer1"  # starts from layer1
TDN_BIASES = "the biases of TDN's convolutions"
ALL = (CLASSIFIER, MODULES, LSTM, TDN_STEM, TDN_COPY, TDN_BIASES)


class Source(NamedTuple):
    """Where a file is from."""

    name: str  # whose names the file has, in messages
    mark: str  # a regular expression; the file is from here if a name holds it
    table: Table
    anew: tuple[str, ...]  # what may start anew in the network


TDN = (
    ("conv1_temp.weight", None),  # never used
    ("conv1_temp.bias", None),
    ("conv1_5.0.weight", "difference.conv.weight"),
    ("conv1_5.1.*", "difference.bn.*"),
    ("resnext_layer1.B.*", "layer1_difference.B.*"),
    ("layerS_bak.B.mse.conv1.weight", "layerS.B.inside.excitation.squeeze.0.weight"),
    ("layerS_bak.B.mse.bn1.*", "layerS.B.inside.excitation.squeeze.1.*"),
    ("layerS_bak.B.mse.conv2.weight", "layerS.B.inside.excitation.neighbour.weight"),
    ("layerS_bak.B.mse.conv3_smallscale2.weight", "layerS.B.inside.excitation.at_half.0.weight"),
    ("layerS_bak.B.mse.bn3_smallscale2.*", "layerS.B.inside.excitation.at_half.1.*"),
    ("layerS_bak.B.mse.conv3_smallscale4.weight", "layerS.B.inside.excitation.at_full.0.weight"),
    ("layerS_bak.B.mse.bn3_smallscale4.*", "layerS.B.inside.excitation.at_full.1.*"),
    ("layerS_bak.B.mse.conv3.weight", "layerS.B.inside.excitation.expand.0.weight"),
    ("layerS_bak.B.mse.bn3.*", "layerS.B.inside.excitation.expand.1.*"),
    ("layerS_bak.B.shift.conv.weight", "layerS.B.inside.shift.weight"),
    ("layerS_bak.B.*", "layerS.B.*"),
    ("new_fc.*", "fc.*"),
)

DNR_RELEASE = (
    ("layerS.lstm.w_ih.0.seq.*", "layerS.lstm.input_gates.*"),
    ("layerS.lstm.w_hh.0.seq.*", "layerS.lstm.hidden_gates.*"),
    ("layerS.ModuleList.B.bn2.lstm.w_ih.0.seq.*", "layerS.B.bn2.lstm.input_gates.*"),
    ("layerS.ModuleList.B.bn2.lstm.w_hh.0.seq.*", "layerS.B.bn2.lstm.hidden_gates.*"),
    ("layerS.ModuleList.B.bn1.num_batches_tracked", None),  # dnrlab's DNR layers count no batches
    ("layerS.ModuleList.B.bn2.num_batches_tracked", None),
    ("layerS.ModuleList.B.*", "layerS.B.*"),
    ("cls_head.fc_cls.*", "fc.*"),
)

MMACTION2 = (
    ("conv1.conv.weight", "conv1.weight"),
    ("conv1.bn.*", "bn1.*"),
    ("layerS.net.B.conv1.conv.net.weight", "layerS.B.conv1.weight"),  # TSM with temporal_pool
    ("layerS.net.B.convN.conv.weight", "layerS.B.convN.weight"),
    ("layerS.net.B.convN.bn.*", "layerS.B.bnN.*"),
    ("layerS.net.B.downsample.conv.weight", "layerS.B.downsample.0.weight"),
    ("layerS.net.B.downsample.bn.*", "layerS.B.downsample.1.*"),
    ("layerS.B.block.convN.conv.weight", "layerS.B.convN.weight"),  # TANet
    ("layerS.B.block.convN.bn.*", "layerS.B.bnN.*"),
    ("layerS.B.block.downsample.conv.weight", "layerS.B.downsample.0.weight"),
    ("layerS.B.block.downsample.bn.*", "layerS.B.downsample.1.*"),
    ("layerS.B.tam.G.*", "layerS.B.inside.kernel.*"),
    ("layerS.B.tam.L.*", "layerS.B.inside.weight.*"),
    ("layerS.B.conv1.conv.net.weight", "layerS.B.conv1.weight"),  # TSM
    ("layerS.B.convN.conv.weight", "layerS.B.convN.weight"),
    ("layerS.B.convN.bn.*", "layerS.B.bnN.*"),
    ("layerS.B.downsample.conv.weight", "layerS.B.downsample.0.weight"),
    ("layerS.B.downsample.bn.*", "layerS.B.downsample.1.*"),
    ("cls_head.fc_cls.*", "fc.*"),
)

TAM = (
    ("layerS.B.tam.G.*", "layerS.B.inside.kernel.*"),
    ("layerS.B.tam.L.*", "layerS.B.inside.weight.*"),
    ("layerS.B.net.*", "layerS.B.*"),
    ("new_fc.*", "fc.*"),
)

TSM = (
    ("layerS.net.B.conv1.net.weight", "layerS.B.conv1.weight"),  # with temporal_pool
    ("layerS.net.B.*", "layerS.B.*"),
    ("layerS.B.conv1.net.weight", "layerS.B.conv1.weight"),
    ("new_fc.*", "fc.*"),
)

SOURCES = (  # the first whose mark is found
    Source("TDN's repository", r"^conv1_5\.|^layer\d_bak\.|^resnext_layer1\.", TDN, (CLASSIFIER, LSTM)),
    Source("the authors' release of DNR", r"\.ModuleList\.|\.lstm\.w_[ih]h\.", DNR_RELEASE, (CLASSIFIER, MODULES)),
    Source("MMAction2", r"(conv\d|downsample)\.(conv|bn)\.|^cls_head\.", MMACTION2, ALL),
    Source("TAM's repository", r"\.tam\.", TAM, (CLASSIFIER, LSTM)),
    Source("TSM's repository", r"\.conv1\.net\.|^new_fc\.", TSM, ALL),  # shifted or not: TSM or TSN
)
OWN = Source("the network itself", "", (), ALL)

GROUPS = {"*": "rest"}  # a group's name must be a word
PLACEHOLDERS = {"S": r"(?P<S>[1-4])", "B": r"(?P<B>\d+)", "N": r"(?P<N>[1-3])", "*": r"(?P<rest>.+)"}


def source_of(names: Iterable[str]) -> Source:
    """Where a file is from, by its names without prefixes; ``OWN`` if none has a mark."""
    text = list(names)
    found = (source for source in SOURCES if any(re.search(source.mark, name) for name in text))
    return next(found, OWN)


def renamed(name: str, table: Table) -> str | None:
    """The name in the network, or None for a tensor that is dropped. A name that no row matches stays."""
    for old, new in table:
        match = pattern(old).fullmatch(name)
        if match:
            return None if new is None else filled(new, match)
    return name


def filled(new: str, match: re.Match[str]) -> str:
    """A table's second column with the letters' values in a name that the first column matched."""
    values = match.groupdict()
    return re.sub(r"[SBN*]", lambda letter: values[GROUPS.get(letter[0], letter[0])], new)


@cache
def pattern(old: str) -> re.Pattern[str]:
    """The regular expression of a table's first column."""
    return re.compile("".join(PLACEHOLDERS.get(letter, re.escape(letter)) for letter in old))
