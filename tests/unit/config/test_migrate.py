from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.perl_files import BLUE, BY_HAND, DUMPED
from tetrasback.config.edits import apply
from tetrasback.config.migrate import DISKS_MAX, ImportPlan, LastBackup, plan_import
from tetrasback.config.model import BackupConfig, Config, DiskConfig, ScriptConfig
from tetrasback.config.text import decode, parse
from tetrasback.errors import InvalidArgs
from tetrasback.perl import read_perl

GREEN = "1b5a9f3e-0000-4000-8000-00000000000b"

DEFAULTS = Config()


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
        ("Arrachage pendant la sauvegarde", "interrupted"),
        ("Echec de la sauvegarde", "failed"),
        ("backup_completed", "success"),
        ("backup_failed", "failed"),
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


def test_plan_import_takes_the_list_of_scripts_of_the_first_versions() -> None:
    plan = planned("%CFG = ('SCRIPTS' => ['backup_demo-tibox.sh'], 'logfile' => '/var/log/x')")
    assert plan.merge.enabled == ("backup_demo-tibox.sh",)
    with pytest.raises(InvalidArgs, match="SCRIPTS"):
        planned("%CFG = (SCRIPTS => [{}])")


def test_plan_import_keeps_the_directories_of_options_that_only_named_one() -> None:
    plan = planned("%C = (SCRIPTS => {'backup_nocloud.sh' => '--data --unifi'})")
    args = ("--data", "--also", "/var/lib/unifi")
    assert plan.merge.scripts == {"backup_nocloud.sh": ScriptConfig(args)}
    assert plan.remarks == ()


def test_plan_import_says_which_directories_only_the_original_archived() -> None:
    plan = planned("%C = (SCRIPTS => {'backup_nocloud.sh' => '--data --mysql'})")
    assert ["/usr" in remark and "--also" in remark for remark in plan.remarks] == [True]


@pytest.mark.parametrize("what", ["DISKS => {KNOWN => {%s}}", "SCRIPTS => {%s}"])
def test_plan_import_is_bounded(what: str) -> None:
    many = ",".join(f"'{number:04X}-0000' => 'a'" for number in range(10_000))
    with pytest.raises(InvalidArgs, match="at most 256"):
        planned("%C = (" + what % many + ");")


def test_plan_import_of_as_many_disks_as_there_may_be() -> None:
    many = ",".join(f"'{number:04X}-0000' => 'a'" for number in range(DISKS_MAX))
    plan = planned("%C = (DISKS => {KNOWN => {" + many + "}});")
    _, config = imported("", plan)
    assert len({disk.name for disk in config.disks.values()}) == DISKS_MAX


LEAVES = (
    st.none()
    | st.integers(-1, 2**40)
    | st.floats()
    | st.sampled_from(
        ["Never", "--encfs", "--interrupt a,", '"', "\x1b", "é" * 99, "1e9 1512345678"]
    )
    | st.text(max_size=5)
)
VALUES = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.text(max_size=3), LEAVES)
DISKS = st.dictionaries(
    st.sampled_from([BLUE, BLUE.upper(), "ABCD-1234", "x"]),
    VALUES | st.fixed_dictionaries({"name": VALUES, "last_seen": VALUES, "last_backup": VALUES}),
)
SCRIPTS = st.dictionaries(st.sampled_from(["backup_nocloud.sh", "ours.sh", "../x"]), VALUES)
WHATEVER = st.fixed_dictionaries(
    {},
    optional={
        "DISKS": VALUES | st.fixed_dictionaries({"KNOWN": VALUES | DISKS}),
        "SCRIPTS": VALUES | SCRIPTS,
        **dict.fromkeys(("CLIENTS", "scriptdir", "fifo", "x"), VALUES),
    },
)


@given(WHATEVER)
def test_plan_import_of_whatever_is_a_plan_or_one_line(data: dict[str, Any]) -> None:
    try:
        plan = plan_import(data, DEFAULTS, {"backup_nocloud.sh": True, "ours.sh": True})
    except InvalidArgs as refused:
        said = [str(refused)]
    else:
        said = [*plan.remarks]
        imported("", plan)
    assert all(line.isprintable() for line in said)
