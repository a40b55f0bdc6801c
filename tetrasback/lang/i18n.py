"""The reader's language: gettext, with English as the source and catalogues built from ``po/``.

A client calls `use_locale` once; the daemon, whose mails speak the configuration's language, works
``with using("fr"):``. Until then everything is English, as the bus and the journal stay. What an
error or a backup's message says in English on the bus, `lang.told` says in the reader's language.

Mark a sentence with `_` where it is said, with `N_` where it stands in a table and is said later,
with `ngettext` where it counts, with `pgettext` where it means something else elsewhere. Variables
are filled in afterwards, since a catalogue holds whole sentences:
``_("disk {name} is safe").format(name=…)``, never an f-string.
"""

import gettext
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Final

DOMAIN: Final = "tetras-back"
OWN_CATALOGUES: Final = Path(__file__).parent.parent / "locale"
"""Where a build puts them; where it has none, the system's directory is used."""

_ENGLISH: Final = gettext.NullTranslations()
_current: ContextVar[gettext.NullTranslations] = ContextVar("translation", default=_ENGLISH)


def _(text: str) -> str:
    """TEXT in the reader's language."""
    return _current.get().gettext(text)


def N_(text: str) -> str:
    """TEXT, marked for the catalogues and translated where it is said."""
    return text


def NP_(context: str, text: str) -> str:
    """TEXT, marked as `N_` does, to be translated by `pgettext` in CONTEXT."""
    return text


def ngettext(one: str, many: str, count: int) -> str:
    """ONE or MANY, as COUNT wants it in the reader's language."""
    return _current.get().ngettext(one, many, count)


def pgettext(context: str, text: str) -> str:
    """TEXT as it is meant in CONTEXT, where one English word has several translations."""
    return _current.get().pgettext(context, text)


def translating() -> bool:
    """Whether the reader's language is another than English."""
    return _current.get() is not _ENGLISH


def catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue for LANGUAGE (``fr``, ``fr_BE``); English where there is none."""
    try:
        return gettext.translation(DOMAIN, _catalogues(), [language] if language else [])
    except OSError:  # none, or one that is no catalogue: English is better than nothing
        return _ENGLISH


def _catalogues() -> Path | None:
    return OWN_CATALOGUES if OWN_CATALOGUES.is_dir() else None


def locale_languages(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The languages ENVIRONMENT asks for, best first, as gettext(3) reads it.

    ``LANGUAGE`` counts only where the locale is not C, as in the C library.
    """
    locale = next(
        (value for key in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(key))), ""
    )
    if locale.partition(".")[0] in ("", "C", "POSIX"):
        return ()
    wanted = [item for item in environment.get("LANGUAGE", "").split(":") if item] or [locale]
    return tuple(wanted)


def use_locale(environment: Mapping[str, str] = os.environ) -> None:
    """From now on this process speaks the language of its user, argparse's own words too."""
    found = _of_locale(environment)
    _current.set(found)
    if found is not _ENGLISH:
        # argparse asks the process's default domain, in the language of the environment.
        gettext.bindtextdomain(DOMAIN, str(folder) if (folder := _catalogues()) else None)
        gettext.textdomain(DOMAIN)


def use_english() -> None:
    """From now on this process speaks English, as is right where a program listens."""
    _current.set(_ENGLISH)


@contextmanager
def using(language: str) -> Iterator[None]:
    """Within this, the language is LANGUAGE; empty = the locale of the process."""
    token = _current.set(catalogue(language) if language else _of_locale(os.environ))
    try:
        yield
    finally:
        _current.reset(token)


def _of_locale(environment: Mapping[str, str]) -> gettext.NullTranslations:
    for language in locale_languages(environment):
        if language.partition("_")[0].partition(".")[0] in ("en", "C", "POSIX"):
            break
        found = catalogue(language)
        if found is not _ENGLISH:
            return found
    return _ENGLISH
