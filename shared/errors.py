"""The two kinds of failure the bus knows how to treat."""


class TransientError(Exception):
    """It may work later: the bus delivers the message again."""


class PermanentError(Exception):
    """It will never work: the message goes to the dead subject with this reason."""
