"""Whole disks that could be prepared, as every client looks at them."""

from collections.abc import Iterable

from tetrasback.wire import PreparableView


def whole_of(device: str, preparable: Iterable[PreparableView]) -> str:
    """The whole disk that DEVICE lies on; empty where it is not among those that are known."""
    for whole in preparable:
        if device in (whole.device, *(item.device for item in whole.contents)):
            return whole.device
    return ""
