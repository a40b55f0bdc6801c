"""Naming a disk once more before it is erased."""

import asyncio
import shlex
import sys

from tetrasback.ctl.agent import may_ask
from tetrasback.ctl.context import Context
from tetrasback.ctl.wholes import contents_lines, facts, preparable_name
from tetrasback.errors import InvalidArgs, Rejected
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.lang.units import size
from tetrasback.wire import PreparableView


async def ask(context: Context, whole: PreparableView) -> str:
    """What a person types for the disk to be erased."""
    if context.out.json or not may_ask():
        raise InvalidArgs(
            _("without a terminal, say which disk is to be erased: {option}").format(
                option="--erase=" + shlex.quote(_wanted(whole)[0])
            )
        )
    context.out.line(facts(whole))
    for line in contents_lines(whole) or ["  " + _("data of no known kind")]:
        context.out.line(line)
    context.out.line((_("All of this will be lost."), "bold red"))
    wanted = " / ".join(clean(text, 100) for text in _wanted(whole))
    sys.stderr.write(
        _("To erase the disk, type its model or size ({wanted}): ").format(wanted=wanted)
    )
    sys.stderr.flush()
    return (await typed_line()).strip()


async def typed_line() -> str:
    """A line from the terminal; Ctrl-C ends the waiting."""
    loop = asyncio.get_running_loop()
    typed = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()


def _wanted(whole: PreparableView) -> list[str]:
    """What stands for the disk, the clearest first."""
    return [text for text in (whole.model, size(whole.size)) if text.strip()]


def check_same(whole: PreparableView, typed: str) -> None:
    """Raise Rejected unless TYPED is the disk's model or size."""
    known = {_plain(text) for text in _wanted(whole)}
    known |= {str(whole.size), _plain(size(whole.size)).replace(".0", "")}
    if _plain(typed) not in known:
        raise Rejected(
            _("“{typed}” is neither the model nor the size of {disk}; nothing was changed").format(
                typed=clean(typed, 80), disk=preparable_name(whole)
            )
        )


def _plain(text: str) -> str:
    return "".join(text.casefold().split())
