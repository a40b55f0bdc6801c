"""Putting a disk to sleep: SCSI's START STOP UNIT, which USB and SATA disks understand too.

Formats: <scsi/sg.h> (struct sg_io_hdr) of Linux, and the T10 SBC standard for the command.
"""

import ctypes
import fcntl
import os
from typing import Final

_SG_IO: Final = 0x2285
_SG_DXFER_NONE: Final = -1
_STOP: Final = bytes((0x1B, 0, 0, 0, 0, 0))
_MILLISECONDS: Final = 20_000


class _SgIoHeader(ctypes.Structure):
    _fields_ = (
        ("interface_id", ctypes.c_int),
        ("dxfer_direction", ctypes.c_int),
        ("cmd_len", ctypes.c_ubyte),
        ("mx_sb_len", ctypes.c_ubyte),
        ("iovec_count", ctypes.c_ushort),
        ("dxfer_len", ctypes.c_uint),
        ("dxferp", ctypes.c_void_p),
        ("cmdp", ctypes.c_void_p),
        ("sbp", ctypes.c_void_p),
        ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("usr_ptr", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("msg_status", ctypes.c_ubyte),
        ("sb_len_wr", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


def stop_motor(whole: str) -> bool:
    """Tell the whole disk to stop; whether it knew the command. Raises OSError if it cannot be
    opened. May block for 20 s."""
    command = ctypes.create_string_buffer(_STOP, len(_STOP))
    header = _SgIoHeader(
        interface_id=ord("S"),
        dxfer_direction=_SG_DXFER_NONE,
        cmd_len=len(_STOP),
        cmdp=ctypes.cast(command, ctypes.c_void_p),
        timeout=_MILLISECONDS,
    )
    descriptor = os.open(whole, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.ioctl(descriptor, _SG_IO, header)
    except OSError:  # no SCSI disk: a loop device, a card reader
        return False
    finally:
        os.close(descriptor)
    return bool(header.status == 0 and header.host_status == 0)
