"""A real Dovecot authentication server, for the tests that relay to it."""

import base64
import contextlib
import os
import socket
import subprocess

from harness import ok, write
from mailsystem import wait_for

TOKEN_SECRET = b"a secret that only the token's issuer and Dovecot know"


CONFIGURATION = """protocols =
base_dir = %(where)s/run
state_dir = %(where)s/state
log_path = %(where)s/dovecot.log
ssl = no
auth_mechanisms = plain login scram-sha-256 cram-md5 oauthbearer xoauth2 anonymous
auth_failure_delay = 0
auth_username_chars =
auth_verbose = yes
disable_plaintext_auth = yes
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = %(where)s/oauth2.conf
}
passdb {
  driver = passwd-file
  mechanisms = plain login scram-sha-256 cram-md5
  args = %(where)s/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/
}
# No penalty for clients that fail.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener %(where)s/auth {
    mode = 0666
  }
  inet_listener {
    address = 127.0.0.1
    port = %(port)d
  }
}
"""

# The same for 2.4 and later, whose settings have other names.
CONFIGURATION_2_4 = """dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols =
base_dir = %(where)s/run
state_dir = %(where)s/state
log_path = %(where)s/dovecot.log
ssl = no
auth_mechanisms = plain login scram-sha-256 cram-md5 oauthbearer xoauth2 anonymous
auth_failure_delay = 0
auth_username_chars =
auth_username_format = %%{user}
auth_verbose = yes
auth_allow_cleartext = no
oauth2 {
  introspection_mode = local
  username_attribute = sub
}
oauth2_local_validation {
  dict fs {
    fs posix {
      prefix = %(where)s/keys/
    }
  }
}
passdb oauth2 {
  mechanisms_filter = xoauth2 oauthbearer
}
passdb passwd-file {
  mechanisms_filter = plain login scram-sha-256 cram-md5
  passwd_file_path = %(where)s/users
}
userdb static {
  fields {
    uid = 65534
    gid = 65534
    home = /
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener %(where)s/auth {
    mode = 0666
  }
  inet_listener auth {
    listen = 127.0.0.1
    port = %(port)d
  }
}
"""


def is_new():
    """Is it Dovecot 2.4 or later?"""
    said = subprocess.run(["dovecot", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return tuple(map(int, said.split(" ")[0].split(".")[:2])) >= (2, 4)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Dovecot:
    """The real one, in a directory of its own."""

    def __init__(self, where, users):
        self.where, self.port = where, free_port()
        self.socket = os.path.join(where, "auth")
        keys = os.path.join(where, "keys/default/HS256")
        os.makedirs(keys)
        write(os.path.join(keys, "default"), base64.b64encode(TOKEN_SECRET), 0o644)
        write(os.path.join(where, "users"), users, 0o644)
        write(os.path.join(where, "oauth2.conf"), "introspection_mode = local\nusername_attribute = sub\n"
              "local_validation_key_dict = fs:posix:prefix=%s/keys/\n" % where, 0o644)
        configuration = CONFIGURATION_2_4 if is_new() else CONFIGURATION
        self.configuration = write(os.path.join(where, "dovecot.conf"),
                                   configuration % {"where": where, "port": self.port}, 0o644)
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(["dovecot", "-F", "-c", self.configuration], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not wait_for(lambda: self.answers(), 60):
            ok(False, "Dovecot starts", self.log())
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        self.process.wait(30)

    def answers(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(self.socket)
            client.sendall(b"VERSION\t1\t2\nCPID\t%d\n" % os.getpid())
            return bool(client.recv(1000))
        return False

    def log(self):
        with open(os.path.join(self.where, "dovecot.log"), encoding="utf-8", errors="replace") as file:
            return file.read()
