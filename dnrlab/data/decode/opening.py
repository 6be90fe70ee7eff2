"""Open a path as what it is: one local file, whatever its name or content asks for.

FFmpeg takes ``take:1.mp4`` for an address of the protocol ``take``, and ``%03d.jpg`` for a series of files. A playlist
that is named ``video.mp4`` makes it open the files, or addresses, that it lists.
"""

import os
from typing import Any

from dnrlab.data.decode.types import VideoError

FORMATS = (  # FFmpeg's names of the containers that hold their frames themselves
    *(
        "3g2",
        "3gp",
        "aiff",
        "amv",
        "anm",
        "apng",
        "asf",
        "av1",
        "avi",
        "avs",
        "bink",
        "c93",
        "cavsvideo",
        "cdxl",
        "cine",
    ),
    *(
        "dirac",
        "dnxhd",
        "dv",
        "dxa",
        "evc",
        "film_cpk",
        "filmstrip",
        "flic",
        "flv",
        "frm",
        "gif",
        "gxf",
        "h261",
        "h263",
    ),
    *("h264", "hevc", "idcin", "ipmovie", "ipu", "ivf", "kux", "live_flv", "lxf", "m4v", "matroska", "mjpeg"),
    *("mjpeg_2000", "mlv", "mov", "mp4", "mpeg", "mpegts", "mpegvideo", "mtv", "mv", "mvi", "mxf", "mxg", "nsv", "nut"),
    *("nuv", "obu", "ogg", "r3d", "rawvideo", "rl2", "rm", "roq", "rpl", "sdr2", "smjpeg", "smk", "swf", "thp", "tmv"),
    *("ty", "vc1", "vc1test", "vivo", "vvc", "webm", "wtv", "wc3movie", "xmv", "xwma", "yop", "yuv4mpegpipe"),
    *(
        "dirac",
        "4xm",
        "apv",
        "avs2",
        "avs3",
        "dhav",
        "ea",
        "ifv",
        "lmlm4",
        "moflex",
        "mpjpeg",
        "pdv",
        "pva",
        "ser",
        "usm",
    ),
    *("aac", "mp3", "wav", "flac"),  # sound, to say that it is no video
    *(f"{picture}_pipe" for picture in ("bmp", "jpeg", "jpegls", "j2k", "pgm", "png", "ppm", "tiff", "webp")),
)

OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS)}


def local(path: str) -> str:
    """A path that no decoder takes for an address: absolute."""
    return os.path.abspath(path)  # noqa: PTH100 (Path.absolute keeps "..", as this does not)


def opened(path: str) -> Any:
    """An ``av.container.InputContainer`` of a local file. Metadata need not be UTF-8.

    Raises: VideoError if it is of no format in ``FORMATS``, such as a playlist; av.FFmpegError if it is damaged.
    """
    import av

    try:
        return av.open(local(path), options=OPTIONS, metadata_errors="replace")
    except av.ArgumentError as error:  # how FFmpeg refuses a format
        reason = "not a video that can be decoded: a playlist, a pattern for file names, or an unusual format"
        raise VideoError(path, f"{reason}; name the video file itself, or encode it again") from error
