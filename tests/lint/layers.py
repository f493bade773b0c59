#!/usr/bin/env python3
"""Fails when a source reaches over a layer's border (docs/architecture.md).

layers.py              checks the tree
layers.py --self-test  proves that each rule catches a planted fault
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("provider", "store", "hsm", "cli")

# A system or project header (its whole name), the files that may include it,
# and why no other may.
HEADERS = [
    (r"openssl/core_dispatch\.h", r"provider/",
     "provider dispatch belongs to provider/"),
    # provider/delayed_*.c stand in for libraries until a key needs them, and
    # take their declarations from them.
    (r"(.*/)?pkcs11\.h|p11-kit/.*", r"hsm/|provider/delayed_p11\.c$",
     "tokens belong to hsm/"),
    (r"libp11\.h", r"(hsm/p11|provider/delayed_p11)\.c$",
     "one file knows libp11"),
    (r"ks_(inventory|provider|soft_key)\.h", r"(?!hsm/)",
     "hsm/ may use what any backend may"),
    (r"sqlite3\.h", r"store/(sqlite|inventory)/|provider/delayed_sqlite\.c$",
     "SQL belongs to two folders of store/"),
    (r"(iniparser/)?(iniparser|dictionary)\.h", r"store/config/config[^/]*\.c$",
     "one place knows the syntax of caadm.conf"),
    (r"openssl/x509v3\.h", r"cli/|store/inventory/",
     "X.509 policy belongs to cli/ca"),
    (r"ks_backend\.h|ks_soft_key\.h", r"store/|hsm/|provider/",
     "caadm reaches keys by URI only"),
    (r"popt\.h|jansson\.h", r"cli/[^/]*$",
     "argv and JSON belong to the commands"),
]

# Words in code (comments and strings do not count), likewise.
WORDS = [
    (r"\b(v?printf|puts|putchar|perror)\s*\(|\b(stdout|stderr)\b",
     r"cli/[^/]*$", "only the commands print"),
    (r"\b(exit|_exit|_Exit|quick_exit|abort)\s*\(",
     r"cli/(main|signals)\.c$|hsm/probe\.c$",
     "only main, a second ^C and the child that tries a module out end a "
     "process"),
]

# Private headers of another layer that a file may include all the same.
PRIVATE = {
    # It tells hsm/ which library could not be loaded.
    ("provider/delayed_p11.c", "p11.h"),
}

# Layers that may include all headers of another: commands those of the CA
# library, and the provider those of store/, which seals keys for it and not
# for backends (material.h).
OPEN = {("cli", "cli/ca"), ("provider", "store")}

TOKEN = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def code(text):
    """TEXT without comments and string contents; the lines stay."""
    def blank(match):
        token = match.group()
        return '""' if token[0] == '"' else "\n" * token.count("\n")
    return TOKEN.sub(blank, text)


def layer(name):
    """The layer of a file; the CA library and the inventory are their own."""
    for own in ("cli/ca", "store/inventory"):
        if name.startswith(own + "/"):
            return own
    return name.split("/")[0]


def quoted_fault(files, name, header):
    """Why NAME may not include "HEADER"; None if it may."""
    if ".." in header.split("/"):
        return "climbs out of its folder"
    if name.rpartition("/")[0] + "/" + header in files:
        return None
    if (name, header) in PRIVATE:
        return None
    found = [f for f in files if ("/" + f).endswith("/" + header)]
    for other in found:
        if other.endswith("include/" + header):
            return None
        if layer(other) == layer(name):
            return None
        if (layer(name), layer(other)) in OPEN:
            return None
    return "private to another layer: " + found[0] if found else None


def check(files):
    """All faults of FILES (name: text), a line each."""
    for name, text in sorted(files.items()):
        for kind, header in INCLUDE.findall(text):
            for pattern, allowed, why in HEADERS:
                if re.fullmatch(pattern, header):
                    if not re.match(allowed, name):
                        yield f"{name}: {header}: {why}"
            if kind == '"':
                why = quoted_fault(files, name, header)
                if why:
                    yield f'{name}: "{header}": {why}'
        for number, line in enumerate(code(text).split("\n"), 1):
            for pattern, allowed, why in WORDS:
                if re.search(pattern, line) and not re.match(allowed, name):
                    yield f"{name}:{number}: {why}"


def tree():
    return {str(path.relative_to(ROOT)): path.read_text()
            for folder in FOLDERS
            for path in (ROOT / folder).rglob("*.[ch]")}


PLANTED = """\
store/zz.c|#include <openssl/core_dispatch.h>
cli/zz.c|#include <openssl/core_dispatch.h>
provider/zz.c|#include <libp11.h>
provider/zz.c|#include <p11-kit/pkcs11.h>
provider/zz.c|#include "p11.h"
provider/delayed_p11.c|#include "session.h"
provider/delayed_p11.c|#include <sqlite3.h>
hsm/zz.c|#include <libp11.h>
hsm/zz.c|#include "ks_inventory.h"
hsm/zz.c|#include "ks_soft_key.h"
hsm/zz.c|#include "loadkey.h"
hsm/zz.c|#include "text.h"
hsm/zz.c|#include <openssl/core_dispatch.h>
store/file/zz.c|#include <sqlite3.h>
cli/zz.c|#  include <sqlite3.h>
cli/zz.c|#include <iniparser/iniparser.h>
store/file/zz.c|#include <iniparser.h>
provider/zz.c|#include <openssl/x509v3.h>
cli/zz.c|#include "ks_backend.h"
cli/ca/zz.c|#include "ks_soft_key.h"
cli/ca/zz.c|#include <popt.h>
cli/ca/zz.c|#include <jansson.h>
store/zz.c|#include <jansson.h>
store/zz.c|#include "loadkey.h"
cli/ca/zz.c|#include "../cmd.h"
cli/ca/zz.c|#include "loadkey.h"
store/zz.c|void f(void) { printf("x"); }
provider/zz.c|void f(void) { fprintf(stderr, "x"); }
cli/ca/zz.c|void f(void) { perror("x"); }
store/zz.c|void f(void) { exit(1); }
hsm/zz.c|void f(void) { _exit(1); }
cli/ca/zz.c|void f(void) { abort(); }"""

CLEAN = r"""/* never printf( or exit( here;
 * stdin, stderr */
static const char *text = "exit(1) stderr \" printf(";
static int f(char *b) { return snprintf(b, 1, "x") + ks_abort(b); }
"""


def self_test():
    files = tree()
    missed = [plant for plant in PLANTED.split("\n")
              for name, _, line in [plant.partition("|")]
              if not any(fault.startswith(name + ":")
                         for fault in check({**files, name: line + "\n"}))]
    for plant in missed:
        print("not caught:", plant)
    refused = [*check({"store/zz.c": CLEAN})]
    for fault in refused:
        print("refused without reason:", fault)
    return 1 if missed or refused else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    faults = [*check(tree())]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
