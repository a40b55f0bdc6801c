"""The figures of Tetras-back, each measured beside a named peer in the same run: see README.md."""
