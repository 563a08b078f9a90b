"""`python -m scope_oracle`: the command line, where no script of it is on the path."""

from .cli import main

main()
