"""A full disk: a small tmpfs in a mount namespace of its own, filled by messages.

Run alone with a folder as its argument, it is the part that runs inside.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from parts import Skipped

from house.premises import Premises, address, short_folder
from house.raw_client import SM, RawClient, condition, origin

SIZE: Final = "16m"
BALLAST: Final = 4 * 2**20
"""Bytes that an operator can free when the disk is full."""
BODY_SIZE: Final = 20_000
MOST: Final = 3000
"""Messages; many times what fits."""
LIMIT: Final = 300.0
BOB: Final = address("bob")


def run(length: float) -> str:
    """Fill a disk; returns what came of it. The length is always the same.

    Raises:
        Skipped: This user may not make a mount namespace.

    """
    with short_folder() as folder:
        inside = ["unshare", "--mount", "--propagation", "private"]
        try:
            tried = subprocess.run(
                [*inside, "mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except OSError as error:
            raise Skipped(f"unshare cannot be run: {error.strerror}") from None
        if tried.returncode:
            raise Skipped(f"no mount namespace for this user: {tried.stderr.strip()[:200]}")
        command = [*inside, sys.executable, str(Path(__file__)), str(folder)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT + 60, check=False
        )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"[-3000:]
    return done.stdout.strip().splitlines()[-1]


def _inside(folder: Path) -> str:
    """Mount, fill, free, and go on; the mount goes with this process's namespace."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, timeout=30)
    (folder / "ballast").write_bytes(bytes(BALLAST))
    house = Premises(folder)
    house.furnish(level="info")
    try:
        house.start()
        house.add_people("ann", "bob")
        with house.client("ann", managed=True, present=False) as ann:
            kept = _fill(ann)
            ann.ping()  # the server lives on
            (folder / "ballast").unlink()
            counted = ann.acknowledged()
            _write(ann, "after")
            now = ann.acknowledged()
            assert now == counted + 1, f"{now} acknowledged, not {counted + 1}: {house.lines[-5:]}"
            kept.append("after")
        assert house.stop() == 0
        house.start()
        rows = {name for (name,) in house.rows("SELECT origin_id FROM item")}
        assert rows == set(kept), f"{len(rows)} in the archive, {len(kept)} were accepted"
        with house.client("bob", managed=True) as bob:
            taken = {origin(bob.message()) for _ in kept}
        assert taken == set(kept)
    finally:
        if house.alive:
            assert house.stop() == 0
    return f"{len(kept):,} messages until the disk was full; refused, freed, and all there"


def _write(ann: RawClient, name: str) -> None:
    ann.write(BOB, "x" * BODY_SIZE, name)


def _fill(ann: RawClient) -> list[str]:
    """Write until a message is refused for want of room; returns those acknowledged before."""
    kept: list[str] = []
    before = ann.acknowledged()
    for number in range(MOST):
        name = f"m{number}"
        ann.answers = False
        _write(ann, name)
        ann.send(f"<r xmlns='{SM}'/>")
        while True:
            element = ann.next()
            if element.get("type") == "error":
                assert element.get("id") == name
                assert condition(element) == "resource-constraint"
                ann.until(lambda e: e.tag == f"{{{SM}}}a")  # the answer to our own request
                ann.acknowledge()
                ann.answers = True
                return kept
            if element.tag.endswith("}a") and int(element.get("h", "0")) > before + number:
                kept.append(name)
                break
    raise AssertionError(f"{MOST} messages of {BODY_SIZE} bytes fit into {SIZE}")


if __name__ == "__main__":
    print(_inside(Path(sys.argv[1])))
