"""`python -m cohere_conformance` is the command."""

from cohere_conformance.cli import main

main()
