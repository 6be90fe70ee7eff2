"""Which files below a folder are videos, and which are left behind by systems, archives and downloads."""

CONTAINERS = """
    3g2 3gp amv apng asf avi bik bmv cdxl dav dif divx dv evo f4v flc fli flv gif gxf ismv ivf ivr m2t m2ts m4v mj2 mk3d
    mkv mov mp4 mpe mpeg mpg mts mvi mxf nsv nut ogg ogm ogv psp qt rm rmvb roq smk swf ts ty viv vob webm wmv wtv xmv
    y4m yop"""


STREAMS = """
    264 265 266 avc avs2 cavs dnxhd dnxhr drc h261 h263 h264 h265 h266 h26l hevc m1v m2v mjpeg mjpg mpv obu rcv vc1 vc2
    vvc"""


VIDEOS = frozenset(f".{name}" for name in (CONTAINERS + STREAMS).split())  # the extensions that FFmpeg knows


OTHER_PICTURES = (".tga", ".exr", ".dpx", ".jp2", ".j2k", ".jxl", ".avif", ".heic", ".pcx", ".sgi", ".hdr", ".dng")


JUNK = ("thumbs.db", "desktop.ini", "__macosx")  # names that systems and archives leave behind


LEFTOVERS = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".part", ".crdownload", ".tmp", ".aria2")
