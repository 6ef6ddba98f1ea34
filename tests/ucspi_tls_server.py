#!/usr/bin/python3
"""A small UCSPI-TLS server for the tests, since Debian ships none.

It plays the program whose name it is called by (link it under that name):

  sslserver [options] HOST PORT PROGRAM...  of ucspi-ssl: listens itself; with -n the
       program asks for TLS, without it TLS comes first; -e adds the TCP
       variables, -s (without -n) the SSL variables
  s6-ucspitlsd [options] PROGRAM...  of s6-networking: one connection, on
       descriptors 0 and 1; the program asks for TLS
  s6-tlsd [options] PROGRAM...  the same, TLS first

CERTFILE and KEYFILE name the certificate and its key; CLIENTCA those whose client
certificates it takes, as sslserver with -z does: without one it goes on. Where the two differ, as
their sources have it:

  sslserver  keeps the control socket open after the environment; ends the
       program with SIGTERM when the control socket is closed without a word,
       when the handshake fails, and when the connection is over
  s6  closes the control socket after the environment; sends a bare NAME for a
       variable to be unset; sends no signal; reads the handshake from the
       client's own descriptor, which it takes for a blocking one: if the program
       made that non-blocking, it ends (s6-tlsd-io built with libtls)

UCSPI_ANSWER spoils the answer to Y: "endless" (one variable after another),
"cut" (end of file instead of the last two NULs), "late" (after 2 seconds).
"""
import fcntl
import getopt
import os
import select
import signal
import socket
import ssl
import sys
import time

OPTIONS = {'sslserver': '1346dDvVqQhHrRUXx:t:T:u:g:l:b:B:c:pPoOIEeSsw:nNzZm',
           's6-ucspitlsd': 'SsYyv:K:Zzk:', 's6-tlsd': 'SsYyv:K:Zzk:'}


def environment(name, tls):
    variables = [f'SSL_PROTOCOL={tls.version()}', f'SSL_CIPHER={tls.cipher()[0]}']
    if name == 'sslserver':
        subject = {key: value for part in (tls.getpeercert() or {}).get('subject', ()) for key, value in part}
        variables += ['SSL_SERVER_CERT=' + 1500 * 'A']
        variables += ['SSL_CLIENT_S_DN_%s=%s' % (short, subject[key])
                      for key, short in (('commonName', 'CN'), ('emailAddress', 'Email')) if key in subject]
        variables += ['SSL_CLIENT_VERIFY=' + ('SUCCESS' if subject else 'NONE')]
    else:
        variables += ['SSL_TLS_SNI_SERVERNAME', 'SSL_PEER_CERT_HASH', 'SSL_PEER_CERT_SUBJECT']
    return variables


def encoded(variables):
    return '\0'.join(variables).encode() + b'\0\0'


def send_environment(name, tls, control):
    spoil = os.environ.get('UCSPI_ANSWER')
    answer = encoded(environment(name, tls))
    if spoil == 'late':
        time.sleep(2)
    if spoil == 'endless':
        answer = 5000 * (b'SSL_X=' + 1000 * b'x' + b'\0')
    if spoil == 'cut':
        answer = answer[:-2]
    try:
        control.sendall(answer)
    except OSError:
        pass
    if name != 'sslserver' or spoil == 'cut':
        control.close()


def relay(tls, to_program, from_program):
    """Copies both ways until the program closes its end, or for two minutes of silence."""
    tls.setblocking(False)
    client = [tls]
    while True:
        ready = select.select([from_program] + client, [], [], 0 if tls.pending() else 120)[0]
        if not ready and not tls.pending():
            return
        if client:
            try:
                data = tls.recv(65536)
            except ssl.SSLWantReadError:
                data = None
            except OSError:
                data = b''
            if data == b'':
                os.close(to_program)
                client = []
            while data:
                try:
                    data = data[os.write(to_program, data):]
                except OSError:
                    return
        if from_program in ready:
            data = os.read(from_program, 65536)
            if not data:
                return
            try:
                tls.settimeout(60)
                tls.sendall(data)
                tls.setblocking(False)
            except OSError:
                return


def be_tls(name, context, network, control, to_program, from_program, program):
    """The TLS process: waits for the word, then works until the end."""
    def leave(status):
        if name == 'sslserver':
            try:
                os.kill(program, signal.SIGTERM)
            except OSError:     # gone, or of another user
                pass
        os._exit(status)

    identity = {'sslserver': 'SSL_'}.get(name, 'TLS_')
    if os.geteuid() == 0 and identity + 'UID' in os.environ:
        os.setgroups([])
        os.setgid(int(os.environ[identity + 'GID']))
        os.setuid(int(os.environ[identity + 'UID']))
    word = control.recv(1)
    if word not in (b'y', b'Y'):
        leave(100 if word else 0)
    if name != 'sslserver' and word == b'y':
        control.close()
    try:
        if name == 'sslserver':
            network.settimeout(26)
        else:
            if fcntl.fcntl(network, fcntl.F_GETFL) & os.O_NONBLOCK:
                raise OSError('unable to tls_handshake: the connection does not block')
            signal.alarm(26)
        tls = context.wrap_socket(network, server_side=True)
        signal.alarm(0)
    except OSError as error:
        print(f'{name}: {error}', file=sys.stderr, flush=True)
        leave(111)
    if word == b'Y':
        send_environment(name, tls, control)
    relay(tls, to_program, from_program)
    try:
        tls.settimeout(5)
        tls.unwrap()
    except OSError:
        pass
    tls.close()
    leave(0)


def be_program(name, network, peer, control, read_end, write_end, options, arguments):
    """Becomes the program, with the variables the protocol wants."""
    for fd in (control.fileno(), read_end, write_end):
        os.set_inheritable(fd, True)
    os.environ.update(SSLCTLFD=str(control.fileno()), SSLREADFD=str(read_end),
                      SSLWRITEFD=str(write_end))
    at_once = name == 's6-tlsd' or name == 'sslserver' and '-n' not in options
    if name == 'sslserver':
        for kind in ['SSL'] + ['TCP'] * ('-e' in options):
            os.environ['PROTO'] = kind
            for side, address in ('LOCAL', network.getsockname()), ('REMOTE', peer):
                os.environ[f'{kind}{side}IP'] = address[0]
                os.environ[f'{kind}{side}PORT'] = str(address[1])
        os.dup2(network.fileno(), 0)
        os.dup2(network.fileno(), 1)
        network.close()
    else:
        for variable in ('CADIR', 'CAFILE', 'KEYFILE', 'CERTFILE', 'TLS_UID', 'TLS_GID'):
            os.environ.pop(variable, None)
    if at_once:
        control.sendall(b'Y')
        answer = b''
        while not answer.endswith(b'\0\0'):
            data = control.recv(65536)
            if not data:
                os._exit(111)
            answer += data
        os.dup2(read_end, 0)
        os.dup2(write_end, 1)
        os.close(read_end)
        os.close(write_end)
        if name == 's6-tlsd' or '-s' in options:
            os.environ.update(v.split('=', 1) for v in answer.decode().split('\0') if '=' in v)
        if name == 's6-tlsd':
            control.close()
            for variable in ('SSLCTLFD', 'SSLREADFD', 'SSLWRITEFD'):
                del os.environ[variable]
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(arguments[0], arguments)


def serve(name, context, network, peer, options, arguments):
    """One connection: the TLS process beside the program."""
    ours, theirs = socket.socketpair()
    read_end, to_program = os.pipe()
    from_program, write_end = os.pipe()
    # In sslserver the TLS process is the parent, in s6 the child.
    pid = os.fork()
    if (pid != 0) == (name == 'sslserver'):
        theirs.close()
        os.close(read_end)
        os.close(write_end)
        be_tls(name, context, network, ours, to_program, from_program, pid)
    ours.close()
    os.close(to_program)
    os.close(from_program)
    be_program(name, network, peer, theirs, read_end, write_end, options, arguments)


def main():
    name = os.path.basename(sys.argv[0])
    options, arguments = getopt.getopt(sys.argv[1:], OPTIONS[name])
    options = dict(options)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ['CERTFILE'], os.environ['KEYFILE'])
    if 'CLIENTCA' in os.environ:
        context.load_verify_locations(os.environ['CLIENTCA'])
        context.verify_mode = ssl.CERT_OPTIONAL
    if name != 'sslserver':
        serve(name, context, socket.socket(fileno=os.dup(0)), None, options, arguments)
    host, port = arguments[:2]
    listener = socket.create_server((host if host != '0' else '', int(port)))
    null = os.open('/dev/null', os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        network, peer = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(name, context, network, peer, options, arguments[2:])
        network.close()


main()
