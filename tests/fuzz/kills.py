"""Kills runs, at random times and at every system call that changes a file, and looks at what is
left.

After a kill, what can be loaded must be the beginning of the unbroken run; what is resumed, perhaps
killed again on the way, must end as the unbroken run does, bit for bit; and nothing but the result
may be left.

``python -m potentia.tests.fuzz.kills --kills 1000`` prints what was found and, last, one JSON
object. Everything is compiled once, in a process of which each trial is a fork; `kills.c` counts
the system calls and kills.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_suffix(".c")
LOADED = "POTENTIA_KILLS"  # environment: the library that is loaded before all others
AGAIN = 0.3  # of the resumed runs that are killed as well
NEVER = 1 << 60
REFUSED = 3  # exit code of an attempt
PATIENCE = 300  # [s]: what takes longer hangs


def main() -> None:
    """The driver as a program."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="names of scenes, separated by commas")
    options = parser.parse_args()
    if LOADED not in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            library = build(Path(folder))
            again = [sys.executable, "-m", "potentia.tests.fuzz.kills", *sys.argv[1:]]
            loaded = {LOADED: str(library), "LD_PRELOAD": str(library)}
            sys.exit(subprocess.run(again, env=os.environ | loaded, check=False).returncode)
    base = Path(
        tempfile.mkdtemp(
            prefix="kills-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        )
    )
    try:
        found = Driver(base, options.seed).run(
            options.kills, [name for name in options.only.split(",") if name]
        )
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(json.dumps(found))
    sys.exit(any(found[word] for word in ("wrong", "refused", "left")))


def build(folder: Path) -> Path:
    """Compile the library that counts and kills."""
    library = folder / "kills.so"
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


@dataclass
class Scene:
    """Something that can be killed: `begin` and, after that, `go_on` work in a folder until all is
    done.

    judge: what is wrong with a folder in which all is done; glimpse: with one that was killed.
    weight: how many of the kills are for it. prepare: what the folder holds in the beginning. slow:
    processes of its own, at random times only.
    """

    begin: Callable[[Path], None]
    go_on: Callable[[Path], None]
    judge: Callable[[Path], list[str]]
    glimpse: Callable[[Path], list[str]]
    prepare: Callable[[Path], None] = lambda folder: None
    weight: float = 1.0
    slow: bool = False
    name: str = ""
    calls: int = 0  # system calls of an undisturbed run
    seconds: float = 0.0
    order: list[int] = field(default_factory=list)  # calls that are still to be killed at


class Driver:
    """Trials of all scenes below the folder `base`, and what was found."""

    def __init__(self, base: Path, seed: int) -> None:
        from potentia.tests.fuzz import kills_scenes

        self.base, self.dice = base, random.Random(seed)
        self.shim = ctypes.CDLL(os.environ[LOADED])
        self.shim.kills_count.restype = ctypes.c_long
        self.scenes: dict[str, Callable[[], Scene]] = kills_scenes.scenes(base)
        self.found: Counter[str] = Counter()
        self.per_scene: Counter[str] = Counter()

    def run(self, kills: int, only: list[str]) -> dict[str, Any]:
        """So many kills; counts of what was found."""
        begun, scenes = time.monotonic(), []
        for name in only or self.scenes:
            scenes.append(scene := self.scenes[name]())
            scene.name = name
            self.measure(scene)
        total = sum(scene.weight for scene in scenes)
        wanted = {scene.name: max(round(kills * scene.weight / total), 1) for scene in scenes}
        with contextlib.suppress(KeyboardInterrupt):  # what was found until then counts
            # in turns; some trials end before their kill
            for number in range(3 * max(wanted.values()) + 20):
                for scene in scenes:
                    if self.per_scene[scene.name] < wanted[scene.name]:
                        self.trial(scene, number)
                if number % 20 == 0:
                    print(f"{self.found['kills']} kills: {self.words()}", flush=True)
        return {
            "kills": self.found["kills"],
            **{word: self.found[word] for word in ("wrong", "refused", "left")},
            "scenes": {scene.name: self.per_scene[scene.name] for scene in scenes},
            "calls": {scene.name: scene.calls for scene in scenes},
            "seconds": round(time.monotonic() - begun, 1),
        }

    def words(self) -> str:
        return ", ".join(f"{self.found[word]} {word}" for word in ("wrong", "refused", "left"))

    def measure(self, scene: Scene) -> None:
        """Count the system calls of an undisturbed run, which must be right."""
        with self.folder(scene) as folder:
            begun, (reader, writer) = time.monotonic(), os.pipe()

            def act() -> None:
                scene.begin(folder)
                os.write(writer, str(self.shim.kills_count()).encode())

            child = self.fork(act, NEVER, False)
            os.close(writer)
            told = os.read(reader, 100)
            os.close(reader)
            status = os.waitpid(child, 0)[1]
            scene.seconds = time.monotonic() - begun
            if status or (wrong := scene.judge(folder)):
                raise SystemExit(f"{scene.name} is wrong even undisturbed: {status or wrong}")
            scene.calls = int(told)
            scene.order = list(range(1, scene.calls + 1))
            self.dice.shuffle(scene.order)

    def trial(self, scene: Scene, number: int) -> None:
        """Kill a run, look at what is left, resume it until it is done, and judge."""
        with self.folder(scene) as folder:
            act, story = scene.begin, []
            while True:
                dead, said = self.attempt(scene, act, folder, story, number)
                if not dead:
                    break
                self.note(scene, "wrong", scene.glimpse(folder), story)
                act = scene.go_on
                if len(story) > 4 or self.dice.random() > AGAIN:
                    number = NEVER
            if said:
                self.note(scene, "refused", [said], story)
                return
            faults = scene.judge(folder)
            self.note(scene, "left", [fault for fault in faults if fault.startswith("left")], story)
            self.note(
                scene, "wrong", [fault for fault in faults if not fault.startswith("left")], story
            )

    def attempt(
        self, scene: Scene, act: Callable[[Path], None], folder: Path, story: list[str], number: int
    ) -> tuple[bool, str]:
        """One run in a process of its own; whether it was killed, and what it said if it ended
        otherwise than well.
        """
        call, wait = NEVER, None
        half = self.dice.random() < 0.5
        if number == NEVER:
            story.append("undisturbed")
        elif scene.slow or number % 3 == 2:
            wait = self.dice.uniform(0, 1.1 * scene.seconds)
            story.append(f"killed after {wait:.4f} s")
        else:
            call = (
                scene.order.pop()
                if scene.order and not story
                else self.dice.randint(1, max(scene.calls, 1))
            )
            story.append(f"killed at call {call}{' by half' * half}")
        reader, writer = os.pipe()

        def work() -> None:
            try:
                act(folder)
            except BaseException as error:
                text = f"{type(error).__name__}: {error}" + "".join(
                    traceback.format_exception(error)[-3:]
                )
                os.write(writer, text.encode()[-4000:])
                os._exit(REFUSED)

        child = self.fork(work, call, half)
        os.close(writer)
        if wait is not None:
            time.sleep(wait)
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        said = os.read(reader, 4096).decode(errors="replace") if not os.WIFSIGNALED(status) else ""
        os.close(reader)
        dead = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if dead:
            self.found["kills"] += 1
            self.per_scene[scene.name] += 1
        elif status and not said:
            said = f"ended with status {status}"
        return dead, said

    def fork(self, act: Callable[[], None], call: int, half: bool) -> int:
        """A child that acts, is killed before its `call`-th system call that changes a file, and
        ends.
        """
        gc.collect()  # simulators keep threads
        # those are of threads long over
        while any(not thread.name.startswith("Dummy") for thread in others()):
            time.sleep(0.01)
        sys.stdout.flush()
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            signal.alarm(PATIENCE)
            self.shim.kills_arm(ctypes.c_long(call), int(half))
            act()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def note(self, scene: Scene, word: str, faults: list[str], story: list[str]) -> None:
        if faults:
            self.found[word] += 1
            print(f"{word}: {scene.name}, {'; '.join(story)}: {' | '.join(faults)}", flush=True)

    @contextlib.contextmanager
    def folder(self, scene: Scene) -> Iterator[Path]:
        """A folder for a trial, removed afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self.base))
        try:
            scene.prepare(folder)
            yield folder
        finally:
            shutil.rmtree(folder)


def others() -> list[threading.Thread]:
    """All threads but this one."""
    return [thread for thread in threading.enumerate() if thread is not threading.current_thread()]


if __name__ == "__main__":
    main()
