"""Frames and heat maps as compressed images, as many bytes as a browser can hold."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dnrlab.plots.style import heat_colours

QUALITY = 90  # of JPEG, in [0, 95]


def frame_images(frames: NDArray[np.uint8]) -> list[bytes]:
    """JPEG images of frames (T, H, W, 3)."""
    return [encoded(Image.fromarray(frame), "JPEG", quality=QUALITY) for frame in frames]


def heat_images(heat: NDArray[np.float32]) -> list[bytes]:
    """PNG images of maps (T, H, W) in [0, 1], in the colours of the figures, transparent where there is no evidence."""
    colours = np.rint(heat_colours()(heat) * 255).astype(np.uint8)  # (T, H, W, 4)
    return [encoded(Image.fromarray(image), "PNG", compress_level=6) for image in colours]


def encoded(image: Image.Image, kind: str, **settings: int) -> bytes:
    """An image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def overlays(frames: NDArray[np.uint8], heat: NDArray[np.float32], opacity: float) -> NDArray[np.uint8]:
    """Maps (T, h, w) over grey frames (T, H, W, 3), as the player shows them: (T, H, W, 3)."""
    height, width = frames.shape[1:3]
    shown = []
    for frame, image in zip(frames, heat_images(heat), strict=True):
        over = Image.open(io.BytesIO(image)).resize((width, height), Image.Resampling.BILINEAR)
        alpha = over.getchannel("A").point(lambda value: round(value * opacity))
        under = Image.fromarray(frame).convert("L").convert("RGB")
        under.paste(over.convert("RGB"), mask=alpha)
        shown.append(np.asarray(under))
    return np.stack(shown)


def num_bytes(images: Sequence[bytes]) -> int:
    """Bytes of some images together."""
    return sum(map(len, images))
