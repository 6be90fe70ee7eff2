"""H.264 in field pictures (PAFF), two packets a frame, written bit by bit, since no encoder of FFmpeg makes them.

All macroblocks are stored as samples (I_PCM), so the decoded pixels are known (ITU-T H.264, §7.3).
"""

from fractions import Fraction

import av

SIZE = 32  # pixels, width and height
LEVELS = [20 + 5 * number for number in range(40)]  # the brightness (luma) of each frame


class Bits:
    """A string of bits."""

    def __init__(self):
        self.bits = ""

    def fixed(self, value, length=1):
        self.bits += f"{value:0{length}b}"
        return self

    def golomb(self, *values):
        for value in values:
            self.bits += "0" * ((value + 1).bit_length() - 1) + f"{value + 1:b}"
        return self

    def align(self):
        self.bits += "0" * (-len(self.bits) % 8)

    def unit(self, kind):
        """A unit with start code and header byte, ended, and without start codes inside."""
        self.fixed(1).align()
        payload = bytes(int(self.bits[at : at + 8], 2) for at in range(0, len(self.bits), 8))
        safe, zeros = bytearray(), 0
        for byte in payload:
            if zeros == 2 and byte <= 3:
                safe.append(3)
                zeros = 0
            safe.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\0\0\0\1" + bytes([kind]) + bytes(safe)


def parameter_sets():
    """Main profile, picture order by frame number, field pictures allowed; one picture parameter set."""
    sequence = Bits().fixed(77, 8).fixed(0, 8).fixed(30, 8).golomb(0, 0, 2, 1).fixed(0)
    sequence.golomb(SIZE // 16 - 1, SIZE // 32 - 1).fixed(0).fixed(0).fixed(1).fixed(0, 2)
    picture = Bits().golomb(0, 0).fixed(0, 2).golomb(0, 0, 0).fixed(0, 3).golomb(0, 0, 0).fixed(0, 3)
    return sequence.unit(0x67) + picture.unit(0x68)


def field(number, bottom, level):
    """One field of frame ``number``, of one brightness: a slice of two macroblocks."""
    key = number == 0 and not bottom
    bits = Bits().golomb(0, 7, 0).fixed(number % 16, 4).fixed(1).fixed(bottom)
    bits = bits.golomb(0).fixed(0, 2) if key else bits.fixed(0)  # which frames stay as references
    bits.golomb(0)  # the quantizer's difference
    for _ in range(SIZE // 16 * SIZE // 32):
        bits.golomb(25).align()  # I_PCM
        for value in [level] * 256 + [128] * 128:
            bits.fixed(value, 8)
    return bits.unit(0x65 if key else 0x61)


def fields(path, rate=25):
    """A video in field pictures, frame t of luma ``LEVELS[t]``; every field is a packet with a time of its own."""
    stored = [field(number, bottom, level) for number, level in enumerate(LEVELS) for bottom in (0, 1)]
    raw = path.with_suffix(".h264")
    raw.write_bytes(parameter_sets() + b"".join(stored))
    with av.open(str(raw)) as source, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        stream.time_base = Fraction(1, 2 * rate)
        for number, packet in enumerate(packet for packet in source.demux(video=0) if packet.size):
            packet.time_base, packet.pts, packet.dts, packet.stream = Fraction(1, 2 * rate), number, number, stream
            container.mux(packet)
    return path
