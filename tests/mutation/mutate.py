#!/usr/bin/python3
"""Changes the core in one small way after another and requires that a test notices.

    mutate.py                               every mutant of core/*.c; takes hours
    mutate.py --sample 20 --seed 1          a random sample; the same seed, the same mutants
    mutate.py --file channel --file wire    those of some files
    mutate.py --resume results.jsonl        keeps its results there, and does not repeat killed ones
    mutate.py --resume results.jsonl --again      ... but tries those that survived once more
    mutate.py --resume results.jsonl --report     only tells what is in there

The tests are those of tests/core and tests/sim, and simulated worlds (worlds.c). A mutant is
killed by a test that fails, crashes, or takes far longer than it should. It is traced when no test
objects, but the trace of a world is another one: then the fixed hashes of tests/determinism are
what notices it. Those that survive must stand in SURVIVORS.md with a reason; the exit code is 1 if
one does not, or if something stands there that is no mutant, 4 if something is missing to try them
at all.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import itertools
import json
import multiprocessing
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-w", "-O1", "-fwrapv", "-I" + ROOT]
PACKAGES = ["glib-2.0", "jansson", "libxxhash", "cmocka"]
LIBRARIES = ["-lcsv", "-ldl"]
# Those that run the core, too.
SIMULATOR_TESTS = ("test_world|test_world_faults|test_trace|test_scenario|test_storage|test_totals|"
                   "test_explore")
# So that what is freed no longer counts as allocated.
ENVIRONMENT = {**os.environ, "G_SLICE": "always-malloc",
               "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
# A mutant may be this much slower than the original, and then some.
LIMIT_TIMES = 10
LIMIT_US = 200_000
# Tests that killed other mutants of the function go first, then those of the file.
FAVOURITES = 8
# Once a trace differs, a mutant is not run in more worlds than these.
WORLDS_AT_ONCE = 20


def sources(folder, pattern=r".*\.c"):
    return sorted(os.path.join(ROOT, folder, name) for name in os.listdir(os.path.join(ROOT, folder))
                  if re.fullmatch(pattern, name))


def find(path):
    import mutants  # needs clang; only here, so that its absence can be told
    return mutants.Finder(ROOT, path)


def find_all(paths, jobs):
    with multiprocessing.Pool(jobs) as pool:
        found = pool.map(find_keys, paths)
    return [mutant for listed in found for mutant in listed]


def find_keys(path):
    """(path, key, line, alone) of every mutant of a file."""
    return [(path, mutant.key, mutant.line, mutant.text is not None)
            for mutant in find(path).mutants]


def drawn(seed, one):
    """Its place in the draw; a change of the core moves no others into or out of a sample."""
    path, key = one[:2]
    return hashlib.sha256(f"{seed} {os.path.basename(path)} {key}".encode()).digest()


# --- building ---

def packages(what):
    return subprocess.run(["pkg-config", what, *PACKAGES], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.split()


def test_programs():
    """{name: its sources}, as meson.build lists them; worlds.c is one more."""
    programs = {}
    for folder, pattern in (("tests/core", r"test_\w+"), ("tests/sim", SIMULATOR_TESTS)):
        with open(os.path.join(ROOT, folder, "meson.build"), encoding="utf-8") as file:
            text = file.read()
        for name, parts in re.findall(rf"^  '({pattern})': \[\[([^\]]*)\]", text, re.M):
            files = [name + ".c", *re.findall(r"'([^']+)'", parts)]
            programs[name] = [os.path.normpath(os.path.join(ROOT, folder, one)) for one in files]
    programs["worlds"] = [os.path.join(HERE, "worlds.c"),
                          os.path.join(ROOT, "tests", "sim", "trial.c")]
    return programs


def path_for_ninja(path):
    return re.sub(r"([$ :])", r"$\1", path)


def words_for_ninja(words):
    return shlex.join(words).replace("$", "$$")


class Build:
    """A runner with the chosen mutants in it, made by ninja in a folder of its own."""

    def __init__(self, folder, jobs):
        self.folder = folder
        self.jobs = jobs
        self.numbers = {}  # (file, key) -> number
        self.texts = {}  # (file, key) -> the text of a mutant that is compiled alone
        self.core = {}  # file -> its object
        self.programs = {}  # test program -> its objects
        self.alone = {}  # (file, key) -> its object
        for name in ("core", "alone"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, path, text):
        """Leaves the file alone, and its time, if it is so already."""
        try:
            with open(path, encoding="utf-8") as file:
                if file.read() == text:
                    return
        except FileNotFoundError:
            pass
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def mutate(self, path, wanted):
        """The file with those mutants in it that are wanted; all others get the number 0."""
        finder = find(path)
        for mutant in finder.mutants:
            known = (finder.name, mutant.key)
            if known not in wanted:
                mutant.number = 0
            elif mutant.text is not None:
                self.texts[known] = mutant.text
            else:
                mutant.number = self.numbers[known] = len(self.numbers) + 1
        finder.nodes = [node for node in finder.nodes
                        if any(mutant.number for mutant in node.mutants)]
        self.write(self.path("core", finder.name), finder.rendered())

    def make(self, wanted):
        touched = {file for file, _ in wanted}
        for path in sources("core"):
            name = os.path.basename(path)
            if name in touched:
                self.mutate(path, wanted)
            else:
                with open(path, encoding="utf-8") as file:
                    self.write(self.path("core", name), file.read())
        self.write(self.path("build.ninja"), self.rules())
        self.ninja("runners")

    def rules(self):
        compiler = "ccache gcc" if shutil.which("ccache") else "gcc"
        flags = [*FLAGS, *packages("--cflags"), "-include", os.path.join(HERE, "mutant.h"),
                 f'-DRUNNER_ROOT="{ROOT}"']
        self.libraries = " ".join([*packages("--libs"), *LIBRARIES])
        lines = [
            f"rule cc\n  command = {compiler} {words_for_ninja(flags)} $extra -MD -MF $out.d -c $in -o $out\n"
            "  depfile = $out.d\n  deps = gcc",
            "rule ar\n  command = rm -f $out && gcc-ar rcs $out $in",
            f"rule link\n  command = gcc -rdynamic -o $out $in {self.libraries}",
        ]
        for path in sources("core"):
            name = os.path.basename(path)
            self.core[name] = self.object(lines, path, self.path("core", name))
        simulator = [self.object(lines, path) for path in sources("sim")]
        lines += [f"build core.a: ar {' '.join(self.core.values())}",
                  f"build sim.a: ar {' '.join(simulator)}"]
        runner = self.object(lines, os.path.join(HERE, "runner.c"))
        for name, paths in test_programs().items():
            objects = [self.object(lines, path, extra="-Dmain=runner_test_main"
                                   if index == 0 else "") for index, path in enumerate(paths)]
            self.programs[name] = [*objects, runner]
            lines.append(f"build {name}: link {' '.join(self.programs[name])} sim.a core.a")
        lines.append(f"build runners: phony {' '.join(self.programs)}")
        for number, (known, text) in enumerate(self.texts.items()):
            self.write(self.path("alone", f"{number}.c"), text)
            self.alone[known] = self.object(lines, self.path("alone", f"{number}"),
                                            self.path("alone", f"{number}.c"))
        return "\n".join(lines) + "\n"

    def object(self, lines, path, source=None, extra=""):
        """Adds the rule for the object of a source, unless it is there; returns its name."""
        name = os.path.relpath(path, ROOT).removesuffix(".c").replace("/", "-").strip("-.") + ".o"
        rule = f"build {name}: cc {path_for_ninja(source or path)}\n  extra = {extra}"
        if rule not in lines:
            lines.append(rule)
        return name

    def link_alone(self, program, known):
        """A test program with a mutant that is compiled alone; None: it does not compile."""
        if not self.ninja(self.alone[known], fails=True):
            return None
        runner = self.path("alone", "runner")
        command = ["gcc", "-rdynamic", "-o", runner, *self.programs[program], self.alone[known],
                   "sim.a", "core.a", *self.libraries.split()]
        linked = subprocess.run(command, cwd=self.folder, stderr=subprocess.PIPE, text=True)
        if linked.returncode != 0:
            sys.exit(linked.stderr)
        return runner

    def ninja(self, target, fails=False):
        done = subprocess.run(["ninja", "--quiet", "-C", self.folder, "-j", str(self.jobs), target],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0 and not fails:
            print(done.stdout[-4000:], file=sys.stderr)
            sys.exit(4)
        return done.returncode == 0


# --- tests ---

class Test:
    def __init__(self, program, number, name, cpu_us, sound):
        self.program = program
        self.number = number
        self.name = f"{program}/{name}"
        self.cpu_us = cpu_us
        self.sound = sound  # what it says and leaves behind without a mutant
        self.is_world = program == "worlds"

    def request(self):
        return f"{self.number}:{LIMIT_US + LIMIT_TIMES * self.cpu_us}:{self.sound}"


class Tests:
    """All tests: what each costs, and which mutants it reaches."""

    def __init__(self, build, budget_us):
        self.all = []
        self.budget_us = budget_us
        self.reaching = collections.defaultdict(list)  # mutant -> tests
        self.of_file = collections.defaultdict(set)
        self.killers = collections.defaultdict(collections.Counter)
        files = {number: file for (file, _), number in build.numbers.items()}
        with concurrent.futures.ThreadPoolExecutor(build.jobs) as pool:
            for program, lines in zip(build.programs, pool.map(
                    lambda one: baseline(build, one), build.programs)):
                for number in range(len(lines) // 2):
                    self.note(program, number, lines[2 * number], lines[2 * number + 1], files)

    def note(self, program, number, name, line, files):
        outcome, cpu_us, digest, left, reached = (line.split(" ") + [""])[:5]
        if outcome != "passed":
            sys.exit(f"{program}/{name}: {outcome} without any mutant")
        test = Test(program, number, name, int(cpu_us), f"{digest}:{left}")
        self.all.append(test)
        for mutant in reached.split(","):
            if mutant and int(mutant) in files:
                self.reaching[int(mutant)].append(test)
                self.of_file[files[int(mutant)]].add(test)

    def ordered(self, tests, place):
        """Those that killed its neighbours, then the fastest."""
        known = set(tests)
        likely = [test for killers in (self.killers[place], self.killers[place[0]])
                  for test, _ in killers.most_common(FAVOURITES)]
        order = [test for test in dict.fromkeys(likely) if test in known]
        order += sorted(known - set(order), key=lambda one: one.cpu_us)
        spent_us = itertools.accumulate(test.cpu_us for test in order)
        return [test for test, spent in zip(order, spent_us) if spent <= self.budget_us]

    def killed(self, place, test):
        self.killers[place][test] += 1
        self.killers[place[0]][test] += 1


def batches(order):
    """Runs of tests of one program, of the worlds not too many."""
    for _, group in itertools.groupby(order, lambda test: test.program):
        group = list(group)
        step = WORLDS_AT_ONCE if group[0].is_world else len(group)
        for at in range(0, len(group), step):
            yield group[at:at + step]


def baseline(build, program):
    return subprocess.run([build.path(program), "baseline"], stdout=subprocess.PIPE, text=True,
                          check=True, cwd=build.folder, env=ENVIRONMENT).stdout.splitlines()


class Runners:
    """The test programs as processes that wait for mutants; a set for each job."""

    local = threading.local()

    @classmethod
    def ask(cls, build, program, line):
        if not hasattr(cls.local, "processes"):
            cls.local.processes = {}
        process = cls.local.processes.get(program)
        if process is None:
            process = cls.local.processes[program] = subprocess.Popen(
                [build.path(program), "mutants"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, cwd=build.folder, env=ENVIRONMENT)
        process.stdin.write(line)
        process.stdin.flush()
        return process.stdout.readline()


def try_mutant(build, tests, known):
    file, key = known
    place = (file, key.split(":")[0])
    if known in build.alone:
        return try_alone(build, tests, known, place)
    number = build.numbers[known]
    reaching = tests.reaching.get(number)
    if not reaching:
        return {"result": "unreached"}
    differing = 0
    for group in batches(tests.ordered(reaching, place)):
        if differing and group[0].is_world:
            continue
        answer = Runners.ask(build, group[0].program, request(number, group)).split()
        if answer[0] == "killed":
            return killed(tests, place, group, answer)
        differing += int(answer[1])
    return {"result": "survived", "differing": differing}


def request(mutant, group):
    return f"{mutant} {' '.join(test.request() for test in group)}\n"


def killed(tests, place, group, answer):
    by = next(test for test in group if test.number == int(answer[1]))
    tests.killed(place, by)
    return {"result": "killed", "by": by.name, "how": answer[2]}


def try_alone(build, tests, known, place):
    """Test programs of its own; number 0 is none of the others."""
    groups = collections.defaultdict(list)
    for test in tests.of_file.get(known[0]) or tests.all:
        groups[test.program].append(test)
    differing = 0
    for program, group in sorted(groups.items(),
                                 key=lambda item: sum(test.cpu_us for test in item[1])):
        runner = build.link_alone(program, known)
        if runner is None:
            return {"result": "killed", "by": "compiler", "how": "failed"}
        group = tests.ordered(group, place)
        answer = subprocess.run([runner, "mutants"], stdout=subprocess.PIPE, text=True, check=True,
                                input=request(0, group), cwd=build.folder,
                                env=ENVIRONMENT).stdout.split()
        if answer[0] == "killed":
            return killed(tests, place, group, answer)
        differing += int(answer[1])
    return {"result": "survived", "differing": differing}


# --- results ---

def survivors_listed():
    """{(file, key)} of SURVIVORS.md: under a heading with the file's name, items that are keys."""
    listed = set()
    file = None
    with open(os.path.join(HERE, "SURVIVORS.md"), encoding="utf-8") as text:
        for line in text:
            if line.startswith("## "):
                file = line[3:].strip()
            elif line.startswith("- "):
                listed.add((file, line[2:].strip()))
    return listed


def report_strangers(listed, found, paths):
    """What SURVIVORS.md explains of these files, or of files that there are not, is a mutant."""
    files = {os.path.basename(path) for path in paths}
    others = {os.path.basename(path) for path in sources("core")} - files
    known = {(os.path.basename(path), key) for path, key, *_ in found}
    strangers = sorted(one for one in listed - known if one[0] not in others)
    for file, key in strangers:
        print(f"{file}: explained, but no mutant: {key}")
    return 1 if strangers else 0


def read_results(path):
    results = {}
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                one = json.loads(line)
                results[one["file"], one["key"]] = one
    return results


def report(results, listed):
    """A line for each file, and the survivors that nobody has explained."""
    rows = collections.defaultdict(collections.Counter)
    for known, one in sorted(results.items()):
        for column in ("all", fate(one), *(["explained"] if known in listed else [])):
            rows[known[0]][column] += 1
    columns = ("all", "killed", "traced", "survived", "unreached", "explained")
    print(f"{'file':24}{''.join(f'{column:>10}' for column in columns)}{'noticed':>10}")
    total = sum(rows.values(), collections.Counter())
    for file, row in [*rows.items(), ("all", total)]:
        noticed = 100 * (row["killed"] + row["traced"]) / max(row["all"], 1)
        print(f"{file:24}{''.join(f'{row[column]:10}' for column in columns)}{noticed:9.1f}%")
    unexplained = [(known, one) for known, one in sorted(results.items())
                   if fate(one) in ("survived", "unreached") and known not in listed]
    for (file, key), one in unexplained:
        print(f"{file}:{one['line']}: {fate(one)}: {key}")
    return 1 if unexplained else 0


def fate(one):
    """Killed; traced: no test objects, but the hashes of traces are no longer the fixed ones."""
    return "traced" if one.get("differing") else one["result"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--file", action="append", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    parser.add_argument("--build", default=os.path.join(ROOT, "build-mutation"), metavar="DIR",
                        help="where to compile; default build-mutation")
    parser.add_argument("--resume", metavar="FILE")
    parser.add_argument("--budget", type=int, default=60, metavar="SECONDS",
                        help="CPU time of the tests that a mutant is tried with; default 60")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--report", action="store_true")
    return parser.parse_args()


def main():
    options = arguments()
    results = read_results(options.resume)
    if options.report:
        sys.exit(report(results, survivors_listed()))
    try:
        import clang.cindex  # noqa: F401
    except ImportError:
        print("skipped: clang's Python bindings are not installed (Debian: python3-clang-14, for "
              "/usr/bin/python3)", file=sys.stderr)
        sys.exit(77)
    os.makedirs(options.build, exist_ok=True)
    paths = sources("core")
    if options.file:
        paths = [os.path.join(ROOT, "core", name.removesuffix(".c") + ".c") for name in options.file]
    found = find_all(paths, options.jobs)
    strangers = report_strangers(survivors_listed(), found, paths)
    if options.sample:
        found = sorted(found, key=lambda one: drawn(options.seed, one))[:options.sample]
    current = {(os.path.basename(path), key): line for path, key, line, _ in found}
    results = {known: one for known, one in results.items() if known in current}
    done = {known for known, one in results.items()
            if one["result"] == "killed" or not options.again}
    wanted = [known for known in current if known not in done]
    print(f"{len(current)} mutants, {len(wanted)} to try", flush=True)
    if wanted:
        run(options, wanted, current, results)
    sys.exit(max(report(results, survivors_listed()), strangers))


def run(options, wanted, lines, results):
    build = Build(options.build, options.jobs)
    build.make(set(wanted))
    began = time.monotonic()
    tests = Tests(build, options.budget * 1_000_000)
    print(f"{len(tests.all)} tests, {sum(test.cpu_us for test in tests.all) / 1e6:.1f} s of CPU time, "
          f"{time.monotonic() - began:.1f} s", flush=True)
    out = open(options.resume, "a", encoding="utf-8") if options.resume else None
    lock = threading.Lock()

    def attempt(known):
        one = try_mutant(build, tests, known)
        one = {"file": known[0], "line": lines[known], "key": known[1], **one}
        with lock:
            results[known] = one
            if out:
                print(json.dumps(one), file=out, flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for future in [pool.submit(attempt, known) for known in wanted]:
            future.result()


if __name__ == "__main__":
    main()
