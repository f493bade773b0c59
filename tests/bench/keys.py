"""Measurements of keys in SQLite, for scripts/bench."""
import hashlib
import os
import sqlite3
import subprocess
import time

from measure import (BIN, MODULES, PASSPHRASE, failed, ms, pairs, row, run,
                     wall)

PROVIDERS = ["-provider-path", str(MODULES),
             "-provider", "default", "-provider", "keystore"]
# What a random secret of 256 bits needs: a KDF that costs nothing.
CHEAP = "scrypt:2:8:1"
COLUMNS = ("label, created, origin, spki, form, private, recipients, cert, "
           "chain, sum, spki_sha256, spki_sha1")


def backend(home, name, path, *lines):
    """One more [backend NAME] of type sqlite; its passphrase is the home's,
    unless LINES seal otherwise."""
    if not any(line.startswith(("seal", "passphrase")) for line in lines):
        lines = (f"passphrase = file:{home.source}", *lines)
    with open(home.path("pki") / "caadm.conf", "a", encoding="ascii") as conf:
        conf.write("\n".join([f"[backend {name}]", "type = sqlite",
                              f"path = {path}", *lines, ""]))


def row_sum(label, fields):
    """docs/formats.md: SHA-256 over the fields and their lengths."""
    total = hashlib.sha256()
    for field in (label.encode(), *fields):
        total.update(len(field).to_bytes(8, "big") + field)
    return total.digest()


def fill(path, size):
    """Copies the only key of the database at PATH as key-0 ... key-(SIZE-1):
    whole rows, so that every one of them loads. Only the marks for searches
    differ from what a load finds, as those of different keys do."""
    with sqlite3.connect(path) as db:
        [key] = db.execute(f"SELECT {COLUMNS} FROM key").fetchall()
        label, created, origin, spki, form, private = key[:6]
        number = lambda n: n.to_bytes(8, "big")  # noqa: E731
        fields = (number(created), origin.encode(), spki, number(form),
                  private, b"", b"", b"")
        assert row_sum(label, fields) == key[9], "docs/formats.md"
        db.execute("PRAGMA synchronous = OFF")
        indexes = db.execute("SELECT name, sql FROM sqlite_schema WHERE type ="
                             " 'index' AND sql IS NOT NULL").fetchall()
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")

        def rows():
            for i in range(size):
                name = f"key-{i}"
                yield (name, *key[1:9], row_sum(name, fields),
                       os.urandom(32), os.urandom(20))

        db.executemany(f"INSERT INTO key({COLUMNS}) VALUES"
                       "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
        for _, sql in indexes:
            db.execute(sql)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def numbers(text):
    """The numbers that a measuring program prints."""
    return [float(word) for word in text.split()]


def pkey(home, name):
    """openssl pkey of a URI or a file, with the home's passphrase."""
    return ["openssl", "pkey", *(PROVIDERS if "://" in str(name) else []),
            "-passin", f"file:{home.source}", "-noout", "-in", name]


def wall_and_peak(command, env):
    """Seconds and MiB of one process, whose output goes nowhere."""
    start = time.perf_counter()
    with subprocess.Popen([str(word) for word in command], env=env,
                          stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        failed(command, process.returncode)
    return time.perf_counter() - start, used.ru_maxrss // 1024


def bench_open(home, count, env):
    """A sealed key of a row against the same key, KDF and passphrase in a PEM
    file: whole processes, and loads in one process."""
    backend(home, "dear", "dear.db")
    backend(home, "cheap", "cheap.db", f"kdf = {CHEAP}")
    for name, kdf in (("dear", "default KDF"), ("cheap", "least KDF")):
        uri = f"keystore://{name}/www"
        pem = home.path(f"{name}.pem")
        home.caadm("key", "create", uri, "--key-type", "ec:P-256")
        with sqlite3.connect(home.path("pki") / f"{name}.db") as db:
            [[der]] = db.execute("SELECT private FROM key").fetchall()
        db.close()
        der_file = home.path("sealed.der")
        der_file.write_bytes(der)
        head = "-----{} ENCRYPTED PRIVATE KEY-----\n"
        pem.write_text(head.format("BEGIN")
                       + run(["openssl", "base64", "-in", der_file])
                       + head.format("END"), encoding="ascii")
        aim = "<= 1.10" if name == "dear" else "-"
        a, b, ratio = pairs(lambda u=uri: wall(pkey(home, u), home.env),
                            lambda p=pem: wall(pkey(home, p), home.env), count)
        row(f"load P-256, {kdf}: SQLite / openssl pkey file", ms(a), ms(b),
            ratio, aim)
        a, b, ratio = numbers(run([BIN / "bench_load", uri, pem, count,
                                   PASSPHRASE.strip()], env=env))
        row(f"  in one process, {kdf}", ms(a / 1e6), ms(b / 1e6), ratio, aim)


def bench_many(home, count, env, size):
    """A load by name with SIZE keys and with ten; listing them all."""
    for name, keys in (("few", 10), ("many", size)):
        backend(home, name, f"{name}.db", f"kdf = {CHEAP}")
        home.caadm("key", "create", f"keystore://{name}/first",
                   "--key-type", "ec:P-256")
        fill(home.path("pki") / f"{name}.db", keys)
    many, few = f"keystore://many/key-{size // 3}", "keystore://few/key-3"
    a, b, ratio = pairs(lambda: wall(pkey(home, many), home.env),
                        lambda: wall(pkey(home, few), home.env), 2 * count)
    row(f"load by name: {size} keys / 10", ms(a), ms(b), ratio, "<= 1.20")
    a, b, ratio = numbers(run([BIN / "bench_load",
                               f"@{size} keystore://many/key-%u",
                               "keystore://few/key-%u", 100 * count], env=env))
    row("  in one process, any of them", f"{a:.0f} us", f"{b:.0f} us", ratio,
        "<= 1.20")
    found = ["openssl", "storeutl", *PROVIDERS, "-noout", "-alias",
             "key-7", "keystore://many/"]
    a, b, ratio = pairs(lambda: wall(found, home.env),
                        lambda: wall([*found[:-1], "keystore://few/"],
                                     home.env), count)
    row(f"find by alias: {size} keys / 10", ms(a), ms(b), ratio, "<= 1.20")
    listing = ["openssl", "storeutl", *PROVIDERS, "-noout", "keystore://many/"]
    seconds, peak = wall_and_peak(listing, home.env)
    print(f"list {size} keys: storeutl takes {seconds:.2f} s and {peak} MiB",
          flush=True)


def bench_create(home, env, keys):
    """Keys made per second, each on disk before the next is begun."""
    home.caadm("key", "create", "keystore://default/kek", "--key-type",
               "ec:P-256")
    kinds = [("passphrase, least KDF", "bulk", [f"kdf = {CHEAP}"]),
             ("a random secret each", "random", ["passphrase = random"]),
             ("sealed to an EC key", "sealed",
              ["seal_to = keystore://default/kek"])]
    for text, name, lines in kinds:
        backend(home, name, f"{name}.db", *lines)
        a, b, ratio = numbers(run([BIN / "bench_create",
                                   f"keystore://{name}/key-%u", keys],
                                  env=env))
        row(f"make {keys} P-256 per second, {text}", f"{a:.0f}", f"{b:.0f}",
            ratio, "-")


def bench_keys(home, count):
    """Keys in SQLite."""
    quick = count < 11
    env = dict(home.env, OPENSSL_CONF=home.activate())
    bench_open(home, count, env)
    bench_many(home, count, env, 100000 if quick else 1000000)
    bench_create(home, env, 1000 if quick else 10000)
