"""Smack's own integration tests against Clarion, and the list of those that must pass.

Smack (Java, Ignite Realtime) ships its tests in a jar; Maven fetches it. They
connect to port 5222 of the server's address, and Smack has no setting for the
port, so the server gets a loopback address of its own. Their accounts are
made and deleted by an administrator over XEP-0133.

The tests run in shards, a Java process each with a time limit: one that
throws what its runner does not expect ends the process, and one that waits for
ever would block the rest. The order of tests is Smack's, and random.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from verdict import Skipped, Verdict

from house.premises import DOMAIN, address, premises

HERE: Final = Path(__file__).resolve().parent
LIST: Final = HERE / "smack.txt"
WORK: Final = HERE.parent.parent / "var" / "interop" / "smack"
"""Jars and logs; ignored by git, removed by `make clean`."""
PORT: Final = 5222
ADDRESSES: Final = [f"127.0.{number}.1" for number in range(60, 80)]
"""Loopback addresses that are tried; side by side runs take different ones."""
ADMIN: Final = "admin"
HOSTS: Final = "hosts"
TRUST: Final = "trust.p12"
TRUST_PASSWORD: Final = "no-secret"
"""Java wants one; certificates of authorities are public."""
SHARDS: Final = 3
"""Processes for the classes on the list; everything else is one more."""
SHARD_LIMIT: Final = 120.0
"""Seconds for a shard; it usually takes 10 to 30."""
FETCH_LIMIT: Final = 600.0
"""Seconds for Maven to fetch some 70 jars (23 MB)."""
REPLY_LIMIT: Final = 8
"""Seconds that Smack waits for an answer; generous, the machine may be busy."""
RESTARTS: Final = 4
"""How often a shard goes on without a test that ended its process."""
LINE: Final = re.compile(
    r"^(?:INFO|SEVERE|WARNING): (\w+\.\w+) \(([^)\n]*)\) (Start|Success|Failed|.*impossible.*)$",
    re.MULTILINE,
)
CANNOT: Final = re.compile(r"Could not run (?:\w+\.)*(\w+) because: (.*)")
RACES: Final = frozenset(
    {
        "MultiUserChatOccupantIntegrationTest.mucMaxUsersLimitJoinRoomTest",
        "MultiUserChatRolesAffiliationsPrivilegesIntegrationTest.mucPresenceTestForWitnessingKick",
    }
)
"""Tests in which two threads of Smack race, whatever the server does (docs/interop.md says how)."""
RACE_RUNS: Final = 4
"""How often such a test is run again until it passes once; all else passes at the first time."""
ENDED: Final = re.compile(
    r"^INFO: SmackIntegrationTestFramework ?\[\w+\] finished: |No integration tests selected",
    re.MULTILINE,
)
"""The end of a run; the second is what it says when the server offers nothing that is left."""
CAUSE: Final = re.compile(r"^SEVERE: (\w+\.\w+) \([^)\n]*\) failed: (.*)$", re.MULTILINE)


@dataclass
class Outcome:
    """What is known of all tests.

    Attributes:
        tests: Name of each test ("Class.method (kind)") and how it ended.
        causes: Why a test failed, or a class could not be run.
        shards: A line for each process.
        faults: What is wrong with the server itself.

    """

    tests: dict[str, str] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)
    shards: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def judge(only: str = "") -> Verdict:
    """Run the tests and compare them with the list.

    Args:
        only: Leave out all classes without this in their name.

    Raises:
        Skipped: Java, Maven or the jars are not to be had.

    """
    classpath = _jars()
    must = {
        line.strip()
        for line in LIST.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#") and only in line.partition(".")[0]
    }
    outcome = Outcome()
    logs = WORK / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    listed = sorted({name.partition(".")[0] for name in must})
    for number, classes in enumerate(_deal(listed, SHARDS), 1):
        _shard(outcome, classpath, logs, f"listed-{number}", {"enabledTests": classes})
    if not only:
        _shard(outcome, classpath, logs, "others", {"disabledTests": listed})
    _race(outcome, classpath, logs, must)
    return _compare(outcome, must, logs)


def _race(outcome: Outcome, classpath: str, logs: Path, must: set[str]) -> None:
    """Run tests again in which Smack races with itself, and lost."""
    for run in range(RACE_RUNS):
        lost = [
            name.partition(" ")[0]
            for name in sorted(must)
            if name.partition(" ")[0] in RACES and outcome.tests.get(name) == "failed"
        ]
        if lost:
            _shard(outcome, classpath, logs, f"races-{run + 1}", {"enabledTests": lost})


def _compare(outcome: Outcome, must: set[str], logs: Path) -> Verdict:
    missing = sorted(name for name in must if outcome.tests.get(name) != "passed")
    lines = list(outcome.faults)
    for name in missing:
        kind = outcome.tests.get(name, "not run")
        short = name.partition(" ")[0]
        cause = outcome.causes.get(short) or outcome.causes.get(name.partition(".")[0], "")
        lines.append(f"{kind}: {name}{': ' if cause else ''}{cause[:200]}")
    rest = {name: kind for name, kind in outcome.tests.items() if name not in must}
    for name in sorted(name for name, kind in rest.items() if kind != "passed"):
        cause = outcome.causes.get(name.partition(" ")[0], "")
        lines.append(f"not on the list, {rest[name]}: {name}{': ' if cause else ''}{cause[:160]}")
    more = sorted(name for name, kind in rest.items() if kind == "passed")
    if more:
        lines.append(f"passed, and not on the list yet: {', '.join(more)}")
    counts = Counter(rest.values())
    besides = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "none"
    lines.append(
        f"on the list {len(must) - len(missing)} of {len(must)} passed; besides {besides}; "
        f"logs in {os.path.relpath(logs)}"
    )
    return Verdict(bool(must) and not missing and not outcome.faults, lines)


def _deal(names: Sequence[str], hands: int) -> list[list[str]]:
    return [dealt for hand in range(hands) if (dealt := list(names[hand::hands]))]


# -- what is needed ---------------------------------------------------------------------------


def _jars() -> str:
    """Return the class path; Maven fetches what is not there yet."""
    missing = [program for program in ("java", "keytool", "mvn") if shutil.which(program) is None]
    if missing:
        raise Skipped(f"{' and '.join(missing)} not installed; Smack's tests need Java and Maven")
    library = WORK / "lib"
    done = WORK / "pom.xml"  # the description that the jars belong to
    pom = (HERE / "pom.xml").read_text(encoding="utf-8")
    if not (done.exists() and done.read_text(encoding="utf-8") == pom):
        shutil.rmtree(library, ignore_errors=True)
        library.mkdir(parents=True)
        print("  fetching Smack's tests with Maven ...", flush=True)
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml")]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={library}"]
        try:
            fetched = subprocess.run(
                command, capture_output=True, text=True, timeout=FETCH_LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            raise Skipped(f"Maven did not fetch the jars within {FETCH_LIMIT:.0f} s") from None
        if fetched.returncode:
            said = (fetched.stdout + fetched.stderr).strip().splitlines() or ["no reason given"]
            raise Skipped(f"Maven could not fetch the jars: {said[0][:300]}")
        done.write_text(pom, encoding="utf-8")
    return f"{library}/*"


def _free_address() -> str:
    for host in ADDRESSES:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, PORT))
            except OSError:
                continue
            return host
    raise Skipped(f"port {PORT} is taken on {ADDRESSES[0]} to {ADDRESSES[-1]}")


@contextmanager
def _server(outcome: Outcome, folder: Path) -> Iterator[str]:
    """A server with one administrator, on a loopback address of its own; its log is judged."""
    host = _free_address()
    with premises() as house:
        house.secrets.clear()  # its password is its name, which the log may well hold
        listeners = f'listen = []\nlisten_tls = []\nlisten_plain = ["{host}:{PORT}"]'
        house.furnish(
            xmpp=listeners,
            level="info",
            more=f'[web]\nlisten = ["{host}:0"]\nlisten_plain = []\n[files]\n',
        )
        house.start()
        _introduce(host, house.ca, folder)
        house.ask("person.add", address=address(ADMIN), password=ADMIN, admin=True)
        try:
            yield host
        finally:
            try:
                if code := house.stop():
                    outcome.faults.append(f"{folder.name}: the server ended with {code}")
            except AssertionError as fault:
                first = str(fault).splitlines()[0]
                outcome.faults.append(f"{folder.name}: the server's log has a fault: {first[:300]}")
            finally:
                log = folder / "server.log"
                log.write_text("\n".join(house.lines), encoding="utf-8")


def _introduce(host: str, authority: Path, folder: Path) -> None:
    """Write what Java needs to find the server by its name, and to trust it: uploads use HTTPS."""
    names = f"{host} {DOMAIN}\n127.0.0.1 localhost {socket.gethostname()}\n"
    (folder / HOSTS).write_text(names, encoding="ascii")
    command = ["keytool", "-importcert", "-noprompt", "-alias", "house", "-file", str(authority)]
    command += ["-storetype", "PKCS12", "-storepass", TRUST_PASSWORD]
    command += ["-keystore", str(folder / TRUST)]
    subprocess.run(command, capture_output=True, timeout=REPLY_LIMIT * 4, check=True)


# -- one shard --------------------------------------------------------------------------------


def _shard(
    outcome: Outcome, classpath: str, logs: Path, name: str, choice: Mapping[str, list[str]]
) -> None:
    """Run some classes, going on without a test that ends or hangs the process."""
    enabled, disabled = choice.get("enabledTests"), set(choice.get("disabledTests", ()))
    hung_before = False
    for attempt in range(RESTARTS):
        chosen = [one for one in enabled or () if one.partition(".")[0] not in disabled]
        if enabled is not None and not chosen:
            return
        folder = logs / f"{name}-{attempt}"
        folder.mkdir(parents=True)
        properties = {"enabledTests": ",".join(chosen), "disabledTests": ",".join(sorted(disabled))}
        began = time.monotonic()
        with _server(outcome, folder) as host:
            hung = _java(classpath, host, folder, {k: v for k, v in properties.items() if v})
        text = (folder / "console.txt").read_text(encoding="utf-8", errors="replace")
        tests, unfinished = results(text)
        outcome.tests.update(tests)
        outcome.causes.update(CAUSE.findall(text))
        outcome.causes.update(CANNOT.findall(text))
        finished = ENDED.search(text) is not None and not hung
        word = "hung" if hung else "finished" if finished else "ended early"
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(Counter(tests.values()).items()))
        line = f"shard {name}: {word} after {time.monotonic() - began:.0f} s: {kinds or 'no test'}"
        outcome.shards.append(line)
        print(f"  {line}", flush=True)
        if finished or not (tests or unfinished or hung):
            return
        if hung and not hung_before:
            hung_before = True
            continue  # tried once more, as it is
        if unfinished:
            outcome.tests[unfinished] = "hung" if hung else "ended the process"
            disabled.add(unfinished.partition(" ")[0].partition(".")[0])
        disabled |= _done(text)


def results(text: str) -> tuple[dict[str, str], str]:
    """Read Smack's console: each test that ended and how, and the one that did not end."""
    tests: dict[str, str] = {}
    running = ""
    for match in LINE.finditer(text):
        name = f"{match[1]} ({match[2]})"
        if match[3] == "Start":
            running = name
            continue
        tests[name] = {"Success": "passed", "Failed": "failed"}.get(match[3], "impossible")
        running = ""
    return tests, running


def _done(text: str) -> set[str]:
    """Return the classes whose tests are all over: each but the last that began."""
    began = list(dict.fromkeys(match[1].partition(".")[0] for match in LINE.finditer(text)))
    return set(began[:-1])


def _java(classpath: str, host: str, folder: Path, properties: Mapping[str, str]) -> bool:
    """Run Smack's framework; returns whether it had to be killed."""
    settings = {
        "service": DOMAIN,
        "host": host,
        "securityMode": "disabled",
        "replyTimeout": str(REPLY_LIMIT * 1000),
        "adminAccountUsername": ADMIN,
        "adminAccountPassword": ADMIN,
        "enabledConnections": "tcp",
        "dnsResolver": "javax",
        "testPackages": "org.jivesoftware,org.igniterealtime",
        **properties,
    }
    command = ["java", "-Xmx512m", f"-Djdk.net.hosts.file={folder / HOSTS}"]
    command += [f"-Djavax.net.ssl.trustStore={folder / TRUST}"]
    command += [f"-Djavax.net.ssl.trustStorePassword={TRUST_PASSWORD}"]
    command += [f"-Dsinttest.{key}={text}" for key, text in settings.items()]
    command += ["-cp", classpath, "org.igniterealtime.smack.inttest.SmackIntegrationTestFramework"]
    with (folder / "console.txt").open("wb") as console:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
        try:
            process.wait(SHARD_LIMIT)
        except subprocess.TimeoutExpired:
            return True
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return False
