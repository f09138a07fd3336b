"""Whether somebody may see a person's presence, and so may ask about that person.

One place for all who answer for somebody else's account (XEP-0030 section 8,
XEP-0012 section 3): what is told to those who may not is each one's own.
"""

from clarion.core.model import Person
from clarion.xmpp.context import Context


async def sees_presence(context: Context, person: Person | None) -> bool:
    """Say whether the requester gets the presence of ``person``.

    Args:
        context: The requester's.
        person: Who is asked about; ``None``: nobody, whom nobody sees.

    Raises:
        UnavailableError: That person's roster cannot be read.

    """
    if person is None or person.disabled:
        return False
    if person.address == context.account:
        return True
    book = await context.services.rosters.book(person)
    return context.account in book.watchers
