"""`python -m tetrasback.relay` is tetras-back-relay."""

from tetrasback.relay.program import run

run()
