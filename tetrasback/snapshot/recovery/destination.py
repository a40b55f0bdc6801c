"""Where entries are restored to: made out of sight, then put in their place, never through a link.

Each entry is made in a directory that only root may enter, on the same mount, and moved from there
when it is whole. Whoever may write in the tree meanwhile can neither see it half made nor have it
land elsewhere: places are directories held open, and a link in the way is in the way.
"""

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tetrasback.snapshot.kernel import rename_new, syncfs
from tetrasback.snapshot.recovery.cursor import Cursor
from tetrasback.snapshot.removing import remove
from tetrasback.snapshot.trees import DIRECTORY, mount_of
from tetrasback.snapshot.troubles import DiskTrouble, disk_trouble, words

STAGING: Final = ".tetras-back-restoring-"
_INHERITED: Final = ("system.posix_acl_default", "system.posix_acl_access")
_FATAL: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENODEV, errno.ESTALE, errno.ENOMEM}
)
"""After these, nothing else can be written either."""


class NotRestored(Exception):
    """One entry could not be put there, and why; the others can."""


@contextmanager
def per_entry() -> Iterator[None]:
    """Errors of writing that concern one entry alone become NotRestored. Raises DiskTrouble."""
    try:
        yield
    except OSError as error:
        if error.errno in _FATAL:
            raise disk_trouble(error) from error
        raise NotRestored(words(error)) from error
    except DiskTrouble as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno not in _FATAL:
            raise NotRestored(str(error)) from error
        raise
    except (ValueError, OverflowError) as error:
        raise NotRestored("its name or its figures are impossible") from error


class _Staging:
    """A directory of root's own, in the open directory ABOVE."""

    def __init__(self, above: int) -> None:
        _clear_leftovers(above)
        self.name = STAGING + secrets.token_hex(8)
        os.mkdir(self.name, 0o700, dir_fd=above)
        self.directory = os.open(self.name, DIRECTORY, dir_fd=above)
        self._above = os.open(".", DIRECTORY, dir_fd=above)
        fcntl.flock(self.directory, fcntl.LOCK_EX)
        if os.fstat(self.directory).st_uid != os.geteuid() or os.listdir(self.directory):
            raise DiskTrouble("somebody put another directory in the place of ours")
        self._shed()

    def _shed(self) -> None:
        """What it has from the directory above (setgid, default ACLs), entries would have too."""
        for name in _INHERITED:
            with suppress(OSError):
                os.removexattr(self.directory, name)
        os.fchown(self.directory, os.geteuid(), os.getegid())
        os.fchmod(self.directory, 0o700)

    def close(self) -> None:
        for name in os.listdir(self.directory):
            remove(self.directory, name)
        with suppress(OSError):  # who owns the directory above may have moved it
            status = os.fstat(self._above)
            os.rmdir(self.name, dir_fd=self._above)
            os.utime(self._above, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.close(self._above)
        os.close(self.directory)


def _clear_leftovers(above: int) -> None:
    """What a restore left that was killed."""
    for name in os.listdir(above):
        if not name.startswith(STAGING):
            continue
        with suppress(OSError):
            left = os.open(name, DIRECTORY, dir_fd=above)
            try:
                status = os.fstat(left)
                if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == 0o700:
                    fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove(above, name)
            finally:
                os.close(left)


class Destination:
    """The tree below the open directory ROOT. REPLACE: an entry takes the place of another one."""

    def __init__(self, root: int, *, replace: bool) -> None:
        self.replace = replace
        self._root = root
        self._cursor = Cursor(root)
        self._stagings: dict[tuple[int, int], _Staging] = {}
        self._here: _Staging | None = None

    # --- where ----------------------------------------------------------------------------------

    @property
    def here(self) -> int:
        """The directory that entries go into."""
        return self._cursor.here

    @property
    def identity(self) -> tuple[int, int]:
        """Its device and inode."""
        return self._cursor.identity

    def go(self, path: str) -> None:
        """To the directory at PATH. Raises NotRestored, DiskTrouble."""
        self._here = None
        try:
            with per_entry():
                self._cursor.go(path)
        except NotRestored as error:
            raise NotRestored(f"no directory leads there: {error}") from error

    def up(self) -> None:
        """Out of the directory. Raises DiskTrouble where somebody has moved it."""
        self._here = None
        try:
            self._cursor.up()
        except OSError as error:
            raise disk_trouble(error) from error

    def directory(self, name: str) -> bool:
        """Into the directory NAME, made for root alone where nothing is; whether it was made.

        Raises NotRestored, DiskTrouble.
        """
        with per_entry():
            try:
                status = os.lstat(name, dir_fd=self.here)
            except FileNotFoundError:
                return self._make_directory(name)
            if not stat.S_ISDIR(status.st_mode):
                raise NotRestored("something else is where a directory was; move it away")
            self._cursor.down(name)
            self._here = None
            return False

    def _make_directory(self, name: str) -> bool:
        if _is_private(self.here):
            os.mkdir(name, 0o700, dir_fd=self.here)
            self._cursor.down(name)
            self._here = None
            return True
        staging = self.staging
        os.mkdir(name, 0o700, dir_fd=staging)
        made = os.open(name, DIRECTORY, dir_fd=staging)
        try:
            rename_new(staging, name, self.here, name)
        except OSError:
            os.close(made)
            os.rmdir(name, dir_fd=staging)
            raise
        self._cursor.enter(name, made)
        self._here = None
        return True

    # --- what -----------------------------------------------------------------------------------

    @property
    def staging(self) -> int:
        """The directory to make an entry in, under the name that it will have."""
        if self._here is None:
            key = _mount_of(self.here)
            if key not in self._stagings:
                # At the top, where nobody but root looks, if that is on the same mount.
                above = self._root if key == _mount_of(self._root) else self.here
                with per_entry():
                    self._stagings[key] = _Staging(above)
            self._here = self._stagings[key]
        return self._here.directory

    def place(self, name: str) -> None:
        """Put the entry NAME from `staging` into the directory. Raises NotRestored, DiskTrouble."""
        try:
            with per_entry():
                if self.replace:
                    os.rename(name, name, src_dir_fd=self.staging, dst_dir_fd=self.here)
                    with suppress(FileNotFoundError):  # it stays if both are one file already
                        os.unlink(name, dir_fd=self.staging)
                else:
                    rename_new(self.staging, name, self.here, name)
        except NotRestored as error:
            self.discard(name)
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno in (errno.EISDIR, errno.ENOTEMPTY):
                raise NotRestored("a directory is in its place; move it away") from error
            if isinstance(cause, OSError) and cause.errno == errno.EEXIST:
                raise NotRestored("it is there already") from error
            raise

    def discard(self, name: str) -> None:
        """Whatever is in `staging` under NAME goes."""
        if self._here is not None:
            with suppress(OSError):
                remove(self._here.directory, name)

    def stage_link(self, path: str, name: str) -> os.stat_result:
        """Make NAME in `staging` another name of the entry at PATH; what it then is.

        Raises NotRestored, DiskTrouble.
        """
        parent, _, other = path.rpartition("/")
        way = Cursor(self._root)
        try:
            with per_entry():
                way.go(parent)
                os.link(
                    other, name, src_dir_fd=way.here, dst_dir_fd=self.staging, follow_symlinks=False
                )
                return os.lstat(name, dir_fd=self.staging)
        finally:
            way.close()

    def kind(self, path: str) -> int | None:
        """What is at PATH, as stat.S_IFMT has it; None = nothing. Raises NotRestored."""
        parent, _, name = path.rpartition("/")
        way = Cursor(self._root)
        try:
            way.go(parent)
            return stat.S_IFMT(os.lstat(name or ".", dir_fd=way.here).st_mode)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise NotRestored(words(error)) from error
        finally:
            way.close()

    # --- the end --------------------------------------------------------------------------------

    def sync(self) -> None:
        """Have all of it on the disk. Raises DiskTrouble."""
        for staging in self._stagings.values():
            try:
                syncfs(staging.directory)
            except OSError as error:
                raise DiskTrouble(f"not everything could be written: {words(error)}") from error

    def close(self) -> None:
        """Leave nothing but what was restored."""
        for staging in self._stagings.values():
            with suppress(OSError):
                staging.close()
        self._stagings.clear()
        self._cursor.close()


def _is_private(descriptor: int) -> bool:
    """Whether nobody but root can do anything in an open directory; one made here, say.

    Then no detour is needed. (To move a directory takes time that grows with its depth.)
    """
    status = os.fstat(descriptor)
    closed = status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) == 0o700
    return closed and not os.listxattr(descriptor)


def _mount_of(descriptor: int) -> tuple[int, int]:
    """Device, and number of the mount, that an open directory is on; see proc(5), fdinfo.

    A bind mount has the device of its file system, but nothing can be moved into it from outside.
    """
    return os.fstat(descriptor).st_dev, mount_of(descriptor)
