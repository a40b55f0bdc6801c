"""Whether what a backup holds is what its manifest says, looked up as the entries come by."""

import os
import stat

from tetrasback.snapshot.attributes import Facts
from tetrasback.snapshot.listing import written
from tetrasback.snapshot.manifest import BadManifest, Manifest, decode_name, read_line
from tetrasback.snapshot.recovery.archive import MemberFacts
from tetrasback.snapshot.troubles import words
from tetrasback.snapshot.verifying import difference


class Compared:
    """One directory at PATH of the snapshot, and what MANIFEST has of it."""

    def __init__(self, manifest: Manifest, path: str) -> None:
        self._path = path
        place = written(path)
        self._trouble = ""
        self._covered = manifest.covers_attributes
        try:
            self._lines = manifest.lines(place)
        except OSError as error:
            self._lines = {}
            self._trouble = f"the manifest cannot be read: {words(error)}"
        self._own = self._lines.pop(place, None)

    def own_attributes(self) -> str | None:
        """The word for the directory's attributes; None = nothing is known of them."""
        return self._attributes(self._own)

    def attributes(self, path: str) -> str | None:
        """The same of the entry at PATH in it, that still has to come by."""
        return self._attributes(self._lines.get(written(path)))

    def _attributes(self, rest: str | None) -> str | None:
        if not self._covered:
            return None
        try:
            return read_line(f". {rest or 'type='}").attributes
        except BadManifest:
            return ""

    def itself(self, status: os.stat_result) -> str:
        """What is wrong with the directory; '' = nothing."""
        if self._own is None:
            return self._trouble or "it is not in the manifest"
        return _wrong(f"{written(self._path)} {self._own}", status, "", "")

    def facts(self, status: os.stat_result) -> Facts | None:
        """What the directory had when it was written; None = that is not known.

        Its owner and mode on the disk, as STATUS has them, are whatever somebody made of them.
        """
        try:
            entry = read_line(f". {self._own or 'type='}")
            if entry.type != "dir":
                return None
            mode, uid, gid = entry.mode, int(entry.words["uid"]), int(entry.words["gid"])
            times = status.st_atime_ns, entry.mtime_ns
        except (BadManifest, KeyError, ValueError):
            return None
        return MemberFacts(stat.S_IFDIR | mode, uid, gid, 0, 0, *times)

    def entry(self, path: str, status: os.stat_result, sha256: str, text: str) -> str:
        """What is wrong with the entry at PATH in it, a file with this digest or a link."""
        wrong = self.look(path, status, sha256, text)
        self._lines.pop(written(path), None)
        return wrong

    def look(self, path: str, status: os.stat_result, sha256: str, text: str) -> str:
        """As `entry`, for one that still has to come by."""
        place = written(path)
        rest = self._lines.get(place)
        if rest is None:
            return self._trouble or "it is not in the manifest"
        return _wrong(f"{place} {rest}", status, sha256, text)

    def missing(self) -> list[str]:
        """Paths of those that it should have and that did not come by; no directories."""
        return [decode_name(place).removeprefix("./") for place in self._lines]


def _wrong(line: str, status: os.stat_result, sha256: str, text: str) -> str:
    try:
        entry = read_line(line)
        found = difference(status, entry)
    except (BadManifest, KeyError, ValueError):
        return "its line in the manifest makes no sense"
    if found:
        return f"{found} is not what was written"
    if entry.type == "file" and sha256 != entry.words.get("sha256"):
        return "its content is not what was written"
    if entry.type == "link" and text != decode_name(entry.words.get("link", "")):
        return "it leads elsewhere"
    return ""
