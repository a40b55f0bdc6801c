"""What a person reads: translation, the contract's words, sizes and times, text made safe.

Shared by the clients and by the daemon's mails; it knows neither. Everything speaks the language
that `i18n.using` has set, English where none was.
"""
