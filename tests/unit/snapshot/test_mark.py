"""The mark of a backup: what it seals, and what its judge says of everything else."""

import hashlib
import hmac
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.core import task
from tetrasback.lang.words import PROOFS
from tetrasback.snapshot.mark import (
    HEAD,
    MARK_MAX,
    BadMark,
    Proof,
    judge,
    key_name,
    sealed_mark,
)

KEY = bytes(range(32))
FOLDER = "2026-11-25_03-04-05_Sauvegarde_srv"
MANIFEST = "ab" * 32
LINES = [HEAD, "machine=6c1f", "host=srv", "data_files=12", f"archive_seal={'c' * 64}"]
MARK = sealed_mark(LINES, FOLDER, MANIFEST, KEY).encode()


def proof(mark: bytes, folder: str = FOLDER, manifest: str = MANIFEST) -> Proof:
    return judge(mark, folder, manifest, KEY).proof


def test_the_words_are_those_of_the_core_and_of_clients() -> None:
    assert {str(word) for word in Proof} == {str(word) for word in task.Proof} == set(PROOFS)


def test_what_was_sealed_is_believed_with_the_key_alone() -> None:
    assert judge(MARK, FOLDER, MANIFEST, KEY).proof is Proof.SEALED
    assert judge(MARK, FOLDER, MANIFEST, None).proof is Proof.OTHER_KEY
    assert judge(MARK, FOLDER, MANIFEST, bytes(32)).proof is Proof.OTHER_KEY


def test_common_tools_make_the_same_seal(tmp_path: Path) -> None:
    """As in the manual."""

    def openssl(data: bytes) -> str:
        command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{KEY.hex()}"]
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True)
        return done.stdout.decode().split()[-1]

    text, _, last = MARK.removesuffix(b"\n").rpartition(b"\n")
    assert last.decode() == "seal=" + openssl(text + b"\n")
    assert key_name(KEY) == openssl(b"tetras-back key\n")[:16]


def test_under_another_name_it_is_broken() -> None:
    judged = judge(MARK, FOLDER.replace("11-25", "12-01"), MANIFEST, KEY)
    assert (judged.proof, judged.why) == (Proof.BROKEN, f"it was made as {FOLDER}")


@pytest.mark.parametrize("manifest", ["", "cd" * 32])
def test_with_another_manifest_it_is_broken(manifest: str) -> None:
    assert proof(MARK, manifest=manifest) is Proof.BROKEN


def test_a_manifest_for_a_backup_without_one_breaks_it() -> None:
    mark = sealed_mark(LINES, FOLDER, "", KEY).encode()
    assert proof(mark, manifest="") is Proof.SEALED
    assert proof(mark) is Proof.BROKEN


@given(st.integers(0, len(MARK) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(position: int, change: int) -> None:
    changed = bytearray(MARK)
    changed[position] ^= change
    assert proof(bytes(changed)) is not Proof.SEALED


@given(st.integers(0, len(MARK) - 1))
def test_nothing_can_be_cut_off(length: int) -> None:
    assert proof(MARK[:length]) is not Proof.SEALED
    assert proof(MARK[len(MARK) - length :]) is not Proof.SEALED


@given(st.sampled_from([*LINES, "machine=evil", f"folder={FOLDER}", ""]), st.integers(0, 9))
def test_no_line_can_be_added(line: str, place: int) -> None:
    lines = MARK.decode().splitlines()
    lines.insert(place, line)
    assert proof("".join(f"{one}\n" for one in lines).encode()) is not Proof.SEALED


@given(st.binary(max_size=300))
def test_nothing_else_is_believed_nor_an_accident(data: bytes) -> None:
    assert proof(data) is not Proof.SEALED
    assert proof(MARK + data) is (Proof.SEALED if not data else Proof.BROKEN)


def test_what_was_sealed_before_marks_were_is_not_believed() -> None:
    assert proof(b"".join(f"{line}\n".encode() for line in LINES)) is Proof.UNSEALED


def test_what_the_key_seals_besides_is_no_mark() -> None:
    """Somebody may have the server seal an archive or a manifest that he has a hand in."""
    text = MARK.rpartition(b"seal=")[0].replace(HEAD.encode(), b"#mtree v2.0", 1)
    seal = hmac.new(KEY, text, hashlib.sha256).hexdigest().encode()
    assert proof(text + b"seal=" + seal + b"\n") is Proof.BROKEN


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["machine=x"],
        [HEAD, "folder=x"],
        [HEAD, "seal=x"],
        [HEAD, "key=x"],
        [HEAD, "manifest_seal=x"],
        [HEAD, "two words"],
        [HEAD, "host=a b"],
        [HEAD, "host=é"],
        [HEAD, ""],
        [HEAD, "host=" + "x" * MARK_MAX],
    ],
)
def test_a_senseless_mark_is_not_sealed(lines: list[str]) -> None:
    with pytest.raises(BadMark):
        sealed_mark(lines, FOLDER, "", KEY)
