"""What a registration may say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.errors import InvalidArgs
from tetrasback.relay import forms


@pytest.mark.parametrize("path", ["/f", "/home/alice/l’été/f", "/a..b/.c", "/run/user/1000/x y"])
def test_good_paths(path: str) -> None:
    assert forms.check_path(path) == path
    assert forms.check("Register", [path, "events"]) == {"fifo": path}
    assert forms.check("Unregister", [path]) == {"fifo": path}


@pytest.mark.parametrize(
    "path",
    [
        *("", "f", "./f", "/", "/f/", "/a//f", "/a/./f", "/a/../f", "/.."),
        *("/f\n", "/\x1b[31m", "/\u202e", "/" + "x" * 1024, "/é" * 400),
    ],
)
def test_bad_paths_are_refused_in_one_line(path: str) -> None:
    with pytest.raises(InvalidArgs) as caught:
        forms.check("Register", [path, "events"])
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("form", ["", "Events", "json", "events\n"])
def test_bad_formats_are_refused(form: str) -> None:
    with pytest.raises(InvalidArgs, match="events, original"):
        forms.check("Register", ["/f", form])


@given(st.text())
def test_no_path_makes_it_stumble(path: str) -> None:
    try:
        forms.check_path(path)
    except InvalidArgs:
        return
    assert path.startswith("/")
    assert path.isprintable()
