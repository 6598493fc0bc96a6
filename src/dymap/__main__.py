"""`python -m dymap` is the command line."""

import sys

from dymap.cli import main

sys.exit(main())
