"""Running programs, timing them in turns, printing lines: for scripts/bench."""
import os
import pathlib
import statistics
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = TOP / "build" / "bench"
BIN = BUILD / "bin"
MODULES = BUILD / "modules"
CAADM = BIN / "caadm"
PASSPHRASE = "bench passphrase\n"


def build():
    """Configures and builds the release and the C measuring programs."""
    run(["cmake", "-S", TOP, "-B", BUILD, "-DCMAKE_BUILD_TYPE=Release"])
    run(["cmake", "--build", BUILD, "-j", str(os.cpu_count()),
         "--target", "caadm", "keystore", "bench"])


def failed(command, code, text=""):
    """Ends the run because a command did."""
    sys.exit(f"scripts/bench: failed ({code}): "
             f"{' '.join(str(word) for word in command)}\n{text}")


def run(command, **options):
    """Runs a command that must succeed; returns its standard output."""
    done = subprocess.run([str(word) for word in command], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        failed(command, done.returncode, done.stdout + done.stderr)
    return done.stdout


def wall(command, env):
    """Seconds from start to end of one whole process."""
    start = time.perf_counter()
    run(command, env=env)
    return time.perf_counter() - start


def wall_bare(command, env):
    """The same for milliseconds: with nothing but a spawn and a wait."""
    words = [str(word) for word in command]
    start = time.perf_counter()
    pid = os.posix_spawn(words[0], words, env)
    _, status = os.waitpid(pid, 0)
    taken = time.perf_counter() - start
    if status != 0:
        failed(words, os.waitstatus_to_exitcode(status))
    return taken


def turns(functions, count):
    """Calls all functions in turns, COUNT times; a list of results for each.
    Who begins changes, so that nobody always follows the same one."""
    for function in functions:
        function()
    results = [[] for _ in functions]
    for i in range(count):
        for j in range(len(functions)):
            k = (i + j) % len(functions)
            results[k].append(functions[k]())
    return results


def ratio(ours, theirs):
    """The median of the pairwise ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def pairs(ours, theirs, count):
    """Times two functions in turns; medians and median ratio ours/theirs."""
    a, b = turns([ours, theirs], count)
    return statistics.median(a), statistics.median(b), ratio(a, b)


def head():
    """Prints the line above the table."""
    print(f"{'':<54} {'ours':>9} {'theirs':>9} {'ratio':>7}   aim", flush=True)


def row(name, ours, theirs, value, aim):
    """Prints one line of the table."""
    print(f"{name:<54} {ours:>9} {theirs:>9} {value:>7.2f}   {aim}",
          flush=True)


def ms(seconds):
    """Seconds as a text in milliseconds."""
    return f"{seconds * 1000:.1f} ms"


class Home:
    """A CAADM_HOME of its own with one passphrase for everything."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.source = self.folder / "pw.txt"
        self.source.write_text(PASSPHRASE, encoding="ascii")
        self.env = dict(os.environ, CAADM_HOME=str(self.folder / "pki"),
                        OPENSSL_MODULES=str(MODULES))
        self.env.pop("CAADM_CONFIG", None)
        self.caadm("init", "--passphrase", f"file:{self.source}")

    def caadm(self, *words):
        """Runs caadm in this home."""
        return run([CAADM, *words], env=self.env)

    def path(self, name):
        """A file of this measurement."""
        return self.folder / name

    def activate(self, name="openssl.cnf", lines=""):
        """An openssl.cnf that activates the provider; LINES go into its
        section."""
        config = self.path(name)
        config.write_text("openssl_conf = init\n[init]\nproviders = list\n"
                          "[list]\ndefault = plain\nkeystore = ours\n"
                          "[plain]\nactivate = 1\n"
                          f"[ours]\nactivate = 1\n{lines}",
                          encoding="ascii")
        return str(config)
