"""Sentences for the titles of figures, from the numbers that the figures show."""

from collections.abc import Mapping, Sequence

import pandas as pd

ALIKE = 0.3  # rank correlation; maps of one clip that agree less speak of different things
STILL = 1e-5  # gamma and beta a second; less is float32's rounding


def of_training(name: str, history: pd.DataFrame) -> str:
    """``runs/a: best top-1 on the validation videos 0.98, after epoch 12 of 16``; of the training clips without any."""
    scored = history["val_top1"].dropna()
    if scored.empty:
        return (
            f"{name}: top-1 on the training clips {history['top1'].iloc[-1]:.2f} after {count(len(history), 'epoch')}"
        )
    best = int(history.loc[scored[scored == scored.max()].index[-1], "epoch"]) + 1  # a later epoch wins a tie
    return f"{name}: best top-1 on the validation videos {scored.max():.2f}, after epoch {best} of {len(history)}"


def of_confusion(matrix: pd.DataFrame) -> str:
    """The share that is right, and the commonest mistake; ``matrix`` has labels by row and predictions by column."""
    right = sum(int(matrix.loc[label, label]) for label in matrix.index)
    total = int(matrix.to_numpy().sum())
    wrong = matrix.stack()
    wrong = wrong[wrong.index.get_level_values(0) != wrong.index.get_level_values(1)]
    finding = f"{right} of {total} videos are right"
    if wrong.empty or not wrong.max():
        return finding
    label, predicted = wrong.idxmax()
    if (wrong == wrong.max()).sum() > 1:
        return f"{finding};\nmistakes are spread, for example “{label}” taken for “{predicted}”"
    number = int(matrix.loc[label].sum())
    return f"{finding};\ncommonest mistake: “{label}” taken for “{predicted}” ({wrong.max()} of {number})"


def of_maps(label: str, predictions: Mapping[str, str]) -> str:
    """Which networks are right about a clip; ``predictions`` gives the class by network, ``label`` may be unknown (``).

    ``“up”: relay and dnr are right, bn says “down”``.
    """
    said = [f"{name} says “{predicted}”" for name, predicted in predictions.items() if predicted != label]
    if not label:
        return ", ".join(said)
    right = [name for name, predicted in predictions.items() if predicted == label]
    verdict = [f"{listed(right)} {'is' if len(right) == 1 else 'are'} right"] if right else []
    return f"“{label}”: " + ", ".join(verdict + said)


def of_groups(label: str, table: pd.DataFrame) -> str:
    """How far cross-temporal gamma and beta move over the frame groups, in the last block of each stage.

    ``table`` is that of one recorded clip.
    """
    temporal = table[table["kind"] == "cross_temporal"]
    temporal = temporal[temporal["layer"].isin(temporal.groupby("stage")["layer"].last())]
    if temporal["group"].nunique() < 2:
        return f"“{label}”: one frame group, so that nothing is relayed in time"
    groups = temporal.groupby(["layer", "channel"], sort=False)[["gamma", "beta"]]
    moved = (groups.last() - groups.first()).abs()
    layer = moved["gamma"].groupby("layer", sort=False).mean().idxmax()
    gamma, beta = moved["gamma"].mean(), moved["beta"].mean()
    return (
        f"“{label}”: from the first frame group to the last γ moves by {gamma:.3f}\n"
        f"and β by {beta:.3f} (mean of the channels), γ most in {layer}"
    )


def of_timeline(label: str, table: pd.DataFrame) -> str:
    """When gamma and beta of one layer change fastest; ``table`` is that of a timeline."""
    layer, seconds = table["layer"].iloc[0], fastest_change(table)
    if seconds is None:
        return f"“{label}”: γ and β of {layer} stay the same"
    return f"“{label}”: γ and β of {layer} change fastest at {seconds:.1f} s"


def fastest_change(table: pd.DataFrame) -> float | None:
    """The time in seconds at which gamma and beta of one layer change fastest: the middle of an eighth of the points.

    The speed is the mean over the channels of the absolute change a second over that span, of gamma and of beta each
    in units of its mean over the video. None if nothing changes but by rounding.
    """
    total: pd.Series | None = None
    for name in ("gamma", "beta"):
        wide = table.pivot(index="seconds", columns="channel", values=name).sort_index()
        span = max(len(wide) // 8, 1)  # single steps would pick out jitter
        steps = wide.index.to_series().diff(span).iloc[span:]
        speed = wide.diff(span).iloc[span:].abs().mean(axis=1) / steps
        if speed.max() > STILL:
            total = speed / speed.mean() if total is None else total + speed / speed.mean()
            middles = speed.index - steps / 2
    return None if total is None else float(middles.loc[total.idxmax()])


def of_blocks(table: pd.DataFrame) -> str:
    """How the channels of cross-layer gamma spread from the first block of the stages to the last."""
    layers = table[table["kind"] == "cross_layer"]
    spread = layers.groupby(["stage", "block"])["gamma"].std().groupby("stage")
    first, last = spread.first().mean(), spread.last().mean()
    if not spread.size().max() > 1:
        return "Every stage has one block: γ is not relayed over the layers"
    verb = "keeps its spread" if f"{first:.3f}" == f"{last:.3f}" else "widens" if last > first else "narrows"
    return (
        f"From the first block of a stage to the last, γ {verb} over the channels:\n"
        f"standard deviation {first:.3f} to {last:.3f} (mean of the stages)"
    )


def of_localisation(differences: pd.DataFrame, baseline: str, means: pd.DataFrame) -> str:
    """How much of the baseline's heat is on the object, and how much more of the others', beyond the interval.

    ``means`` and ``differences`` have columns network, measure, mean, low, high, as of ``dnrlab.evaluation.intervals``.
    """
    share = means.set_index(["network", "measure"])["mean"][baseline, "share"]
    start = f"{share:.2f} of the heat of {baseline} lies on the object"
    rows = differences[differences["measure"] == "share"]
    if rows.empty:
        return start
    return f"{start};\ndifference to it: " + ", ".join(f"{row['network']} {beyond(row)}" for _, row in rows.iterrows())


def of_traits(table: pd.DataFrame) -> str:
    """The trait by whose thirds the heat on objects differs most; columns network, trait, third, mean."""
    ends = table.groupby(["network", "trait"], sort=False)["mean"].agg(["first", "last"])
    change = (ends["last"] - ends["first"]).groupby("trait", sort=False).mean()
    trait = change.abs().idxmax()
    verb = "best" if change[trait] > 0 else "worst"
    return (
        f"Heat finds objects of high {trait} {verb}: {change[trait]:+.2f} times chance\nfrom the low third to the high"
    )


def beyond(row: "pd.Series[float]") -> str:
    """``+0.05 [0.02, 0.08]``, and whether that is no more than chance."""
    clear = "" if row["low"] > 0 or row["high"] < 0 else " (unclear)"
    return f"{row['mean']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]{clear}"


def of_forgetting(table: pd.DataFrame) -> str:
    """How alike maps stay without the classifier, and without anything learned; columns network, forgotten, step, mean.

    ``Without fc the maps stay (rank correlation 0.97 to 0.99); without anything learned they change (0.10 to 0.25)``.
    """
    steps = table.sort_values("step").groupby("network", sort=False)
    first, last = steps["mean"].first(), steps["mean"].last()
    part = table.sort_values("step")["forgotten"].iloc[0]

    def told(values: "pd.Series[float]") -> str:
        verb = "stay" if values.min() > 0.8 else "change" if values.max() < ALIKE else "change in part"
        low, high = f"{values.min():.2f}", f"{values.max():.2f}"
        return f"{verb} (rank correlation {low}" + (f" to {high})" if high != low else ")")

    return f"Without {part} the maps {told(first)};\nwithout anything learned they {told(last)}"


def of_faithfulness(differences: pd.DataFrame) -> str:
    """How much sooner a map deletes the class than a random one; columns network, measure, mean, low, high."""
    rows = differences[differences["measure"] == "deletion"]
    each = ", ".join(f"{row['network']} {beyond(row)}" for _, row in rows.iterrows())
    return f"Deletion: area under the curve, map less random map (lower is better):\n{each}"


def of_reversal(table: pd.DataFrame) -> str:
    """Which networks say the same backwards; columns network, order, measure (same), mean."""
    rows = table[(table["order"] == "backwards") & (table["measure"] == "same")].set_index("network")["mean"]
    each = ", ".join(f"{name} in {share:.2f}" for name, share in rows.items())
    return f"Played backwards, a video is told as before by\n{each} of the cases"


def of_variance(table: pd.DataFrame) -> str:
    """How the share of gamma's variance between classes changes from the first layer to the last."""
    kind = "cross_temporal" if "cross_temporal" in set(table["kind"]) else "cross_layer"
    own = table[(table["kind"] == kind) & (table["name"] == "gamma")].dropna(subset="between_classes")
    if own.empty:
        return "γ is constant"
    first, last = own.iloc[0], own.iloc[-1]
    return (
        f"Of the variance of γ, {first['between_classes']:.2f} lies between classes in {first['layer']}, "
        f"{last['between_classes']:.2f} in {last['layer']};\n"
        f"{first['within_clips']:.2f} and {last['within_clips']:.2f} lie within clips"
    )


def of_probe(table: pd.DataFrame, accuracy: float) -> str:
    """Which layer's gamma and beta tell the class best; columns layer, labels, mean, low, high."""
    own = table[(table["labels"] == "true") & (table["layer"] != "all")]
    best = own.loc[own["mean"].idxmax()]
    return (
        f"γ and β of {best['layer']} alone tell the class of {best['mean']:.2f} of the videos\n"
        f"[{best['low']:.2f}, {best['high']:.2f}]; the network is right in {accuracy:.2f}"
    )


def of_cuts(table: pd.DataFrame) -> str:
    """What becomes of the accuracy when the relay is cut; columns cut, mean."""
    means = table.set_index("cut")["mean"]
    return (
        f"Top-1 is {means['none']:.2f}; without the relay over time {means['over time']:.2f},\n"
        f"without that over layers {means['over layers']:.2f}, without both {means['both']:.2f}"
    )


def of_trajectories(table: pd.DataFrame, layer: str) -> str:
    """How much of the movement the picture shows; columns video, explained."""
    seen, videos = table["explained"].iloc[0], table["video"].nunique()
    return f"γ and β of {layer} along {count(videos, 'video')}:\ntwo directions show {seen:.0%} of their variance"


def of_speeds(table: pd.DataFrame, noise: float) -> str:
    """How much of their speed networks keep with DNR, whether that is more than noise, and what the paper says.

    ``table`` has network (with DNR, and ``control``), speed_kept, and paper_speed_kept (NaN where there is none);
    ``noise`` is how far from 1 a ratio may be and mean nothing.
    """
    by_name = table.set_index("network")
    kept, paper = by_name["speed_kept"].drop("control"), by_name["paper_speed_kept"]
    within = kept.sub(1).abs() <= noise
    if len(kept) == 1:
        who, whose, how_many = f"{kept.index[0].removesuffix(' + DNR')} keeps", "its", "this is"
    else:
        who, whose = f"{len(kept)} networks keep", "their"
        how_many = "all" if within.all() else f"{within.sum()} of {len(kept)}"
    said = f"in the paper {span(paper.min(), paper.max())}; " if paper.notna().any() else ""
    verdict = f", {how_many} within it" if within.any() else ""
    return (
        f"With DNR {who} {span(kept.min(), kept.max())} of {whose} speed\n"
        f"({said}noise of the machine: ±{noise:.2f}{verdict})"
    )


def span(low: float, high: float) -> str:
    """``0.64 to 0.81``, or ``0.64`` where both read alike."""
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f} to {high:.2f}"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def count(number: int, noun: str) -> str:
    """``1 epoch``, ``2 epochs``."""
    return f"{number} {noun}" + "s" * (number != 1)
