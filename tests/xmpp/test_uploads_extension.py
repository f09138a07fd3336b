"""XEP-0363 at the whole door; the talk shows what goes over the wire."""

import pytest

from clarion.core.upload_slots import SLOTS_PER_PERSON
from clarion.core.uploads import Purpose
from clarion.xmpp.ext.disco import INFO, ITEMS, disco
from clarion.xmpp.ext.uploads import DIGITS_LIMIT, NS, PURPOSES, TAG, uploads
from fakes.household import children_of, household
from fakes.world import DOMAIN, FakeClient, world

UPLOAD = f"upload.{DOMAIN}"


async def ask(client: FakeClient, attributes: str, inner: str = "") -> str:
    """Ask for a place; returns the condition of the refusal, or the address."""
    client.read()
    await client.send(
        f"<iq type='get' id='u' to='{UPLOAD}'><request xmlns='{NS}' {attributes}>{inner}</request>"
        "</iq>"
    )
    answer = client.read()[-1]
    assert answer.get("from") == UPLOAD
    error = answer.find("{jabber:client}error")
    if error is not None:
        return error[0].tag.rpartition("}")[2]
    put = answer.find(f".//{{{NS}}}put")
    assert put is not None
    return put.get("url", "")


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "filename='a'",
        "size='1'",
        "filename=' ' size='1'",
        "filename='a' size='0'",
        "filename='a' size='000'",
        "filename='a' size='1.5'",
        "filename='a' size='\u0661'",
        "filename='a' size='1' content-type='image'",
        "filename='a' size='1' content-type='a/b&#13;&#10;X: y'",
    ],
)
async def test_what_cannot_be_understood(attributes: str):
    async with world("ann") as here:
        assert await ask(await here.log_in("ann"), attributes) == "bad-request"


@pytest.mark.parametrize("size", ["100001", "9" * (DIGITS_LIMIT + 1), "9" * 4000])
async def test_a_size_of_any_length_is_too_large(size: str):
    async with world("ann") as here:
        assert await ask(await here.log_in("ann"), f"filename='a' size='{size}'") == (
            "not-acceptable"
        )


async def test_a_size_may_have_zeros_in_front():
    async with world("ann") as here:
        assert (await ask(await here.log_in("ann"), "filename='a' size='0001'")).endswith("/a")


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        (f"<message xmlns='{PURPOSES}'/>", ""),
        (f"<profile xmlns='{PURPOSES}'/>", ""),
        ("<other xmlns='urn:x'/>", ""),
        (f"<ephemeral xmlns='{PURPOSES}' expire-before='2099-01-01T00:00:00+02:00'/>", ""),
        (f"<ephemeral xmlns='{PURPOSES}' expire-before='tomorrow'/>", "bad-request"),
        (f"<ephemeral xmlns='{PURPOSES}'/>", "bad-request"),
        (f"<ephemeral xmlns='{PURPOSES}' expire-before='2020-01-01T00:00:00Z'/>", "not-acceptable"),
        (f"<permanent xmlns='{PURPOSES}'/>", "feature-not-implemented"),
        (f"<message xmlns='{PURPOSES}'/><profile xmlns='{PURPOSES}'/>", "bad-request"),
    ],
)
async def test_purposes(inner: str, said: str):
    async with world("ann") as here:
        answer = await ask(await here.log_in("ann"), "filename='a' size='1'", inner)
        assert answer == said or (not said and answer.startswith("https://"))


async def test_too_many_places():
    async with world("ann", "bob") as here:
        ann = await here.log_in("ann")
        for _ in range(SLOTS_PER_PERSON):
            assert (await ask(ann, "filename='a' size='1'")).startswith("https://")
        assert await ask(ann, "filename='a' size='1'") == "resource-constraint"


async def test_every_purpose_that_is_told_is_known():
    assert {purpose.value for purpose in Purpose} == {"message", "profile", "ephemeral"}


async def test_without_files_nothing_is_listed():
    async with household(disco, uploads) as house:
        ann = await house.log_in("ann")
        (query,) = children_of(await ann.ask("get", f"<query xmlns='{ITEMS}'/>", DOMAIN))
        assert len(query) == 0
        answer = await ann.ask("get", f"<query xmlns='{INFO}'/>", UPLOAD)
        assert b"<remote-server-not-found" in answer
    assert ("upload", "get", TAG) in uploads.iqs


async def test_it_has_no_nodes():
    async with world("ann") as here:
        ann = await here.log_in("ann")
        for what in (INFO, ITEMS):
            await ann.send(
                f"<iq type='get' id='n' to='{UPLOAD}'><query xmlns='{what}' node='x'/></iq>"
            )
            assert ann.read()[-1][-1][0].tag.endswith("}item-not-found")
