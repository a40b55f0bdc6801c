"""The daemon's sentences in the reader's language, no fact lost."""

import pytest

from tetrasback.lang.told import told

NB = "\N{NO-BREAK SPACE}"


def test_english_is_left_alone() -> None:
    assert told("disk bleu may be unplugged") == "disk bleu may be unplugged"
    assert told("", "the disk is full") == "the disk is full"
    assert told("what nobody knows", "about") == "what nobody knows"


@pytest.mark.usefixtures("french")
def test_facts_stay_and_reasons_are_said_again() -> None:
    assert told("disk a: b may be unplugged") == f"le disque «{NB}a: b{NB}» peut être débranché"
    assert told("disk bleu cannot be used: it is mounted elsewhere: unmount it there") == (
        f"le disque «{NB}bleu{NB}» n’est pas utilisable{NB}: il est monté ailleurs{NB}: démontez-le"
    )
    assert told("the last backup on disk bleu ended as: failed").endswith(f"{NB}: échec")
    assert told("ok.sh gave 12 warnings") == "ok.sh a donné 12 avertissements"


@pytest.mark.usefixtures("french")
def test_what_is_not_known_follows_what_its_code_says() -> None:
    text = "tetras.toml: line 3: must be a number, not a string"
    assert told(text, "la configuration contient une erreur") == (
        f"la configuration contient une erreur ({text})"
    )
    assert told(f"the configuration file is not in force: {text}") == (
        f"le fichier de configuration n’est pas en vigueur{NB}: {text}"
    )
    assert told(text) == text
