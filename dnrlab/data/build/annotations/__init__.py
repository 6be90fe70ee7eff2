"""Readers of official annotation files, one per format. Each turns lines into names of videos with labels."""

from collections.abc import Callable, Sequence

from dnrlab.data.build.annotations.hmdb51 import read_hmdb51
from dnrlab.data.build.annotations.items import Annotations, SplitFile
from dnrlab.data.build.annotations.kinetics import read_kinetics
from dnrlab.data.build.annotations.lists import read_list
from dnrlab.data.build.annotations.something_v1 import read_something_v1
from dnrlab.data.build.annotations.something_v2 import read_something_v2
from dnrlab.data.build.annotations.ucf101 import read_ucf101

FORMATS: dict[str, Callable[[Sequence[SplitFile]], Annotations]] = {
    "kinetics400": read_kinetics,
    "kinetics200": read_kinetics,
    "something_v1": read_something_v1,
    "something_v2": read_something_v2,
    "ucf101": read_ucf101,
    "hmdb51": read_hmdb51,
    "jhmdb": read_hmdb51,
    "list": read_list,
}
