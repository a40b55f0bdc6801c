"""What our programs ask of Linux and systemd, alike for root's daemon and for those without rights.

It knows nothing of disks, buses or configurations.
"""
