"""Tells push services of what waits for people whose clients sleep (XEP-0357).

Nothing here delays a message: it is called when the message has gone its way,
and what push services say comes back as a stanza (``take_answer``) or not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Literal

from clarion.core.events import PoliciesChanged
from clarion.core.model import Person, PersonNumber
from clarion.core.ports import EntityId, Parcel, Router, Sessions, person_entity
from clarion.core.push import DeviceKey, Noted, PushDevices
from clarion.lib.clock import Alarm, Clock
from clarion.lib.crew import Crew
from clarion.lib.log import get_logger
from clarion.wire.xmpp.jid import parse_jid
from clarion.wire.xmpp.push import Enabling, Failure, Summary, body_of, parse_failure
from clarion.wire.xmpp.push import write_notification as written
from clarion.wire.xmpp.stanza import Stanza
from clarion.xmpp.push_decision import Occasion, What, decide

ANSWER_TIME: Final = 30.0
"""LIMIT: seconds within which a push service answers; silence counts as a transient error."""
FAILURES_LIMIT: Final = 5
"""LIMIT: transient errors in a row; after the last one the place is given up."""

Show = Literal["nothing", "sender", "text"]

log = get_logger("xmpp")


@dataclass(slots=True)
class _Course:
    """How things stand with one place.

    Attributes:
        told: Monotonic seconds when it was last told something.
        alarm: Rings when what was coalesced is told.
        failures: Transient errors in a row.

    """

    told: float | None = None
    alarm: Alarm | None = None
    failures: int = 0


@dataclass(slots=True)
class _Asked:
    """A notification that is not answered yet."""

    key: DeviceKey
    alarm: Alarm | None = field(default=None)


class Pusher:
    """Sends notifications.

    Args:
        devices: Whom to tell.
        domain: Who tells it.
        router: Reaches push services.
        sessions: Says whether a local one is there.
        clock: Times and alarms.
        crew: Keeps what was given up.
        token: Makes a fresh unguessable text.
        show: ``[push] show``.

    """

    def __init__(
        self,
        devices: PushDevices,
        domain: str,
        router: Router,
        sessions: Sessions,
        clock: Clock,
        crew: Crew,
        token: Callable[[], str],
        show: Show = "nothing",
    ) -> None:
        self.devices = devices
        self._domain = domain
        self._router = router
        self._sessions = sessions
        self._clock = clock
        self._crew = crew
        self._token = token
        self._show = show
        self._waiting: dict[PersonNumber, Summary] = {}
        self._courses: dict[DeviceKey, _Course] = {}
        self._asked: dict[str, _Asked] = {}

    def take_policies(self, event: PoliciesChanged) -> None:
        """Show what the settings say now."""
        self._show = event.config.push.show

    # -- occasions ------------------------------------------------------------------

    def tell(
        self,
        owner: PersonNumber,
        occasion: Occasion,
        sender: str = "",
        message: bytes = b"",
        count: int = 1,
    ) -> None:
        """Tell a person's places of something that waits, or note why not.

        Args:
            owner: Whose.
            occasion: What happened.
            sender: JID of the last message's sender, in a room the occupant's; ``""``: not known.
            message: The last message; empty: not known.
            count: How many messages.

        """
        devices = [one for one in self.devices.of(owner) if not one.error]
        if not devices:
            return
        if occasion.looked_at:
            self._waiting.pop(owner, None)
        elif not occasion.muted:
            self._add(owner, sender, message, count)
        now = self._clock.monotonic()
        for device in devices:
            course = self._courses.setdefault(device.key, _Course())
            verdict = decide(occasion, now, course.told)
            if verdict.what is What.SENT:
                self._send(device.key, verdict.why)
                continue
            self._note(device.key, verdict.what, verdict.why)
            if verdict.again_in and course.alarm is None:
                again = partial(self._again, device.key)
                course.alarm = self._clock.call_later(verdict.again_in, again)

    def seen(self, owner: PersonNumber) -> None:
        """Note that somebody looks at one of a person's clients: nothing waits unseen."""
        if self._waiting.pop(owner, None) is not None:
            for device in self.devices.of(owner):
                self._quiet(device.key)

    def _add(self, owner: PersonNumber, sender: str, message: bytes, count: int) -> None:
        before = self._waiting.get(owner)
        total = count if before is None else before.count + count
        shown = sender if self._show != "nothing" else ""
        body = body_of(message) if self._show == "text" and message else ""
        self._waiting[owner] = Summary(total, shown, body)

    def _again(self, key: DeviceKey) -> None:
        course = self._courses.get(key)
        if course is not None:
            course.alarm = None
        if key[0] in self._waiting:
            self._send(key, "more has come since the last one")

    def _quiet(self, key: DeviceKey) -> None:
        course = self._courses.get(key)
        if course is not None and course.alarm is not None:
            course.alarm.cancel()
            course.alarm = None

    # -- notifications -----------------------------------------------------------------

    def _send(self, key: DeviceKey, why: str) -> None:
        device, summary = self.devices.get(key), self._waiting.get(key[0])
        if device is None or device.error or summary is None:
            return
        if self._show == "nothing":
            summary = replace(summary, sender="", body="")
        self._quiet(key)
        self._courses.setdefault(key, _Course()).told = self._clock.monotonic()
        self._note(key, What.SENT, why)
        jid = parse_jid(device.service)
        if jid.domain == self._domain:
            entity = person_entity(jid.bare)
            here = self._sessions.of(jid.bare)
            if not any(one.resource == jid.resource for one in here):
                gone = Failure("service-unavailable", "it is not on line", transient=True)
                self._failed(key, gone)
                return
        else:
            entity = EntityId(f"domain:{jid.domain}")
        iq_id = self._token()
        asked = self._asked[iq_id] = _Asked(key)
        asked.alarm = self._clock.call_later(ANSWER_TIME, lambda: self._silent(iq_id))
        enabled = Enabling(device.service, device.node, device.options)
        stanza = written(self._domain, enabled, iq_id, summary)
        self._router.to_entity(entity, Parcel("iq", "set", self._domain, jid.resource, stanza))

    # -- answers ----------------------------------------------------------------------------

    def take_answer(self, sender: str, answer: Stanza) -> bool:
        """Take an iq of type result or error that came for the server; ``False``: it is no answer.

        Args:
            sender: Who sent it, as is known for sure.
            answer: The stanza.

        """
        iq_id = answer.attributes.get("id", "")
        asked = self._asked.get(iq_id)
        if asked is None or sender != asked.key[1]:
            return False
        del self._asked[iq_id]
        if asked.alarm is not None:
            asked.alarm.cancel()
        if answer.attributes.get("type") == "error":
            self._failed(asked.key, parse_failure(answer.raw))
        else:
            self._courses.setdefault(asked.key, _Course()).failures = 0
            self._note(asked.key, "answered", "the push service took it")
        return True

    def _silent(self, iq_id: str) -> None:
        asked = self._asked.pop(iq_id, None)
        if asked is not None:
            text = f"no answer within {ANSWER_TIME:.0f} s"
            self._failed(asked.key, Failure("remote-server-timeout", text, transient=True))

    def _failed(self, key: DeviceKey, failure: Failure) -> None:
        """Section "Publish Errors"."""
        course = self._courses.setdefault(key, _Course())
        course.failures += 1
        self._note(key, "error", str(failure))
        if failure.transient and course.failures < FAILURES_LIMIT:
            return
        self._quiet(key)
        self._courses.pop(key, None)
        at = self._clock.wall()
        why = str(failure) if not failure.transient else f"{failure} ({FAILURES_LIMIT} in a row)"
        self._note(key, "given up", why)
        log.info("a push service is told nothing any more", service=key[1], why=why)
        self._crew.errand(self.devices.give_up(key, why, at), name=f"giving up {key[1]}")

    def _note(self, key: DeviceKey, what: str, why: str) -> None:
        self.devices.note(key, Noted(self._clock.wall(), str(what), why))

    def person_gone(self, person: Person) -> None:
        """Forget everything of somebody who was deleted."""
        self._waiting.pop(person.number, None)
        for device in self.devices.of(person.number):
            self.forget(device.key)
        self.devices.forget(person)

    def forget(self, key: DeviceKey) -> None:
        """Forget how things stood with a place that is disabled, or enabled anew."""
        self._quiet(key)
        self._courses.pop(key, None)
