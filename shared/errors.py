"""The two kinds of failure the bus knows how to treat."""


class TransientError(Exception):
    """It may work later: the bus delivers the message again."""

    def __init__(self, *said: object, retry_after_seconds: float | None = None) -> None:
        super().__init__(*said)
        self.retry_after_seconds = retry_after_seconds
        """How long whoever failed asks to be left alone; None where nothing was said."""


class PermanentError(Exception):
    """It will never work: the message goes to the dead subject with this reason."""
