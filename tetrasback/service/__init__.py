"""The serving side of the bus: the only home of D-Bus server code.

::

    bus ── link ── gate ── queues ── connection (the library) ── dispatch ── guard ── control
                                          published ── views from the engine

`link` moves bytes, `gate` judges a message by its header before anything is decoded, `queues`
keep strangers from growing memory or starving each other, `connection` lets the library decode
and encode, `dispatch` is the only way in, `guard` asks polkit, `published` is what everybody may
read. `service.Service` puts them together and keeps the connection for ever. What there is to serve
stands in a `contract.Contract`: the daemon's in `interface`, the relay's in its own package.
"""

from tetrasback.service.api import Authority, Control
from tetrasback.service.service import Service

__all__ = ["Authority", "Control", "Service"]
