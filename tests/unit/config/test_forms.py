import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.config.forms import (
    check_disk_name,
    check_script_name,
    has_control,
    normalise_uuid,
    shown,
)
from tetrasback.errors import InvalidArgs

HEX = st.sampled_from(string.hexdigits)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text(HEX, min_size=count, max_size=count)


RFC_4122 = st.tuples(digits(8), digits(4), digits(4), digits(4), digits(12)).map("-".join)
FAT = st.tuples(digits(4), digits(4)).map("-".join)
NTFS = digits(16)


@given(RFC_4122)
def test_normalise_uuid_keeps_rfc_4122_in_lower_case(uuid: str) -> None:
    assert normalise_uuid(uuid) == uuid.lower()


@given(FAT | NTFS)
def test_normalise_uuid_keeps_fat_and_ntfs_in_upper_case(uuid: str) -> None:
    assert normalise_uuid(uuid) == uuid.upper()


@given(RFC_4122 | FAT | NTFS)
def test_normalise_uuid_twice_is_once(uuid: str) -> None:
    assert normalise_uuid(normalise_uuid(uuid)) == normalise_uuid(uuid)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0b5a9f3e",
        "0b5a9f3e-0000-0000-0000-00000000000g",
        "0b5a9f3e-0000-0000-0000-00000000000a\n",
        " ABCD-1234",
        "ABCD-1234-",
        "../../etc/passwd",
        "--help",
        "１２３４-５６７８",
        "a" * 100_000,
        "\udcff",
        "\0",
    ],
)
def test_normalise_uuid_refuses_in_one_line(text: str) -> None:
    with pytest.raises(InvalidArgs) as refused:
        normalise_uuid(text)
    assert_presentable(str(refused.value))


@pytest.mark.parametrize(
    "name", ["b", "bleu", "été 2026", "a-b", "日本", "x" * 64, "é" * 64, "a b"]
)
def test_check_disk_name_takes(name: str) -> None:
    assert check_disk_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\u3000",
        "-x",
        "x" * 65,
        "a\nb",
        "a\0",
        "\x1b[2J",
        "a\x7f",
        "a\x85",
        "\u2028",
        "\ud800",
        "a\u202eb",
        "a\u2066b",
        "y" * 1_000_000,
    ],
)
def test_check_disk_name_refuses_in_one_line(name: str) -> None:
    with pytest.raises(InvalidArgs) as refused:
        check_disk_name(name)
    assert_presentable(str(refused.value))


@given(st.text(max_size=80))
def test_check_disk_name_takes_nothing_a_bus_cannot_carry(name: str) -> None:
    try:
        taken = check_disk_name(name)
    except InvalidArgs as refused:
        assert_presentable(str(refused))
    else:
        assert taken == name
        assert 1 <= len(taken) <= 64
        assert len(taken.splitlines()) == 1
        assert not has_control(taken)
        taken.encode("utf-8")


@pytest.mark.parametrize("name", ["backup_nocloud.sh", "a", "é.sh", "a b", "x" * 255])
def test_check_script_name_takes(name: str) -> None:
    assert check_script_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "-rf", "a/b", "/bin/sh", "../x", "a\nb", "a\0", "é" * 128, "\udc80"],
)
def test_check_script_name_refuses_in_one_line(name: str) -> None:
    with pytest.raises(InvalidArgs) as refused:
        check_script_name(name)
    assert_presentable(str(refused.value))


@given(st.text())
def test_shown_is_short_and_printable(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 2 + 40 * 10


def assert_presentable(message: str) -> None:
    assert message
    assert message.isprintable()
    assert len(message) < 400
    message.encode("utf-8")
