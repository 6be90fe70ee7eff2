"""Tiny data sets on disk, in the exact official formats: each function gives the folder of videos and its files.

Three classes or so, two training and one or two held-out videos of each, 16 frames of 40 x 32 pixels.
"""

import json
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from PIL import Image

CODECS = {".mp4": "libx264", ".avi": "mpeg4", ".webm": "libvpx"}
SOMETHING = (  # V1's order is not that of the alphabet; the second and third are each other's mirror
    "Throwing something",
    "Pushing something from right to left",
    "Pushing something from left to right",
    "Plugging something into something but pulling it right out as you remove your hand",
)


class Tree(NamedTuple):
    """A data set: ``dnrlab manifest build NAME --annotations … --videos …``."""

    name: str
    videos: Path
    annotations: list[str]
    evaluate_on: str  # split with labels to evaluate on
    rows: int  # videos that belong into the manifest


def pictures(brightness, name):
    """16 frames of noise, another for every name, brighter or darker by class: (16, 32, 40, 3) uint8."""
    rng = np.random.default_rng([*name.encode()])
    return rng.integers(40 * brightness, 40 * brightness + 100, (16, 32, 40, 3), dtype=np.uint8)


def film(path, brightness):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[path.suffix], rate=12)
        stream.height, stream.width, stream.pix_fmt = 32, 40, "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in pictures(brightness, path.stem):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def kinetics(folder, name="kinetics400", layout="{split}/{label}/{clip}", underscores=False):
    """CSV files of train, val and test, the last without labels; ``layout`` says how the videos lie."""
    header, labels = "label,youtube_id,time_start,time_end,split", ("abseiling", "air drumming", "zumba")
    lines = {"train": [header], "validate": [header], "test": ["youtube_id,time_start,time_end,split"]}
    for position, label in enumerate(labels):
        for split, number in (("train", 0), ("train", 1), ("validate", 2)):
            youtube_id, start = f"-{label[:3]}_{number}lodo2M", 9 + 1300 * number
            lines[split].append(f"{label},{youtube_id},{start},{start + 10},{split}")
            clip = f"{youtube_id}_{start:06d}_{start + 10:06d}.mp4"
            shown = label.replace(" ", "_") if underscores else label
            film(folder / "videos" / layout.format(split=split[:5], label=shown, clip=clip), position)
    lines["test"].append("--0edUL8zmA,92,102,test")
    files = [write(folder / f"{split}.csv", *each) for split, each in lines.items()]
    return Tree(name, folder / "videos", files, "val", 9)


def kinetics200(folder):
    """Kinetics-200 is drawn out of Kinetics-400, with the same files."""
    return kinetics(folder, name="kinetics200")


def something_v1(folder):
    """Folders of JPEG frames; labels in the release's own order."""
    lines = {"train": [], "validation": [], "test": ["42326"]}
    for position, label in enumerate(SOMETHING):
        for number, split in enumerate(("train", "train", "validation")):
            key = str(100 * (position + 1) + number)
            lines[split].append(f"{key};{label}")
            frames = folder / "20bn-something-something-v1" / key
            frames.mkdir(parents=True)
            for index, frame in enumerate(pictures(position, key), start=1):
                Image.fromarray(frame).save(frames / f"{index:05d}.jpg")
    files = [write(folder / f"something-something-v1-{split}.csv", *each) for split, each in lines.items()]
    files.append(write(folder / "something-something-v1-labels.csv", *SOMETHING))
    return Tree("something_v1", folder / "20bn-something-something-v1", files, "val", 12)


def something_v2(folder):
    """WebM files; labels with their templates."""
    entries = {"train": [], "validation": [], "test": [{"id": "1420"}]}
    for position, label in enumerate(SOMETHING):
        for number, split in enumerate(("train", "train", "validation")):
            key = str(100 * (position + 1) + number)
            template = label.replace("something", "[something]")
            shown = label.lower().replace("something", "a cup")
            entry = {"id": key, "label": shown, "template": template, "placeholders": ["a cup"]}
            entries[split].append(entry)
            film(folder / "20bn-something-something-v2" / f"{key}.webm", position)
    files = [
        write(folder / f"something-something-v2-{split}.json", json.dumps(each)) for split, each in entries.items()
    ]
    numbers = {label: str(index) for index, label in enumerate(sorted(SOMETHING))}
    files.append(write(folder / "something-something-v2-labels.json", json.dumps(numbers)))
    return Tree("something_v2", folder / "20bn-something-something-v2", files, "val", 12)


def ucf101(folder, fold=1):
    """Lists of a fold; the groups of the test list are those of fold 1."""
    labels, train, test = ("ApplyEyeMakeup", "BabyCrawling", "YoYo"), [], []
    for position, label in enumerate(labels):
        for group in ("01", "08", "25"):
            path = f"{label}/v_{label}_g{group}_c01.avi"
            film(folder / "UCF-101" / path, position)
            test.extend([path] * (group == "01"))
            train.extend([f"{path} {position + 1}"] * (group != "01"))
    files = [
        write(folder / f"trainlist{fold:02d}.txt", *train),
        write(folder / f"testlist{fold:02d}.txt", *test),
        write(folder / "classInd.txt", *[f"{position + 1} {label}" for position, label in enumerate(labels)]),
    ]
    return Tree("ucf101", folder / "UCF-101", files, "test", 9)


def hmdb51(folder, name="hmdb51", fold=1):
    """A file a class and fold; one video of each class is in neither part."""
    files = []
    for position, label in enumerate(("brush_hair", "pick", "shoot_ball")):
        films = {"#122_Cleaning_Up!_": 1, "April_09_": 1, "Juno_": 2, "Gattaca_pick_": 0}
        lines = []
        for number, (title, part) in enumerate(films.items()):
            clip = f"{title}{label}_u_nm_np1_ba_goo_{number}.avi"
            lines.append(f"{clip} {part} ")
            film(folder / "videos" / label / clip, position)
        files.append(write(folder / "splits" / f"{label}_test_split{fold}.txt", *lines))
    return Tree(name, folder / "videos", files, "test", 9)


def jhmdb(folder):
    """JHMDB has the file names and the form of HMDB-51."""
    return hmdb51(folder, name="jhmdb")


def folders(folder):
    """Videos of one's own: a folder a split, a folder a class."""
    for position, label in enumerate(("hop", "skip")):
        for split, number in (("train", 0), ("train", 1), ("val", 2), ("test", 3)):
            film(folder / "own" / split / label / f"{number}.mp4", position)
    return Tree("folders", folder / "own", [], "test", 8)


def lists(folder):
    """Videos of one's own, and a list without a header per split: path, and the number of the class."""
    for position, label in enumerate(("hop", "skip")):
        for number in range(3):
            film(folder / "own" / label / f"{number}.mp4", position)
    lines = [
        [f"{label}/{number}.mp4 {position}" for position, label in enumerate(("hop", "skip"))] for number in range(3)
    ]
    files = [
        write(folder / "train_list.txt", *lines[0], *lines[1]),
        write(folder / "test_list.txt", *lines[2]),
    ]
    return Tree("list", folder / "own", files, "test", 6)


TREES = {
    "kinetics400": kinetics,
    "kinetics200": kinetics200,
    "something_v1": something_v1,
    "something_v2": something_v2,
    "ucf101": ucf101,
    "hmdb51": hmdb51,
    "jhmdb": jhmdb,
    "list": lists,
    "folders": folders,
}
