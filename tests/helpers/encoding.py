"""Small videos with numbered frames, in any container and codec that PyAV writes."""

from fractions import Fraction

import av
import numpy as np
from PIL import Image

TICKS = Fraction(1, 1000)  # a second


def pictures(num_frames=20, height=48, width=64):
    """(T, H, W, 3) uint8: slow waves over the frame, around the brightness that tells the frame's number."""
    t, y, x = np.ogrid[:num_frames, :height, :width]
    wave = 15 * np.cos(2 * np.pi * (x / width + 0.05 * t)) + 5 * np.cos(2 * np.pi * y / height)
    return (20 + 8.0 * t + wave)[..., None].repeat(3, axis=3).clip(0, 255).round().astype(np.uint8)


def brightness(frames):
    return frames.mean(axis=(1, 2, 3))


def noise(num_frames=30):
    return np.random.default_rng(0).integers(0, 255, (num_frames, 64, 64, 3), dtype=np.uint8)


def stream_of(container, frames, codec, pixels, rate=10, **options):
    stream = container.add_stream(codec, rate=rate, options={name.replace("_", "-"): v for name, v in options.items()})
    stream.height, stream.width = frames.shape[1:3]
    stream.pix_fmt, stream.codec_context.thread_count = pixels, 1
    return stream


def encoded(path, frames, codec="libx264", pixels="yuv420p", times=None, muxer=None, **options):
    """Encode frames (T, H, W, 3); times in milliseconds."""
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = stream_of(container, frames, codec, pixels, **options)
        if times is not None:
            stream.codec_context.time_base = stream.time_base = TICKS
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = int(times[number]), TICKS
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def video(name, *args, num_frames=20, height=48, width=64, **options):
    return lambda folder: encoded(folder / name, pictures(num_frames, height, width), *args, **options)


def sound(container, codec="aac", num_samples=20480):
    stream = container.add_stream(codec, rate=16000)
    stream.layout = "mono"
    frame = av.AudioFrame.from_ndarray(np.zeros((1, num_samples), np.float32), format="fltp", layout="mono")
    frame.sample_rate = 16000
    fifo = av.AudioFifo()
    fifo.write(frame)
    for part in fifo.read_many(1024):
        container.mux(stream.encode(part))
    container.mux(stream.encode())


def jpegs(names=None, change=None, mode="RGB"):
    """A folder of JPEG frames; ``change`` takes the folder."""

    def make(folder):
        frames = folder / "frames"
        frames.mkdir()
        for number, picture in enumerate(pictures()):
            name = names[number] if names else f"{number + 1:05d}.jpg"
            Image.fromarray(picture).convert(mode).save(frames / name, quality=95)
        if change:
            change(frames)
        return frames

    return make


def half_a_jpeg(frames):
    (frames / "00007.jpg").write_bytes((frames / "00007.jpg").read_bytes()[:400])


def two_sizes(folder):
    """Ten pictures of 64 x 48 pixels and ten of 48 x 64 in one stream."""
    upright = encoded(folder / "upright.avi", pictures(20, 64, 48)[10:], "mjpeg", "yuvj420p")
    lying = encoded(folder / "lying.avi", pictures()[:10], "mjpeg", "yuvj420p")
    sizes = str(folder / "sizes.mkv")
    with av.open(str(lying)) as first, av.open(str(upright)) as second, av.open(sizes, "w") as container:
        stream = container.add_stream_from_template(first.streams.video[0])
        packets = [p for source in (first, second) for p in source.demux(video=0) if p.size]
        for number, packet in enumerate(packets):
            packet.pts = packet.dts = number
            packet.stream = stream
            container.mux(packet)
    return folder / "sizes.mkv"
