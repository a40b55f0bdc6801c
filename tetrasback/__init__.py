"""Tetras-back: backs up a self-hosted server onto external disks that anybody may plug in."""

import sys

__version__ = "0.1.0"

# dbus-next loads python3-gi and GLib wherever they are installed (beside firewalld, say), for a
# main loop that we do not use: 4 MB in the daemon, 8 ms in every command. A None here is the import
# system's own word for "not there"; a program that has loaded gi before us keeps it.
sys.modules.setdefault("gi", None)  # type: ignore[arg-type]
