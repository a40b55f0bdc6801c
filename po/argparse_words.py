"""What Python's argparse says by itself, for the catalogues; nothing imports this file.

argparse asks the process's default domain, which `tetrasback.lang.i18n.use_locale` makes ours. A
test holds this list to the argparse that is there; words of newer Pythons follow at the end.
"""

from gettext import ngettext

from tetrasback.lang.i18n import N_

N_("usage: ")
N_("positional arguments")
N_("options")
N_("show this help message and exit")
N_("%(prog)s: error: %(message)s\n")
N_("argument %(argument_name)s: %(message)s")
N_("the following arguments are required: %s")
N_("one of the arguments %s is required")
N_("not allowed with argument %s")
N_("unrecognized arguments: %s")
N_("ambiguous option: %(option)s could match %(matches)s")
N_("expected one argument")
N_("expected at most one argument")
N_("expected at least one argument")
ngettext("expected %s argument", "expected %s arguments", 2)
N_("ignored explicit argument %r")
N_("invalid %(type)s value: %(value)r")
N_("invalid choice: %(value)r (choose from %(choices)s)")
N_("unknown parser %(parser_name)r (choices: %(choices)s)")
N_("can't open '%(filename)s': %(error)s")
N_("unexpected option string: %s")

N_("%(heading)s:")
N_("option '%(option)s' is deprecated")
N_("command '%(parser_name)s' is deprecated")
N_("argument '%(argument_name)s' is deprecated")
N_("%(prog)s: warning: %(message)s\n")
N_("invalid choice: %(value)r, maybe you meant %(closest)r? (choose from %(choices)s)")
