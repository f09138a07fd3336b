"""Clients are told of STUN and TURN servers, and of changes to them (XEP-0215)."""

from house.premises import DOMAIN, Premises, clarion

NS = "urn:xmpp:extdisco:2"
SERVICE = '[[xmpp.services]]\ntype = "turn"\nhost = "turn.house.example"\n'


def test_a_relay_with_a_log_in_of_ones_own_and_a_new_one(empty: Premises):
    house = empty
    secret = "known-to-both-sides"
    house.secrets.add(secret)
    (house.folder / "turn.secret").write_text(f"{secret}\n")
    house.furnish(more=f'{SERVICE}secret = "file:turn.secret"\n')
    house.start()
    house.add_people("ann")
    with house.client("ann") as ann:
        answer = ann.iq("get", f"<services xmlns='{NS}' type='turn'/>", DOMAIN)
        (service,) = answer.iter(f"{{{NS}}}service")
        assert service.get("host") == "turn.house.example"
        until, _, name = service.get("username", "").partition(":")
        assert until.isdecimal()
        assert name == "ann"
        assert service.get("password")
        text = house.config.read_text()
        house.config.write_text(text.replace("turn.house.example", "other.house.example"))
        done = clarion("reload", "--config", str(house.config))
        assert done.returncode == 0, done.stderr
        push = ann.until(lambda one: one.get("type") == "set")
        told = [(one.get("action"), one.get("host")) for one in push.iter(f"{{{NS}}}service")]
        assert told == [("add", "other.house.example"), ("delete", "turn.house.example")]
    assert house.stop() == 0
