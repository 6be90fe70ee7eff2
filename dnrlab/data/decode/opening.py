"""Open a path as what it is: one local file, whatever its name or content asks for.

FFmpeg takes ``take:1.mp4`` for an address of the protocol ``take``, and ``%03d.jpg`` for a series of files. A playlist
that is named ``video.mp4`` makes it open the files, or addresses, that it lists.
"""

import os
from typing import Any

from dnrlab.data.decode.types import VideoError
from dnrlab.limits import is_of_the_machine

# FFmpeg's names of the containers that hold their frames themselves, and, in the last line, of sound: to say that it is
# no video.
FORMATS = """
3g2 3gp 4xm aiff amv anm apng apv asf av1 avi avs avs2 avs3 bink bmp_pipe c93 cavsvideo cdxl cine dhav dirac
dnxhd dv dxa ea evc film_cpk filmstrip flic flv frm gif gxf h261 h263 h264 hevc idcin ifv ipmovie ipu ivf
j2k_pipe jpeg_pipe jpegls_pipe kux live_flv lmlm4 lxf m4v matroska mjpeg mjpeg_2000 mlv moflex mov mp4 mpeg
mpegts mpegvideo mpjpeg mtv mv mvi mxf mxg nsv nut nuv obu ogg pdv pgm_pipe png_pipe ppm_pipe pva r3d rawvideo
rl2 rm roq rpl sdr2 ser smjpeg smk swf thp tiff_pipe tmv ty usm vc1 vc1test vivo vvc wc3movie webm webp_pipe
wtv xmv xwma yop yuv4mpegpipe
aac flac mp3 wav
"""

OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS.split())}


def local(path: str) -> str:
    """A path that no decoder takes for an address: absolute. Links in it mean what they mean to the system."""
    return os.path.join(os.getcwd(), path)  # noqa: PTH118, PTH109 (fast; a path may end in a dot)


def opened(path: str) -> Any:
    """An ``av.container.InputContainer`` of a local file. Metadata need not be UTF-8.

    Raises: VideoError if it is of no format in ``FORMATS``, such as a playlist; av.FFmpegError if it is damaged.
    """
    import av

    try:
        return av.open(local(path), options=OPTIONS, metadata_errors="replace")
    except OSError as error:
        if is_of_the_machine(error):  # not an error of FFmpeg, which would be blamed on the video
            raise OSError(error.errno, error.strerror) from error
        raise
    except av.ArgumentError as error:  # how FFmpeg refuses a format
        reason = "not a video that can be decoded: a playlist, a pattern for file names, an unusual format, or damaged"
        raise VideoError(path, f"{reason}; name the video file itself, or encode it again") from error
