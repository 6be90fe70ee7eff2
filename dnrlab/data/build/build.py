"""Build manifests from official annotation files and a folder of videos."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dnrlab.data.build import kinetics200
from dnrlab.data.build.annotations import FORMATS
from dnrlab.data.build.annotations.folders import read_folders
from dnrlab.data.build.annotations.items import Annotations, split_file
from dnrlab.data.build.match import BuildResult, differences, match, relative_to, summary
from dnrlab.data.build.video_tree import VideoTree, by_key, video_tree
from dnrlab.data.cards import card_of, own_card, write_card
from dnrlab.files import atomic_write

NAMES = (*FORMATS, "folders")


def build_manifest(
    name: str,
    annotations: Sequence[str],
    videos: str | Path,
    out: str | Path,
    *,
    class_list: str | None = None,
    seed: int = 0,
    progress: bool = False,
) -> BuildResult:
    """Write the manifest ``NAME.csv``, and beside it ``NAME.card.json`` and ``NAME.missing.csv``.

    If the annotation files fix the order of the classes, ``NAME.classes.txt`` is written too.

    Args:
        name: data set, one of ``NAMES``; also the name of its card.
        annotations: official files, each as ``FILE`` or with its split as ``train=FILE``; empty for ``folders``.
        videos: folder that contains the videos, at any depth.
        out: the manifest to write, ``NAME.csv``. Its paths are relative to its folder.
        class_list: for kinetics200 only: a file of class names, in place of the 200 classes with the most videos.
        seed: seed of the random draw of kinetics200.
        progress: show progress on standard error.

    Returns: the rows, the missing videos, and warnings.

    Raises: ValueError if a file is not in the expected format or no annotated video is found; FileNotFoundError if an
    annotation file or the folder of videos does not exist.
    """
    out = Path(out).resolve()
    check_request(name, annotations, out, class_list)
    if name == "folders":
        tree = video_tree(videos, progress=progress)
        asked, candidates = read_folders(tree.paths), {path: [path] for path in tree.paths}
    else:
        asked = FORMATS[name]([split_file(text) for text in annotations])
        tree = video_tree(videos, progress=progress)
        candidates = by_key(tree.paths)
    built = match(asked, candidates, relative_to(tree.root, out.parent))
    if built.rows.empty:
        raise ValueError(nothing_found(asked, tree))
    rule: dict[str, Any] = {}
    if name == "kinetics200":
        built = kinetics200.select(built, class_list, seed)
        rule = {"class_list": class_list and Path(class_list).name, "videos": kinetics200.VIDEOS, "seed": seed}
    card = own_card(out.stem) if name == "folders" else card_of(name)
    built = built._replace(warnings=built.warnings + differences(built, card, asked.fold))
    if name != "folders" or not out.with_suffix(".card.json").exists():  # the card of own videos is edited by hand
        facts = {"annotations": [Path(text).name for text in annotations], "fold": asked.fold, **rule}
        write_card(replace(card, built=facts | summary(built)), out.with_suffix(".card.json"))
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
    if class_list is not None and name != "kinetics200":
        raise ValueError(f"expected no class list for {name}, got {class_list}; leave it out (it is for kinetics200)")
    if out.suffix != ".csv":
        raise ValueError(f"expected out to be a CSV file NAME.csv, got {out.name}; change its ending to .csv")


def nothing_found(asked: Annotations, tree: VideoTree) -> str:
    """The error message if no annotated video is in the tree."""
    first = f"such as {asked.items[0].key}" if asked.items else "with a label in a split"
    there = f"{len(tree.paths)} videos" + (f", such as {tree.paths[0]}" if tree.paths else "")
    return f"{tree.root}: expected videos {first}, got {there} and {tree.other_files} other files; correct --videos"


def write_tables(built: BuildResult, out: Path) -> None:
    """Write the list of missing videos, the class order if the files fix one, and last the manifest."""
    with atomic_write(out.with_suffix(".missing.csv")) as unfinished:
        built.missing.to_csv(unfinished, index=False)
    if built.classes:
        with atomic_write(out.with_suffix(".classes.txt")) as unfinished:
            unfinished.write_text("\n".join(built.classes) + "\n", encoding="utf-8")
    with atomic_write(out) as unfinished:
        built.rows.to_csv(unfinished, index=False)
