"""`python -m tetrasback.ctl` is tetras-backctl."""

import sys

from tetrasback.ctl import main

sys.exit(main())
