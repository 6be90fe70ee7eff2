"""Which files have proved that decord finds frames in them by seeking; shared by a process and its forked workers.

A table of eight bytes per slot in anonymous shared memory: 63 bits of a hash of the file's identity, and one bit for
the answer. A slot may be overwritten by another file; the first one is then proved again.
"""

import hashlib
import mmap
import struct

SLOTS = 2**20


table = mmap.mmap(-1, 8 * SLOTS)


def slot_of(path: str, size: int, changed: int) -> tuple[int, int]:
    """The slot of a file, and its hash with an empty last bit. Size in bytes, time of the last change in ns."""
    digest = hashlib.blake2b(f"{path}|{size}|{changed}".encode("utf-8", "surrogateescape"), digest_size=16).digest()
    place, code = struct.unpack("<QQ", digest)
    return 8 * (place % SLOTS), (code | 2) & ~1


def known(path: str, size: int, changed: int) -> bool | None:
    """Whether decord seeks exactly in a file; None if it has not been tried."""
    place, code = slot_of(path, size, changed)
    stored: int = struct.unpack_from("<Q", table, place)[0]
    return bool(stored & 1) if stored & ~1 == code else None


def remember(path: str, size: int, changed: int, seeks: bool) -> None:
    """Store an answer."""
    place, code = slot_of(path, size, changed)
    struct.pack_into("<Q", table, place, code | int(seeks))


def forget() -> None:
    """Clear all answers."""
    table[:] = bytes(len(table))
