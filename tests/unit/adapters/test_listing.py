"""What the program says of the backups on a disk is read with distrust."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tetrasback.adapters import listing
from tetrasback.core.task import Proof, Snapshot

NUMBERS = st.integers(0, 2**63 - 1)
FOLDERS = st.from_regex(r"[0-9]{4}[A-Za-zé _-]{0,40}", fullmatch=True)
SNAPSHOTS = st.builds(
    Snapshot,
    snapshot=FOLDERS,
    started=NUMBERS,
    host=st.text(st.characters(exclude_categories=("Cs",)), max_size=60),
    ours=st.booleans(),
    original=st.booleans(),
    pinned=st.booleans(),
    files=NUMBERS,
    bytes=NUMBERS,
    manifest=st.booleans(),
    proof=st.sampled_from(["", *map(str, Proof)]),
)


@given(st.lists(SNAPSHOTS, max_size=5))
def test_what_is_written_is_read_again_newest_first(snapshots: list[Snapshot]) -> None:
    found, others = listing.read(listing.written(snapshots).encode())
    assert found == sorted(snapshots, key=lambda item: (item.started, item.snapshot), reverse=True)
    assert not others


@given(st.binary(max_size=200))
def test_no_output_is_an_accident(output: bytes) -> None:
    listing.read(output)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_value_is_an_accident(value: object) -> None:
    names = ("started", "host", "ours", "files", "bytes", "proof")
    found = listing.parse(json.dumps({"snapshot": "2026", **dict.fromkeys(names, value)}))
    assert found is not None
    assert isinstance(found.started, int)
    assert isinstance(found.host, str)
    assert isinstance(found.ours, bool)
    assert found.proof in {"", *Proof}


def test_folders_that_lead_elsewhere_are_no_backups() -> None:
    for name in ("", ".", "..", "../x", "a/b", "-rf", ".tetras-back", "a\nb", "x" * 256, 5, None):
        assert listing.parse(json.dumps({"snapshot": name})) is None


def test_too_many_are_cut_and_what_was_cut_off_is_no_backup() -> None:
    line = json.dumps({"snapshot": "2026"}).encode() + b"\n"
    found, _ = listing.read(line * 1500 + line[:8])
    assert len(found) == listing.MOST
