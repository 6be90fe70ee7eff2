"""Commands called in this process."""

import pytest

from dnrlab.cli import main


def call(*words):
    """Exit code of a command."""
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    return stopped.value.code
