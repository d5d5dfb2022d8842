# SPDX-License-Identifier: Apache-2.0
"""The record of a disk's changes (husk run --disk FILE,record=RECORD), and what a power cut could have left of them."""
import random
import struct
from dataclasses import dataclass
from pathlib import Path

ENTRY = struct.Struct("<QQQ")  # RecordEntry of launcher/backend/recording_storage.hpp
WRITE, ZERO, FLUSH = 1, 2, 3
SECTOR_BYTES = 512
# Of ext4. Its checksum is over both of its sectors: Linux, too, depends on a disk that does not tear it.
SUPERBLOCK = range(1024, 2048)


@dataclass
class Change:
    offset: int
    data: bytes


def read_record(path: Path) -> tuple[list[Change], list[tuple[int, int]]]:
    """All changes in order; and of each flush: how many changes stand before it, and how many of them it has reached."""
    text = path.read_bytes()
    changes, flushes, at = [], [], 0
    while at + ENTRY.size <= len(text):
        kind, offset, size = ENTRY.unpack_from(text, at)
        at += ENTRY.size
        if kind == FLUSH:
            flushes.append((len(changes), offset))
            continue
        data = text[at:at + size] if kind == WRITE else bytes(size)
        at += size if kind == WRITE else 0
        if len(data) == size and at <= len(text):  # the last one may be cut off, and was then never complete
            changes.append(Change(offset, data))
    return changes, flushes


def tear(change: Change, chance: random.Random) -> Change:
    """The first sectors of it."""
    end = change.offset + chance.randint(0, len(change.data) // SECTOR_BYTES) * SECTOR_BYTES
    if end in SUPERBLOCK[1:]:
        end = SUPERBLOCK.stop
    return Change(change.offset, change.data[:end - change.offset])


def cut_power(image: Path, record: Path, chance: random.Random, at_the_end: bool) -> None:
    """Changes `image`, as it was before the run, into what a power cut at the end of the record or within it may leave:
    all that the last flush had reached; of what came later any part, in any order, the last of it torn."""
    changes, flushes = read_record(record)
    now = len(changes) if at_the_end else chance.randint(0, len(changes))
    reached = max((reached for before, reached in flushes if before <= now), default=0)
    later = [change for change in changes[reached:now] if chance.random() < 0.5]
    chance.shuffle(later)
    if later:
        later[-1] = tear(later[-1], chance)
    with image.open("r+b") as file:
        for change in changes[:reached] + later:
            file.seek(change.offset)
            file.write(change.data)
