"""A client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677) and CRAM-MD5 (RFC 2195), and where the tests of logins
talk to the program."""

import base64
import functools
import hashlib
import hmac
import os
import re

from harness import Session, base64_text, same
from mailsystem import CLIENT, StandIn


class Place:
    def __init__(self, where):
        self.where = where
        self.injector = StandIn(where, "injector")

    def session(self, *options, **rest):
        session = Session(["-i", "sendmail:" + self.injector.path, *options], CLIENT, **rest)
        session.reply()
        session.offered = next((line[5:].split() for line in session.command("EHLO client.example").lines
                                if line.startswith("AUTH ")), [])
        return session


def reason(log):
    """Of the last login that failed."""
    found = re.findall(r'event=login-failed .*reason=([a-z-]+)', log)
    return found and found[-1]


@functools.lru_cache(None)
def salted_password(password, salt, iterations):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


def sign(key, message):
    return hmac.new(key, message if isinstance(message, bytes) else message.encode(), hashlib.sha256).digest()


def scram_entry(password, iterations=4096, salt=b"sixteen bytes of", spoil=None):
    """{SCRAM-SHA-256} of the password, or what `spoil` makes of its four parts."""
    salted = salted_password(password, salt, iterations)
    keys = hashlib.sha256(sign(salted, "Client Key")).digest(), sign(salted, "Server Key")
    parts = [str(iterations), *map(base64_text, (salt, *keys))]
    return "{SCRAM-SHA-256}" + ",".join(spoil(parts) if spoil else parts)


class Scram:
    """One exchange: hello() is the client's first message, hear() takes the server's, final() is the second one."""

    def __init__(self, user, password="", gs2="n,,", extensions="", nonce=None):
        self.user, self.password, self.gs2 = user, password, gs2
        self.nonce = base64_text(os.urandom(18)) if nonce is None else nonce
        self.bare = "n=%s,r=%s%s" % (user, self.nonce, extensions)
        self.first = self.verifier = None
        self.fields = {}

    def hello(self):
        return base64_text(self.gs2 + self.bare)

    def hear(self, reply):
        self.first = base64.b64decode(reply.lines[0]).decode()
        self.fields = dict(field.split("=", 1) for field in self.first.split(","))

    def without_proof(self, extensions=""):
        return "c=%s,r=%s%s" % (base64_text(self.gs2), self.fields["r"], extensions)

    def proof(self, without_proof=None):
        """Of this message, or of the right one."""
        salted = salted_password(self.password, base64.b64decode(self.fields["s"]), int(self.fields["i"]))
        said = ",".join((self.bare, self.first, without_proof or self.without_proof()))
        key = sign(salted, "Client Key")
        self.verifier = "v=" + base64_text(sign(sign(salted, "Server Key"), said))
        return base64_text(bytes(a ^ b for a, b in zip(key, sign(hashlib.sha256(key).digest(), said))))

    def final(self, extensions=""):
        message = self.without_proof(extensions)
        return base64_text(message + ",p=" + self.proof(message))

    def begin(self, session, initial=True):
        """The reply to the first message: 334, and it was heard, or another."""
        if initial:
            reply = session.command("AUTH SCRAM-SHA-256 " + self.hello())
        else:
            reply = session.command("AUTH SCRAM-SHA-256")
            same(str(reply), "334 ", "SCRAM without an initial response: an empty challenge")
            reply = session.command(self.hello())
        if reply.code == "334":
            self.hear(reply)
        return reply


def scram(session, user, password, initial=True):
    """One exchange: the last reply, and whether the server proved itself."""
    exchange = Scram(user, password)
    reply = exchange.begin(session, initial)
    if reply.code == "334":
        reply = session.command(exchange.final())
    if reply.code != "334":
        return reply, False
    return session.command(""), base64.b64decode(reply.lines[0]).decode() == exchange.verifier


def digest(password, challenge):
    return hmac.new(password.encode(), challenge, "md5").hexdigest()


def cram(session, user, password):
    """One exchange of CRAM-MD5: the last reply."""
    reply = session.command("AUTH CRAM-MD5")
    if reply.code != "334":
        return reply
    return session.command(base64_text("%s %s" % (user, digest(password, base64.b64decode(reply.lines[0])))))
