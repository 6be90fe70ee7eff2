"""Find the videos below a folder. Every folder is listed once, and no file is opened."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from dnrlab.data.build.annotations.items import Item
from dnrlab.data.decode.frame_folder import ENDINGS

CONTAINERS = """
    3g2 3gp amv apng asf avi bik bmv cdxl dav dif divx dv evo f4v flc fli flv gif gxf ismv ivf ivr m2t m2ts m4v mj2 mk3d
    mkv mov mp4 mpe mpeg mpg mts mvi mxf nsv nut ogg ogm ogv psp qt rm rmvb roq smk swf ts ty viv vob webm wmv wtv xmv
    y4m yop"""


STREAMS = """
    264 265 266 avc avs2 cavs dnxhd dnxhr drc h261 h263 h264 h265 h266 h26l hevc m1v m2v mjpeg mjpg mpv obu rcv vc1 vc2
    vvc"""


VIDEOS = frozenset(f".{name}" for name in (CONTAINERS + STREAMS).split())  # the extensions that FFmpeg knows


FRAMES = frozenset(ENDINGS)


JUNK = ("thumbs.db", "desktop.ini", "__macosx")  # names that systems and archives leave behind


LEFTOVERS = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".part", ".crdownload", ".tmp", ".aria2")


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
            videos, frames, folders, others = list_folder(root, within, junk)
            known = {name: os.path.realpath(root / name) for name in folders}
            waiting += [name for name, real in known.items() if real not in listed]
            listed.update(known.values())
            is_video = within != "" and bool(frames) and not videos and not folders
            paths += [within] if is_video else videos
            unused |= {path: f"neither a video nor a frame ({Path(path).suffix or 'no extension'})" for path in others}
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
            elif extension in LEFTOVERS:
                junk[f"*{extension}"] += 1
            elif extension in FRAMES:
                frames.append(path)
            elif entry.is_dir():
                folders.append(path)
            elif extension in VIDEOS:
                videos.append(path)
            else:
                others.append(path)
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


def by_ending(keys: Iterable[str], root: Path, paths: Iterable[str]) -> dict[str, list[str]]:
    """For each path in a list, the videos that it may mean: those whose path ends like it, with any extension.

    ``run/1.avi`` means ``x/run/1.mp4`` before ``x/walk/1.mp4``.
    """
    named = by_key(paths)
    found = {}
    for key in keys:
        wanted = without_extension(key.removeprefix(f"{root}/").lstrip("/"))
        alike = named.get(key_of(key), [])
        exact = [path for path in alike if without_extension(path) == wanted]
        ending = [path for path in alike if f"/{without_extension(path)}".endswith(f"/{wanted}")]
        found[key] = exact or ending or alike
    return found


def without_extension(path: str) -> str:
    """``a/b/1.mp4`` gives ``a/b/1``."""
    folder, _, _ = path.rpartition("/")
    return f"{folder}/{key_of(path)}" if folder else key_of(path)


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
