"""Who may do what, with a real polkitd: allowed, refused, challenged, hanging, absent."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from tests.bus.serving import UUID, FakeControl, call, error_of, eventually, gdbus, serving, until
from tests.harness import Polkitd, PrivateBus, User, wait_until
from tetrasback.service.interface import METHODS
from tetrasback.service.polkit import Polkit

SNAPSHOT = "2026-11-25_03-04-05_Sauvegarde_x"

ARGUMENTS = {
    "SaveDisk": ("ss", UUID, "bleu"),
    "ForgetDisk": ("s", UUID),
    "Plug": ("s", "/dev/sdz1"),
    "Unplug": ("s", "/dev/sdz1"),
    "RunBackup": ("s", UUID),
    "CancelBackup": ("s", UUID),
    "Hold": ("su", UUID, "0"),
    "Release": ("s", UUID),
    "PrepareDisk": ("sssb", "/dev/sdz", "vert", "ext4", "true"),
    "SetScriptEnabled": ("sb", "a.sh", "true"),
    "Reload": (),
    "ImportConfiguration": ("s", "$x = 1;"),
    "GetLog": ("t", "7"),
    "GetHistory": ("stu", "", "0", "1"),
    "ListSnapshots": ("s", UUID),
    "PinSnapshot": ("ssb", UUID, SNAPSHOT, "true"),
    "Browse": ("ss", UUID, ""),
    "EndBrowse": ("s", UUID),
    "Verify": ("ssu", UUID, "", "100"),
    "Restore": ("ssassa{sv}", UUID, SNAPSHOT, "1", "/home/anna", "/srv/back", "0"),
    "CancelJob": ("t", "9"),
    "GetJobs": ("stu", "", "0", "1"),
    "GetJobLog": ("t", "9"),
}
OPERATORS = {"Plug", "Unplug", "RunBackup", "CancelBackup", "Hold", "Release", "CancelJob"}


async def refusal(bus: PrivateBus, user: User, method: str, *args: str) -> str:
    """What USER is told, with the error's name."""
    return error_of(await gdbus(bus, f"org.tetraslibre.Back.{method}", *args, user=user))


def test_every_method_is_tried() -> None:
    assert ARGUMENTS.keys() == METHODS.keys()


async def test_stranger_may_do_nothing_but_read(
    bus: PrivateBus, polkitd: Polkitd, user: User
) -> None:
    async with serving(bus) as (_, control):
        for method, arguments in ARGUMENTS.items():
            answer = await call(bus, method, *arguments, user=user)
            if method in ("GetHistory", "GetJobs"):
                assert answer.returncode == 0
            else:
                assert "password is needed" in error_of(answer), method
        assert control.calls == [("history", "", 0, 1), ("jobs", "", 0, 1)]


async def test_operators_may_run_backups_and_no_more(
    bus: PrivateBus, polkitd: Polkitd, operator: User
) -> None:
    async with serving(bus) as (_, control):
        control.release.set()
        for method, arguments in ARGUMENTS.items():
            await call(bus, method, *arguments, user=operator)
        assert {str(done[0]) for done in control.calls} == {
            "plug",
            "unplug",
            "run",
            "cancel",
            "hold",
            "release",
            "cancel job",
            "jobs",
            "history",
        }


async def test_form_is_checked_before_anybody_is_asked(bus: PrivateBus, user: User) -> None:
    # No polkit is there: whoever got as far as asking it would be told so.
    async with serving(bus):
        assert "not the UUID" in await refusal(bus, user, "SaveDisk", "x", "y")
        assert "below /dev" in await refusal(bus, user, "Plug", "x")
        assert "polkit" in await refusal(bus, user, "Plug", "/dev/sdz1")


class Exchange(FakeControl):
    """Another disk takes the node of the first while a password is typed."""

    sequence = 7

    def check(self, method: str, args: Sequence[object]) -> Mapping[str, str]:
        if method == "PrepareDisk":
            return {"device": str(args[0]), "sequence": str(self.sequence)}
        return super().check(method, args)


class Typing(Polkit):
    """Says yes; CONTROL's disk is exchanged meanwhile, if it is to be."""

    def __init__(self, control: Exchange) -> None:
        super().__init__()
        self.control, self.exchanges = control, False

    async def check(self, *asked: object) -> None:
        self.control.sequence += self.exchanges


async def test_what_is_prepared_is_the_disk_that_was_authorised(
    bus: PrivateBus, user: User
) -> None:
    control = Exchange()
    typing = Typing(control)
    async with serving(bus, control, typing):
        order = ARGUMENTS["PrepareDisk"]
        assert (await call(bus, "PrepareDisk", *order, user=user)).returncode == 0
        typing.exchanges = True
        refused = error_of(await call(bus, "PrepareDisk", *order, user=user))
        assert "it has changed since it was asked for" in refused
        assert [done[0] for done in control.calls] == ["prepare"]


async def test_without_polkit_only_root_may(bus: PrivateBus, user: User) -> None:
    async with serving(bus) as (_, control):
        assert "AccessDenied: polkit does not answer, so that only root may" in await refusal(
            bus, user, "Reload"
        )
        assert control.calls == []
        assert (await call(bus, "Reload")).returncode == 0


async def test_polkit_that_hangs_is_given_up_and_blocks_nobody(
    bus: PrivateBus, polkitd: Polkitd, user: User
) -> None:
    async with serving(bus, authority=Polkit(limit=2.0)) as (_, control):
        polkitd.pause()
        waiting = [asyncio.create_task(refusal(bus, user, "Reload")) for _ in range(3)]
        assert (await call(bus, "RunBackup", "s", UUID)).returncode == 0
        assert not any(task.done() for task in waiting)
        for task in waiting:
            assert "only root may" in await task
        assert control.calls == [("run", UUID)]
        polkitd.resume()
        assert "password" in await refusal(bus, user, "Reload")


async def test_polkit_that_ends_while_asked_refuses(
    bus: PrivateBus, polkitd: Polkitd, user: User
) -> None:
    async with serving(bus) as (_, control):
        polkitd.pause()
        waiting = asyncio.create_task(refusal(bus, user, "Reload"))
        await asyncio.sleep(0.5)
        polkitd.process.kill()
        assert "only root may" in await waiting
        assert control.calls == []


@pytest.mark.parametrize(("result", "text"), [("NO", "may not do this"), ("YES", "")])
async def test_rules_of_the_administrator_decide(
    bus: PrivateBus, user: User, result: str, text: str
) -> None:
    rule = f'polkit.addRule(function (action) {{ if (action.id == "org.tetraslibre.back.configure"\
        && action.lookup("disk") === undefined) return polkit.Result.{result}; }});'
    with Polkitd(bus, extra_rules=rule):
        async with serving(bus) as (_, control):
            if text:
                assert text in await refusal(bus, user, "Reload")
            else:
                assert (await call(bus, "Reload", user=user)).returncode == 0
            assert control.calls == ([] if text else [("reload",)])


async def test_details_reach_the_rules(bus: PrivateBus, user: User) -> None:
    rule = f'polkit.addRule(function (action) {{ if (action.lookup("disk") == "{UUID}")\
        return polkit.Result.YES; }});'
    with Polkitd(bus, extra_rules=rule):
        async with serving(bus) as (_, control):
            assert (await call(bus, "RunBackup", "s", UUID, user=user)).returncode == 0
            other = UUID.replace("0", "1")
            assert "password" in await refusal(bus, user, "RunBackup", other)
            assert control.calls == [("run", UUID)]


async def test_caller_who_lets_be_asked_without_an_agent_is_refused(
    bus: PrivateBus, polkitd: Polkitd, user: User
) -> None:
    async with serving(bus) as (_, control):
        assert "InteractiveAuthorizationRequired" in await refusal(bus, user, "Reload")
        answer = await call(bus, "Reload", user=user, interactive=True)
        assert error_of(answer) == "Call failed: Access denied"
        assert control.calls == []


async def test_caller_who_leaves_takes_the_question_back(
    bus: PrivateBus, polkitd: Polkitd, user: User
) -> None:
    async with serving(bus) as (served, control):
        polkitd.pause()
        with pytest.raises(Exception, match="timed out"):
            await call(bus, "Reload", user=user, seconds=2.0)
        await eventually(lambda: not served._guard._tasks, "the question to be taken back")
        assert not served._guard._callers
        polkitd.resume()
        await call(bus, "Ping", interface="org.freedesktop.DBus.Peer", user=user)
        assert control.calls == []


async def test_unplug_goes_on_without_its_caller(bus: PrivateBus) -> None:
    async with serving(bus) as (_, control):
        with pytest.raises(Exception, match="timed out"):
            await call(bus, "Unplug", "s", "/dev/sdz1", seconds=1.5)
        assert not control.unplugged.is_set()
        control.release.set()
        await until(control.unplugged)


async def test_polkit_that_starts_later_is_used(bus: PrivateBus, operator: User) -> None:
    async with serving(bus) as (_, control):
        assert "only root" in await refusal(bus, operator, "RunBackup", UUID)
        with Polkitd(bus) as polkitd:
            wait_until(lambda: "org.tetraslibre.back.plug" in polkitd.actions(), "its actions")
            assert (await call(bus, "RunBackup", "s", UUID, user=operator)).returncode == 0
    assert control.calls == [("run", UUID)]
