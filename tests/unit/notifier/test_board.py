"""What is sent, what is closed, and not too often."""

from tetrasback.notifier.board import INTERVAL, Board, Plan
from tetrasback.notifier.note import Note

A = Note("a", "one", "title")
B = Note("b", "one", "title")


def test_what_is_new_is_sent_and_what_is_old_is_closed() -> None:
    board = Board()
    assert board.plan([A, B], 10) == Plan(send=(A, B))
    board.sent(A, 1, 10)
    board.sent(B, 2, 10)
    assert board.plan([B], 10) == Plan(close=("a",), same=(B,))


def test_what_looks_the_same_is_not_sent_again() -> None:
    board = Board()
    board.sent(A, 1, 10)
    again = Note("a", "another occasion", "title", lasting=("x",), besides=("y",))
    assert board.plan([again], 20) == Plan(same=(again,))


def test_one_place_changes_no_more_than_once_a_second() -> None:
    board = Board()
    board.sent(A, 1, 10)
    new = Note("a", "one", "other title")
    assert board.plan([new, B], 10.25) == Plan(send=(B,), wait=INTERVAL - 0.25)
    assert board.plan([new], 10 + INTERVAL) == Plan(send=(new,))


def test_closing_and_coming_again_is_no_way_round_that() -> None:
    board = Board()
    board.sent(A, 1, 10)
    assert board.closed(1) == "a"
    assert board.plan([A], 10.5) == Plan(wait=0.5)
    assert board.plan([A], 11) == Plan(send=(A,))


def test_a_button_counts_for_a_while_after_its_note_was_closed() -> None:
    board = Board()
    board.sent(A, 1, 10)
    assert board.note(1) == A
    assert board.closed(1) == "a"
    assert board.note(1) == A
    assert board.closed(1) is None
    assert board.note(2) is None


def test_another_server_knows_nothing() -> None:
    board = Board()
    board.sent(A, 1, 10)
    board.forget()
    assert board.note(1) is None
    assert board.plan([A], 10.1) == Plan(send=(A,))
