"""Every single change of a clip or of a network, and what each network predicts then."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch

from dnrlab.data.transforms import normalize
from dnrlab.explain.affine.relay_cut import KINDS
from dnrlab.explain.clips import ClipView, clip_for
from dnrlab.explain.frame_order import ORDERS
from dnrlab.explain.what_if import HELD, NOTHING, AffineMeans, WhatIf, changed_network, changed_view
from dnrlab.explorer.clip import explained
from dnrlab.explorer.scene import same_scores
from dnrlab.runs.load import Run

NOTICED = 0.01  # a gain in score that is worth a word


class Guess(NamedTuple):
    """What a network predicts."""

    predicted: str
    score: float  # softmax, in [0, 1]
    of_label: float = float("nan")  # the score of the video's class
    scores: tuple[float, ...] = ()  # of all classes
    error: str = ""  # why it could not; the rest is empty then


Guesses = Mapping[str, Guess]  # by network


def single_changes(num_frames: int, *, of_relay: bool) -> list[WhatIf]:
    """Nothing, then each order of the frames, each frame held, each frame dropped, each half of the clip dropped.

    With ``of_relay`` also the relay cut over time, over layers and over both, and gamma and beta held. 8 frames give 21
    changes, and 5 more of the relay.
    """
    frames, half = range(num_frames), num_frames // 2
    dropped = [(frame,) for frame in frames] + ([tuple(frames[:half]), tuple(frames[half:])] if half > 1 else [])
    of_frames = [
        *(WhatIf(frames=order) for order in ORDERS[1:]),
        *(WhatIf(frames="one frame held", frame=frame) for frame in frames),
        *(WhatIf(frames="frames dropped", dropped=each) for each in dropped if len(each) < num_frames),
    ]
    cuts = [WhatIf(cut=cut) for cut in ((KINDS[0],), (KINDS[1],), tuple(KINDS))]
    return [NOTHING, *of_frames, *([*cuts, *(WhatIf(held=held) for held in HELD[1:])] if of_relay else [])]


def try_all(
    runs: Mapping[str, Run],
    view: ClipView,
    questions: Sequence[WhatIf],
    group: int,
    means_of: Callable[[str, str], AffineMeans],
    device: str,
) -> Iterator[tuple[WhatIf, dict[str, Guess]]]:
    """What each network predicts for a clip after each change. A network without DNR has no relay to change.

    Args:
        group: frames per group in shuffles.
        means_of: gives the means of gamma and beta, for a network and a class.

    Yields: a question and the guesses, one by one.
    """
    for question in questions:
        changed, guesses = changed_view(view, question, group), {}
        for name, run in runs.items():
            own = NOTHING if run.recipe.model.dnr is None else question
            try:
                means = means_of(name, view.label) if own.held == "class mean" else None
                guesses[name] = guess_of(run, changed, own, means, device)
            except (ValueError, RuntimeError, OSError) as error:
                guesses[name] = Guess("", 0.0, error=explained(error))
        yield question, guesses


def guess_of(run: Run, view: ClipView, question: WhatIf, means: AffineMeans | None, device: str) -> Guess:
    """What a network, changed as asked, predicts for a clip that is changed already."""
    with changed_network(run.model, question, means), torch.inference_mode():
        scores = run.model(normalize(clip_for(run, view)[None].to(device))).float().softmax(dim=1)[0].cpu()
    of_label = float(scores[run.classes.index(view.label)]) if view.label in run.classes else float("nan")
    return Guess(run.classes[int(scores.argmax())], float(scores.max()), of_label, tuple(scores.tolist()))


def changed_by(tried: Mapping[WhatIf, Guesses], name: str) -> dict[WhatIf, str]:
    """The changes after which a network predicts another class, with that class."""
    before = tried[NOTHING][name].predicted
    guesses = {question: own[name].predicted for question, own in tried.items() if not own[name].error}
    return {question: predicted for question, predicted in guesses.items() if predicted != before}


def telling_first(tried: Mapping[WhatIf, Guesses], label: str) -> list[WhatIf]:
    """The changes in the order of what they tell: nothing, more networks set right, more predictions changed.

    Among equals the one with the highest score of the label in a network that it sets right is first.
    """
    by_network = {name: changed_by(tried, name) for name in tried[NOTHING]}

    def tells(question: WhatIf) -> tuple[bool, int, int, float]:
        predicted = {name: changed[question] for name, changed in by_network.items() if question in changed}
        right = [tried[question][name].of_label for name, guess in predicted.items() if guess == label]
        return question != NOTHING, -len(right), -len(predicted), -max(right, default=0.0)

    return sorted(tried, key=tells)


def findings(tried: Mapping[WhatIf, Guesses], label: str) -> list[str]:
    """One line per network: its prediction, whether it sees the order of the frames, and what changes its mind."""
    return [f"{name} {'. '.join(sentences_of(tried, name, label))}." for name in tried[NOTHING]]


def sentences_of(tried: Mapping[WhatIf, Guesses], name: str, label: str) -> list[str]:
    """The sentences of ``findings`` about one network."""
    own = {question: guesses[name] for question, guesses in tried.items() if not guesses[name].error}
    if NOTHING not in own:
        return [f"has no prediction: {tried[NOTHING][name].error}"]
    first, changed = own[NOTHING], changed_by(tried, name)
    right = sorted((each for each in changed if changed[each] == label), key=lambda each: -own[each].of_label)
    orders = [own[question] for question in own if question.frames in ORDERS[1:]]
    blind = orders and all(same_scores(each.scores, first.scores) for each in orders)
    order = [f"It gives the same scores in the {len(orders)} other orders of the frames"] if blind else []
    if first.predicted == label:
        verdict = f"is right ({label} {first.score:.2f})"
        return [
            verdict,
            *order,
            f"Predicts another class with {listed(changed)}" if changed else "It stays right after every change",
        ]
    verdict = f"is wrong ({first.predicted} {first.score:.2f}, {label} {first.of_label:.2f})"
    if right:
        return [verdict, *order, f"Right with {listed(right)}"]
    nearest = max(own, key=lambda question: own[question].of_label)
    gain = own[nearest].of_label - first.of_label >= NOTICED
    most = f"; most for {label}: “{nearest.words}”, {own[nearest].of_label:.2f}" if gain else ""
    other = [f"Predicts yet another class with {listed(changed)}"] if changed else []
    return [verdict, *order, f"No change sets it right{most}", *other]


def listed(questions: Iterable[WhatIf], most: int = 3) -> str:
    """The words of the first changes, and the number of the others."""
    words = [f"“{question.words}”" for question in questions]
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")
