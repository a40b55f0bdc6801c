"""The web page in a real browser, with Cockpit's own server and bridge."""
