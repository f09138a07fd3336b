"""SIGHUP: new connections see the certificate as it is now; a bad one changes nothing."""

import signal
import time

from clarion.lib import certificates
from house.premises import DOMAIN, Premises


def test_a_new_certificate_is_taken_and_a_bad_one_is_not(empty: Premises):
    empty.furnish()
    empty.start()
    empty.add_people("ann")
    assert empty.process is not None
    folder = empty.folder / "certs"
    key = folder / "server.key"
    kept = key.read_bytes()
    key.write_text("not a key")
    empty.process.send_signal(signal.SIGHUP)
    empty.saw(lambda line: line.get("event") == "certificate not reloaded")
    with empty.client("ann", way="tls"):
        pass
    key.write_bytes(kept)
    other = certificates.create(empty.folder / "new", DOMAIN, not_before=time.time() - 60)
    for old, new in (("server.pem", other.server), ("server.key", other.server_key)):
        (folder / old).write_bytes(new.read_bytes())
    (folder / "ca.pem").write_bytes(other.ca.read_bytes())
    empty.process.send_signal(signal.SIGHUP)
    empty.saw(lambda line: line.get("event") == "certificate reloaded")
    with empty.client("ann", way="tls"):  # trusts the new authority only
        pass
    assert empty.stop() == 0
