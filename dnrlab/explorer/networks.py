"""What the opened networks make of clips, stored up to a budget of bytes."""

from collections.abc import Iterator
from typing import Any

from dnrlab.explain.clips import ClipView
from dnrlab.explain.what_if import NOTHING, AffineMeans
from dnrlab.explorer.clip import ClipSeen, OfRun, Place, explained, frames_alone, see
from dnrlab.explorer.opened import Opened
from dnrlab.explorer.scores import affine_means
from dnrlab.explorer.store import Store


class Networks:
    """Networks that look at clips. ``memory`` is the budget of the stored clips, in bytes."""

    def __init__(self, opened: Opened, memory: int) -> None:
        self.opened = opened
        self.store: Store[Any] = Store(memory)  # ClipSeen by place, and means of gamma and beta

    def known(self, place: Place, view: ClipView) -> ClipSeen:
        """The clip as it was seen before, or one that no network has seen yet."""
        seen: ClipSeen = self.store.get(place) or frames_alone(place, view)
        return seen

    def look(self, seen: ClipSeen) -> Iterator[None]:
        """Add what each network makes of a clip, one by one, then store it. One without DNR has no relay to change."""
        place = seen.place
        for name, run in self.opened.runs.items():
            if name in seen.of_runs:
                continue
            question = place.question if name in self.opened.with_dnr else NOTHING
            try:
                means = self.means_of(name, seen.view.label) if question.held == "class mean" else None
                how = place._replace(question=question)
                seen.of_runs[name] = see(run, seen.view, how, means=means, device=self.opened.device)
            except (ValueError, RuntimeError, OSError) as error:
                seen.of_runs[name] = OfRun(error=explained(error))
            yield
        if not any(own.error for own in seen.of_runs.values()):
            self.store.put(place, seen, seen.num_bytes)

    def means_of(self, name: str, label: str) -> AffineMeans:
        """Mean gamma and beta of a network over videos of a class, computed once."""
        means: AffineMeans | None = self.store.get((name, label))
        if means is None:
            opened = self.opened
            means = affine_means(opened.runs[name], opened.videos, label, opened.data, opened.device)
            self.store.put((name, label), means, sum(each.nbytes for pair in means.values() for each in pair))
        return means
