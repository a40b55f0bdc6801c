"""What is announced when the state changes."""

from dataclasses import replace

import pytest

from tetrasback import names
from tetrasback.errors import UnknownInterface, UnknownProperty
from tetrasback.service.interface import CONTRACT
from tetrasback.service.published import Published
from tetrasback.service.queues import Rank
from tetrasback.wire import Alert, BackupView, DiskView, ManagerView, ScriptView

UUID = "0b5a9f3e-77aa-4c1d-9e2f-0123456789ab"
PATH = names.disk_path(UUID)
DISK = DiskView(uuid=UUID, name="bleu")
BACKUP = BackupView(id=7, uuid=UUID, state="running")
MANAGER = ManagerView(version="1")


def published() -> Published:
    state = Published(CONTRACT, ManagerView())
    state.update(MANAGER, {UUID: DISK}, {7: BACKUP}, {})
    return state


def test_update_announces_new_objects_from_the_root() -> None:
    items = Published(CONTRACT, ManagerView()).update(ManagerView(), {UUID: DISK}, {}, {})
    assert [(i.message.path, i.message.member) for i in items] == [
        (names.ROOT_PATH, "InterfacesAdded")
    ]
    path, interfaces = items[0].message.body
    assert path == PATH
    assert interfaces[names.DISK_INTERFACE]["Name"].value == "bleu"


def test_update_without_change_announces_nothing() -> None:
    state = published()
    version = state.version
    assert state.update(MANAGER, {UUID: DISK}, {7: BACKUP}, {}) == []
    assert state.update(MANAGER, {UUID: replace(DISK)}, {7: BACKUP}, {}) == []
    assert state.version == version


def test_update_announces_only_what_changed() -> None:
    [item] = published().update(MANAGER, {UUID: replace(DISK, free=5)}, {7: BACKUP}, {})
    interface, changed, invalidated = item.message.body
    assert (item.message.path, item.message.member) == (PATH, "PropertiesChanged")
    assert (interface, invalidated) == (names.DISK_INTERFACE, [])
    assert {name: value.value for name, value in changed.items()} == {"Free": 5}


def test_update_announces_removed_objects_from_the_root() -> None:
    state = published()
    items = state.update(MANAGER, {}, {}, {})
    assert [(i.message.path, i.message.member, i.message.body) for i in items] == [
        (names.ROOT_PATH, "InterfacesRemoved", [names.backup_path(7), [names.BACKUP_INTERFACE]]),
        (names.ROOT_PATH, "InterfacesRemoved", [PATH, [names.DISK_INTERFACE]]),
    ]
    assert state.managed() == {}


def test_steps_of_a_backup_may_be_dropped_and_its_end_not() -> None:
    state = published()
    step = replace(BACKUP, fraction=0.5)
    [item] = state.update(MANAGER, {UUID: DISK}, {7: step}, {})
    assert item.rank is Rank.PROGRESS
    [item] = state.update(MANAGER, {UUID: DISK}, {7: replace(step, state="done")}, {})
    assert item.rank is Rank.SIGNAL


def test_values_are_made_fit_to_be_sent() -> None:
    state = Published(CONTRACT, ManagerView())
    view = DiskView(uuid=UUID, name="a\0b\n", size=1 << 70, free=-1)
    alerts = (Alert(code="stale", uuid=UUID, message="line\nline"),)
    scripts = (ScriptView("a\udcff.sh", True, "/x"),)
    state.update(ManagerView(alerts=alerts, scripts=scripts), {UUID: view}, {}, {})
    found = {name: value.value for name, value in state.get_all(PATH, "").items()}
    assert (found["Name"], found["Size"], found["Free"]) == ("a?b ", (1 << 64) - 1, 0)
    assert state.get(names.ROOT_PATH, "", "Scripts").value == [["a?.sh", True, "/x"]]
    [alert] = state.get(names.ROOT_PATH, names.MANAGER_INTERFACE, "Alerts").value
    assert alert["Message"].value == "line line"


def test_get_tells_what_is_unknown() -> None:
    state = published()
    with pytest.raises(UnknownProperty):
        state.get(PATH, names.DISK_INTERFACE, "Nothing")
    with pytest.raises(UnknownInterface):
        state.get(PATH, names.BACKUP_INTERFACE, "Id")
    with pytest.raises(UnknownProperty):
        state.get(PATH, names.PEER_INTERFACE, "Nothing")
    assert state.get_all(PATH, names.PEER_INTERFACE) == {}
