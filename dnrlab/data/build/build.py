"""Build manifests from official annotation files and a folder of videos."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from dnrlab.data.build import kinetics200
from dnrlab.data.build.annotations import FORMATS
from dnrlab.data.build.annotations.folders import NO_CLASS, read_folders
from dnrlab.data.build.annotations.items import Annotations, split_file
from dnrlab.data.build.annotations.lists import with_class_names
from dnrlab.data.build.match import BuildResult, differences, match, relative_to, summary
from dnrlab.data.build.random_split import SPLITS, SplitRule, random_split
from dnrlab.data.build.video_tree import VideoTree, by_ending, by_key, video_tree
from dnrlab.data.cards import card_of, own_card, write_card
from dnrlab.files import atomic_write
from dnrlab.lock import locked

NAMES = (*FORMATS, "folders")


def build_manifest(
    name: str,
    annotations: Sequence[str],
    videos: str | Path,
    out: str | Path,
    *,
    class_list: str | None = None,
    seed: int = 0,
    split: SplitRule | None = None,
    progress: bool = False,
) -> BuildResult:
    """Write the manifest ``NAME.csv``, and beside it ``NAME.card.json`` and ``NAME.missing.csv``.

    If the annotation files fix the order of the classes, ``NAME.classes.txt`` is written too.

    Args:
        name: data set, one of ``NAMES``; also the name of its card.
        annotations: official files, each as ``FILE`` or with its split as ``train=FILE``; empty for ``folders``.
        videos: folder that contains the videos, at any depth.
        out: the manifest to write, ``NAME.csv``. Its paths are relative to its folder.
        class_list: a file of class names: for kinetics200, in place of the 200 classes with the most videos; for
            ``list``, the names of the numbers.
        seed: seed of the random draw of kinetics200, and of ``split``.
        split: for folders and lists without splits: how to draw them.
        progress: show progress on standard error.

    Returns: the rows, the missing videos, and warnings.

    Raises: ValueError if a file is not in the expected format or no annotated video is found; FileNotFoundError if an
    annotation file or the folder of videos does not exist.
    """
    out = Path(out).resolve()
    check_request(name, annotations, out, class_list)
    own = name in ("folders", "list")
    if name == "folders":
        tree = video_tree(videos, progress=progress)
        asked, candidates = read_folders(tree.paths), {path: [path] for path in tree.paths}
    else:
        asked = FORMATS[name]([split_file(text) for text in annotations])
        asked = with_class_names(asked, class_list) if name == "list" else asked
        tree = video_tree(videos, progress=progress)
        keys = [item.key for item in asked.items]
        candidates = by_ending(keys, tree.root, tree.paths) if name == "list" else by_key(tree.paths)
    built = match(asked, candidates, relative_to(tree.root, out.parent))
    if built.rows.empty:
        raise ValueError(nothing_found(asked, tree))
    rule: dict[str, Any] = {}
    if name == "folders":
        built = with_unused(built, asked, tree)
    if own:
        built, rule = with_splits(built, split, seed)
    elif split is not None:
        raise ValueError(
            f"expected split for folders and lists only, got it for {name}, whose files give the splits; leave it out"
        )
    if name == "kinetics200":
        built = kinetics200.select(built, class_list, seed)
        rule = {"class_list": class_list and Path(class_list).name, "videos": kinetics200.VIDEOS, "seed": seed}
    card = own_card(out.stem) if own else card_of(name)
    built = built._replace(warnings=built.warnings + differences(built, card, asked.fold))
    if not own or not out.with_suffix(".card.json").exists():  # the card of own videos is edited by hand
        facts = {"annotations": [Path(text).name for text in annotations], "fold": asked.fold, **rule}
        write_card(replace(card, built=facts | summary(built)), out.with_suffix(".card.json"))
    with locked(out, "build"):
        write_tables(built, out)
    return built


def check_request(name: str, annotations: Sequence[str], out: Path, class_list: str | None) -> None:
    """Raise ValueError if the name is unknown or the other arguments do not fit it."""
    if name not in NAMES:
        raise ValueError(f"expected name to be a data set, got {name!r}; use one of {', '.join(NAMES)}")
    if (name == "folders") == bool(annotations):
        wanted = "no annotations for folders" if annotations else f"the annotation files of {name}"
        remedy = "leave out --annotations: the folders are the classes" if annotations else "give --annotations"
        raise ValueError(f"expected {wanted}, got {list(annotations)}; {remedy}")
    if class_list is not None and name not in ("kinetics200", "list"):
        raise ValueError(
            f"expected no class list for {name}, got {class_list}; leave it out (it is for kinetics200 and list)"
        )
    if out.suffix != ".csv":
        raise ValueError(f"expected out to be a CSV file NAME.csv, got {out.name}; change its ending to .csv")


def with_unused(built: BuildResult, asked: Annotations, tree: VideoTree) -> BuildResult:
    """The result with every file below the folder that has no row: listed with the reason, and junk counted by name."""
    used = {each.key for each in asked.items}
    reasons = {path: NO_CLASS for path in tree.paths if path not in used} | tree.unused
    names = {path: path.encode("utf-8", "backslashreplace").decode() for path in sorted(reasons)}
    listed = pd.DataFrame([(names[path], "", "", reasons[path]) for path in names], columns=built.missing.columns)
    left_out = built.left_out | {f"junk: {name}": count for name, count in sorted(tree.junk.items())}
    warnings = [f"{len(listed)} files are not used; the list of missing videos says why"] if len(listed) else []
    return built._replace(missing=listed, left_out=left_out, warnings=built.warnings + warnings)


def with_splits(built: BuildResult, split: SplitRule | None, seed: int) -> tuple[BuildResult, dict[str, Any]]:
    """The result with drawn splits, and how they were drawn, for the card. Without a rule only a warning is added."""
    if split is None:
        if "split" in built.rows:
            return built, {}
        sentence = (
            "no splits, so nothing can be trained; draw them with --split 70/15/15, or make folders train and test"
        )
        return built._replace(warnings=[*built.warnings, sentence]), {}
    if "split" in built.rows:
        raise ValueError("expected videos without splits, got train, val or test; leave out --split")
    rows = random_split(built.rows, split, seed)
    lacking = [
        f"no videos of {', '.join(sorted(set(rows['label']) - set(rows['label'][rows['split'] == name])))} in {name}"
        for name, share in zip(SPLITS, split.shares, strict=True)
        if share and set(rows["label"]) - set(rows["label"][rows["split"] == name])
    ]
    facts = {"split": list(split.shares), "group_by": split.group_by, "seed": seed}
    return built._replace(rows=rows, warnings=built.warnings + lacking), facts


def nothing_found(asked: Annotations, tree: VideoTree) -> str:
    """The error message if no annotated video is in the tree."""
    first = f"such as {asked.items[0].key}" if asked.items else "with a label in a split"
    there = f"{len(tree.paths)} videos" + (f", such as {tree.paths[0]}" if tree.paths else "")
    return f"{tree.root}: expected videos {first}, got {there} and {len(tree.unused)} other files; correct --videos"


def write_tables(built: BuildResult, out: Path) -> None:
    """Write the list of missing videos, the class order if the files fix one, and last the manifest."""
    with atomic_write(out.with_suffix(".missing.csv")) as unfinished:
        built.missing.to_csv(unfinished, index=False)
    if built.classes:
        with atomic_write(out.with_suffix(".classes.txt")) as unfinished:
            unfinished.write_text("\n".join(built.classes) + "\n", encoding="utf-8")
    with atomic_write(out) as unfinished:
        built.rows.to_csv(unfinished, index=False)
