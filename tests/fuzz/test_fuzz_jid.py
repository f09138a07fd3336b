"""Any text is a JID or is refused with ``JidError``, and a JID reads back as itself."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xmpp.jid import JidError, parse_jid

PIECES = st.sampled_from(
    [
        *("a", "Ä", "@", "/", ".", "xn--", "bcher-kva", "[", "::1", "]", "1.2.3.4", "\u200d", "א"),
        *("\uff20", "\u0301", "İ", "ß", "\ud800", "\0", " ", "\u3000", "한", "-", "a" * 400),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join) | st.text())
@settings(deadline=None, max_examples=400)
def test_any_text_is_a_jid_or_is_refused(text: str):
    try:
        jid = parse_jid(text)
    except JidError:
        return
    again = parse_jid(jid.full)
    assert again == jid
    assert (again.local, again.domain, again.resource) == (jid.local, jid.domain, jid.resource)
    assert all(len(part.encode()) <= 1023 for part in (jid.local, jid.domain, jid.resource))
