"""Whether an H.264 stream may contain fields: read from its sequence parameter set (ITU-T H.264, §7.3.2.1.1)."""

WITH_CHROMA = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}  # profiles that store the chroma format


def is_progressive(extradata: bytes) -> bool:
    """Whether the stream declares that all its pictures are whole frames. False if it has no parameter set.

    Args:
        extradata: of the codec, as in MP4 (ISO/IEC 14496-15, §5.2.4.1), or with start codes (H.264, annex B).
    """
    if extradata[:1] == b"\1":  # 8 bytes come first: version, profile, ..., number and length of the parameter sets
        sets = [extradata[8:]]
    else:
        sets = [unit for unit in extradata.split(b"\0\0\1") if unit and unit[0] & 31 == 7]
    try:
        return bool(sets) and frame_mbs_only(sets[0])
    except StopIteration:  # a set that is cut
        return False


def frame_mbs_only(parameter_set: bytes) -> bool:
    """The flag ``frame_mbs_only_flag``. False also where scaling matrices stand before it, which are rare."""
    payload = parameter_set.replace(b"\0\0\3", b"\0\0")  # without the bytes that prevent start codes
    bits = ((byte >> shift) & 1 for byte in payload for shift in range(7, -1, -1))

    def fixed(length: int) -> int:
        value = 0
        for _ in range(length):
            value = 2 * value + next(bits)
        return value

    def golomb() -> int:
        zeros = 0
        while not next(bits):
            zeros += 1
        return (1 << zeros) - 1 + fixed(zeros)

    fixed(8)  # the kind of unit
    profile = fixed(8)
    fixed(16)  # constraints, level
    golomb()  # the number of the set
    if profile in WITH_CHROMA:
        fixed(golomb() == 3)  # 4:4:4 has one more bit
        golomb(), golomb(), fixed(1)  # bit depths; lossless or not
        if fixed(1):
            return False
    golomb()  # length of the frame numbers
    order = golomb()  # how the display order is coded
    if order == 0:
        golomb()
    elif order == 1:
        fixed(1), golomb(), golomb()
        for _ in range(golomb()):
            golomb()
    golomb(), fixed(1), golomb(), golomb()  # reference frames; gaps allowed or not; width and height
    return bool(fixed(1))
