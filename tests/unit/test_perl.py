"""The reader of the original's configuration: what it takes, what it refuses."""

import json
import subprocess
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.perl_files import BLUE, BY_HAND, DUMPED, WRITTEN_BY_THE_DAEMON
from tetrasback.errors import InvalidArgs
from tetrasback.perl import CLIENTS_MAX, MAX_BYTES, client_remark, fifo_clients, read_perl


def test_read_perl_by_hand() -> None:
    assert read_perl(BY_HAND) == {
        "fifo": "/var/run/tetras-back.fifo",
        "scriptdir": "/usr/local/lib/tetras-back",
        "DISKS": {
            "CONNECTED": {},
            "KNOWN": {BLUE: {"name": "l'été", "last_seen": "Never", "last_backup": "Never"}},
        },
        "SCRIPTS": {"backup_nocloud.sh": 1, "backup_demo-tibox.sh": 0},
        "CLIENTS": {},
    }


@pytest.mark.parametrize(
    "text",
    [
        DUMPED,
        DUMPED.replace("%CFG = (", "$VAR1 = {").replace(");", "};"),
        WRITTEN_BY_THE_DAEMON,
        WRITTEN_BY_THE_DAEMON.replace("our (%CFG);", "our %CFG;"),
    ],
)
def test_read_perl_from_data_dumper(text: str) -> None:
    found = read_perl(text)
    assert found["DISKS"]["KNOWN"][BLUE] == {
        "last_backup": "Sauvegarde réussie 1512345678",
        "name": "l'été",
        "last_seen": "1512345678",
    }
    assert found["DISKS"]["KNOWN"]["ABCD-1234"]["last_seen"] == 1512345679.25
    assert found["CLIENTS"] == {"/var/run/tetras-web.fifo": 1512340000}


# As the original's daemon did it, with what its users typed.
DUMP = r"""
use utf8; use strict; use warnings; use Data::Dumper;
binmode STDOUT, ':utf8';
our %CFG = (
    DISKS => { CONNECTED => {}, KNOWN => { 'ABCD-1234' => {
        name => "l'été \\ \"bleu\" \$HOME \@home", last_seen => time(),
        last_backup => 'Never' } } },
    SCRIPTS => { 'a.sh' => '--data --interrupt apache2,mysql', 'b.sh' => 1, 'c.sh' => "x\ny\tz" },
    CLIENTS => { '/var/www/tl-client' => 1512345678 }, none => undef, list => [ 'a', -1, 1.5 ],
);
print "our (%CFG);\n", Data::Dumper->Dump([\%CFG], ['*CFG']), "1;\n";
"""


def test_read_perl_reads_what_perl_itself_dumps() -> None:
    dumped = subprocess.run(["perl", "-e", DUMP], capture_output=True, text=True, check=True)
    found = read_perl(dumped.stdout)
    disk = found["DISKS"]["KNOWN"]["ABCD-1234"]
    assert disk["name"] == 'l\'été \\ "bleu" $HOME @home'
    assert int(disk["last_seen"]) > 1_500_000_000
    assert found["SCRIPTS"] == {
        "a.sh": "--data --interrupt apache2,mysql",
        "b.sh": 1,
        "c.sh": "x\ny\tz",
    }
    assert found["CLIENTS"] == {"/var/www/tl-client": 1512345678}
    assert (found["none"], found["list"]) == (None, ["a", -1, "1.5"])


def test_fifo_clients_are_the_paths_of_a_bounded_hash() -> None:
    assert fifo_clients(read_perl(DUMPED)) == ("/var/run/tetras-web.fifo",)
    assert fifo_clients({}) == ()
    for wrong in ([], "x", {str(number): 1 for number in range(CLIENTS_MAX + 1)}):
        with pytest.raises(InvalidArgs):
            fifo_clients({"CLIENTS": wrong})


def test_client_remark_is_a_line_with_a_command_that_quotes() -> None:
    assert "--register '/a b'" in client_remark("/a b")
    assert client_remark("/a\n\x1b").isprintable()


def test_read_perl_undoes_bytes_taken_for_characters() -> None:
    assert read_perl(r'%C = (a => "\x{c3}\x{a9}", b => "\x{e9}")') == {"a": "é", "b": "é"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("%CFG = (\n  a => 1\n", 3),
        ("%CFG = (\n\n  a => `id`\n);", 3),
        ("%CFG = (\n  a => system('id'),\n);", 2),
        ('%CFG = (\n  a => "$ENV{HOME}",\n);', 2),
        ('%CFG = (\n  a => "x@y.z",\n);', 2),
        ("%CFG = (\n  a => 'b' . 'c',\n);", 2),
        ("%CFG = (\n  a => $VAR1->{b},\n);", 2),
        ("%CFG = (\n  a => 0x10,\n);", 2),
        ("%CFG = (\n  a => 010,\n);", 2),
        ("%CFG = (\n  a => 'b\n", 2),
        ("%CFG = (\n  a => 1 b => 2,\n);", 2),
        ("%CFG = (\n  a => 1, 'b'\n);", 1),
        ("%CFG = (\n  a => ,\n);", 2),
        ("%CFG = (\n  {} => 1,\n);", 2),
        ('%CFG = (\n  a => "\\x{110000}",\n);', 2),
        ('%CFG = (\n  a => "\\x{d800}",\n);', 2),
        ('%CFG = (\n  a => "\\Q",\n);', 2),
        ("%CFG = (a => 1);\n$CFG{b} = 2;", 2),
        ("%CFG = (a => 1);\n%CFG = (a => 2);", 2),
        ("use POSIX;\n%CFG = (a => 1);", 1),
        ("%CFG = {a => 1};", 1),
        ("%CFG = (a => " + "{a => " * 20, 1),
        ("%CFG = (a => " + "9" * 100 + ");", 1),
        ("language = 'fr'", 1),
        ("BEGIN { unlink '/x' }", 1),
        ("our ();\n%CFG = (a => 1);", 1),
        ("our (%CFG, %ENV);\n%CFG = (a => 1);", 1),
        ("our (%CFG) = (a => 1);", 1),
        ("our (%CFG);", 1),
    ],
)
def test_read_perl_refuses_with_the_line(text: str, line: int) -> None:
    with pytest.raises(InvalidArgs, match=rf"^line {line} of the Perl configuration: ") as refused:
        read_perl(text)
    assert str(refused.value).isprintable()


def test_read_perl_refuses_what_is_too_large() -> None:
    with pytest.raises(InvalidArgs, match="256 KiB"):
        read_perl("#" * (MAX_BYTES + 1))
    with pytest.raises(InvalidArgs, match="256 KiB"):
        read_perl("é" * (MAX_BYTES // 2 + 1))
    assert read_perl("%C = (" + "a=>1," * 50_000 + ")") == {"a": 1}


def double_quoted(text: str) -> str:
    """As Data::Dumper writes it."""
    return (
        '"'
        + "".join(
            char if char.isascii() and char.isalnum() else f"\\x{{{ord(char):x}}}" for char in text
        )
        + '"'
    )


def single_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


# A Latin-1 string that happens to be UTF-8 is taken for bytes on purpose.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
    lambda text: not any("\x80" <= char <= "\xff" for char in text)
)
DATA: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.integers(-(10**12), 10**12) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


def written(value: Any, quote: Any, space: str) -> str:
    if isinstance(value, dict):
        pairs = (f"{quote(k)}{space}=>{space}{written(v, quote, space)}" for k, v in value.items())
        return "{" + f",{space}".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + "".join(written(item, quote, space) + f"{space}," for item in value) + "]"
    if value is None:
        return "undef"
    return str(value) if isinstance(value, int) else quote(value)


@settings(deadline=None)
@given(
    st.dictionaries(TEXTS, DATA, max_size=4),
    st.sampled_from([double_quoted, single_quoted]),
    st.sampled_from(["", " ", "\n  ", " # '}) \n"]),
)
def test_read_perl_reads_back_what_was_written(
    data: dict[str, Any], quote: Any, space: str
) -> None:
    assert read_perl(f"$VAR1 = {written(data, quote, space)};") == data


@settings(deadline=None)
@given(st.text() | st.text("%C=(){}[],;'\"\\x$@#a1 \n").map(lambda text: "%C = (" + text))
@example("\udcff")
def test_read_perl_gives_a_hash_or_one_line(text: str) -> None:
    try:
        found = read_perl(text)
    except InvalidArgs as refused:
        problem = str(refused)
    else:
        json.dumps(found)
        problem = "none"
    assert problem.isprintable()
