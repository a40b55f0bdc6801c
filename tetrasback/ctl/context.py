"""What every command gets."""

from argparse import Namespace
from dataclasses import dataclass

from tetrasback.client.proxy import Client
from tetrasback.ctl.output import Output
from tetrasback.errors import EXIT_ERROR


@dataclass(slots=True)
class Context:
    """The daemon, where to write, and the command line.

    ``on_interrupt`` is what Ctrl-C says (set while the daemon works on without us; None: that it
    interrupted, empty: nothing), and ``interrupt_code`` the exit code it gives.
    """

    client: Client
    out: Output
    options: Namespace
    on_interrupt: str | None = None
    interrupt_code: int = EXIT_ERROR
