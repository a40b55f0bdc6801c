"""``python3 -I DIRECTORY-OF-THIS-FILE``: tetras-back-snapshot from where it lies."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent.parent)

from tetrasback.snapshot.program import main  # noqa: E402

sys.exit(main())
