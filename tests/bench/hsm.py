"""Keys on a token (SoftHSM), for scripts/bench: the provider beside a bare
Cryptoki program and libp11's engine, all three in turns."""
import os
import statistics
import subprocess
import sys

from measure import BIN, ms, ratio, row, run, turns, wall_bare

MODULE = os.environ.get("BENCH_MODULE", "/usr/lib/softhsm/libsofthsm2.so")
TOKEN = "bench"
PIN = "123456"
KEYS = {"ec": "P-256", "rsa": "RSA-2048"}
WAYS = {"sign": "EVP_PKEY_sign", "digest": "EVP_DigestSign"}


class Token:
    """A fresh token with N key pairs, and how each program gets at it."""

    def __init__(self, home, pairs):
        folder = home.path(f"token-{pairs}")
        (folder / "tokens").mkdir(parents=True)
        config = folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {folder}/tokens\n"
                          "objectstore.backend = file\nlog.level = ERROR\n",
                          encoding="ascii")
        pin = folder / "pin"
        pin.write_text(PIN + "\n", encoding="ascii")
        pin.chmod(0o600)
        caadm_conf = folder / "caadm.conf"
        caadm_conf.write_text(
            f"[backend hsm]\ntype = pkcs11\nmodule = {MODULE}\n"
            f"token = {TOKEN}\nuser_pin = file:{pin}\n", encoding="ascii")
        caadm_conf.chmod(0o600)
        self.bare = dict(home.env, SOFTHSM2_CONF=str(config),
                         BENCH_MODULE=MODULE, BENCH_TOKEN=TOKEN,
                         BENCH_PIN=PIN)
        self.bare.pop("OPENSSL_CONF", None)
        run([BIN / "bench_token", pairs], env=self.bare)
        # By a configured backend, and by pkcs11: with no caadm.conf at all.
        self.keystore = dict(
            self.bare, CAADM_CONFIG=str(caadm_conf),
            OPENSSL_CONF=home.activate(f"token-{pairs}/keystore.cnf"))
        self.pkcs11 = dict(
            self.bare, OPENSSL_CONF=home.activate(
                f"token-{pairs}/pkcs11.cnf",
                f"pkcs11-module-path = {MODULE}\n"))
        self.pkcs11.pop("CAADM_HOME", None)
        self.pin_source = f"pin-source=file:{pin}"

    def uri(self, key):
        """A pkcs11: URI that needs no configuration."""
        return f"pkcs11:token={TOKEN};object={key}?{self.pin_source}"


class Client:
    """A running program that signs when it is told to."""

    def __init__(self, name, key, way, what, env):
        self.words = [BIN / f"bench_hsm_{name}", "serve", key, way, what]
        self.process = subprocess.Popen(self.words, env=env, text=True,
                                        stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        # SoftHSM overlooks a token that another process has just begun to
        # use: one after the other.
        self.rate(1, 1)

    def rate(self, threads, milliseconds):
        """Signatures per second of THREADS together."""
        self.process.stdin.write(f"{threads} {milliseconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"scripts/bench: {self.words[0].name} ended: "
                     f"{self.process.wait()}")
        return float(line)

    def close(self):
        """Ends it."""
        self.process.stdin.close()
        if self.process.wait() != 0:
            sys.exit(f"scripts/bench: {self.words[0].name}: "
                     f"{self.process.returncode}")


def rates(token, key, way, count):
    """Two lines for each number of threads: against bare, against engine."""
    clients = [Client("provider", key, way, f"keystore://hsm/{key}",
                      token.keystore),
               Client("bare", key, way, key, token.bare),
               Client("engine", key, way, key, token.bare)]
    for threads in (1, 2):
        ours, bare, engine = turns(
            [lambda c=c, n=threads: c.rate(n, 100) for c in clients], count)
        text = "1 thread" if threads == 1 else f"{threads} threads"
        name = f"{WAYS[way]} {KEYS[key]}, {text}: URI /"
        middle = statistics.median(ours)
        row(f"{name} bare C_Sign", f"{middle:.0f}/s",
            f"{statistics.median(bare):.0f}/s", ratio(ours, bare), ">= 0.97")
        row(f"{name} engine", f"{middle:.0f}/s",
            f"{statistics.median(engine):.0f}/s", ratio(ours, engine),
            ">= 1.00")
    for client in clients:
        client.close()


def bench_hsm(home, count):
    """Signatures per second with keys on one token."""
    token = Token(home, 2)
    for key in KEYS:
        for way in WAYS:
            rates(token, key, way, max(count, 31) if count > 5 else count)


def bench_start(home, count):
    """Whole processes that find the key "ec", sign once and end."""
    for pairs in (1, 200):
        token = Token(home, pairs)

        def once(name, what, env):
            command = [BIN / f"bench_hsm_{name}", "once", "ec", "digest", what]
            return lambda: wall_bare(command, env)

        backend, uri, bare, engine = turns([
            once("provider", "keystore://hsm/ec", token.keystore),
            once("provider", token.uri("ec"), token.pkcs11),
            once("bare", "ec", token.bare),
            once("engine", "ec", token.bare)], 3 * count)
        of = "1 key pair" if pairs == 1 else f"{pairs} key pairs"
        for name, ours in (("keystore:", backend), ("pkcs11:", uri)):
            for other, theirs, aim in (("bare", bare, "<= 1.30"),
                                       ("engine", engine, "-")):
                row(f"start and sign once, {of}: {name} / {other}",
                    ms(statistics.median(ours)),
                    ms(statistics.median(theirs)), ratio(ours, theirs), aim)
