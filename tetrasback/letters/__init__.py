"""What the daemon writes to people: mails, and lines for the console. Words only, no sending.

Pure functions of the core's `news`, in the language that `lang.i18n.using` has set. Nothing here
raises for whatever names, logs and messages hold, and none of it can reach a header by itself.
"""
