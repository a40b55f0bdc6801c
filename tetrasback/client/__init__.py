"""What every client of the daemon shares: the connection, the typed calls, the words.

`connection` and `proxy` are the only homes of dbus-next on the clients' side.
"""
