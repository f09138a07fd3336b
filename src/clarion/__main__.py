"""``python -m clarion`` and the ``clarion`` command."""

from clarion.cli.root import clarion


def main() -> None:
    """Run the command line and exit."""
    clarion.main()


if __name__ == "__main__":
    main()
