"""A disk that somebody has prepared, and users who interfere: nothing outside is touched."""

import gzip
import io
import os
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, User, run
from tests.system.restore_support import Told, snapshot_program
from tests.system.scripts_support import mounted

FOLDER = "2026-11-24_03-04-05_Sauvegarde_evil"


class Disk:
    """A backup of the attacker's making, a place to restore to, and a place that is nobody's."""

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace / "disk" / FOLDER
        self.donnees = self.folder / "Donnees"
        self.folder.mkdir(parents=True)
        self.to = workspace / "to"
        self.outside = workspace / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("secret")
        self._before = self._state()

    def _state(self) -> str:
        return run(["find", self.outside, "-printf", "%P %y %m %U %G %s %T@ %n\n"]).stdout

    def archive(self, *members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> None:
        with tarfile.open(self.folder / "serveur.tar.gz", "w:gz", format=form) as tar:
            for member in members:
                tar.addfile(member, io.BytesIO(b"x" * member.size) if member.size else None)

    def restore(self, *words: str | Path, to: bool = True) -> Told:
        where: list[str | Path] = ["--to", self.to] if to else []
        told = snapshot_program("restore", self.folder, *where, *words)
        assert self._state() == self._before, told
        for tree in (self.to, *self.to.parents):
            assert not list(tree.glob(".tetras-back-restoring-*"))
        return told

    def restored(self) -> list[str]:
        return sorted(str(path.relative_to(self.to)) for path in self.to.rglob("*"))


@pytest.fixture
def disk(workspace: Path) -> Disk:
    return Disk(workspace)


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1
) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode, made.mtime = kind, link, 0o755, 1_700_000_000
    made.size = size if kind == tarfile.REGTYPE else 0
    return made


def directory(name: str) -> tarfile.TarInfo:
    return entry(name, tarfile.DIRTYPE)


def test_nothing_is_written_through_a_link_of_the_archive(disk: Disk) -> None:
    disk.archive(
        directory("srv"),
        entry("srv/way", tarfile.SYMTYPE, str(disk.outside)),
        entry("srv/way/new"),
        entry("srv/way/secret"),
        directory("srv/way/deeper"),
        entry("srv/way/deeper/new"),
        entry("srv/last"),
    )
    told = disk.restore()
    assert told.status == 3
    assert len(told.warnings) == 4
    assert all("something else is where a directory was" in line for line in told.warnings)
    assert disk.restored() == ["srv", "srv/last", "srv/way"]
    assert (disk.to / "srv/way").is_symlink()


def test_names_that_lead_outside_are_left_out(disk: Disk) -> None:
    inside = f"{disk.outside}/new".lstrip("/")
    disk.archive(
        entry("../outside/new"),
        entry("etc/../../outside/new"),
        entry(f"{disk.outside}/new"),
        entry(f"/{disk.outside}/new"),
        entry("./etc/./hosts"),
        entry(inside),
    )
    told = disk.restore()
    assert told.status == 3
    assert len([line for line in told.warnings if "leads out of the archive" in line]) == 4
    assert {"etc/hosts", inside} < set(disk.restored())


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside/secret", "srv/way/secret"])
def test_a_hard_link_leads_nowhere_else(disk: Disk, target: str) -> None:
    disk.archive(
        entry("srv/way", tarfile.SYMTYPE, str(disk.outside)),
        entry("srv/hard", tarfile.LNKTYPE, target),
        entry("srv/last"),
    )
    told = disk.restore()
    assert told.status == 3
    assert disk.restored() == ["srv", "srv/last", "srv/way"]


def test_a_hard_link_takes_no_file_that_was_there(disk: Disk) -> None:
    """In place, a name of the archive's is not tied to a file of the server's."""
    (disk.to / "etc").mkdir(parents=True)
    shadow = disk.to / "etc/shadow"
    shadow.write_text("root:…")
    disk.archive(
        directory("srv"),
        entry("srv/link", tarfile.LNKTYPE, "etc/shadow"),
        entry("srv/self", tarfile.LNKTYPE, "srv/self"),
    )
    told = disk.restore("--in-place", "--unproved", "--source", disk.to, to=False)
    assert told.status == 3
    assert shadow.stat().st_nlink == 1
    assert not (disk.to / "srv/link").exists()
    assert sum("another name of" in line for line in told.warnings) == 2


def test_names_that_collide_harm_nothing(disk: Disk) -> None:
    disk.archive(
        entry("srv"),
        entry("srv/below"),
        directory("etc"),
        entry("etc/hosts"),
        entry("etc"),
        entry("etc", tarfile.SYMTYPE, str(disk.outside)),
        entry("etc/hosts"),
        entry("etc/secret"),
    )
    told = disk.restore()
    assert told.status == 3
    assert disk.restored() == ["etc", "etc/hosts", "etc/secret", "srv"]
    told = disk.restore("--in-place", "--unproved", "--source", disk.to, to=False)
    assert told.status == 3
    assert disk.restored() == ["etc", "etc/hosts", "etc/secret", "srv"]


def test_impossible_figures_concern_one_entry_alone(disk: Disk) -> None:
    owner, when, device, kind, acl, empty = (entry(f"srv/{n}") for n in range(6))
    owner.uid = 1 << 40
    when.pax_headers = {"mtime": "9" * 30}
    device.type, device.devmajor, device.size = tarfile.CHRTYPE, 1 << 20, 0
    kind.type = b"V"
    acl.pax_headers = {"SCHILY.acl.access": "nonsense", "SCHILY.xattr.system.x": "1"}
    empty.type, empty.size = tarfile.SYMTYPE, 0
    long = entry("srv/" + "n" * 300)
    disk.archive(owner, when, device, kind, acl, empty, long, entry("srv/last"))
    told = disk.restore()
    assert told.status == 3
    assert disk.restored() == ["srv", "srv/4", "srv/last"]
    assert len(told.warnings) == 7


def sparse(name: str, size: int, segments: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """A file with holes, as GNU tar's format 1.0 has it, and what the archive holds of it."""
    made = entry(name)
    made.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(size),
    }
    content = segments.encode().ljust(512, b"\0") + data
    made.size = len(content)
    return made, content


def test_holes_cost_neither_time_nor_room(disk: Disk) -> None:
    members = (
        sparse("srv/huge", 1 << 43, f"2\n0\n1\n{(1 << 43) - 1}\n1\n", b"ab"),
        sparse("srv/beyond", 1 << 62, "0\n", b""),
        sparse("srv/twice", 10, "2\n0\n5\n2\n5\n", b"0123456789"),
        sparse("srv/outside", 10, "1\n8\n5\n", b"01234"),
        (entry("srv/last"), b"x"),
    )
    with tarfile.open(disk.folder / "serveur.tar.gz", "w:gz") as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    started = time.monotonic()
    told = disk.restore()
    assert time.monotonic() - started < 30
    assert told.status == 3
    assert "srv/last" in disk.restored()
    bad = [line for line in told.warnings if "/srv/twice" in line or "/srv/outside" in line]
    assert len(bad) == 2
    restored = disk.to / "srv/huge"
    if restored.exists():  # a file system may have no files of that size
        assert restored.stat().st_size == 1 << 43
        assert restored.stat().st_blocks * 512 < 1 << 20


def raw(disk: Disk, *blocks: bytes) -> None:
    with gzip.open(disk.folder / "serveur.tar.gz", "wb", compresslevel=1) as file:
        for block in blocks:
            file.write(block)


def header(member: tarfile.TarInfo) -> bytes:
    return member.tobuf(tarfile.USTAR_FORMAT)


END = bytes(1024)


def pax_header(size: int) -> bytes:
    made = tarfile.TarInfo("pax")
    made.type, made.size = tarfile.XHDTYPE, size
    return made.tobuf(tarfile.GNU_FORMAT)


def test_memory_is_bounded(disk: Disk) -> None:
    chunk = bytes(1 << 20)
    raw(disk, header(entry("srv/first", size=0)), pax_header(1100 << 20), *([chunk] * 1100), END)
    told = disk.restore()
    assert told.status == 3, told
    assert told.warnings == [
        "damaged: serveur.tar.gz cannot be read beyond /srv/first: it makes no sense"
    ]
    assert disk.restored() == ["srv", "srv/first"]


def test_headers_upon_headers_are_an_end(disk: Disk) -> None:
    raw(disk, header(entry("srv/first", size=0)), *([pax_header(0)] * 5000), END)
    told = disk.restore()
    assert told.status == 3
    assert told.warnings[0].startswith("damaged: serveur.tar.gz cannot be read beyond /srv/first")


@pytest.mark.parametrize(
    "rest",
    [
        b"\1" * 512 + END,
        header(entry("etc/x", size=0))[:100],
        b"",
        header(entry("srv/x", size=600)) + b"x" * 100,
        pax_header(512) + b"99 path=etc/x\n".ljust(512, b"\0") + END,
    ],
    ids=["nonsense", "half a header", "no end", "half a file", "nothing after its header"],
)
def test_an_archive_that_goes_wrong_is_no_complete_one(disk: Disk, rest: bytes) -> None:
    raw(disk, header(entry("srv/first", size=0)), rest)
    told = disk.restore()
    assert told.status == 3
    (warning,) = told.warnings
    assert warning.startswith("damaged: serveur.tar.gz cannot be read beyond /")
    assert disk.restored() == ["srv", "srv/first"]


@pytest.mark.parametrize("content", [b"", b"nonsense", bytes(1000)])
def test_what_is_no_archive_is_told(disk: Disk, content: bytes) -> None:
    (disk.folder / "serveur.tar.gz").write_bytes(content)
    told = disk.restore()
    assert told.status == 3
    assert told.warnings[0].startswith("damaged: serveur.tar.gz cannot be read at all")


@pytest.mark.parametrize("name", ["Donnees", "serveur.tar.gz", ""])
def test_no_link_on_the_disk_is_followed(disk: Disk, name: str) -> None:
    disk.donnees.mkdir()
    if name:
        path = disk.folder / name
        if path.is_dir():
            path.rmdir()
        path.symlink_to(disk.outside / ("" if name == "Donnees" else "secret"))
    else:
        disk.donnees.rmdir()
        disk.folder.rmdir()
        disk.folder.symlink_to(disk.outside)
    disk.restore()
    assert not disk.to.exists() or disk.restored() in ([], ["home"])


def test_links_in_the_homes_stay_links(disk: Disk) -> None:
    disk.donnees.mkdir()
    (disk.donnees / "way").symlink_to(disk.outside)
    told = disk.restore("/home/way/secret")
    assert (told.status, disk.restored()) == (1, [])
    told = disk.restore()
    assert (disk.to / "home/way").is_symlink()


DEPTH = 100_000


def in_the_depth(top: Path, step: str, end: str) -> str:
    """What a program prints that takes STEP, so many times, below TOP, and then END."""
    program = f"import os, sys; os.chdir(sys.argv[1])\nfor _ in range({DEPTH}):\n {step}\n{end}"
    return run([sys.executable, "-c", program, top]).stdout


def test_no_depth_is_too_deep(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> None:
    """On a disk of its own: to take such a tree away takes longer than all this."""
    disk = Disk(mounted(loop_disk("xfs", 800), workspace / "mnt"))
    disk.donnees.mkdir()
    in_the_depth(disk.donnees, "os.mkdir('d'); os.chdir('d')", "open('bottom', 'w').write('here')")
    told = disk.restore()
    assert (told.status, told.warnings) == (0, [])
    found = in_the_depth(disk.to / "home", "os.chdir('d')", "print(open('bottom').read())")
    assert found == "here\n"


def test_no_name_is_too_long(disk: Disk) -> None:
    name = "/".join(["srv"] + ["d"] * 3_000)
    disk.archive(entry(f"{name}/bottom"), entry("srv/last"))
    try:
        told = disk.restore()
        assert (told.status, told.warnings) == (0, [])
        assert (disk.to / "srv/last").exists()
    finally:
        run(["rm", "-rf", disk.to])


def test_devices_appear_nowhere_else(disk: Disk) -> None:
    device = entry("dev/sda", tarfile.BLKTYPE)
    device.devmajor, device.devminor = 8, 0
    disk.archive(device)
    assert disk.restore().status == 0
    status = (disk.to / "dev/sda").stat()
    assert stat.S_ISBLK(status.st_mode)
    assert disk.restored() == ["dev", "dev/sda"]


# --- what is left of a backup, and what somebody made of it ---------------------------------------


def manifested(disk: Disk) -> Path:
    """Have DISK hold a whole backup of two homes; the manifest of it."""
    source = disk.to.parent / "source"
    for name, uid in (("alice", 1001), ("bob", 1002)):
        home = source / name
        home.mkdir(parents=True)
        (home / "key").write_text(f"of {name}")
        for path in (home, home / "key"):
            os.chown(path, uid, uid)
    state = disk.folder.parent / ".tetras-back"
    for part in ("complete", "manifests"):
        (state / part).mkdir(parents=True)
    (state / "complete" / FOLDER).write_text("machine=evil\ndata_files=2\nconfig_files=1\n")
    manifest = state / "manifests" / FOLDER
    told = snapshot_program(
        "make", f"--key={disk.to.parent}/key", f"--manifest={manifest}", source, disk.donnees
    )
    assert told.status == 0, told.error
    disk.archive(entry("etc/hosts"))
    return manifest


@pytest.mark.parametrize("part", ["Donnees", "serveur.tar.gz"])
@pytest.mark.parametrize("link", [False, True])
def test_a_part_that_is_gone_is_told(disk: Disk, part: str, link: bool) -> None:
    manifested(disk)
    place = disk.folder / part
    place.rename(disk.to.parent / "elsewhere")
    if link:
        place.symlink_to(disk.to.parent / "elsewhere")
    told = disk.restore()
    assert told.status == 3
    assert told.warnings == [f"damaged: {part} is not there, or is something else"]
    assert disk.restored()[0] == ("etc" if part == "Donnees" else "home")


def test_a_file_that_was_made_a_name_of_another_is_told(disk: Disk) -> None:
    manifested(disk)
    theirs = disk.donnees / "bob/key"
    before = theirs.parent.stat()
    theirs.unlink()
    theirs.hardlink_to(disk.donnees / "alice/key")
    os.utime(theirs.parent, ns=(before.st_atime_ns, before.st_mtime_ns))
    told = disk.restore()
    assert told.status == 3
    assert told.warnings == ["damaged: /home/bob/key: its owner is not what was written"]


@pytest.mark.parametrize(
    "table",
    [
        b"#directory x 2 13 245 .\n",
        b"#directory -5 20 13 245 .\n",
        b"#directory 0 999999999999999 13 245 .\n",
        b"#directory 99999999999999999999999 2 13 245 .\n",
        b"#directory 0 12 13 245 ./a\xff\n",
        b"#directory 0 12 13 245 .\n#directory 0 12 13 245 ./a\\777\n",
        b"#directory 0 17 13 245 .\n",
    ],
)
def test_a_manifest_that_makes_no_sense_is_told(disk: Disk, table: bytes) -> None:
    manifest = manifested(disk)
    lines = b"#mtree v2.0\n./\xff\\777 type=file\n"
    end = b"#directories %d\n#hmac-sha256 %s\n" % (len(lines), b"0" * 64)
    manifest.write_bytes(lines + table + end)
    told = disk.restore()
    assert told.status == 3
    assert [line for line in told.warnings if line.startswith("damaged: ")] == told.warnings
    assert {"etc/hosts", "home/alice/key", "home/bob/key"} < set(disk.restored())


# --- where it is restored to ----------------------------------------------------------------------


@pytest.fixture
def mallory() -> Iterator[User]:
    with User(prefix="tb-mal-") as user:
        yield user


def test_a_link_of_somebody_elses_is_no_way(disk: Disk, mallory: User, workspace: Path) -> None:
    disk.archive(entry("etc/hosts"))
    theirs = workspace / "theirs"
    theirs.mkdir()
    os.chown(theirs, mallory.uid, mallory.gid)
    (theirs / "way").symlink_to(disk.outside)
    os.chown(theirs / "way", mallory.uid, mallory.gid, follow_symlinks=False)
    told = snapshot_program("restore", disk.folder, "--to", theirs / "way")
    assert told.status == 1
    assert "symbolic link that is not followed" in told.error
    assert not (disk.outside / "etc").exists()


def test_a_link_of_roots_is_one(disk: Disk, workspace: Path) -> None:
    disk.archive(entry("etc/hosts"))
    disk.to.mkdir()
    (workspace / "way").symlink_to("to")
    told = snapshot_program("restore", disk.folder, "--to", workspace / "way")
    assert told.status == 0, told.error
    assert disk.restored() == ["etc", "etc/hosts"]


def test_what_a_killed_restore_left_goes(disk: Disk) -> None:
    disk.archive(entry("etc/hosts"))
    left = disk.to / ".tetras-back-restoring-0123456789abcdef"
    left.mkdir(parents=True, mode=0o700)
    (left / "half").write_text("x")
    assert disk.restore().status == 0
    assert not left.exists()


SWAP = """
import os, sys
place, outside = sys.argv[1:]
os.chdir(place)
print("go", flush=True)
while True:
    for name in os.listdir("."):
        try:
            if os.path.islink(name):
                continue
            os.rename(name, ".kept")
            os.symlink(outside, name)
            os.unlink(name)
            os.rename(".kept", name)
        except OSError:
            try:
                os.rename(".kept", name)
            except OSError:
                pass
"""


def race(user: User, place: Path, outside: Path) -> "subprocess.Popen[str]":
    """USER swaps what is in PLACE for links to OUTSIDE, again and again."""
    drop = ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"]
    racing = subprocess.Popen(
        [*drop, sys.executable, "-c", SWAP, place, outside], stdout=subprocess.PIPE, text=True
    )
    assert racing.stdout is not None
    assert racing.stdout.readline() == "go\n"
    return racing


@pytest.mark.parametrize("in_place", [False, True])
def test_a_user_who_swaps_directories_gets_nothing(
    disk: Disk, mallory: User, workspace: Path, in_place: bool
) -> None:
    names = [f"d{number}" for number in range(20)]
    for name in names:
        home = disk.donnees / "mallory" / name
        home.mkdir(parents=True)
        for file in ("secret", "new"):
            (home / file).write_text("from the backup")
            os.chown(home / file, mallory.uid, mallory.gid)
    own = disk.to / "home/mallory"
    own.mkdir(parents=True)
    os.chown(own, mallory.uid, mallory.gid)
    workspace.chmod(0o755)
    racing = race(mallory, own, disk.outside)
    try:
        for _ in range(5):
            if in_place:
                told = disk.restore("--in-place", "--unproved", "--source", disk.to, to=False)
            else:
                told = disk.restore(*(f"/home/mallory/{name}" for name in names))
            assert told.status in (0, 1, 3), told
    finally:
        racing.kill()
        racing.wait()
        assert racing.stdout is not None
        racing.stdout.close()
    for path in disk.outside.iterdir():
        assert path.stat().st_uid == 0
