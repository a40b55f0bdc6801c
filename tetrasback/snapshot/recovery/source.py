"""One backup on a disk, opened to be restored: its homes, its archive, its manifest, its seals."""

import os
from collections.abc import Mapping
from pathlib import Path

from tetrasback.snapshot.key import existing_key
from tetrasback.snapshot.manifest import (
    NOT_COVERED,
    BadManifest,
    Manifest,
    OthersManifest,
    read_manifest,
)
from tetrasback.snapshot.mark import Proof
from tetrasback.snapshot.recovery.archive import Archive
from tetrasback.snapshot.recovery.backups import (
    FOLDER,
    Shelf,
    host_name,
    machine_id,
    open_regular,
)
from tetrasback.snapshot.recovery.tally import Tally
from tetrasback.snapshot.trees import DIRECTORY
from tetrasback.snapshot.troubles import DiskTrouble, Refused, words

ARCHIVES = ("serveur.tar.gz", "serveur.tgz")
"""This program's, and the original's."""


class Source:
    """The backup at PATH, a folder on a mounted disk. Raises Refused where it is none."""

    def __init__(self, path: Path, key: Path) -> None:
        whole = Path(os.path.realpath(path.parent)) / path.name
        if not FOLDER.fullmatch(whole.name):
            raise Refused(f"{path} is no backup: their names are like {_LIKE}")
        self.path = whole
        self._key = existing_key(key)
        self._shelf = Shelf(whole.parent, self._key)
        try:
            self._folder = os.open(whole.name, DIRECTORY, dir_fd=self._shelf.root)
        except OSError as error:
            self._shelf.close()
            raise Refused(f"cannot open {path}: {words(error)}") from error
        backup = self._shelf.backup(whole.name)
        self._mark: Mapping[str, str] = backup.mark or {}
        self.judged = backup.judged
        self.homes = self._open_homes()
        self.archive_name = next((name for name in ARCHIVES if self._has(name)), "")

    def _open_homes(self) -> int | None:
        try:
            return os.open("Donnees", DIRECTORY, dir_fd=self._folder)
        except OSError:
            return None

    def _has(self, name: str) -> bool:
        file = open_regular(self._folder, name)
        if file is None:
            return False
        os.close(file)
        return True

    def manifest(self, tally: Tally) -> Manifest | None:
        """That of the homes; says what cannot be told without it, or without the key."""
        file = self._shelf.open_manifest(self.path.name)
        if file is None:
            tally.note("this backup has no manifest: whether it is as it was written is not known")
            return None
        try:
            return self._read(file, tally)
        except OthersManifest:
            if self._is_ours():
                tally.warn("damaged: the manifest was changed on the disk, or the key has changed")
                return None
            return self._unsealed(file, tally)
        except (BadManifest, OSError) as error:
            why = words(error) if isinstance(error, OSError) else str(error)
            tally.warn(f"damaged: {why}; whether the rest is as it was written is not known")
            return None
        finally:
            os.close(file)

    def _read(self, file: int, tally: Tally) -> Manifest:
        if self._key is None:
            return self._unsealed(file, tally)
        manifest = read_manifest(os.dup(file), self._key)
        if not manifest.covers_attributes:
            tally.note(NOT_COVERED)
        return manifest

    def _unsealed(self, file: int, tally: Tally) -> Manifest:
        tally.note(
            "the seal of the manifest cannot be checked without the key of the server that made it"
        )
        return read_manifest(os.dup(file), None)

    def _is_ours(self) -> bool:
        """Whether its seals are of the key that is here, as far as anybody knows."""
        if self.is_sealed_as_one:
            return True
        return self._mark.get("machine") == (machine_id() or f"host-{host_name()}")

    @property
    def is_sealed_as_one(self) -> bool:
        """Whether it is what was made under this name with the key that is here."""
        return self.judged.proof is Proof.SEALED

    @property
    def unproved(self) -> str:
        """Why it is not proved to be what was made under this name; '' = it is."""
        match self.judged.proof:
            case Proof.BROKEN:
                return f"the seal of this backup does not fit: {self.judged.why}"
            case Proof.OTHER_KEY:
                return "this backup was sealed with a key that is not here"
            case Proof.UNSEALED:
                return "this backup has no seal: it may be another, or an older one"
        return ""

    def tell_proof(self, tally: Tally) -> None:
        """Say what is not proved."""
        if self.judged.proof is Proof.BROKEN:
            tally.warn(f"damaged: {self.unproved}")
        elif self.unproved:
            tally.note(self.unproved)

    def open_archive(self) -> Archive:
        """The archive, from its beginning. Raises DiskTrouble."""
        file = open_regular(self._folder, self.archive_name)
        if file is None:
            raise DiskTrouble(f"cannot open {self.archive_name} any more")
        return Archive(open(file, "rb"), self._key if self._seal else None)

    def has_noted(self, part: str) -> bool:
        """Whether the backup, when it was made, had the PART ``data`` or ``config``."""
        return f"{part}_files" in self._mark

    @property
    def _seal(self) -> str:
        return self._mark.get("archive_seal", "") if self._is_ours() else ""

    @property
    def archive_file(self) -> tuple[int, int] | None:
        """Device and inode of the archive, which several backups may share."""
        if not self.archive_name:
            return None
        status = os.stat(self.archive_name, dir_fd=self._folder, follow_symlinks=False)
        return status.st_dev, status.st_ino

    @property
    def archive_bytes(self) -> int:
        """The length of the archive's file."""
        if not self.archive_name:
            return 0
        return os.stat(self.archive_name, dir_fd=self._folder, follow_symlinks=False).st_size

    @property
    def has_seal(self) -> bool:
        """Whether it can be told if the archive is what was written."""
        return bool(self._seal and self._key)

    def is_archive_whole(self) -> bool:
        """Whether the archive is what was written, as far as that can be told; reads all of it."""
        if not self.archive_name or not self.has_seal:
            return True
        archive = self.open_archive()
        try:
            archive.pass_over()
        except OSError:
            return False
        finally:
            archive.close()
        return self.is_sealed(archive)

    def is_sealed(self, archive: Archive) -> bool:
        """Whether ARCHIVE, read to its end, is what was written, as far as that can be told."""
        return not (self._seal and archive.seal) or archive.seal == self._seal

    def close(self) -> None:
        """Let go of everything."""
        for descriptor in (self.homes, self._folder):
            if descriptor is not None:
                os.close(descriptor)
        self._shelf.close()


_LIKE = "2026-11-25_03-04-05_Sauvegarde_HOST"
