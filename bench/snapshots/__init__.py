"""What it costs to make a snapshot of a tree, beside other programs of Debian."""
