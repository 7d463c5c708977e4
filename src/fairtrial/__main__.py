"""`python -m fairtrial` is the command `fairtrial`."""

from fairtrial.cli import main

main()
