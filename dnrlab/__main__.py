"""``python -m dnrlab``: the command line."""

from dnrlab.cli import main

main()
