"""The widget that plays a clip in the browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dnrlab.explorer.locked import CHANGING, Locked

HERE = Path(__file__).parent


class Player(Locked, anywidget.AnyWidget):
    """Frames, heat maps, scores and lines of one clip. Steps, speed and opacity happen in the browser alone.

    The images of the clip lie in the browser, decoded: 4 bytes per pixel of each, so 8 frames of 192 pixels with three
    networks take 5 MB. They are freed when the clip changes.

    ``on_video`` gets the requests of keys and steps: next, previous, earlier or later (the clip of a long video).
    """

    _esm = HERE / "player.js"
    _css = HERE / "player.css"
    scene = traitlets.Dict().tag(sync=True)  # see ``scene.scene_of``
    frames = traitlets.List(trait=traitlets.Bytes()).tag(sync=True)  # one image per frame
    heats = traitlets.List(trait=traitlets.List(trait=traitlets.Bytes())).tag(sync=True)  # per network one per frame
    frame = traitlets.Int(0).tag(sync=True)  # where the player stands, from 0
    opacity = traitlets.Float(0.85).tag(sync=True)

    def __init__(self, on_video: Callable[[str], None] = lambda video: None, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(lambda _, content, buffers: on_video(content.get("video", "")))

    def show(self, scene: dict[str, Any], frames: list[bytes], heats: list[list[bytes]]) -> None:
        """Show a clip: its images and texts change together. Lists of images that stay are not sent again."""
        with CHANGING, self.hold_sync():
            self.frames, self.heats, self.scene = frames, heats, scene
