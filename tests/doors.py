"""What the tests of the front doors share: a place of their own on the network, the shipped files
with their names put in, the real servers, a real syslog socket, and what has to be true of every door.

As root a test runs in mount and network namespaces of its own: clients then have an address that is
not loopback, and syslog lines can be read. As another user it runs on 127.0.0.1, without both."""

import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time

import harness
from harness import PATIENCE, ROOT, SERVICE, TOP, comment, ok, write

USER, PASSWORD = "bob", "sesame"
ACCOUNT = SERVICE if ROOT else pwd.getpwuid(os.geteuid()).pw_name
HOSTNAME = socket.gethostname()

# The mount namespace that a test came from when it was started again in one of its own.
_OUTSIDE, _HERE = "OFMIPD_TEST_OUTSIDE", os.readlink("/proc/self/ns/mnt")
PRIVATE = os.environ.get(_OUTSIDE, _HERE) != _HERE
# Every address of 127/8 is this machine's: a client can have one of its own without any rights.
SERVER, CLIENT = ("192.0.2.1", "192.0.2.2") if PRIVATE else ("127.0.0.1", "127.0.0.2")


# A place of our own ------------------------------------------------------------------------------

def enter(*packages):
    """First statement of a test. Starts it again in namespaces of its own, where that is allowed;
    the packages are fetched before, since there is no way to the network from there."""
    if PRIVATE:
        _furnish()
        return
    for package in packages:
        fetched(package)
    if not ROOT:
        return
    unshare = ["unshare", "--mount", "--net"]
    if subprocess.run(unshare + ["true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.environ[_OUTSIDE] = _HERE
        os.execvp(unshare[0], unshare + [sys.executable] + sys.argv)
    comment("no namespaces here: loopback clients only, and no syslog")


def _furnish():
    """An lo with two addresses more, and a /dev in which /dev/log is ours."""
    def run(*command):
        subprocess.run(command, check=True)
    run("ip", "link", "set", "lo", "up")
    for address in (SERVER, CLIENT):
        run("ip", "address", "add", address + "/24", "dev", "lo")
    with harness.directory() as new:
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", new)
        for name in ("null", "zero", "full", "random", "urandom", "tty"):
            write(os.path.join(new, name), "")
            run("mount", "--bind", "/dev/" + name, os.path.join(new, name))
        os.mkdir(os.path.join(new, "shm"), 0o1777)
        os.symlink("/proc/self/fd", os.path.join(new, "fd"))
        run("mount", "--move", new, "/dev")


class Syslog:
    """The socket that syslog(3) writes to, and the lines that came. None of it outside namespaces."""

    def __init__(self):
        self._lines = []
        if PRIVATE:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.bind("/dev/log")
            os.chmod("/dev/log", 0o666)
            threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        while True:
            self._lines.append(self._socket.recv(65536).decode("latin-1"))

    def __call__(self):
        return list(self._lines) if PRIVATE else None


def log_file(path):
    """The lines of a file, as often as it is asked."""
    def lines():
        with contextlib.suppress(FileNotFoundError), open(path, encoding="latin-1") as file:
            return file.read().splitlines()
        return []
    return lines


# Files -------------------------------------------------------------------------------------------

class Place:
    """A directory with a certificate for SERVER, a password file, a Maildir, and the shipped files."""

    def __init__(self, path):
        self.path = path
        self.certificate, self.key = self / "cert.pem", self / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + SERVER,
                        "-addext", "subjectAltName=IP:%s,IP:127.0.0.1" % SERVER,
                        "-keyout", self.key, "-out", self.certificate],
                       check=True, stderr=subprocess.DEVNULL)
        self.passwords = write(self / "passwd", "%s:{PLAIN}%s\n" % (USER, PASSWORD))
        self.maildir = self / "Maildir"
        for directory in (self.maildir, *(os.path.join(self.maildir, name)
                                          for name in ("tmp", "new", "cur"))):
            os.mkdir(directory, 0o700)
            if ROOT:
                shutil.chown(directory, ACCOUNT)
        # The paths and names that the shipped files have, and what they are here.
        self.names = {
            "/usr/local/sbin/ofmipd-session": harness.PROGRAM,
            "-a /etc/ofmipd/passwd": "-a %s -i maildir:%s%s" % (
                self.passwords, self.maildir, " -u " + SERVICE if ROOT else ""),
            "/etc/ofmipd/cert.pem": self.certificate,
            "/etc/ofmipd/key.pem": self.key,
        }

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def ship(self, name, to, changes=(), mode=0o755):
        """Copies a shipped file, with the names of this place and `changes` put in: nothing else
        may need editing. Comments stay as they are. Every change must have been one."""
        with open(os.path.join(TOP, name), encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)
        changes = dict(changes)
        unused = set(changes)
        for old, new in {**self.names, **changes}.items():
            for number, line in enumerate(lines):
                if old in line and not re.match(r"\s*[#;]( |$)", line):
                    lines[number] = line.replace(old, new)
                    unused.discard(old)
        if unused:
            raise ValueError("%s has no %s" % (name, ", ".join(sorted(unused))))
        return write(self / to, "".join(lines), mode)

    def messages(self):
        """What was delivered, by the names of the files. They are in no order: a name has the number of a process."""
        found = {}
        for path in glob.glob(os.path.join(self.maildir, "new", "*")):
            with open(path, "rb") as file:
                found[path] = file.read()
        return found


def fetched(package, program=""):
    """A program of a Debian package that is unpacked, not installed."""
    run = subprocess.run([os.path.join(TOP, "tests/fetch"), package], check=True,
                         stdout=subprocess.PIPE, text=True, timeout=600)
    return os.path.join(run.stdout.strip(), program)


# Servers -----------------------------------------------------------------------------------------

def free_port(address=SERVER):
    with socket.create_server((address, 0)) as listener:
        return listener.getsockname()[1]


def listens(port):
    """Whether somebody does, found without connecting: that would be a session of its own."""
    for table in "/proc/net/tcp", "/proc/net/tcp6":
        with contextlib.suppress(FileNotFoundError), open(table, encoding="ascii") as file:
            for fields in map(str.split, file):
                if fields[1].endswith(":%04X" % port) and fields[3] == "0A":
                    return True
    return False


def until(condition, patience=PATIENCE):
    """Waits for a condition to hold; returns what it was last."""
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@contextlib.contextmanager
def server(command, log, *ports):
    """A server in the foreground, from when it listens on the ports until the block ends."""
    with open(log, "ab") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                   preexec_fn=_bounded)
    try:
        for port in ports:
            until(lambda p=port: listens(p) or process.poll() is not None)
            if not listens(port):
                raise RuntimeError("%s does not listen on %d: %s" % (
                    command[0], port, log_file(log)()))
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _bounded():
    """In a server before it starts: it does not outlive the test (PR_SET_PDEATHSIG)."""
    harness.ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


# Clients -----------------------------------------------------------------------------------------

class Door:
    """How clients come in: tls is None, "starttls" or "implicit"; log returns the lines of the log,
    or None where they cannot be read."""

    def __init__(self, place, port, tls, log, server=SERVER, client=CLIENT):
        self.place, self.port, self.tls, self.log = place, port, tls, log
        self.server, self.client = server, client

    def context(self):
        return ssl.create_default_context(cafile=self.place.certificate)

    def connect(self, tls=True):
        """A client that has been greeted; with its TLS, unless that is unwanted."""
        arguments = {"host": self.server, "port": self.port, "local_hostname": "client.example",
                     "timeout": PATIENCE, "source_address": (self.client, 0)}
        if self.tls == "implicit":
            return smtplib.SMTP_SSL(context=self.context(), **arguments)
        client = smtplib.SMTP(**arguments)
        if self.tls == "starttls" and tls:
            client.ehlo()
            client.starttls(context=self.context())
        return client

    def raw(self):
        return socket.create_connection((self.server, self.port), PATIENCE, (self.client, 0))

    def swaks(self, *options):
        tls = {None: [], "starttls": ["--tls"], "implicit": ["--tls-on-connect"]}[self.tls]
        if tls:
            tls += ["--tls-verify", "--tls-ca-path", self.place.certificate]
        return subprocess.run(
            ["swaks", "--server", self.server, "--port", str(self.port), "--timeout", "20",
             "--local-interface", self.client, "--helo", "client.example", *tls,
             "--auth", "PLAIN", "--auth-user", USER, "--auth-password", PASSWORD, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=2 * PATIENCE, env={**os.environ, "HOME": self.place.path})

    def events(self, identifier=None):
        """The events in the log (of one session): each a dictionary of its keys, with `line`."""
        found = []
        for line in self.log() or ():
            match = re.search(r"\bid=(\S+) client=(\S+) event=(\S+)", line)
            if match and identifier in (None, match.group(1)):
                keys = dict(re.findall(r'(\S+?)=("(?:[^"\\]|\\.)*"|\S*)', line))
                found.append({**{key: value.strip('"') for key, value in keys.items()},
                              "line": line})
        return found


def rest(client):
    """All that comes until the server closes."""
    seen = b""
    with contextlib.suppress(ConnectionResetError):
        while data := client.recv(65536):
            seen += data
    return seen


def text(code_and_bytes):
    return "%d %s" % (code_and_bytes[0], code_and_bytes[1].decode("latin-1"))


def check(door, title, address, protocol, source, tls):
    """What has to be true of every door: AUTH, a mail from each of two clients, where it came from
    in header and log, and a wrong password. `address` is the client's as the session should know it."""
    place = door.place
    events = len(door.events())

    if door.tls == "starttls":
        with door.connect(tls=False) as client:
            client.ehlo()
            ok(client.has_extn("starttls") and not client.has_extn("auth"),
               title + ": before TLS STARTTLS is offered and AUTH is not", client.esmtp_features)
    with door.connect() as client:
        client.ehlo()
        mechanisms = client.esmtp_features.get("auth", "").split()
        ok({"PLAIN", "LOGIN"} <= set(mechanisms) and not client.has_extn("starttls"),
           title + ": AUTH is offered, STARTTLS is not", client.esmtp_features, *door.log() or ())
        try:
            client.login(USER, "not " + PASSWORD)
            refusal = "235"
        except smtplib.SMTPAuthenticationError as error:
            refusal = text((error.smtp_code, error.smtp_error))
        ok(refusal.startswith("535 5.7.8 "), title + ": a wrong password is refused with 535", refusal)
        ok(client.docmd("MAIL FROM:<%s@example.org>" % USER)[0] == 530,
           title + ": and does not let a mail in")

    before = place.messages()
    run = door.swaks("--from", "swaks@example.org", "--to", "alice@example.net",
                     "--header", "Subject: by swaks", "--body", "a body\\n.\\nwith a dot\\n")
    ok(run.returncode == 0, title + ": swaks sends a mail", run.stdout)
    with door.connect() as client:
        client.login(USER, PASSWORD)
        refused = client.sendmail("smtplib@example.org", ["alice@example.net", "carol@example.net"],
                                  "Subject: by smtplib\r\n\r\nanother body\r\n")
        ok(not refused, title + ": smtplib sends a mail", refused)
    delivered = [message for path, message in place.messages().items() if path not in before]
    ok(len(delivered) == 2, title + ": both are in the Maildir", len(delivered))
    for client, body in (("swaks", b"\n\na body\n.\nwith a dot\n"), ("smtplib", b"\n\nanother body\n")):
        message = next((m for m in delivered if b"\nSubject: by " + client.encode() in m), b"")
        # The envelope that maildir: puts on top, then Received.
        received = re.search(rb"^Received: [^\n]*\n(?:[ \t][^\n]*\n)*", message, re.M)
        received = " ".join(received.group(0).decode("latin-1").split()) if received else ""
        ok(message.rstrip(b"\n").endswith(body.rstrip(b"\n")), title + ": %s: whole" % client, message)
        ok("[%s]" % address in received and re.search(r"\bwith %s\b" % protocol, received),
           title + ": %s: Received has [%s] and with %s" % (client, address, protocol), received)
        identifier = re.search(r"\bid (\S+?);?(?: |$)", received)
        _check_log(door, title + ": " + client, identifier and identifier.group(1).rstrip(";"),
                   client + "@example.org", address, source, tls)
    if door.log() is not None:
        failed = [e for e in door.events()[events:] if e["event"] == "login-failed"]
        # smtplib tries PLAIN, then LOGIN: the second is known to be wrong already.
        ok(failed and failed[0].get("reason") == "wrong-password" and
           all(_from(e, address) and e.get("user") == USER and
               e.get("reason") in ("wrong-password", "tried-before") for e in failed),
           title + ": the log has the wrong password, and whose it was", *door.log())
    quiet = [line for line in door.log() or () if PASSWORD in line]
    ok(not quiet, title + ": no password in the log", *quiet)


def _from(event, address):
    return re.fullmatch(re.escape(address) + r":\d+|" + re.escape(address), event["client"])


def _check_log(door, title, identifier, sender, address, source, tls):
    if door.log() is None:
        return
    until(lambda: any(e["event"] == "end" for e in door.events(identifier)))
    events = {e["event"]: e for e in door.events(identifier)}
    login, accepted, end = (events.get(name) for name in ("login", "accepted", "end"))
    ok(login and _from(login, address) and login.get("user") == USER,
       title + ": login in the log", *door.log())
    ok(accepted and sender in accepted.get("from", "") and _from(accepted, address),
       title + ": accepted in the log", *door.log())
    ok(end and end.get("source") == source and end.get("tls") == tls,
       title + ": the log says source=%s tls=%s" % (source, tls), end and end["line"], *door.log())
