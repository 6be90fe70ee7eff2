"""The frames of synthetic videos: textured objects over photographs or procedural textures.

Objects are handwritten digits. Backgrounds are two photographs, or sums of waves. Digits and photographs come with
scikit-learn.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from dnrlab.data.synthetic.motions import Track

Strip = tuple[float, float]  # a part of [0, 1): a range of the photographs' width and of the digits


class Scene(NamedTuple):
    """A background (3, S, S) and an object (3, K, K), each in [0, 1], without the motion."""

    background: Tensor
    tile: Tensor


def make_scene(side: int, strip: Strip, rng: np.random.Generator) -> Scene:
    """A random scene of ``side`` pixels. Its digit and photograph come from the range ``strip`` of the material."""
    background = photograph(side, strip, rng) if rng.random() < 0.5 else waves(side, rng)
    return Scene(background, digit_tile(strip, rng))


def photograph(side: int, strip: Strip, rng: np.random.Generator) -> Tensor:
    """A square region of one of two photographs, within a range of its width: (3, side, side)."""
    from sklearn.datasets import load_sample_images

    image = load_sample_images().images[rng.integers(2)]  # (427, 640, 3) uint8
    left, right = (round(image.shape[1] * edge) for edge in strip)
    length = int(rng.integers(80, min(right - left, image.shape[0]) + 1))
    x, y = rng.integers(left, right - length + 1), rng.integers(0, image.shape[0] - length + 1)
    crop = torch.tensor(image[y : y + length, x : x + length]).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(crop, size=(side, side), mode="bilinear", antialias=True)[0].clamp(0, 1)


def waves(side: int, rng: np.random.Generator) -> Tensor:
    """A procedural texture: six waves of random direction, length and colour: (3, side, side)."""
    axis = torch.linspace(0, 1, side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    image = torch.tensor(rng.uniform(0.2, 0.8, size=(3, 1, 1))).expand(3, side, side).clone()
    for _ in range(6):
        direction, cycles, phase = rng.uniform(0, 2 * math.pi), rng.uniform(1, 8), rng.uniform(0, 2 * math.pi)
        wave = torch.sin(2 * math.pi * cycles * (x * math.cos(direction) + y * math.sin(direction)) + phase)
        image += torch.tensor(rng.uniform(-0.12, 0.12, size=(3, 1, 1))) * wave
    return image.clamp(0, 1).float()


def digit_tile(strip: Strip, rng: np.random.Generator) -> Tensor:
    """A handwritten digit: (3, 32, 32). Ink and paper differ in brightness."""
    from sklearn.datasets import load_digits

    images: NDArray[np.float64] = load_digits().images  # (1797, 8, 8), 0 to 16
    number = rng.integers(round(len(images) * strip[0]), round(len(images) * strip[1]))
    digit = torch.tensor(images[number] / 16, dtype=torch.float32)
    digit = F.interpolate(F.pad(digit, (1, 1, 1, 1))[None, None], size=(32, 32), mode="bicubic")[0].clamp(0, 1)
    dark, bright = rng.uniform(0, 0.3, size=(3, 1, 1)), rng.uniform(0.7, 1, size=(3, 1, 1))
    ink, paper = (dark, bright) if rng.random() < 0.5 else (bright, dark)
    return (digit * torch.tensor(ink) + (1 - digit) * torch.tensor(paper)).float()


def render(scene: Scene, track: Track) -> NDArray[np.uint8]:
    """The frames of a scene whose object follows a track: (T, side, side, 3) uint8."""
    num_frames, side = len(track.x), scene.background.shape[-1]
    x, y, size, opacity = (torch.tensor(np.ascontiguousarray(each), dtype=torch.float32) for each in track)
    theta = torch.zeros(num_frames, 2, 3)  # maps the frame's [-1, 1] to the tile's
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / size
    theta[:, 0, 2], theta[:, 1, 2] = (1 - 2 * x) / size, (1 - 2 * y) / size
    grid = F.affine_grid(theta, [num_frames, 4, side, side], align_corners=False)
    layer = torch.cat([scene.tile, torch.ones_like(scene.tile[:1])]).expand(num_frames, -1, -1, -1)
    layer = F.grid_sample(layer, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    # Outside the tile colour and cover are zero, so grid_sample returns colours premultiplied by the cover.
    cover = layer[:, 3:] * opacity.view(-1, 1, 1, 1)
    frames = scene.background * (1 - cover) + layer[:, :3] * opacity.view(-1, 1, 1, 1)
    return (frames.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def boxes(track: Track, side: int) -> NDArray[np.float64]:
    """The object's box in every frame, (T, 4): left, top, right, bottom in pixels, clipped to the frame."""
    half = track.size / 2
    corners = np.stack([track.x - half, track.y - half, track.x + half, track.y + half], axis=1)
    return np.asarray(np.clip(corners * side, 0, side))
