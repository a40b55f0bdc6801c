"""The commands about FIFOs that what happens is written into: register, unregister, clients."""

from tetrasback.client.relay import Relay, absolute
from tetrasback.ctl.context import Context
from tetrasback.ctl.output import Column, Table
from tetrasback.errors import EXIT_OK
from tetrasback.lang.i18n import _


async def register(context: Context) -> int:
    """Have a FIFO written into."""
    options, out = context.options, context.out
    path = absolute(options.fifo)
    granted = await Relay(context.client).register(path, options.format)
    if out.json:
        out.data({"registered": {"path": path, "format": options.format, "granted": granted}})
    out.line(_("{path} is registered ({format})").format(path=path, format=options.format))
    for place in reversed(granted):
        if place == path:
            text = _("the access control list of {path} lets the user tetras-back-relay open it")
        else:
            text = _("that of {path} lets them pass through, and not see what is in it")
        out.line(text.format(path=place))
    return EXIT_OK


async def unregister(context: Context) -> int:
    """Have it written into no longer."""
    out = context.out
    path = absolute(context.options.fifo)
    revoked = await Relay(context.client).unregister(path)
    if out.json:
        out.data({"unregistered": {"path": path, "revoked": revoked}})
    out.line(_("{path} is registered no longer").format(path=path))
    for place in revoked:
        text = _("the user tetras-back-relay is taken out of the access control list of {path}")
        out.line(text.format(path=place))
    return EXIT_OK


async def clients(context: Context) -> int:
    """The FIFOs that are registered."""
    found = await Relay(context.client).clients()
    if context.out.json:
        shown = [{"path": client.path, "format": client.format} for client in found]
        context.out.data({"clients": shown})
    elif found:
        table = Table([Column(_("FIFO"), full=True), Column(_("Format"), full=True)])
        table.rows += [(client.path, client.format) for client in found]
        context.out.table(table, wide=True)
    else:
        context.out.line(_("no FIFO is registered; to change that: tetras-backctl register FIFO"))
    return EXIT_OK
