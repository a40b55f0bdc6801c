"""A person at a machine's first console, to look around."""

import os
import select
import socket
import sys
import termios
import tty

from tests.vm.machine import Machine

END = b"\x1d"
"""Ctrl-], as in telnet."""


def attach(machine: Machine) -> None:
    """Join this terminal to the console of MACHINE until Ctrl-] or the machine's end."""
    print(f"root's password is root; disks to plug in are in {machine.directory}. Ctrl-] ends it.")
    here, there = sys.stdin.fileno(), socket.socket(socket.AF_UNIX)
    there.connect(str(machine.socket("console")))
    before = termios.tcgetattr(here)
    tty.setraw(here)
    there.sendall(b"\r")
    try:
        while True:
            ready, _, _ = select.select([here, there], [], [])
            if there in ready:
                data = there.recv(4096)
                if not data:
                    return
                os.write(sys.stdout.fileno(), data)
            if here in ready:
                data = os.read(here, 4096)
                if not data or END in data:
                    return
                there.sendall(data)
    finally:
        termios.tcsetattr(here, termios.TCSADRAIN, before)
        there.close()
