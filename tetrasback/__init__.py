"""Tetras-back: backs up a self-hosted server onto external disks that anybody may plug in."""

__version__ = "0.1.0"
