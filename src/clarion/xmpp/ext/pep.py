"""Every account a pubsub service of its own (XEP-0163 1.2.2, XEP-0060 1.30, XEP-0223).

Nodes for a person's own devices, and such as contacts may see. The rules of
nodes are in ``xmpp/nodes.py``, who hears of them in ``xmpp/pep_notices.py``.
"""

from collections.abc import Callable
from typing import Final
from xml.etree.ElementTree import Element

from clarion.core.model import Person
from clarion.wire.xml import escape, serialise
from clarion.wire.xmpp import pubsub as ask
from clarion.wire.xmpp import pubsub_answers as say
from clarion.wire.xmpp import pubsub_owner as own
from clarion.wire.xmpp.caps import INFO, Identity
from clarion.wire.xmpp.errors import StanzaCondition, StanzaError
from clarion.wire.xmpp.forms import Form, FormKind
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.node_config import NS, NodeConfig, config_form, meta_data
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp import displayed, item_answers, own_nodes, parties, publishing, vcard4
from clarion.xmpp.context import Context
from clarion.xmpp.extension import Card, Extension
from clarion.xmpp.node_book import Node, NodeBook
from clarion.xmpp.pep_notices import access_refused, tell, tell_published

_FEATURES: Final = (
    "access-open",
    "access-presence",
    "access-roster",
    "access-whitelist",
    "auto-create",
    "auto-subscribe",
    "config-node",
    "config-node-max",
    "create-and-configure",
    "create-nodes",
    "delete-items",
    "delete-nodes",
    "filtered-notifications",
    "instant-nodes",
    "item-ids",
    "last-published",
    "manage-subscriptions",
    "member-affiliation",
    "meta-data",
    "modify-affiliations",
    "multi-items",
    "outcast-affiliation",
    "persistent-items",
    "presence-subscribe",
    "publish",
    "publish-options",
    "purge-nodes",
    "retract-items",
    "retrieve-affiliations",
    "retrieve-default",
    "retrieve-items",
    "retrieve-subscriptions",
    "rsm",
    "subscribe",
)
_PEP: Final = Identity("pubsub", "pep")

pep = Extension(
    Card(
        name="pep",
        spec="XEP-0163",
        title="Personal Eventing Protocol",
        version="1.2.2",
        status="partial",
        missing="XEP-0033 replyto (4.3.1); recipients that sent only directed presence (XEP-0060 "
        "section 9.1.3)",
        # XEP-0223 has clients ask the server itself (section 6).
        # COMPAT(Smack 4.5): looks there for the access model of such nodes too (XEP-0373).
        features=(f"{NS}#access-whitelist", f"{NS}#publish-options"),
        account_features=(NS, *(f"{NS}#{feature}" for feature in _FEATURES)),
        identities=(_PEP,),
        account_identities=(_PEP,),
        needs=("presence", "roster", "disco"),
        test="tests/xmpp/test_pep.py",
    )
)


@pep.on_closed
def closed(context: Context) -> None:
    """Forget what the client of a session that is over wanted to hear of."""
    context.services.interests.forget(context.session.id)


# -- one's own account ---------------------------------------------------------------------------


@pep.on_iq("get", ask.PUBSUB, at=("account", "contact"))
async def look(context: Context, stanza: Stanza, pubsub: Element) -> bytes:
    """Answer what anybody may ask (XEP-0060 sections 5.6, 5.7 and 6.5).

    Raises:
        StanzaError: There is no such person or node, or it may not be seen.
        UnavailableError: The store cannot answer.

    """
    owner = _asked(context, stanza)
    request = ask.parse_request("get", pubsub)
    book = await context.services.nodes.book(owner)
    if isinstance(request, ask.GetAffiliations):
        return parties.affiliations(context, book, request.node)
    if isinstance(request, ask.GetSubscriptions):
        return parties.subscriptions(context, book, request.node)
    assert isinstance(request, ask.GetItems)
    if request.node == vcard4.NODE:
        return await vcard4.items(context, owner, book, request)
    node = book.require(request.node)
    why = await parties.refused(context, owner, node)
    if why is not None:
        raise why
    publishing.check_persistent(node)
    return await item_answers.items_of(book, node, request)


@pep.on_iq("set", ask.PUBSUB, at=("account",))
async def act(context: Context, stanza: Stanza, pubsub: Element) -> bytes | None:
    """Publish, retract, create; subscribe to one's own.

    Raises:
        StanzaError: It cannot be done.
        UnavailableError: The store cannot keep it.

    """
    request = ask.parse_request("set", pubsub)
    if isinstance(request, ask.Publish):
        return await _publish(context, request)
    if isinstance(request, ask.Subscribe):
        return await parties.subscribe(context, context.person, request)
    if isinstance(request, ask.Unsubscribe):
        return await parties.unsubscribe(context, context.person, request)
    services = context.services
    if isinstance(request, ask.Create):
        name = request.node or services.token()
        async with services.nodes.change(context.person) as book:
            await publishing.create(
                book, name, request.form, services.clock.wall(), own_nodes.new_config(name)
            )
        return None if request.node else say.created_answer(name)
    assert isinstance(request, ask.Retract)
    async with services.nodes.change(context.person) as book:
        node = await publishing.retract(book, request.node, request.item_id)
        if request.notify or node.config.notify_retract:
            await tell(context, node, say.retract_event(request.node, (request.item_id,)))
        await own_nodes.changed(context, book, request.node)
    return None


async def _publish(context: Context, request: ask.Publish) -> bytes | None:
    services = context.services
    async with services.nodes.change(context.person) as book:
        request = own_nodes.prepared(context, book, request)
        item_id = request.item_id or services.token()
        published = await publishing.publish(
            book,
            request,
            item_id,
            context.session.full,
            services.clock.wall(),
            own_nodes.new_config(request.node),
        )
        await tell_published(context, published)
        await own_nodes.changed(context, book, request.node)
    if published.item is None:
        return None
    if request.node == displayed.NODE and services.sync_counts:
        await displayed.count_published(context, item_id, request.payload)
    return say.published_answer(request.node, item_id)


@pep.on_iq("get", own.PUBSUB_OWNER, at=("account",))
async def look_as_owner(context: Context, stanza: Stanza, pubsub: Element) -> bytes:
    """Answer what only an owner may ask.

    Raises:
        StanzaError: It cannot be answered.
        UnavailableError: The store cannot answer.

    """
    request = own.parse_owner_request("get", pubsub)
    if isinstance(request, own.GetDefault):
        return say.default_answer(config_form(NodeConfig()))
    book = await context.services.nodes.book(context.person)
    node = book.require(request.node)
    if isinstance(request, own.OwnerAffiliations):
        return parties.parties(context, node)
    if isinstance(request, own.OwnerSubscriptions):
        return say.subscribers_answer(node.name, node.subscribers)
    return say.configuration_answer(request.node, config_form(node.config))


@pep.on_iq("set", own.PUBSUB_OWNER, at=("account",))
async def act_as_owner(context: Context, stanza: Stanza, pubsub: Element) -> None:
    """Configure, delete, purge; who is member, who is subscribed.

    Raises:
        StanzaError: It cannot be done.
        UnavailableError: The store cannot keep it.

    """
    request = own.parse_owner_request("set", pubsub)
    name = request.node if not isinstance(request, own.GetDefault) else ""
    async with context.services.nodes.change(context.person) as book:
        if isinstance(request, own.SetAffiliations):
            await parties.set_affiliations(book, request, context.account)
        elif isinstance(request, own.SetSubscriptions):
            await parties.set_subscriptions(book, request)
        elif isinstance(request, own.Delete):
            node = await publishing.delete(book, name)
            if node.config.notify_delete:
                await tell(context, node, say.delete_event(name))
        elif isinstance(request, own.Purge):
            node = await publishing.purge(book, name)
            await tell(context, node, say.purge_event(name))
        elif isinstance(request, own.Configure) and request.form is not None:
            await _configure(context, book, name, request.form)
        else:
            book.require(name)
        await own_nodes.changed(context, book, name)


async def _configure(context: Context, book: NodeBook, name: str, form: Form) -> None:
    node, dropped = await publishing.configure(book, name, form)
    config = node.config
    if dropped and config.notify_retract:
        await tell(context, node, say.retract_event(name, dropped))
    if config.notify_config:
        how = config_form(config, FormKind.RESULT) if config.payloads else None
        await tell(context, node, say.configuration_event(name, how))


# -- somebody else's account ---------------------------------------------------------------------


@pep.on_iq("set", ask.PUBSUB, at=("contact",))
async def act_elsewhere(context: Context, stanza: Stanza, pubsub: Element) -> bytes:
    """Subscribe and unsubscribe; a node is its owner's alone to write (XEP-0163 section 2.2).

    Raises:
        StanzaError: There is no such person, or it cannot be done.
        UnavailableError: The store cannot keep it.

    """
    owner = _owner(context, stanza)
    request = ask.parse_request("set", pubsub)
    if isinstance(request, ask.Subscribe):
        return await parties.subscribe(context, owner, request)
    if isinstance(request, ask.Unsubscribe):
        return await parties.unsubscribe(context, owner, request)
    raise StanzaError(StanzaCondition.FORBIDDEN, "only its owner may do this")


@pep.on_iq("get", own.PUBSUB_OWNER, at=("contact",))
@pep.on_iq("set", own.PUBSUB_OWNER, at=("contact",))
def refuse(context: Context, stanza: Stanza, pubsub: Element) -> None:
    """Refuse what only an owner does.

    Raises:
        StanzaError: Always.

    """
    _owner(context, stanza)
    raise StanzaError(StanzaCondition.FORBIDDEN, "only its owner may do this")


def _owner(context: Context, stanza: Stanza) -> Person:
    address = parse_jid(stanza.attributes["to"]).bare
    person = context.services.directory.person(address)
    if person is None or person.disabled:
        raise StanzaError(StanzaCondition.SERVICE_UNAVAILABLE, f"there is no {address} here")
    return person


# -- service discovery ---------------------------------------------------------------------------


@pep.on_node("items", "", at=("account", "contact", "stranger"))
async def list_nodes(context: Context, stanza: Stanza, query: Element) -> bytes:
    """Tell which nodes there are that the requester may see (section 6.2)."""
    owner = _asked(context, stanza)
    book, sees = await _view(context, owner)
    jid = escape(owner.address)
    listed = []
    for node in book.nodes():
        if sees(node):
            title = node.config.title
            named = f" name='{escape(title)}'" if title else ""
            listed.append(f"<item jid='{jid}' node='{escape(node.record.name)}'{named}/>")
    return item_answers.as_many(listed)


@pep.on_node("items", "*", at=("account", "contact", "stranger"))
async def list_items(context: Context, stanza: Stanza, query: Element) -> bytes | None:
    """Tell the names of a node's items (XEP-0060 section 5.5)."""
    owner = _asked(context, stanza)
    book, sees = await _view(context, owner)
    node = book.get(query.get("node", ""))
    if node is None or not sees(node):
        return None
    jid = escape(owner.address)
    return item_answers.as_many(f"<item jid='{jid}' name='{escape(item)}'/>" for item in node.items)


@pep.on_node("info", "*", at=("account", "contact", "stranger"))
async def node_info(context: Context, stanza: Stanza, query: Element) -> bytes | None:
    """Tell what a node is (XEP-0060 sections 5.3 and 5.4)."""
    owner = _asked(context, stanza)
    book, sees = await _view(context, owner)
    node = book.get(query.get("node", ""))
    if node is None or not sees(node):
        return None
    form = meta_data(node.config, owner.address, node.record.created).to_element()
    told = f"<identity category='pubsub' type='leaf'/><feature var='{NS}'/>"
    return told.encode() + serialise(form, INFO)


def _asked(context: Context, stanza: Stanza) -> Person:
    to = stanza.attributes.get("to")
    if to is None or parse_jid(to).bare == context.account:
        return context.person
    return _owner(context, stanza)


async def _view(context: Context, owner: Person) -> tuple[NodeBook, Callable[[Node], bool]]:
    book = await context.services.nodes.book(owner)
    if owner.address == context.account:
        return book, lambda _: True
    roster = await context.services.rosters.book(owner)
    return book, lambda node: access_refused(node, roster, context.account) is None
