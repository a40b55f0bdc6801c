"""Patterns leave out what rsync leaves out; rsync itself is the judge."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tetrasback.snapshot.patterns import BadPattern, read_pattern, read_patterns

NAMES = (
    *("a", "ab", "abc", "b", "B", "a.b", "a*b", "[a]", "a]", "-", "a-c", "!", "^", "é"),
    *("d/a", "d/b/a", "d/b/ab", "d/bb/c", "a-dir/d/b/a", "a b/x", "d1/x", "d1/y/x"),
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in NAMES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def kept_by_rsync(tree: Path, patterns: list[str]) -> set[str]:
    done = subprocess.run(
        ["rsync", "-rn8", "--list-only", "--no-human-readable"]
        + [f"--filter={text if text[:2] in ('+ ', '- ') else '- ' + text}" for text in patterns]
        + [f"{tree}/"],
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    lines = done.stdout.decode().splitlines()
    return {line.split(maxsplit=4)[4] for line in lines} - {"."}


def kept_by_us(tree: Path, patterns: list[str]) -> set[str]:
    excluded = read_patterns(patterns)
    kept = set()
    waiting = [tree]
    while waiting:
        for path in waiting.pop().iterdir():
            name = str(path.relative_to(tree))
            if not excluded(name, path.is_dir()):
                kept.add(name)
                if path.is_dir():
                    waiting.append(path)
    return kept


PIECES = st.sampled_from(
    [
        *("a", "b", "c", "d", "/", "*", "**", "?", "[", "]", "!", "^", "-", ".", "\\", "é", "1"),
        *("[a-c]", "[!a]", "[[:alpha:]]", "a b", "***", "d/b", "\\*"),
    ]
)
PATTERN = st.lists(PIECES, min_size=1, max_size=5).map("".join)


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.sampled_from(["", "+ ", "- "]), PATTERN).map("".join), max_size=3))
@example(["/d"])
@example(["d/***"])
@example(["a/***"])
@example(["**/a"])
@example(["+ /d/", "+ /d/b/***", "- *"])
@example(["**a"])
@example(["d/**/a"])
@example(["[!a]"])
def test_the_same_is_kept_as_by_rsync(tree: Path, patterns: list[str]) -> None:
    try:
        ours = kept_by_us(tree, patterns)
    except BadPattern:
        return
    assert ours == kept_by_rsync(tree, patterns)


@pytest.mark.parametrize("text", ["", "/", "//", "+ ", "- /", "a\0b", "x" * 5000])
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadPattern):
        read_pattern(text)
