"""A person's vCard: whose each part is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.wire.xml import parse
from clarion.xmpp.vcard import (
    NS,
    contradictions,
    directory_part,
    name_parts,
    own_part,
    ruled,
    whole,
)
from fakes.household import DOMAIN, household


@pytest.mark.parametrize(
    ("name", "given", "family"),
    [
        ("Ann", "Ann", ""),
        ("Ann Lee", "Ann", "Lee"),
        ("Ann Mary van Lee", "Ann Mary van", "Lee"),
        ("王小明", "王小明", ""),
        ("王 小明", "小明", "王"),
        ("山田 太郎", "太郎", "山田"),
        ("김 철수", "철수", "김"),
        ("", "", ""),
    ],
)
def test_parts_of_a_name(name: str, given: str, family: str):
    assert name_parts(name) == (given, family)


def card(inner: str):
    return parse(f"<vCard xmlns='{NS}'>{inner}</vCard>".encode())


RULED = card(
    "<FN>Ann Lee</FN><N><FAMILY>Lee</FAMILY><GIVEN>Ann</GIVEN></N>"
    "<TEL><WORK/><VOICE/><NUMBER>+4930123456</NUMBER></TEL>"
    "<EMAIL><USERID>ann@corp.example</USERID></EMAIL><TITLE>Head</TITLE>"
    "<ORG><ORGNAME>corp.example</ORGNAME><ORGUNIT>Sales</ORGUNIT></ORG>"
)


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ("", []),
        ("<NICKNAME>A</NICKNAME>", []),
        ("<FN> Ann  Lee </FN>", []),
        ("<FN/><N><FAMILY/><GIVEN/><MIDDLE/></N><TITLE/>", []),
        ("<N><GIVEN>Ann</GIVEN><FAMILY>Lee</FAMILY><MIDDLE/></N>", []),
        ("<TEL><NUMBER>+4930123456</NUMBER><VOICE/></TEL><TEL><WORK/><FAX/><NUMBER/></TEL>", []),
        ("<TEL><HOME/><NUMBER>+49555</NUMBER></TEL>", []),
        ("<EMAIL><HOME/><USERID>a@home.example</USERID></EMAIL>", []),
        ("<TZ>+02:00</TZ><VERSION>3.0</VERSION>", []),
        ("<FN>Queen Ann</FN>", ["FN"]),
        ("<TEL><WORK/><NUMBER>+49555</NUMBER></TEL>", ["TEL"]),
        ("<TITLE>Boss</TITLE><FN>B</FN><TITLE>Boss</TITLE>", ["TITLE", "FN"]),
        ("<JABBERID>bob@corp.example</JABBERID>", ["JABBERID"]),
        ("<ORG><ORGNAME>other</ORGNAME></ORG>", ["ORG"]),
    ],
)
def test_what_contradicts_the_directory(sent: str, wrong: list[str]):
    assert contradictions(card(sent), RULED) == wrong


def test_what_is_kept_is_what_the_directory_does_not_rule():
    sent = card(
        "<FN>x</FN><PHOTO><TYPE>a</TYPE></PHOTO><x xmlns='urn:y'>&lt;</x><TEL><HOME/></TEL>"
    )
    kept = own_part(sent)
    assert kept == b"<PHOTO><TYPE>a</TYPE></PHOTO><x xmlns='urn:y'>&lt;</x><TEL><HOME/></TEL>"
    assert not any(ruled(one) for one in parse(whole((), kept)))


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")))
@settings(deadline=None, max_examples=50)
def test_what_is_kept_can_be_read_again(text: str):
    sent = card("<DESC/><NOTE/>")
    sent[0].text = text
    again = parse(whole((), own_part(sent)))
    assert own_part(again) == own_part(sent)


async def test_the_directory_s_part():
    async with household() as house:
        directory = house.services.directory
        ann = await directory.change_person(
            f"ann@{DOMAIN}", name="Ann <Lee>", phone="+49 30 123456", time_zone="Asia/Kathmandu"
        )
        for name, title in (("Sales", "Head"), ("Lab", "Head"), ("Zoo", "")):
            await directory.add_department(f"{name.lower()}@{DOMAIN}", name)
            await directory.join(ann.address, f"{name.lower()}@{DOMAIN}", title=title)
        told = whole(directory_part(directory, ann, 0), b"")
        assert told == (
            b"<vCard xmlns='vcard-temp'><FN>Ann &lt;Lee&gt;</FN>"
            b"<N><FAMILY>&lt;Lee&gt;</FAMILY><GIVEN>Ann</GIVEN></N>"
            b"<TEL><WORK/><VOICE/><NUMBER>+4930123456</NUMBER></TEL>"
            b"<EMAIL><WORK/><INTERNET/><PREF/><USERID>ann@corp.example</USERID></EMAIL>"
            b"<JABBERID>ann@corp.example</JABBERID><TZ>+05:30</TZ><TITLE>Head</TITLE>"
            b"<ORG><ORGNAME>corp.example</ORGNAME><ORGUNIT>Lab</ORGUNIT>"
            b"<ORGUNIT>Sales</ORGUNIT><ORGUNIT>Zoo</ORGUNIT></ORG></vCard>"
        )
