"""`python -m completion`: the command; a training on several devices starts its other processes by it."""

import sys

from completion.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
