#!/usr/bin/env python3
"""Fails when a page names a file of this tree that is not there.

Checked: links of Markdown, and `paths/in/backticks` whose first part is a
folder of the tree.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("provider", "store", "cli", "tests", "docs", "scripts", "man",
           "openssl.cnf.d", ".ci")
LINK = re.compile(r"\]\(([^)#:]+)\)")
PATH = re.compile(r"`((?:%s)/[A-Za-z0-9_./*-]*)`"
                  % "|".join(map(re.escape, FOLDERS)))


def missing(page):
    text = page.read_text()
    for name in LINK.findall(text):
        if not (page.parent / name).exists():
            yield name
    for name in PATH.findall(text):
        if not any(any(base.glob(name.rstrip("/")))
                   for base in (ROOT, page.parent)):
            yield name


def main():
    pages = [page for page in ROOT.rglob("*.md")
             if "build" not in page.relative_to(ROOT).parts]
    faults = [f"{page.relative_to(ROOT)}: {name}: no such file"
              for page in sorted(pages) for name in missing(page)]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
