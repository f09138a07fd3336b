"""XEP-0045: what who enters or invites brings, and what a room tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.wire.xml import parse
from clarion.wire.xmpp import muc
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.muc import Decline, Entry, History, Invitations, Invite, Status

HECATE, CRONE = parse_jid("hecate@shakespeare.example"), parse_jid("crone1@shakespeare.example")
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20).filter(
    lambda text: "\ufffe" not in text and "\uffff" not in text
)


def entry(inner: str) -> Entry:
    return muc.parse_entry(parse(f"<x xmlns='{muc.MUC}'>{inner}</x>".encode()))


def user(inner: str) -> Invitations:
    return muc.parse_user(parse(f"<x xmlns='{muc.USER}'>{inner}</x>".encode()))


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("", Entry()),
        ("<password>cauldronburn</password>", Entry("cauldronburn")),
        ("<history/>", Entry(history=History())),
        ("<history maxchars='0'/>", Entry(history=History(characters=0))),
        (
            "<history maxchars='65000' maxstanzas=' 20 ' seconds='180'/>",
            Entry(history=History(65000, 20, 180)),
        ),
        ("<history since='1970-01-01T00:00:01.5Z'/>", Entry(history=History(since=1.5))),
        ("<history maxstanzas='-1' seconds=''/>", Entry(history=History())),
    ],
)
def test_who_enters_says_what_they_want(inner: str, expected: Entry):
    assert entry(inner) == expected
    assert "cauldronburn" not in repr(entry(inner))


@pytest.mark.parametrize(
    "attribute",
    ["maxchars='x'", "maxstanzas='1e3'", "seconds='12345678901'", "since='yesterday'", "since=''"],
)
def test_a_limit_that_is_none_is_refused(attribute: str):
    with pytest.raises(StanzaError) as refused:
        entry(f"<history {attribute}/>")
    assert refused.value.condition is StanzaCondition.BAD_REQUEST


def test_a_number_has_so_many_digits():
    most = "9" * muc.NUMBER_DIGITS
    assert entry(f"<history maxchars='{most}'/>").history == History(characters=int(most))
    with pytest.raises(StanzaError):
        entry(f"<history maxchars='{most}9'/>")


def test_people_are_invited():
    found = user(
        f"<invite to='{HECATE}'><reason>Witches!</reason></invite>"
        f"<invite to='{CRONE}'><continue thread='t'/></invite>"
        f"<invite to='{CRONE}/desktop'><continue/></invite><password>p</password>"
    )
    assert found == Invitations(
        (
            Invite(HECATE, "Witches!"),
            Invite(CRONE, "", "t"),
            Invite(parse_jid(f"{CRONE}/desktop"), "", ""),
        ),
        None,
        "p",
    )
    assert user("") == Invitations()


def test_an_invitation_is_declined():
    found = user(f"<decline to='{CRONE}'><reason>Too busy</reason></decline>")
    assert found == Invitations(decline=Decline(CRONE, "Too busy"))


@pytest.mark.parametrize(
    ("inner", "condition"),
    [
        ("<invite/>", StanzaCondition.BAD_REQUEST),
        ("<decline/>", StanzaCondition.BAD_REQUEST),
        ("<invite to='@'/>", StanzaCondition.JID_MALFORMED),
        (f"<invite to='{HECATE}'/><decline to='{CRONE}'/>", StanzaCondition.BAD_REQUEST),
        (
            f"<invite to='{HECATE}'><reason>{'x' * (muc.REASON_LIMIT + 1)}</reason></invite>",
            StanzaCondition.NOT_ACCEPTABLE,
        ),
        (
            f"<invite to='{HECATE}'><continue thread='{'x' * (muc.THREAD_LIMIT + 1)}'/></invite>",
            StanzaCondition.NOT_ACCEPTABLE,
        ),
        (
            f"<password>{'x' * (muc.PASSWORD_LIMIT + 1)}</password>",
            StanzaCondition.NOT_ACCEPTABLE,
        ),
    ],
)
def test_what_cannot_be_passed_on_is_refused(inner: str, condition: StanzaCondition):
    with pytest.raises(StanzaError) as refused:
        user(inner)
    assert refused.value.condition is condition


def test_so_many_are_invited_at_once():
    one = f"<invite to='{HECATE}'/>"
    assert len(user(one * muc.INVITES_LIMIT).invites) == muc.INVITES_LIMIT == 50
    with pytest.raises(StanzaError, match="at most 50"):
        user(one * (muc.INVITES_LIMIT + 1))


def test_nicknames_are_prepared():
    assert muc.prepare_nick("Third\u00a0Witch") == "Third Witch"
    assert muc.prepare_nick("x" * muc.NICK_LIMIT) == "x" * muc.NICK_LIMIT
    for text, condition in (
        ("", StanzaCondition.JID_MALFORMED),
        ("  ", StanzaCondition.JID_MALFORMED),
        ("\u3000", StanzaCondition.JID_MALFORMED),
        ("a\nb", StanzaCondition.JID_MALFORMED),
        ("x" * (muc.NICK_LIMIT + 1), StanzaCondition.NOT_ACCEPTABLE),
    ):
        with pytest.raises(StanzaError) as refused:
            muc.prepare_nick(text)
        assert refused.value.condition is condition


def test_an_occupant_is_shown():
    x = muc.user_x(
        muc.item("member", "participant", jid="h@s.example/pda"),
        codes=(Status.SELF, Status.NON_ANONYMOUS),
    )
    assert x == (
        b"<x xmlns='http://jabber.org/protocol/muc#user'>"
        b"<item affiliation='member' jid='h@s.example/pda' role='participant'/>"
        b"<status code='110'/><status code='100'/></x>"
    )
    assert muc.user_x() == b"<x xmlns='http://jabber.org/protocol/muc#user'></x>"


def test_whoever_did_it_is_named():
    assert muc.item(
        "none", "none", actor="Fl<uellen", actor_jid="f@s.example", reason="Avaunt!"
    ) == (
        b"<item affiliation='none' role='none'><actor jid='f@s.example' nick='Fl&lt;uellen'/>"
        b"<reason>Avaunt!</reason></item>"
    )
    assert muc.item("outcast", reason="x") == (
        b"<item affiliation='outcast'><reason>x</reason></item>"
    )


@given(texts=st.tuples(*[TEXT] * 5))
def test_whatever_is_in_an_item_is_read_as_it_was(texts: tuple[str, ...]):
    jid, nick, actor, actor_jid, reason = texts
    x = parse(
        muc.user_x(
            muc.item(
                "owner",
                "moderator",
                jid=jid,
                nick=nick,
                actor=actor,
                actor_jid=actor_jid,
                reason=reason,
            )
        )
    )
    (item,) = x
    assert (item.get("jid", ""), item.get("nick", "")) == (jid, nick)
    by = item.find(f"{{{muc.USER}}}actor")
    assert (by is None) == (not actor and not actor_jid)
    if by is not None:
        assert (by.get("nick", ""), by.get("jid", "")) == (actor, actor_jid)
    assert (item.findtext(f"{{{muc.USER}}}reason") or "") == reason


@given(texts=st.tuples(*[TEXT] * 3), thread=st.none() | TEXT)
def test_invitations_and_ends_say_what_they_were_given(texts: tuple[str, str, str], thread: str):
    first, reason, password = texts
    x = parse(muc.user_x(muc.invited(first, reason, thread, password), muc.declined(first, reason)))
    invite, decline = (x.find(f"{{{muc.USER}}}{name}") for name in ("invite", "decline"))
    assert invite is not None
    assert decline is not None
    assert invite.get("from") == decline.get("from") == first
    assert (decline.findtext(f"{{{muc.USER}}}reason") or "") == reason
    assert (x.findtext(f"{{{muc.USER}}}password") or "") == password
    goes_on = invite.find(f"{{{muc.USER}}}continue")
    assert (goes_on is None) == (thread is None)
    assert goes_on is None or goes_on.get("thread", "") == thread
    (destroy,) = parse(muc.user_x(muc.destroyed(first, reason, password)))
    assert destroy.get("jid", "") == first
    assert (destroy.findtext(f"{{{muc.USER}}}password") or "") == password
    direct = parse(muc.direct_invitation(first, reason, password))
    assert direct.tag == f"{{{muc.DIRECT}}}x"
    assert (direct.get("jid"), direct.get("reason", "")) == (first, reason)


def test_every_status_code_is_a_number_of_the_registry():
    assert sorted(Status) == [
        *(100, 101, 102, 103, 104, 110, 170, 171, 172, 173, 201, 210),
        *(301, 303, 307, 321, 322, 332, 333),
    ]
