import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tetrasback.config.check import ConfigProblems, Problem, check
from tetrasback.config.model import (
    AlertsConfig,
    BackupConfig,
    Config,
    DiskConfig,
    MailConfig,
    ScriptConfig,
)

UUID = "0b5a9f3e-0000-4000-8000-00000000000a"
OTHER = "1b5a9f3e-0000-4000-8000-00000000000b"


def problems(mapping: dict[str, Any]) -> list[Problem]:
    with pytest.raises(ConfigProblems) as refused:
        check(mapping)
    message = str(refused.value)
    assert len(message) <= 1000
    assert message.isprintable()
    return list(refused.value.problems)


def test_check_of_nothing_gives_the_defaults() -> None:
    assert check({}) == (Config(), ())


def test_check_reads_every_key() -> None:
    config, warnings = check(
        {
            "language": "fr",
            "backup": {
                "scripts": ["a.sh", "b.sh"],
                "source": "/srv",
                "nice": -5,
                "timeout_hours": 0.5,
                "spin_down": True,
            },
            "mail": {"to": ["root", "a@b.example"], "on": ["failed"], "sendmail": "/bin/s"},
            "alerts": {"stale_days": 0, "console": True},
            "scripts": {
                "a.sh": {
                    "args": ["--also", "/x y"],
                    "takes": "device",
                    "interrupt": ["apache2.service", "pg@15-main.service"],
                }
            },
            "disks": {
                UUID.upper(): {"name": "bleu", "scripts": [], "stale_days": 2.5},
                "abcd-1234": {"name": "vert"},
            },
        }
    )
    assert warnings == ()
    assert config == Config(
        language="fr",
        backup=BackupConfig(("a.sh", "b.sh"), "/srv", -5, 0.5, True),
        mail=MailConfig(("root", "a@b.example"), ("failed",), "/bin/s"),
        alerts=AlertsConfig(0, True),
        scripts={
            "a.sh": ScriptConfig(
                ("--also", "/x y"), "device", ("apache2.service", "pg@15-main.service")
            )
        },
        disks={UUID: DiskConfig("bleu", (), 2.5), "ABCD-1234": DiskConfig("vert")},
    )


def test_check_warns_of_unknown_keys_everywhere() -> None:
    config, warnings = check(
        {
            "x": 1,
            "backup": {"y": 1},
            "scripts": {"a.sh": {"z": 1}},
            "disks": {UUID: {"name": "b", "Name": 1}},
        }
    )
    assert config.disks[UUID].name == "b"
    assert [warning.path for warning in warnings] == [
        "backup.y",
        'scripts."a.sh".z',
        f'disks."{UUID}".Name',
        "x",
    ]


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ({"language": 1}, "language"),
        ({"language": "not a language"}, "language"),
        ({"backup": 1}, "backup"),
        ({"backup": {"scripts": "a.sh"}}, "backup.scripts"),
        ({"backup": {"scripts": ["a.sh", "../b"]}}, "backup.scripts[1]"),
        ({"backup": {"scripts": ["a.sh", "a.sh"]}}, "backup.scripts[1]"),
        ({"backup": {"scripts": ["a"] * 257}}, "backup.scripts"),
        ({"backup": {"source": "srv"}}, "backup.source"),
        ({"backup": {"source": "/a\0b"}}, "backup.source"),
        ({"backup": {"nice": True}}, "backup.nice"),
        ({"backup": {"nice": 1.0}}, "backup.nice"),
        ({"backup": {"nice": 20}}, "backup.nice"),
        ({"backup": {"nice": -21}}, "backup.nice"),
        ({"backup": {"timeout_hours": 0}}, "backup.timeout_hours"),
        ({"backup": {"timeout_hours": 8761}}, "backup.timeout_hours"),
        ({"backup": {"timeout_hours": float("nan")}}, "backup.timeout_hours"),
        ({"backup": {"timeout_hours": True}}, "backup.timeout_hours"),
        ({"backup": {"spin_down": 1}}, "backup.spin_down"),
        ({"mail": {"to": ["-bd"]}}, "mail.to[0]"),
        ({"mail": {"to": ["a\nBcc: b"]}}, "mail.to[0]"),
        ({"mail": {"on": ["failed", "always"]}}, "mail.on[1]"),
        ({"mail": {"sendmail": "sendmail"}}, "mail.sendmail"),
        ({"alerts": {"stale_days": -1}}, "alerts.stale_days"),
        ({"alerts": {"stale_days": 10**400}}, "alerts.stale_days"),
        ({"alerts": {"console": "yes"}}, "alerts.console"),
        ({"scripts": {"a/b": {}}}, 'scripts."a/b"'),
        ({"scripts": {"a.sh": {"takes": "disk"}}}, 'scripts."a.sh".takes'),
        ({"scripts": {"a.sh": {"args": ["a", 1]}}}, 'scripts."a.sh".args[1]'),
        (
            {"scripts": {"a.sh": {"interrupt": ["tetras-back.service"]}}},
            'scripts."a.sh".interrupt[0]',
        ),
        ({"scripts": {"a.sh": {"interrupt": ["apache2"]}}}, 'scripts."a.sh".interrupt[0]'),
        ({"scripts": {"a.sh": {"interrupt": ["-.mount"]}}}, 'scripts."a.sh".interrupt[0]'),
        ({"scripts": {"a.sh": {"interrupt": ["a@.service"]}}}, 'scripts."a.sh".interrupt[0]'),
        ({"scripts": {"a.sh": {"interrupt": ["a b.service"]}}}, 'scripts."a.sh".interrupt[0]'),
        ({"disks": {"sdb1": {"name": "a"}}}, "disks.sdb1"),
        ({"disks": {UUID: {}}}, f'disks."{UUID}".name'),
        ({"disks": {UUID: {"name": ""}}}, f'disks."{UUID}".name'),
        ({"disks": {UUID: {"name": 7}}}, f'disks."{UUID}".name'),
        ({"disks": {UUID: {"name": "a"}, UUID.upper(): {"name": "b"}}}, f'disks."{UUID.upper()}"'),
        ({"disks": {UUID: {"name": "a"}, OTHER: {"name": "a"}}}, f'disks."{OTHER}".name'),
        ({"disks": [1]}, "disks"),
        ({"disks": {f"{n:016X}": {"name": str(n)} for n in range(10_001)}}, "disks"),
    ],
)
def test_check_names_the_place(mapping: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in problems(mapping)] == [path]


def test_check_tells_all_problems_at_once() -> None:
    found = problems(
        {
            "backup": {"nice": "x", "scripts": ["/a", "-b", "c"]},
            "disks": {"zz": {}, UUID: {"name": "a", "stale_days": []}},
        }
    )
    assert [problem.path for problem in found] == [
        "backup.scripts[0]",
        "backup.scripts[1]",
        "backup.nice",
        "disks.zz",
        "disks.zz.name",
        f'disks."{UUID}".stale_days',
    ]


def test_check_bounds_the_line_that_tells_a_thousand_problems() -> None:
    assert len(problems({"disks": {f"bad {n}": {"name": "x\n"} for n in range(1000)}})) == 2000


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.just(datetime.date.min),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        "language",
        "backup",
        "mail",
        "alerts",
        "scripts",
        "disks",
        "name",
        "args",
        "nice",
        "to",
        "on",
        UUID,
        "a.sh",
    ]
)


DOCUMENTS = st.dictionaries(
    WORDS, VALUES | st.dictionaries(WORDS, VALUES | st.dictionaries(WORDS, VALUES, max_size=3))
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_check_gives_a_config_or_problems_and_nothing_else(mapping: dict[str, Any]) -> None:
    found: tuple[Problem, ...] = ()
    try:
        config, found = check(mapping)
    except ConfigProblems as refused:
        config, found, line = Config(), refused.problems, str(refused)
    else:
        line = ""
    assert not line or line.isprintable()
    assert all(problem.message for problem in found)
    assert all(disk.name for disk in config.disks.values())


def test_retention_is_told_as_rules_and_a_disk_may_have_its_own() -> None:
    config, warnings = check(
        {
            "retention": {"keep_last": 3, "keep_within": "1y6m"},
            "disks": {
                UUID: {"name": "bleu", "retention": {"keep_daily": 7}},
                OTHER: {"name": "rouge"},
            },
        }
    )
    assert warnings == ()
    assert config.retention_of(UUID).rules == "daily=7"
    assert config.retention_of(OTHER).rules == "last=3 within=1y6m"
    assert Config().retention_of(UUID).rules == ""


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("retention", "keep_last", -1),
        ("retention", "keep_daily", True),
        ("retention", "keep_within", "soon"),
        ("retention", "keep_within", "3x"),
        ("backup", "exclude", "*.tmp"),
        ("backup", "exclude", ["/"]),
        ("backup", "exclude", ["a\nb"]),
        ("backup", "shrink_alert", 2),
    ],
)
def test_what_makes_no_sense_of_what_is_kept_is_told(table: str, key: str, value: Any) -> None:
    with pytest.raises(ConfigProblems, match=f"{table}.{key}"):
        check({table: {key: value}})
