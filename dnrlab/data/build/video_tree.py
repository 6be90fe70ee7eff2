"""Find the videos below a folder. Every folder is listed once, and no file is opened."""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from dnrlab.data.build.annotations.items import Item

VIDEOS = frozenset(".mp4 .mkv .webm .avi .mov .m4v .mpg .mpeg .wmv .flv .ts .3gp .ogv".split())  # noqa: SIM905


FRAMES = frozenset((".jpg", ".jpeg"))


class VideoTree(NamedTuple):
    """The videos below a folder."""

    root: Path
    paths: list[str]  # video files and folders of JPEG frames, relative to root, with / between parts
    other_files: int


def video_tree(root: str | Path, *, progress: bool = False) -> VideoTree:
    """List the videos below a folder, whatever its structure.

    A folder that contains JPEG files, but neither videos nor folders, is a video too. Links are followed, but no folder
    is listed twice.

    Raises: FileNotFoundError if there is no such folder.
    """
    root = Path(root).resolve()
    if not root.is_dir():
        raise FileNotFoundError(f"expected a folder of videos at {root}, found none; correct --videos")
    paths: list[str] = []
    other_files = 0
    waiting, listed = [""], {str(root)}
    with tqdm(desc="folders listed", unit="", disable=not progress, leave=False) as bar:
        while waiting:
            within = waiting.pop()
            videos, frames, folders, others = list_folder(root, within)
            known = {name: os.path.realpath(root / name) for name in folders}
            waiting += [name for name, real in known.items() if real not in listed]
            listed.update(known.values())
            is_video = within != "" and frames > 0 and not videos and not folders
            paths += [within] if is_video else videos
            other_files += others if is_video else others + frames
            bar.update()
    return VideoTree(root, sorted(paths), other_files)


def list_folder(root: Path, within: str) -> tuple[list[str], int, list[str], int]:
    """A folder's videos, number of JPEG files, folders, and number of other files. Hidden files are left out."""
    videos, folders, frames, others = [], [], 0, 0
    with os.scandir(root / within) as entries:
        for entry in entries:
            extension = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 (Path is slow for millions of frames)
            if entry.name.startswith("."):
                continue
            if extension in FRAMES:
                frames += 1
            elif entry.is_dir():
                folders.append(f"{within}/{entry.name}" if within else entry.name)
            elif extension in VIDEOS:
                videos.append(f"{within}/{entry.name}" if within else entry.name)
            else:
                others += 1
    return videos, frames, folders, others


def key_of(path: str) -> str:
    """The key of a video: a file name without its extension, or a folder name. ``a/b/7.webm`` and ``a/b/7`` give 7."""
    name = path.rsplit("/", 1)[-1]
    stem, extension = os.path.splitext(name)  # noqa: PTH122 (as above)
    return stem if extension.lower() in VIDEOS else name


def by_key(paths: Iterable[str]) -> dict[str, list[str]]:
    """The paths of the videos with each key."""
    found = defaultdict(list)
    for path in paths:
        found[key_of(path)].append(path)
    return dict(found)


def choose(paths: list[str], item: Item) -> str:
    """The path of an item, out of all paths with its key.

    A path in a folder of the item's class comes first, then a path in a folder of its split, then the first path.
    Class folders may have underscores in place of spaces.
    """
    classes = {item.label, item.label.replace(" ", "_")}

    def rank(path: str) -> tuple[bool, bool, str]:
        folders = path.split("/")[:-1]
        in_split = any(item.split and item.split in folder for folder in folders)
        return not classes & set(folders), not in_split, path

    return min(paths, key=rank)
