"""Connections to a bus that subscribe to everything of ours, in one process.

A program for Debian's Python (python3-dbus, python3-gi): `listeners.py ADDRESS COUNT`. It prints
``ready``, and when its standard input ends the number of messages that came.
"""

import sys

import dbus.bus
import dbus.lowlevel
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

import dbus

RULE = "type='signal',sender='org.tetraslibre.Back'"


def main() -> None:
    address, count = sys.argv[1], int(sys.argv[2])
    received = 0

    def take(_: object, message: dbus.lowlevel.Message) -> int:
        nonlocal received
        received += message.get_sender() != "org.freedesktop.DBus"
        return dbus.lowlevel.HANDLER_RESULT_HANDLED

    loop = GLib.MainLoop()
    buses = [dbus.bus.BusConnection(address, mainloop=DBusGMainLoop()) for _ in range(count)]
    for bus in buses:
        bus.set_exit_on_disconnect(False)
        bus.add_message_filter(take)
        bus.add_match_string(RULE)
    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_HUP | GLib.IO_IN, lambda *_: loop.quit())
    print("ready", flush=True)
    loop.run()
    print(received, flush=True)


if __name__ == "__main__":
    main()
