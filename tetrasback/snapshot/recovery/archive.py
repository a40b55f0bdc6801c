"""serveur.tar.gz, entry by entry, read once from its beginning to its end.

Whoever had the disk may have written it: nothing in it is believed before it has been looked at.
"""

import gzip
import hashlib
import hmac
import io
import os
import re
import stat
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO, Final

from tetrasback.snapshot.attributes import COPIED, Attributes
from tetrasback.snapshot.recovery.acl import encode_acl

CHUNK: Final = 1 << 20
NAME_MAX: Final = 1 << 16
DEPTH_MAX: Final = 1 << 12
"""Of a path; a multiple of what any program can name."""

_XATTR: Final = "SCHILY.xattr."
_ACLS: Final = {
    "SCHILY.acl.access": "system.posix_acl_access",
    "SCHILY.acl.default": "system.posix_acl_default",
}
_KINDS: Final = {
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}
_TIME: Final = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,20}))?", re.ASCII)
_BILLION: Final = 1_000_000_000
_ENCODING: Final = "utf-8"
_ERRORS: Final = "surrogateescape"
_SENSELESS: Final = (
    *(tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError, LookupError),
    *(TypeError, RecursionError, MemoryError),
)
"""What reading may end with, since tarfile does not expect to be lied to."""


class BadArchive(Exception):
    """It cannot be read any further; one line."""


class BadMember(Exception):
    """One entry makes no sense; one line."""


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """As os.stat_result has them."""

    st_mode: int
    st_uid: int
    st_gid: int
    st_rdev: int
    st_size: int
    st_atime_ns: int
    st_mtime_ns: int


class Member:
    """One entry. `path` is relative, without ``.`` or ``..``; '' = the root."""

    def __init__(self, tar: tarfile.TarFile, info: tarfile.TarInfo, path: str) -> None:
        self.path = path
        self._tar = tar
        self._info = info

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self._info.isreg()

    @property
    def is_hard_link(self) -> bool:
        """Whether it is another name of an entry that came before."""
        return self._info.islnk()

    @property
    def target(self) -> str:
        """Of a hard link: the path of that entry. Raises BadMember."""
        return safe_path(self._info.linkname)

    @property
    def text(self) -> str:
        """Of a symbolic link, what it says."""
        return self._info.linkname if self._info.issym() else ""

    @property
    def size(self) -> int:
        """Bytes of a file."""
        return self._info.size

    def facts(self) -> MemberFacts:
        """Kind, owner, mode, times. Raises BadMember."""
        info = self._info
        kind = _KINDS.get(info.type, stat.S_IFREG)
        if kind == stat.S_IFREG and not (info.isreg() or info.islnk()):
            raise BadMember("nobody knows what kind of entry it is")
        rdev = 0
        try:
            if kind in (stat.S_IFCHR, stat.S_IFBLK):
                rdev = os.makedev(info.devmajor, info.devminor)
            mtime = _nanoseconds(info.pax_headers.get("mtime"), info.mtime)
            atime = _nanoseconds(info.pax_headers.get("atime"), mtime / _BILLION)
        except (ValueError, OverflowError) as error:
            raise BadMember("its figures are impossible") from error
        mode = kind | stat.S_IMODE(info.mode)
        return MemberFacts(mode, info.uid, info.gid, rdev, info.size, atime, mtime)

    def attributes(self) -> tuple[Attributes, str]:
        """Extended attributes, with ACLs as the kernel has them; and what is wrong with others."""
        found: dict[str, bytes] = {}
        wrong = ""
        for key, value in self._info.pax_headers.items():
            if key in _ACLS:
                try:
                    found.setdefault(_ACLS[key], encode_acl(value))
                except ValueError as error:
                    wrong = str(error)
            elif key.startswith(_XATTR):
                # As GNU tar escapes them.
                name = key.removeprefix(_XATTR).replace("%3D", "=").replace("%25", "%")
                if name.startswith(COPIED):
                    found[name] = value.encode(_ENCODING, _ERRORS)
        return tuple(sorted(found.items())), wrong

    def stretches(self) -> Iterator[tuple[int, bytes]]:
        """Position and content of what a file holds beside holes, piece by piece.

        Raises BadMember, BadArchive.
        """
        info = self._info
        sparse: list[tuple[int, int]] | None = getattr(info, "sparse", None)
        if sparse is None:
            sparse = [(0, info.size)]
        end = 0
        for start, length in sparse:
            if start < end or length < 0 or start + length > info.size:
                raise BadMember("the map of its holes makes no sense")
            end = start + length
        try:
            yield from self._pieces(sparse)
        except _SENSELESS as error:
            raise BadArchive(_words(error)) from error

    def _pieces(self, sparse: list[tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
        buffered = self._tar.extractfile(self._info)
        if not isinstance(buffered, io.BufferedReader):
            return
        content = buffered.raw  # which alone can go forward in an archive that is read once
        for start, length in sparse:
            if not length:
                continue
            content.seek(start)
            left = length
            while left:
                piece = content.read(min(CHUNK, left)) or b""
                if not piece:
                    raise EOFError("it ends too early")
                yield start + length - left, piece
                left -= len(piece)


def safe_path(name: str) -> str:
    """NAME as a path below the root. Raises BadMember for one that leads elsewhere."""
    if len(name) > NAME_MAX or name.count("/") > DEPTH_MAX:
        raise BadMember("its name is too long")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise BadMember("its name leads out of the archive")
    return "/".join(parts)


class _Header(tarfile.TarInfo):
    """To tarfile, a damaged header is the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


class Archive:
    """The archive in FILE, which is its own from now on. KEY: to tell whether it is as sealed."""

    def __init__(self, file: BinaryIO, key: bytes | None = None) -> None:
        self._file = _Counted(file, key)

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        return self._file.position

    @property
    def seal(self) -> str:
        """What the key makes of all that was read, in hexadecimal."""
        return self._file.digest.hexdigest() if self._file.digest else ""

    def pass_over(self) -> None:
        """Read it to its end, for its seal alone. Raises OSError."""
        while self._file.read(CHUNK):
            pass

    def members(self) -> Iterator[Member | tuple[str, str]]:
        """Every entry; in the place of one that makes no sense, its name and why.

        Raises BadArchive.
        """
        try:
            with (
                gzip.GzipFile(fileobj=self._file, mode="rb") as plain,
                tarfile.open(
                    fileobj=plain,
                    mode="r|",
                    tarinfo=_Header,
                    encoding=_ENCODING,
                    errors=_ERRORS,
                ) as tar,
            ):
                while (info := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # it remembers all of them
                    try:
                        yield Member(tar, info, safe_path(info.name))
                    except BadMember as error:
                        yield info.name, str(error)
                while plain.read(CHUNK):
                    pass
            while self._file.read(CHUNK):
                pass
        except _SENSELESS as error:
            raise BadArchive(_words(error)) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class _Counted:
    """A file that is read once, in one direction."""

    def __init__(self, file: IO[bytes], key: bytes | None) -> None:
        self._file = file
        self.position = 0
        self.digest = hmac.new(key, digestmod=hashlib.sha256) if key else None

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.position += len(data)
        if self.digest is not None:
            self.digest.update(data)
        return data

    def seek(self, position: int) -> None:
        """What gzip would do to begin again, and never does."""
        raise io.UnsupportedOperation("seek")

    def close(self) -> None:
        self._file.close()


def _nanoseconds(text: str | None, otherwise: float) -> int:
    if text is None:
        return int(otherwise) * _BILLION
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(text[:40])
    value = int(found[2]) * _BILLION + int((found[3] or "0")[:9].ljust(9, "0"))
    return -value if found[1] else value


def _words(error: BaseException) -> str:
    """One line, without the words of a library where they say nothing."""
    if isinstance(error, MemoryError | RecursionError):
        return "it makes no sense"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).partition("\n")[0][:200] or "it makes no sense"
