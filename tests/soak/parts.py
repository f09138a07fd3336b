"""What the parts of the soak run share: how one is left out, and how progress is shown."""

import time


class Skipped(Exception):  # noqa: N818  # it is no error, and reads better where it is raised
    """A part cannot run here; the text says what is missing."""


def tell(text: str) -> None:
    """Print a line at once."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)
