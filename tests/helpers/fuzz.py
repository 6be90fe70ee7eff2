"""Read damaged videos, as a check of a manifest does, and count what must not happen.

``python -m tests.helpers.fuzz 10000`` prints the counts of the first 10,000 mutants; a second number is the first seed.
"""

import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from dnrlab.data.check.decode_all import decode_whole
from dnrlab.data.decode.child import decoding_in_child
from dnrlab.data.decode.reader import READER, VideoFiles, reader_of
from dnrlab.data.decode.types import VideoError
from tests.helpers.containers import HEIGHT, NUM_FRAMES, WIDTH
from tests.helpers.mutants import mutant, sources

LIMIT = 20.0  # seconds that a decoder may take for a part of the frames
PYAV = "IndexError: list index out of range"  # PyAV's own, where a stream begins in the middle of a transport stream
FAULT = re.compile(rf"(cannot be read \()?(?!{PYAV})\w+(Error|Exception|Warning)\b")  # raised, and foreseen by no code
HANG = 60.0  # seconds after which a file counts as one that hangs the caller
SAME = 1.5  # of 255: the mean difference of two decodings of one frame, with flaws that the eye hardly sees


class Outcome(NamedTuple):
    """What a mutant did: read, error, noted, and what must not happen."""

    counts: Counter
    untold: list[str]  # mutants with frames in the place of others, and no word about it
    escaped: list[str]


def shown(frames, whole):
    """Which frame of the whole video each frame is, pixel by pixel; -1 for one that shows something else."""
    small, numbers = whole[:, ::2, ::2].astype(np.int16), []
    for index, frame in enumerate(frames[:, ::2, ::2].astype(np.int16)):
        difference = np.abs(small - frame).mean(axis=(1, 2, 3))
        own = index < len(whole) and difference[index] < SAME
        nearest = int(difference.argmin())
        numbers.append(index if own else nearest if difference[nearest] < SAME else -1)
    return numbers


def has_hole(numbers, container):
    """Whether frames of the whole video stand in the place of others.

    A transport stream has no start: one that lost its first frames, and no other, counts from its first frame.
    """
    moved = {number - index for index, number in enumerate(numbers) if number >= 0}
    return bool(moved - {0}) and not (container == "ts" and len(moved) == 1)


def read(path, reader, whole):
    """The facts of a check, and which frames a reader returns; None if they cannot be compared."""
    facts = decode_whole(path, reader)
    if facts.reason:
        return facts, None
    try:
        frames = reader.read_frames(path, np.arange(facts.num_frames))
    except VideoError:  # such as too many pixels for one array
        return facts, None
    return facts, shown(frames, whole) if frames.shape[1:3] == (HEIGHT, WIDTH) else None


def processes():
    """The processes that this one has started, and theirs."""
    return {each.pid for each in psutil.Process().children(recursive=True)}


def fuzz(seeds, folder):
    """The outcome of these mutants, made in a folder."""
    folder = Path(folder)
    whole = sources(folder)
    frames = {cell: READER.read_frames(str(folder / cell.name), np.arange(NUM_FRAMES)) for cell in whole}
    reader = reader_of(VideoFiles("auto", decoding_in_child(LIMIT)))
    outcome, before = Outcome(Counter(), [], []), processes()
    for seed in seeds:
        each = mutant(whole, seed)
        path, start = folder / f"mutant.{each.source.container}", time.monotonic()
        path.write_bytes(each.content)
        name = f"{seed}: {each.damage} in {each.source.name}"
        try:
            facts, numbers = read(str(path), reader, frames[each.source])
        except Exception as error:  # what must not happen, whatever it is
            outcome.escaped.append(f"{name}: {type(error).__name__}: {error}")
            continue
        if FAULT.match(facts.reason):
            outcome.escaped.append(f"{name}: {facts.reason}")
        kind = "error" if facts.reason else "noted" if facts.note else "good"
        outcome.counts.update([kind, *(["hang"] if time.monotonic() - start > HANG else [])])
        if numbers is not None and has_hole(numbers, each.source.container):
            outcome.counts["holes"] += 1
            if not facts.note:
                outcome.untold.append(name)
    outcome.counts["processes"] = max(len(processes() - before) - 1, 0)  # one decodes for this thread
    return outcome


if __name__ == "__main__":
    number, first = (*map(int, sys.argv[1:]), 0)[:2]
    with tempfile.TemporaryDirectory() as place:
        found = fuzz(range(first, first + number), place)
    sys.stdout.write(f"{dict(found.counts)}\nescaped: {found.escaped}\nholes without a word: {len(found.untold)}\n")
    sys.stdout.writelines(f"  {name}\n" for name in found.untold)
