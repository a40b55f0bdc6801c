"""Names that can be saved, whatever a disk says of itself."""

from hypothesis import given
from hypothesis import strategies as st

from tetrasback.config.forms import check_disk_name
from tetrasback.notifier.naming import suggest_name
from tetrasback.wire import DiskView


def test_the_label_comes_before_the_model() -> None:
    assert suggest_name(DiskView(label="Elements", model="WD 25A3"), ()) == "Elements"
    assert suggest_name(DiskView(model="WD 25A3"), ()) == "WD 25A3"
    assert suggest_name(DiskView(label=" \n-- ", model=""), ()) == "backup disk"


def test_a_name_that_is_taken_gets_a_number() -> None:
    disk = DiskView(label="Elements")
    assert suggest_name(disk, ["elements"]) == "Elements 2"
    assert suggest_name(disk, ["Elements", "ELEMENTS 2"]) == "Elements 3"
    long = DiskView(label="x" * 64)
    assert suggest_name(long, ["x" * 64]) == "x" * 62 + " 2"


@given(st.text(), st.text(), st.lists(st.text(max_size=70)))
def test_it_can_always_be_saved(label: str, model: str, taken: list[str]) -> None:
    first = suggest_name(DiskView(label=label, model=model), taken)
    second = suggest_name(DiskView(label=label, model=model), [*taken, first])
    for name in (first, second):
        assert check_disk_name(name) == name
    assert first not in taken
    assert second not in (*taken, first)
