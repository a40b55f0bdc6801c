"""`python -m tetrasback.notifier` is tetras-back-notify."""

import sys

from tetrasback.notifier.program import main

if __name__ == "__main__":
    sys.exit(main())
