"""Edits of every layout that TOML allows: only what is named changes, no comment is lost."""

import re
import tomllib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tetrasback.config.check import check
from tetrasback.config.document import lines, split
from tetrasback.config.edits import Edit, EnableScripts, ForgetDisk, Merge, SaveDisk, apply
from tetrasback.config.model import Config, ScriptConfig
from tetrasback.errors import InvalidArgs, UnknownDisk

BLUE = "0b5a9f3e-0000-4000-8000-00000000000a"
GREEN = "1b5a9f3e-0000-4000-8000-00000000000b"

BY_HAND = f"""\
# Our server
language = "fr"  # of mails

[backup]
scripts = [
    "a.sh",  # first
    "b.sh",
]
nice = 3

# The disks.
[disks."{BLUE.upper()}"]   # in the safe
name = 'bleu'    # it is blue
future = {{ x = 1 }}
# tail of blue

# Who is told.
[mail]
to = ["root"]
"""


def configured(text: str) -> Config:
    return check(tomllib.loads(text))[0]


def edited(text: str, edit: Edit) -> str:
    return apply(text, edit, configured(text))


def test_save_renames_and_touches_nothing_else() -> None:
    assert edited(BY_HAND, SaveDisk(BLUE, 'ro"ug\\e')) == BY_HAND.replace("'bleu'", r'"ro\"ug\\e"')


def test_save_adds_a_table_beside_the_others() -> None:
    new = f'[disks."{GREEN}"]\nname = "vert"\n\n'
    assert edited(BY_HAND, SaveDisk(GREEN, "vert")) == BY_HAND.replace("# Who", new + "# Who")


def test_forget_takes_the_table_and_leaves_comments_around_it() -> None:
    start = BY_HAND.index("[disks")
    end = BY_HAND.index("# tail")
    assert edited(BY_HAND, ForgetDisk(BLUE)) == BY_HAND[:start] + BY_HAND[end:]


def test_enable_keeps_the_layout_of_the_list() -> None:
    assert edited(BY_HAND, EnableScripts(("a.sh", "c.sh"))) == BY_HAND.replace("b.sh", "c.sh")


def test_enable_in_another_order_is_obeyed() -> None:
    text = edited(BY_HAND, EnableScripts(("b.sh", "a.sh")))
    assert configured(text).backup.scripts == ("b.sh", "a.sh")
    assert edited(text, EnableScripts(())).count("scripts = []") == 1


def test_save_of_what_is_so_already_changes_no_byte() -> None:
    assert edited(BY_HAND, SaveDisk(BLUE, "bleu")) == BY_HAND


def test_save_refuses_a_name_and_says_who_has_it() -> None:
    with pytest.raises(InvalidArgs, match=BLUE):
        edited(BY_HAND, SaveDisk(GREEN, "bleu"))


def test_forget_refuses_an_unknown_disk() -> None:
    with pytest.raises(UnknownDisk, match=GREEN):
        edited(BY_HAND, ForgetDisk(GREEN))


def test_merge_adds_disks_scripts_and_their_settings() -> None:
    script = ScriptConfig(("--x", "y z"), "device", ("a.service",))
    text = edited(BY_HAND, Merge({GREEN: "vert"}, ("b.sh", "c.sh"), {"c.sh": script}))
    config = configured(text)
    assert config.disks[GREEN].name == "vert"
    assert config.disks[BLUE].name == "bleu"
    assert config.backup.scripts == ("b.sh", "c.sh")
    assert config.scripts == {"c.sh": script}


@pytest.mark.parametrize(
    "text",
    [
        f'disks."{BLUE}".name = "bleu" # c\ndisks."{BLUE}".stale_days = 2\n[mail]\nto = []',
        f'disks = {{ "{BLUE}" = {{ name = "bleu", stale_days = 2 }} }} # c',
        f'disks = {{}} # c\nbackup = {{ nice = 1 }}\n["x"]\n[disks2."{BLUE}"]\nname = "x"',
        f'[disks] # c\n"{BLUE}" = {{ name = "bleu" }}\n"ABCD-1234".name = "x"\n',
        f'[disks]\n  {BLUE}.name = "bleu" # c\n  {BLUE}.stale_days = 4\n[mail]\n',
        f'[disks.{BLUE}]\nname="bleu"\n[mail]\nto=[] # c\n[disks.ABCD-1234]\nname="x"\n[alerts]',
        f'[disks."{BLUE}"]\nname = """bl\\\n   eu""" # c\nx = """\n[disks.foo]\nname=""""\n[x]',
        f"[[disk]] # c\nx='''\n[d.x]'''''\n[[disk]]\n[disks.{BLUE}]\nname='b'\n[disks.{BLUE}.x]",
        f'["disks"."{BLUE}"]\n"name" = "bl\\u0065u" # c\n\'scripts\' = [ # d\n"]", \'#\', # e\n]\n',
        f"\t[ disks . {BLUE} ]\n\tname\t=\t'bleu'\t# c\n\n\n",
        "# c only",
        "",
    ],
)
def test_every_layout_is_edited_and_keeps_its_comments(text: str) -> None:
    for edit in (
        SaveDisk(BLUE, "rouge"),
        SaveDisk(GREEN, "vert"),
        EnableScripts(("a.sh", "c.sh")),
        SaveDisk(GREEN, "jaune"),
    ):
        before = comments(text)
        text = edited(text, edit)
        assert comments(text) == before
    config = configured(text)
    assert (config.disks[BLUE].name, config.disks[GREEN].name) == ("rouge", "jaune")
    for uuid in (BLUE, GREEN):
        text = edited(text, ForgetDisk(uuid))
        assert uuid not in configured(text).disks


def comments(text: str) -> set[str]:
    return set(re.findall(r"# \w+", text))


def test_lines_knows_where_things_stand() -> None:
    places = lines(BY_HAND)
    assert places[("backup", "nice")] == 9
    assert places[("disks", BLUE.upper())] == 12
    assert places[("disks", BLUE.upper(), "name")] == 13
    assert places[("mail", "to")] == 19


# --- random documents: sections in any order and style, every comment with a number of its own ---

NAMES = st.text(
    st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp", "Zs", "Cf"]),
    min_size=1,
    max_size=12,
).filter(lambda name: not name.startswith("-"))
UUIDS = st.sampled_from([f"{n:08x}-0000-4000-8000-{n:012x}" for n in range(6)] + ["ABCD-1234"])


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def header_style(uuid: str, name: str, note: Callable[[], str]) -> str:
    return f'{note()}[disks."{uuid}"]{note()}stale_days = 3{note()}name = {quoted(name)}{note()}'


def upper_style(uuid: str, name: str, note: Callable[[], str]) -> str:
    return (
        f'[disks.{uuid.upper()}]\n\nname={quoted(name)}\nscripts = [{note()}"x",{note()}]{note()}'
    )


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    count = iter(range(1000))

    def note() -> str:
        """The end of a line, with or without comments."""
        kinds = ["\n", " # n{}\n", "\n# n{}\n", "\n\n# n{}\n\n", "\n\n"]
        return draw(st.sampled_from(kinds)).format(next(count))

    disks = dict(
        zip(
            draw(st.lists(UUIDS, unique=True, max_size=5)),
            draw(st.lists(NAMES, unique=True, min_size=5, max_size=5)),
            strict=False,
        )
    )
    layout = draw(st.sampled_from(["header", "dotted", "table", "inline"]))
    sections = ["[mail]" + note() + 'to = [ "root", # n900\n ]' + note(), "[[x]]\n[x.y]" + note()]
    if draw(st.booleans()):
        sections.append("[backup]" + note() + 'scripts = ["a.sh"]' + note() + "nice = 1" + note())
    root = note() + 'language = "fr"' + note()
    pairs = [(uuid, quoted(name)) for uuid, name in disks.items()]
    if layout == "header":
        styles = st.sampled_from([header_style, upper_style])
        sections += [draw(styles)(uuid, name, note) for uuid, name in disks.items()]
    elif layout == "dotted":
        root += "".join(f'disks."{uuid}".name = {name}{note()}' for uuid, name in pairs)
    elif layout == "table":
        body = [
            draw(st.sampled_from(['"{}" = {{ name = {} }}', '"{}".name = {}'])).format(uuid, name)
            + note()
            for uuid, name in pairs
        ]
        sections.append("[disks]" + note() + "".join(body))
    else:
        inner = ", ".join(f'"{uuid}" = {{name = {name}}}' for uuid, name in pairs)
        root += f"disks = {{ {inner} }}{note()}"
    return root + "".join(draw(st.permutations(sections))), disks


EDITS = st.one_of(
    st.builds(SaveDisk, UUIDS, NAMES),
    st.builds(ForgetDisk, UUIDS),
    st.builds(
        EnableScripts, st.lists(st.sampled_from(["a.sh", "b.sh", "c d"]), unique=True).map(tuple)
    ),
)


def without_disk(text: str, uuid: str) -> str:
    """TEXT without what lies between the first and the last line that is about the disk."""
    own = [
        item.text for item in split(text) if uuid.lower() in {part.lower() for part in item.path}
    ]
    start, end = text.index(own[0]), text.rindex(own[-1]) + len(own[-1])
    return text[:start] + text[end:]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.lists(EDITS, max_size=4))
def test_an_edit_changes_only_what_it_names(
    document: tuple[str, dict[str, str]], edits: list[Edit]
) -> None:
    text, disks = document
    assert "".join(item.text for item in split(text)) == text
    scripts = configured(text).backup.scripts
    for edit in edits:
        kept = set(re.findall(r"# n\d+\b", text))
        try:
            result = edited(text, edit)
        except InvalidArgs:
            assert isinstance(edit, SaveDisk)
            assert edit.name in disks.values()
            continue
        except UnknownDisk:
            assert isinstance(edit, ForgetDisk)
            assert edit.uuid not in disks
            continue
        match edit:
            case SaveDisk(uuid, name):
                disks[uuid] = name
            case ForgetDisk(uuid):
                del disks[uuid]
                if "[disks." in text or '".name' in text:
                    kept = set(re.findall(r"# n\d+\b", without_disk(text, uuid)))
                else:
                    kept = set()
            case EnableScripts(names):
                scripts = names
        assert kept <= set(re.findall(r"# n\d+\b", result))
        text = result
        config = configured(text)
        assert {uuid: disk.name for uuid, disk in config.disks.items()} == disks
        assert config.backup.scripts == scripts
        assert config.language == "fr"
