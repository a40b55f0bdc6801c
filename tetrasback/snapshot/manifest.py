"""The manifest of a snapshot: a line for every entry, in the text format of mtree(5).

::

    #mtree v2.0
    #covers attributes
    . type=dir uid=0 gid=0 mode=0755 time=1764036000.000000000 tags=189…:2
    ./a\\040name type=file uid=1000 gid=1000 mode=0644 size=12 time=… tags=… sha256=…
    ./to type=link uid=0 gid=0 mode=0777 time=… tags=… link=a\\040name
    ./dir type=dir … tags=xattr:7d1a…
    ./dir/below type=file …
    #directory 0 2 13 245 .
    #directory 258 1 12 190 ./dir
    #directories 448
    #hmac-sha256 5f70bf18…

A directory's line is followed by those of its entries that are no directories, in the order of
their names; directories come in the order of their paths. Bytes of a name that are not plain are
``\\ooo``, as vis(3) writes them. ``tags`` holds, in hexadecimal, what tells that an entry of the
*source* has not been touched since: its change time in ns and its inode number.

An entry that has extended attributes (ACLs and capabilities are such) has a second word ``tags``:
``xattr:`` and the SHA-256 of them all (`attributes.canonical`). One without the word has none. That
is so where the second line says ``#covers attributes``; in an older manifest nothing is known of
them. (mtree(5) has no keyword for them, and refuses those that it does not have.)

To programs that read mtree(5), what begins with ``#`` is a comment. ``#directory`` gives offset
and length of a directory's lines, the number of its files and their bytes; ``#directories`` the
offset of the first of those lines. Where the snapshot is a subvolume of a Btrfs, a line before them
tells the state in which it was left (`subvolumes.state`): ``#subvolume 0c5d…:2411``. The last line
seals everything before it with a key that only the server has, so that nobody who had the disk can
pass another content off as a backup::

    head -n -1 MANIFEST | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY
"""

import errno
import hashlib
import hmac
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from tetrasback.snapshot.attributes import Attributes, seal

HEAD: Final = b"#mtree v2.0\n"
COVERS: Final = b"#covers attributes\n"
SEAL: Final = b"#hmac-sha256 "
SEAL_BYTES: Final = len(SEAL) + 64 + 1
"""Length of the last line."""
NOT_COVERED: Final = (
    "the manifest is an older one that does not cover attributes: whether access control lists and"
    " capabilities are as they were written is not known"
)
ATTRIBUTES: Final = "xattr"
"""What `Entry.words` has the word for attributes under."""
KEY_BYTES: Final = 32
DIRECTORY_LINE_MAX: Final = 1 << 16
PIECE: Final = 1 << 20
"""Bytes of a manifest that are read together."""
REGULAR: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""How a manifest is opened: what lies on a disk may be a link or a FIFO."""

_PLAIN: Final = re.compile(r'[!"$-)+->@-Z\]-~]*')
"""What is printed, but for a blank and ``# * ? [ \\``: a comment, patterns, the sign of escapes."""
_ESCAPED: Final = re.compile(rb"\\([0-3][0-7]{2})")
_BLOCK: Final = re.compile(rb"#directory" + rb" ([0-9]{1,18})" * 4 + rb" ([!-~]+)\n")
_SUBVOLUME: Final = re.compile(rb"\n#subvolume ([0-9a-f]{32}:[0-9]{1,20})\n\Z")
_SEALED: Final = re.compile(rb"#hmac-sha256 ([0-9a-f]{64})\n")
_TYPES: Final = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFBLK: "block",
    stat.S_IFCHR: "char",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}
_BILLION: Final = 1_000_000_000
_ATTRIBUTES: Final = "tags=xattr:"


class BadManifest(Exception):
    """It is none, is damaged, or was not made with this key. One line."""


class OthersManifest(BadManifest):
    """It was sealed with another key, or changed since."""


# --- lines --------------------------------------------------------------------------------------


def is_plain(name: str) -> bool:
    """Whether NAME is its own word (or several names, one after another, are each their own)."""
    return _PLAIN.fullmatch(name) is not None


def encode_name(name: str) -> str:
    """NAME (a file's name or path, as os.fsdecode gives it) as one word of ASCII."""
    if is_plain(name):
        return name
    return "".join(
        chr(byte) if 33 <= byte <= 126 and byte not in b"#*?[\\" else f"\\{byte:03o}"
        for byte in os.fsencode(name)
    )


def decode_name(word: str) -> str:
    """The name that `encode_name` made WORD of."""
    if "\\" not in word:
        return word
    data = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), word.encode("ascii", "replace"))
    return os.fsdecode(data)


def facts(status: os.stat_result) -> str:
    """What is compared: type, owner, mode, size, time and tags, up to and with the last blank.

    Two entries of a source with the same facts are the same entry, not touched in between: the
    change time moves with content, owner, mode, attributes and links, and cannot be set.
    """
    kind = status.st_mode & 0o170000
    seconds, rest = divmod(status.st_mtime_ns, _BILLION)
    size = ""
    if kind == stat.S_IFREG:
        size = f"size={status.st_size} "
    elif kind in (stat.S_IFBLK, stat.S_IFCHR):
        size = f"device=native,{os.major(status.st_rdev)},{os.minor(status.st_rdev)} "
    return (
        f"{_looks(status.st_mode, status.st_uid, status.st_gid)}{size}time={seconds}.{rest:09d} "
        f"tags={status.st_ctime_ns:x}:{status.st_ino:x} "
    )


@lru_cache(1024)
def _looks(mode: int, uid: int, gid: int) -> str:
    """The words in which most of a tree's entries are the same as some other's."""
    return f"type={_TYPES[mode & 0o170000]} uid={uid} gid={gid} mode={mode & 0o7777:04o} "


def has_facts(rest: str, known: str) -> bool:
    """Whether REST of a line begins with the facts KNOWN (of some entries it has nothing more)."""
    return rest.startswith(known) or rest == known[:-1]


def lacking_facts(known: str) -> str:
    """The facts KNOWN, of an entry that went without attributes which the disk does not take.

    They are not those of the source, so that each snapshot looks at the entry and tells it.
    """
    head, _, tags = known.rpartition(" tags=")
    return f"{head} tags={tags.replace(':', '-:', 1)}"


def attribute_word(attributes: Attributes) -> str:
    """What a line has of ATTRIBUTES, with a blank at its end; '' = there are none."""
    return f"{_ATTRIBUTES}{seal(attributes)} " if attributes else ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, read."""

    path: str
    """Relative, below ``.``, as os.fsdecode gives it."""
    type: str
    words: Mapping[str, str]

    @property
    def attributes(self) -> str:
        """The word for its attributes (`attributes.seal`); '' = none, if the manifest says that."""
        return self.words.get(ATTRIBUTES, "")

    @property
    def size(self) -> int:
        """Bytes of a file."""
        return int(self.words.get("size", "0"))

    @property
    def mode(self) -> int:
        """Permission bits."""
        return int(self.words["mode"], 8)

    @property
    def mtime_ns(self) -> int:
        """Time of modification, ns since the epoch."""
        seconds, _, rest = self.words["time"].partition(".")
        return int(seconds) * _BILLION + int(rest)


def read_line(line: str) -> Entry:
    """What LINE says. Raises BadManifest."""
    path, _, rest = line.partition(" ")
    words = {}
    for word in rest.split():
        if word.startswith(_ATTRIBUTES):
            words[ATTRIBUTES] = word.removeprefix(_ATTRIBUTES)
        else:
            key, _, value = word.partition("=")
            words[key] = value
    if path != "." and not path.startswith("./"):
        raise BadManifest(f"a line of the manifest begins with no path: {line[:80]}")
    if "/../" in path + "/" or "type" not in words:
        raise BadManifest(f"a line of the manifest makes no sense: {line[:80]}")
    return Entry(decode_name(path), words["type"], words)


# --- the file -----------------------------------------------------------------------------------


class Block(NamedTuple):
    """Where the lines of one directory lie in a manifest, and what its files come to."""

    offset: int
    length: int
    files: int
    bytes: int

    @property
    def end(self) -> int:
        """Where the next one's lines begin."""
        return self.offset + self.length


def _pieces(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    """What an open file holds between two offsets. Raises OSError."""
    for offset in range(start, end, PIECE):
        length = min(PIECE, end - offset)
        piece = os.pread(descriptor, length, offset)
        if len(piece) != length:
            raise OSError(errno.EIO, "the manifest has become shorter")
        yield piece


class Manifest:
    """A manifest to compare with. Only the table of its directories is held in memory."""

    def __init__(
        self,
        descriptor: int,
        blocks: Mapping[str, Block],
        covers_attributes: bool,
        subvolume: str = "",
    ) -> None:
        self.descriptor = descriptor
        self.blocks = blocks
        """By the directory's path, as it is written in the manifest."""
        self.covers_attributes = covers_attributes
        """Whether an entry without a word for attributes has none."""
        self.subvolume = subvolume
        """The `subvolumes.state` in which the snapshot was left; '' = not known, or it is none."""

    @property
    def files(self) -> int:
        """How many entries it has that are no directories."""
        return sum(block.files for block in self.blocks.values())

    @property
    def bytes(self) -> int:
        """What its files hold."""
        return sum(block.bytes for block in self.blocks.values())

    def lines(self, directory: str) -> dict[str, str]:
        """The lines of DIRECTORY (a path as written), path → the rest; empty if it has none.

        Raises OSError. Safe in a forked process: reading has no common position.
        """
        found = {}
        for line in self.text(directory).splitlines():
            path, _, rest = line.partition(" ")
            found[path] = rest
        return found

    def text(self, directory: str) -> str:
        """The lines of DIRECTORY as they stand there; empty if it has none. Raises OSError."""
        block = self.blocks.get(directory)
        if block is None:
            return ""
        return os.pread(self.descriptor, block.length, block.offset).decode("ascii", "replace")

    def entries(self) -> Iterator[Entry]:
        """Every entry, in the order of the file."""
        for block in self.blocks.values():
            text = os.pread(self.descriptor, block.length, block.offset).decode("ascii")
            for line in text.splitlines():
                yield read_line(line)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)


def open_manifest(path: Path, key: bytes) -> Manifest:
    """The manifest at PATH, if it is whole and was sealed with KEY. Raises BadManifest, OSError."""
    descriptor = os.open(path, REGULAR)
    return read_manifest(descriptor, key)


def read_manifest(descriptor: int, key: bytes | None) -> Manifest:
    """The manifest in an open file, which is its own from now on, if that is whole.

    Without a KEY nobody knows whose it is. Raises BadManifest, OSError; then the file is closed.
    """
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadManifest("the manifest is no regular file")
        end = _check_seal(descriptor, key)
        head = os.pread(descriptor, len(HEAD + COVERS), 0)
        start = _find_table(descriptor, end)
        blocks, subvolume = _read_table(descriptor, start), _read_subvolume(descriptor, start)
        return Manifest(descriptor, blocks, head == HEAD + COVERS, subvolume)
    except BaseException:
        os.close(descriptor)
        raise


def _check_seal(descriptor: int, key: bytes | None) -> int:
    """Where the sealed part ends."""
    written, end = _read_seal(descriptor)
    if key is None:
        return end
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for piece in _pieces(descriptor, 0, end):
        digest.update(piece)
    if not hmac.compare_digest(written, digest.hexdigest()):
        raise OthersManifest("the seal of the manifest is not this server's")
    return end


def _read_seal(descriptor: int) -> tuple[str, int]:
    """The seal as it is written, not whether it is right; and where the sealed part ends."""
    end = os.fstat(descriptor).st_size - SEAL_BYTES
    found = _SEALED.fullmatch(os.pread(descriptor, SEAL_BYTES, max(end, 0)))
    if end < len(HEAD) or found is None:
        raise BadManifest("the manifest has no seal: it is not complete")
    return found[1].decode("ascii"), end


def written_seal(descriptor: int) -> str:
    """What the last line of the manifest in an open file says, in hexadecimal; '' = nothing.

    Raises OSError.
    """
    try:
        return _read_seal(descriptor)[0]
    except BadManifest:
        return ""


def _find_table(descriptor: int, end: int) -> int:
    tail = os.pread(descriptor, min(64, end), max(0, end - 64))
    found = re.search(rb"\n#directories ([0-9]{1,18})\n\Z", tail)
    if found is None:
        raise BadManifest("the manifest has no table of its directories")
    return int(found[1])


def _read_subvolume(descriptor: int, start: int) -> str:
    found = _SUBVOLUME.search(os.pread(descriptor, min(80, start), max(0, start - 80)))
    return found[1].decode("ascii") if found is not None else ""


def _read_table(descriptor: int, start: int) -> dict[str, Block]:
    blocks = {}
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(start)
        while (line := file.readline(DIRECTORY_LINE_MAX)).startswith(b"#directory "):
            words = _BLOCK.fullmatch(line)
            if words is None:
                if not line.endswith(b"\n"):
                    _skip_line(file)  # so deep a directory does without: the others must not suffer
                    continue
                raise BadManifest("the manifest's table of directories makes no sense")
            *figures, path = words.groups()
            block = Block(*map(int, figures))
            if block.end > start:
                raise BadManifest("the manifest's table of directories makes no sense")
            blocks[path.decode("ascii")] = block
    return blocks


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(DIRECTORY_LINE_MAX)) and not rest.endswith(b"\n"):
        pass


class Writer:
    """Writes a manifest to FILE; seal it with `close`."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._file = file
        self._digest = hmac.new(key, digestmod=hashlib.sha256)
        self._offset = 0
        self._blocks: list[tuple[str, Block]] = []
        self._write(HEAD + COVERS)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._offset += len(data)

    def directory(self, path: str, lines: bytes, files: int, size: int) -> None:
        """Add the LINES of the directory at PATH (as written); its files and their bytes."""
        self._blocks.append((path, Block(self._offset, len(lines), files, size)))
        self._write(lines)

    def copy(self, manifest: Manifest, blocks: Sequence[tuple[str, Block]]) -> None:
        """Add directories as another MANIFEST has them, whose BLOCKS there follow each other."""
        start, end = blocks[0][1].offset, blocks[-1][1].end
        moved = self._offset - start
        self._blocks += ((path, Block(block.offset + moved, *block[1:])) for path, block in blocks)
        for piece in _pieces(manifest.descriptor, start, end):
            self._write(piece)

    def close(self, subvolume: str = "") -> None:
        """Add the state of the SUBVOLUME ('' = it is none), the table and the seal."""
        if subvolume:
            self._write(f"#subvolume {subvolume}\n".encode("ascii"))
        start = self._offset
        table = [
            f"#directory {block.offset} {block.length} {block.files} {block.bytes} {path}\n"
            for path, block in self._blocks
        ]
        self._write("".join(table).encode("ascii"))
        self._write(f"#directories {start}\n".encode("ascii"))
        self._file.write(SEAL + self._digest.hexdigest().encode() + b"\n")
        self._file.flush()
