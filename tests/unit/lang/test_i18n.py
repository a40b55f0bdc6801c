"""Which language a reader gets."""

import pytest

from tetrasback.lang import i18n


@pytest.mark.parametrize(
    ("environment", "languages"),
    [
        ({}, ()),
        ({"LANG": "C.UTF-8", "LANGUAGE": "fr"}, ()),
        ({"LANG": "fr_FR.UTF-8"}, ("fr_FR.UTF-8",)),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "fr_BE.UTF-8"}, ("fr_BE.UTF-8",)),
        ({"LC_ALL": "POSIX", "LANG": "fr_FR.UTF-8"}, ()),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "fr:en"}, ("fr", "en")),
    ],
)
def test_locale_languages_as_gettext_reads_them(
    environment: dict[str, str], languages: tuple[str, ...]
) -> None:
    assert i18n.locale_languages(environment) == languages


def test_a_language_without_a_catalogue_is_english() -> None:
    with i18n.using("tlh"):
        assert i18n._("safe to unplug") == "safe to unplug"
        assert i18n.ngettext("{n} file", "{n} files", 2) == "{n} files"
