"""Reads the pixels of a video, given its path and frame indices. It knows no manifest."""

from dnrlab.data.decode.reader import READER, probe, read_frames
from dnrlab.data.decode.types import Frames, Reader, VideoError, VideoInfo

__all__ = ["READER", "Frames", "Reader", "VideoError", "VideoInfo", "probe", "read_frames"]
