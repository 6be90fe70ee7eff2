"""Find the videos below a folder. Every folder is listed once, and no file is opened."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from dnrlab.data.build.annotations.items import Item
from dnrlab.data.build.extensions import JUNK, LEFTOVERS, OTHER_PICTURES, VIDEOS
from dnrlab.data.decode.frame_folder import ENDINGS

FRAMES = frozenset(ENDINGS)


class VideoTree(NamedTuple):
    """The files below a folder. Paths are relative to root, with / between parts."""

    root: Path
    paths: list[str]  # video files and folders of frames
    unused: dict[str, str]  # the other files, and why they are not used
    junk: dict[str, int]  # names of hidden files, and of what systems and archives leave behind; how often each occurs


def video_tree(root: str | Path, *, progress: bool = False) -> VideoTree:
    """List the videos below a folder, whatever its structure.

    A folder that contains frames, but neither videos nor folders, is a video too. Links are followed, but no folder is
    listed twice.

    Raises: FileNotFoundError if there is no such folder.
    """
    root = Path(root).resolve()
    if not root.is_dir():
        raise FileNotFoundError(f"expected a folder of videos at {root}, found none; correct --videos")
    paths: list[str] = []
    unused: dict[str, str] = {}
    junk: Counter[str] = Counter()
    waiting, listed = [""], {str(root)}
    with tqdm(desc="folders listed", unit="", disable=not progress, leave=False) as bar:
        while waiting:
            within = waiting.pop()
            try:
                videos, frames, folders, others = list_folder(root, within, junk)
            except OSError as error:
                unused[within] = f"a folder that cannot be listed ({error.strerror})"
                continue
            for name in sorted(folders):
                real = os.path.realpath(root / name)
                waiting += [name] if real not in listed else []
                listed.add(real)
            is_video = within != "" and bool(frames) and not videos and not folders
            paths += [within] if is_video else videos
            unused |= {path: why_unused(path) for path in others}
            unused |= {} if is_video else dict.fromkeys(frames, "a picture in a folder that holds not only frames")
            bar.update()
    return VideoTree(root, sorted(paths), unused, dict(junk))


def list_folder(root: Path, within: str, junk: Counter[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    """A folder's videos, frames, folders and other files. Junk is counted by its name in ``junk``."""
    videos: list[str] = []
    frames: list[str] = []
    folders: list[str] = []
    others: list[str] = []
    with os.scandir(root / within) as entries:
        for entry in entries:
            extension = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 (Path is slow for millions of frames)
            path = f"{within}/{entry.name}" if within else entry.name
            if entry.name.startswith("._"):  # macOS writes one beside each file of an archive
                junk["._*"] += 1
            elif entry.name.startswith(".") or entry.name.lower() in JUNK:
                junk[entry.name] += 1
            elif not is_text(entry.name):
                others.append(path)
            elif is_folder(entry):
                folders.append(path)
            elif extension in LEFTOVERS:
                junk[f"*{extension}"] += 1
            elif extension in FRAMES:
                frames.append(path)
            elif extension in VIDEOS:
                videos.append(path)
            else:
                others.append(path)
    return videos, frames, folders, others


def is_text(name: str) -> bool:
    """Whether a name can be written in UTF-8, as the manifest is."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder. A link that leads to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def why_unused(path: str) -> str:
    """The reason why a file is not used."""
    if not is_text(path):
        return "a name that is not UTF-8; rename it"
    extension = os.path.splitext(path)[1].lower()  # noqa: PTH122 (as above)
    if extension in OTHER_PICTURES:
        return f"a picture that is not read; convert a series of frames: ffmpeg -i %05d{extension} %05d.png"
    return f"neither a video nor a frame ({extension or 'no extension'})"


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


def by_ending(keys: Iterable[str], root: Path, paths: Iterable[str]) -> dict[str, list[str]]:
    """For each path in a list, the videos that it may mean: those whose path ends like it, with any extension.

    File names must be the same, and so must be the folders that hold them, if both have one. Of several such videos the
    ones with the most folders in common are meant: ``/old/run/1.avi`` means ``x/run/1.mp4``, never ``x/walk/1.mp4``.
    """
    named = by_key(paths)
    found = {}
    for key in keys:
        wanted = [*key.removeprefix(f"{root}/").strip("/").split("/")[:-1], key_of(key)]
        common = {path: in_common(wanted, path.split("/")[:-1]) for path in named.get(key_of(key), [])}
        most = max(common.values(), default=0)
        fitting = most > 0 or len(wanted) == 1
        found[key] = [path for path, count in common.items() if count == most] if fitting else []
    return found


def in_common(wanted: list[str], folders: list[str]) -> int:
    """The number of folders in common, from the file on upwards. ``wanted`` ends with the file."""
    pairs = zip(reversed(wanted[:-1]), reversed(folders), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def choose(paths: list[str], item: Item) -> str:
    """The path of an item, out of all paths with its key.

    A path in a folder of the item's class comes first, then a path in a folder of its split, then the first path.
    Class folders may have underscores in place of spaces.
    """
    classes = {item.label, item.label.replace(" ", "_")}

    def rank(path: str) -> tuple[bool, bool, str]:
        folders = path.split("/")[:-1]
        in_split = any(item.split and item.split in folder.lower() for folder in folders)
        return not classes & set(folders), not in_split, path

    return min(paths, key=rank)
