"""`python -m tinynet` is the command `tinynet`."""

from .cli import main

raise SystemExit(main())
