"""What can be saved: a picture, an animation, and a page that plays without a kernel."""

import base64
import html
import json
import re
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dnrlab.explain.cam.heatmaps import figure_data
from dnrlab.explorer.clip import ClipSeen
from dnrlab.explorer.pictures import overlays
from dnrlab.explorer.player import HERE, Player
from dnrlab.figures import save_figure
from dnrlab.files import atomic_write
from dnrlab.findings import of_maps
from dnrlab.plots import CamRow, gradcam_figure

TITLE = 18  # pixels above each picture of an animation
LONGEST = 160  # bytes of a file's name; file systems take 255, with the ending and the mark of an unfinished file


def save_shown(kind: str, seen: ClipSeen, player: Player, folder: str | Path) -> Path:
    """Save what a player shows as picture, mp4, gif or page. The file is named after the clip and the change."""
    name = stem_of(f"explorer_{seen.place.words}_{Path(seen.view.path).stem}")
    if kind == "picture":
        return save_picture(seen, folder, name)
    if kind == "page":
        return save_page(player, Path(folder) / f"{name}.html")
    film = animation(seen, player.opacity)
    return save_animation(film, Path(folder) / f"{name}.{kind}", rate_of(seen.view.seconds))


def stem_of(text: str) -> str:
    """A text as the name of a file, without its ending. Long texts are cut, and differ in the number at their end."""
    name = re.sub(r"[^\w.-]", "_", text).encode()
    if len(name) <= LONGEST:
        return name.decode()
    return f"{name[:LONGEST].decode(errors='ignore')}_{zlib.crc32(name):08x}"


def save_picture(shown: ClipSeen, folder: str | Path, name: str) -> Path:
    """Write ``NAME.png``, ``NAME.pdf`` and their data: frames, and the heat map of each network. Returns the PNG."""
    explained = {key: own.explanation for key, own in shown.of_runs.items() if own.explanation is not None}
    cams = [CamRow(key, each.predicted, each.score, each.heat) for key, each in explained.items()]
    view, place = shown.view, shown.place
    note = f"Grad-CAM++ at {place.layer or 'the sharpest layer'} for the {place.target} class"
    note += f"; {place.question.words}" if place.question.words else ""
    changed = f"with {place.question.words}, " if place.question.words else ""
    figure = gradcam_figure(
        view.frames,
        cams,
        finding=changed + of_maps(view.label, {cam.name: cam.predicted for cam in cams}),
        note=f"{Path(view.path).name}: {note}",
        frame_indices=view.frame_indices,
        label=view.label,
    )
    file = save_figure(figure, folder, name, **figure_data(view.frames, explained))
    plt.close(figure)  # or a notebook shows it, too
    return file


def animation(shown: ClipSeen, opacity: float) -> NDArray[np.uint8]:
    """The frames, and each network's heat on them, side by side with names above: (T, H, W, 3), H and W even."""
    own = {name: each.explanation for name, each in shown.of_runs.items() if each.explanation is not None}
    frames = shown.view.frames
    panels = [frames, *(overlays(frames, each.heat, opacity) for each in own.values())]
    names = [shown.view.label, *(f"{name}: {each.predicted}" for name, each in own.items())]
    titled = [np.stack([with_title(frame, name) for frame in panel]) for panel, name in zip(panels, names, strict=True)]
    film = np.concatenate(titled, axis=2)
    return np.pad(film, ((0, 0), (0, film.shape[1] % 2), (0, film.shape[2] % 2), (0, 0)))


def with_title(frame: NDArray[np.uint8], title: str) -> NDArray[np.uint8]:
    """A frame with a line of text above it."""
    height, width = frame.shape[:2]
    image = Image.new("RGB", (width, height + TITLE), "white")
    image.paste(Image.fromarray(frame), (0, TITLE))
    ImageDraw.Draw(image).text((3, 3), title, fill="black")
    return np.asarray(image)


def rate_of(seconds: Sequence[float], speed: float = 1.0) -> float:
    """Frames per second of a clip whose frames have these times; 4 where they are unknown. At most 30."""
    whole = max(seconds) - min(seconds) if len(seconds) > 1 else float("nan")  # the frames may run backwards
    return min(speed * (len(seconds) - 1) / whole, 30.0) if np.isfinite(whole) and whole > 0 else 4.0


def save_animation(film: NDArray[np.uint8], file: str | Path, rate: float) -> Path:
    """Write frames (T, H, W, 3) as ``.mp4`` (H.264) or ``.gif``, ``rate`` frames per second.

    Raises: ValueError for another ending; OSError if the file cannot be written.
    """
    file = Path(file)
    with atomic_write(file) as unfinished:
        if file.suffix == ".gif":
            images = [Image.fromarray(frame) for frame in film]
            images[0].save(unfinished, save_all=True, append_images=images[1:], duration=round(1000 / rate), loop=0)
        elif file.suffix == ".mp4":
            with av.open(str(unfinished.absolute()), "w") as container:
                stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
                stream.height, stream.width, stream.pix_fmt = *film.shape[1:3], "yuv420p"
                for frame in film:
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
                container.mux(stream.encode())
        else:
            raise ValueError(f"expected a file that ends in .mp4 or .gif, got {file.name}; rename it")
    return file


def save_page(player: Player, file: str | Path) -> Path:
    """Write a page with what a player shows, which opens from a disk without a kernel and offline."""
    scene = player.scene | {"clips": 1, "start": player.frame}
    heats = [[text(each) for each in own] for own in player.heats]
    images = {"frames": [text(each) for each in player.frames], "heats": heats}
    data = json.dumps({"scene": scene, "opacity": player.opacity, **images}).replace("<", "\\u003c")
    page = (HERE / "page.html").read_text(encoding="utf-8")
    parts = {
        "TITLE": html.escape(f"{scene['label']}: {scene['path']}"),
        "STYLE": (HERE / "player.css").read_text(encoding="utf-8"),
        "SCRIPT": (HERE / "player.js").read_text(encoding="utf-8"),
        "DATA": data,
    }
    before, *rest = page.split("%%")  # text, name, text, name, …, text
    filled = before + "".join(parts[name] + after for name, after in zip(rest[::2], rest[1::2], strict=True))
    with atomic_write(file) as unfinished:
        unfinished.write_text(filled, encoding="utf-8")
    return Path(file)


def text(image: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(image).decode()
