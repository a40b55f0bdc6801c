import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tetrasback.config.edits import apply
from tetrasback.config.model import BackupConfig, Config, DiskConfig, ScriptConfig
from tetrasback.config.perl import ImportPlan, LastBackup, plan_import, read_perl
from tetrasback.config.perl_syntax import MAX_BYTES
from tetrasback.config.text import decode, parse
from tetrasback.errors import InvalidArgs

BLUE = "0b5a9f3e-0000-4000-8000-00000000000a"
GREEN = "1b5a9f3e-0000-4000-8000-00000000000b"

DEFAULTS = Config()

BY_HAND = f"""\
#!/usr/bin/perl
use strict;
use utf8;
# La configuration
our %CFG = (
    fifo => '/var/run/tetras-back.fifo',   # the commands
    scriptdir => "/usr/local/lib/tetras-back",
    DISKS => {{
        CONNECTED => {{}},
        KNOWN => {{
            "{BLUE}" => {{ name => 'l\\'été', last_seen => 'Never', last_backup => 'Never', }},
        }},
    }},
    SCRIPTS => {{
        'backup_nocloud.sh' => 1,
        'backup_demo-tibox.sh' => 0,
    }},
    CLIENTS => {{ }},
);

1;
"""

DUMPED = f"""\
%CFG = (
         'CLIENTS' => {{
                        '/var/run/tetras-web.fifo' => 1512340000
                      }},
         'SCRIPTS' => {{
                        'backup_nocloud.sh' => '--data --mysql --interrupt apache2,php-fpm',
                        'ours.sh' => '--to "a b"'
                      }},
         'DISKS' => {{
                      'KNOWN' => {{
                                   '{BLUE}' => {{
                                       'last_backup' => "Sauvegarde r\\x{{e9}}ussie 1512345678",
                                       'name' => "l'\\x{{e9}}t\\x{{e9}}",
                                       'last_seen' => '1512345678'
                                   }},
                                   'ABCD-1234' => {{
                                       'last_backup' => 'Échec 1512345679',
                                       'last_seen' => 1512345679.25,
                                       'name' => 'vert'
                                   }}
                                 }},
                      'CONNECTED' => {{ '{BLUE}' => '/dev/sdb1' }}
                    }},
         'fifo' => '/var/run/tetras-back.fifo'
       );
"""


def planned(
    text: str, config: Config = DEFAULTS, known: dict[str, bool] | None = None
) -> ImportPlan:
    if known is None:
        known = {"backup_nocloud.sh": True, "backup_demo-tibox.sh": True, "ours.sh": True}
    return plan_import(read_perl(text), config, known)


def imported(text: str, plan: ImportPlan) -> tuple[str, Config]:
    """The configuration file TEXT after the import of PLAN."""
    config, _ = parse(decode(text.encode(), "x"), "x")
    result = apply(text, plan.merge, config)
    return result, parse(decode(result.encode(), "x"), "x")[0]


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
    "text", [DUMPED, DUMPED.replace("%CFG = (", "$VAR1 = {").replace(");", "};")]
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


def test_plan_import_by_hand() -> None:
    plan = planned(BY_HAND)
    assert plan.merge.disks == {BLUE: "l'été"}
    assert plan.merge.enabled == ("backup_nocloud.sh",)
    assert plan.merge.scripts == {}
    assert plan.history == ()
    assert plan.clients == ()
    assert [remark for remark in plan.remarks if "FIFO" not in remark] == []


def test_plan_import_from_data_dumper() -> None:
    plan = planned(DUMPED)
    assert plan.merge.disks == {BLUE: "l'été", "ABCD-1234": "vert"}
    assert plan.merge.enabled == ("backup_nocloud.sh", "ours.sh")
    assert plan.merge.scripts == {
        "backup_nocloud.sh": ScriptConfig(
            ("--data", "--mysql"), "", ("apache2.service", "php-fpm.service")
        ),
        "ours.sh": ScriptConfig(("--to", "a b"), "device"),
    }
    assert plan.history == (
        LastBackup(BLUE, "l'été", 1_512_345_678_000_000, "success", "Sauvegarde réussie"),
        LastBackup("ABCD-1234", "vert", 1_512_345_679_000_000, "failed", "Échec"),
    )
    assert plan.clients == ("/var/run/tetras-web.fifo",)
    assert any("/var/run/tetras-web.fifo" in remark for remark in plan.remarks)


def test_plan_import_takes_over_when_disks_were_last_seen() -> None:
    dated = f"%CFG = (DISKS => {{KNOWN => {{'{BLUE}' => {{name => 'a', last_seen => AT}}}}}});"
    assert planned(dated.replace("AT", "1512345678")).seen == ((BLUE, 1_512_345_678_000_000),)
    for never in ("'Never'", "undef", "''", "'-1'", "{}"):
        assert planned(dated.replace("AT", never)).seen == ()


def test_plan_import_changes_no_script_that_was_chosen_here() -> None:
    config = Config(backup=BackupConfig(scripts=("ours.sh",)))
    plan = planned(DUMPED, config)
    assert plan.merge.enabled == ("ours.sh", "backup_nocloud.sh")
    assert "ours.sh" not in plan.merge.scripts
    assert any('"ours.sh" keeps' in remark for remark in plan.remarks)


@pytest.mark.parametrize("text", [BY_HAND, DUMPED])
def test_import_twice_changes_nothing_more(text: str) -> None:
    first, config = imported("# ours\n", planned(text))
    assert imported(first, planned(text, config))[0] == first


def test_plan_import_keeps_what_is_here_already() -> None:
    config = Config(
        backup=BackupConfig(scripts=("mine.sh",)),
        scripts={"ours.sh": ScriptConfig(("--mine",))},
        disks={BLUE: DiskConfig("bleu"), GREEN: DiskConfig("vert")},
    )
    plan = planned(DUMPED, config)
    assert plan.merge.disks == {"ABCD-1234": "vert (2)"}
    assert plan.merge.enabled == ("mine.sh", "backup_nocloud.sh", "ours.sh")
    assert "ours.sh" not in plan.merge.scripts
    remarks = "\n".join(plan.remarks)
    for word in ('keeps its name "bleu"', '"vert (2)"', '"ours.sh" keeps'):
        assert word in remarks


def test_plan_import_gives_the_device_to_scripts_that_are_not_ours() -> None:
    text = "%C = (SCRIPTS => {'backup_nocloud.sh' => '--data --encfs secret'})"
    plan = planned(text, known={"backup_nocloud.sh": False})
    assert plan.merge.enabled == ("backup_nocloud.sh",)
    assert plan.merge.scripts == {
        "backup_nocloud.sh": ScriptConfig(("--data", "--encfs", "secret"), "device")
    }
    assert any("password" in remark for remark in plan.remarks)
    assert not any("secret" in remark for remark in plan.remarks)


def test_plan_import_never_writes_in_clear_what_was_encrypted() -> None:
    plan = planned("%C = (SCRIPTS => {'backup_nocloud.sh' => '--data --encfs secret --verbose'})")
    assert plan.merge.enabled is None
    assert plan.merge.scripts == {"backup_nocloud.sh": ScriptConfig(("--data",))}
    assert any("encrypt" in remark for remark in plan.remarks)
    assert not any("secret" in remark for remark in plan.remarks)


def test_plan_import_says_what_it_leaves_out() -> None:
    plan = planned(
        """%C = (
        DISKS => { KNOWN => {
            '../x' => { name => 'a' },
            'ABCD-1234' => { name => "-\\n", last_backup => 'bizarre' },
            'ABCD-1235' => undef,
        } },
        SCRIPTS => {
            'gone.sh' => 1, '../up.sh' => 1, 'ours.sh' => '"', 'backup_demo-tibox.sh' => '0',
            'backup_nocloud.sh' => '--gitlab --seafile host --config',
        },
        scriptdir => '/opt/scripts', colour => 'red',
        );"""
    )
    assert plan.merge.disks == {"ABCD-1234": "disk ABCD-123", "ABCD-1235": "disk ABCD-123 (2)"}
    assert plan.merge.enabled == ("backup_nocloud.sh",)
    assert plan.merge.scripts == {"backup_nocloud.sh": ScriptConfig(("--config",))}
    remarks = "\n".join(plan.remarks)
    for word in ("../x", "bizarre", "gone.sh", "../up.sh", "ours.sh", "--gitlab", "--seafile"):
        assert word in remarks
    for word in ("/opt/scripts", "colour"):
        assert word in remarks
    assert all(remark.isprintable() for remark in plan.remarks)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Sauvegarde réussie", "success"),
        ("Sauvegarde terminée", "success"),
        ("Sauvegarde non réussie", "failed"),
        ("Unsuccessful", "failed"),
        ("Sauvegarde échouée", "failed"),
        ("Disque débranché pendant la sauvegarde", "interrupted"),
        ("Ça", "failed"),
        ("", "failed"),
    ],
)
def test_a_success_is_believed_only_in_clear_words(words: str, verdict: str) -> None:
    text = (
        f"%C = (DISKS => {{KNOWN => {{'ABCD-1234' => {{last_backup => '{words} 1512345678'}}}}}})"
    )
    [backup] = planned(text).history
    assert (backup.verdict, backup.finished_at) == (verdict, 1_512_345_678_000_000)


@pytest.mark.parametrize(
    "text", ["%C = ()", "%C = (a => 1)", "%C = (DISKS => 1)", "%C = (DISKS => {KNOWN => 'x'})"]
)
def test_plan_import_refuses_what_is_no_configuration(text: str) -> None:
    with pytest.raises(InvalidArgs):
        planned(text)
