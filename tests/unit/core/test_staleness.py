"""A backup that never comes is news too, but not every hour."""

from dataclasses import replace
from typing import Any

from tests.unit.core.world import SECOND, UUIDS, World, config, device
from tetrasback.config.model import AlertsConfig, DiskConfig, MailConfig
from tetrasback.core import effects, events
from tetrasback.core.alerts import alerts
from tetrasback.core.news import DisksStale

ONE, TWO = UUIDS[0], UUIDS[1]
HOUR = 3600 * SECOND
DAY = 24 * HOUR


def server(days: float = 14, **own: float | None) -> World:
    """ONE and TWO saved at day 100, with these ``stale_days`` of their own."""
    disks = {
        ONE: DiskConfig("bleu", stale_days=own.get("bleu")),
        TWO: DiskConfig("rouge", stale_days=own.get("rouge")),
    }
    settings = replace(config(), alerts=AlertsConfig(stale_days=days), disks=disks)
    return World(settings, now=100 * DAY).start()


def pass_days(world: World, days: float) -> None:
    """Hour by hour, as the daemon looks."""
    for _ in range(round(days * 24)):
        world.fire("tick", 3600)


def backed_up(world: World, number: int = 0, seq: int = 7) -> None:
    world.happen(events.DeviceSeen(device(number, seq=seq)))
    world.settle()
    world.happen(events.DeviceGone(device(number).syspath))


def told(world: World) -> list[tuple[int, list[str], bool]]:
    """Day, names, and whether no disk was good, of each letter."""
    return [
        (round(item.at / DAY) - 100, [disk.name for disk in item.disks], bool(item.none_since))
        for item in world.letters
        if isinstance(item, DisksStale)
    ]


def codes(world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for alert in alerts(world.state, world.config, world.now):
        found.setdefault(alert.code, []).append(alert.message)
    return found


def test_disk_that_was_never_backed_up_counts_from_when_it_was_saved() -> None:
    world = server()
    pass_days(world, 13.9)
    assert told(world) == []
    assert set(codes(world)) == {"never-backed-up"}
    pass_days(world, 0.2)
    assert told(world) == [(14, ["bleu", "rouge"], True)]
    assert codes(world)["stale"] == [
        "disk bleu was saved 14 days ago and holds no good backup yet",
        "disk rouge was saved 14 days ago and holds no good backup yet",
    ]
    assert codes(world)["no-good-backup"] == ["no disk has had a good backup for 14 days"]
    assert "never-backed-up" not in codes(world)


def test_one_letter_a_week_tells_of_all() -> None:
    world = server()
    pass_days(world, 40)
    assert [day for day, _, _ in told(world)] == [14, 21, 28, 35]


def test_the_week_outlasts_a_restart() -> None:
    world = server()
    pass_days(world, 15)
    for _ in range(5):
        world.start()
        pass_days(world, 1)
    assert len(told(world)) == 1
    pass_days(world, 2)
    assert len(told(world)) == 2


def test_a_good_backup_ends_it_and_the_clock_begins_anew() -> None:
    world = server(rouge=0)
    pass_days(world, 15)
    backed_up(world)
    pass_days(world, 13.9)
    assert len(told(world)) == 1
    assert not {"stale", "no-good-backup"} & set(codes(world))
    pass_days(world, 0.3)
    assert told(world)[1:] == [(29, ["rouge", "bleu"], True)]


def test_a_failed_backup_ends_nothing() -> None:
    world = server()
    pass_days(world, 13.9)
    world.config = replace(world.config, backup=replace(world.config.backup, scripts=()))
    backed_up(world)
    pass_days(world, 0.3)
    assert len(told(world)) == 1


def test_one_good_disk_leaves_the_other_stale_alone() -> None:
    world = server()
    pass_days(world, 10)
    backed_up(world)
    pass_days(world, 5)
    assert told(world) == [(14, ["rouge"], False)]
    assert set(codes(world)) == {"stale"}


def test_a_disk_has_its_own_days_and_zero_is_never() -> None:
    world = server(bleu=20, rouge=0)
    world.config = replace(world.config, alerts=AlertsConfig(stale_days=0))
    pass_days(world, 40)
    assert told(world) == [(day, ["bleu"], False) for day in (20, 27, 34)]
    assert "no-good-backup" not in codes(world)


def test_the_server_is_watched_whatever_the_disks_own_days_say() -> None:
    world = server(14, bleu=0, rouge=60)
    pass_days(world, 15)
    assert told(world) == [(14, ["bleu", "rouge"], True)]
    assert "stale" not in codes(world)
    assert "no-good-backup" in codes(world)


def test_saving_another_disk_does_not_make_the_old_backups_younger_nor_write_again() -> None:
    world = server(rouge=0)
    backed_up(world)
    pass_days(world, 15)
    assert len(told(world)) == 1
    world.happen(events.SaveRequested(UUIDS[2], "vert"))
    assert "no-good-backup" in codes(world)
    pass_days(world, 5.9)
    assert len(told(world)) == 1
    pass_days(world, 1)
    assert told(world)[1] == (21, ["rouge", "bleu", "vert"], True)


def test_zero_days_is_silence() -> None:
    world = server(0)
    pass_days(world, 100)
    assert told(world) == []
    assert set(codes(world)) == {"never-backed-up"}


def test_no_address_no_letter_but_an_alert() -> None:
    world = server()
    world.config = replace(world.config, mail=MailConfig(to=()))
    pass_days(world, 15)
    assert told(world) == []
    assert "stale" in codes(world)


def test_letter_goes_out_whatever_else_is_wanted() -> None:
    world = server()
    world.config = replace(world.config, mail=MailConfig(on=()))
    pass_days(world, 15)
    assert len(told(world)) == 1


def test_no_disk_no_news() -> None:
    world = World(config(), now=100 * DAY).start()
    pass_days(world, 100)
    assert told(world) == []


def test_clock_that_is_set_back_brings_no_storm() -> None:
    world = server()
    pass_days(world, 15)
    for _ in range(20):
        world.now -= 30 * DAY
        pass_days(world, 0.1)
        world.start()
        world.now += 30 * DAY
        pass_days(world, 0.1)
    assert len(told(world)) == 1


def test_letter_of_a_far_future_does_not_silence_for_ever() -> None:
    world = server()
    world.now += 4000 * DAY
    pass_days(world, 0.1)
    assert len(told(world)) == 1
    world.now -= 3900 * DAY
    pass_days(world, 6.5)
    assert len(told(world)) == 1
    pass_days(world, 1)
    assert len(told(world)) == 2


def test_nothing_is_written_while_a_backup_is_coming_but_after_it_failed() -> None:
    world = server(bleu=0, rouge=0)
    world.now += 30 * DAY
    world.happen(events.DeviceSeen(device()))
    world.happen(events.TimerFired("tick"))
    assert told(world) == []
    failing: Any = lambda it: events.ScriptFinished(  # noqa: E731
        it.backup_id, 1, world.state.backups[1].current
    )
    world.settle(RunScript=failing)
    assert len(told(world)) == 1


def test_nothing_is_written_at_the_start_where_a_disk_is_about_to_be_backed_up() -> None:
    world = server()
    world.now += 30 * DAY
    world.start(ready=False)
    world.happen(events.DeviceSeen(device()))
    world.happen(events.SystemReady())
    assert told(world) == []
    world.settle()
    assert told(world) == [(30, ["rouge"], False)]


def test_letter_that_is_not_kept_is_not_written_twice_in_one_life_but_in_the_next() -> None:
    world = server()
    world.keeps_letters = False
    pass_days(world, 30)
    assert len(told(world)) == 1
    world.start()
    assert len(told(world)) == 2


def test_saving_again_begins_anew() -> None:
    world = server()
    pass_days(world, 13)
    world.happen(events.ForgetRequested(ONE))
    world.happen(events.SaveRequested(ONE, "bleu"))
    pass_days(world, 2)
    assert codes(world)["stale"] == [
        "disk rouge was saved 15 days ago and holds no good backup yet"
    ]
    assert codes(world)["never-backed-up"] == ["disk bleu holds no good backup yet"]


def test_when_a_disk_was_saved_is_written_at_once() -> None:
    world = server()
    assert world.disks[ONE].saved_at == world.state.disks[ONE].saved_at > 0
    saved_at = world.disks[ONE].saved_at
    world.now += DAY
    world.start()
    assert world.disks[ONE].saved_at == saved_at
    assert not any(isinstance(item, effects.RecordDisk) for item in world.done)
