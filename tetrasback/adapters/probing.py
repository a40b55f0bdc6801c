"""What is on a block device, asked of the device itself: blkid's low-level probe.

It needs no udevd. Output: ``blkid -p -o udev`` prints the same keys as udev's properties.
"""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from typing import Final

from tetrasback.core.devices import BlockDevice
from tetrasback.errors import NotAFilesystem

_SECONDS: Final = 15.0
_MOST_BYTES: Final = 65536
_AMBIGUOUS: Final = 8
_NOTHING: Final = 2

_TEXT_MAX: Final = 256
_ESCAPE: Final = re.compile(rb"\\x([0-9a-fA-F]{2})")


async def probe(device: BlockDevice) -> Mapping[str, str]:
    """The keys ID_FS_UUID, ID_FS_TYPE, ID_FS_LABEL_ENC … of what lies on the device.

    Empty where nothing was found. Raises NotAFilesystem if the device cannot be read in time, or
    carries the marks of several file systems.
    """
    status, output = await _blkid(device.node)
    if status == _AMBIGUOUS:
        raise NotAFilesystem(
            f"{device.node} carries the marks of several file systems; format it anew"
        )
    if status not in (0, _NOTHING):
        raise NotAFilesystem(f"{device.node} cannot be read; have the disk checked")
    pairs = (line.partition("=") for line in output.decode("utf-8", "replace").splitlines())
    return {key: value for key, _, value in pairs}


async def _blkid(node: str) -> tuple[int, bytes]:
    asked = await asyncio.create_subprocess_exec(
        "blkid", "-p", "-o", "udev", "--", node,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_MOST_BYTES,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_SECONDS):
            assert asked.stdout is not None
            output = await asked.stdout.read(_MOST_BYTES)
            while await asked.stdout.read(_MOST_BYTES):
                continue
            return await asked.wait(), output
    except TimeoutError:
        return -1, b""
    finally:
        if asked.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                asked.kill()


def plain(text: str) -> str:
    """Foreign text as it may be shown: one line, printable, at most 256 characters."""
    return "".join(char for char in text[: 4 * _TEXT_MAX] if char.isprintable())[:_TEXT_MAX].strip()


def decoded(text: str) -> str:
    r"""Like `plain`, with udev's ``\x20`` turned back into the bytes that they stand for."""
    raw = text[: 4 * _TEXT_MAX].encode("utf-8", "ignore")
    undone = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), raw)
    return plain(undone.decode("utf-8", "replace"))
