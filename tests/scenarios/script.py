"""The text form of a scenario, parsed. The grammar is in README.md; anything else is an error with its line."""

from __future__ import annotations

import dataclasses
import pathlib

_KEYS = {
    "create": {"column", "partition", "property", "file", "row"},
    "append": {"file", "row"},
    "overwrite": {"column", "partition", "file", "row"},
    "delete": {"where"},
    "remove": set(),
    "rename": set(),
    "define": None,
    "sync": {"outcome", "error", "code", "names"},
    "sql": None,
    "expect": {"columns", "key", "row"},
    "rejected": {"row"},
    "absent": set(),
    "regimes": set(),
}
_WITHOUT_NAME = {"sql"}


@dataclasses.dataclass(frozen=True)
class Step:
    """One directive: its word, what stands beside it, and the (key, rest) pairs below it."""

    word: str
    name: str
    details: tuple[tuple[str, str], ...]
    where: str

    def all(self, key: str) -> list[str]:
        return [rest for found, rest in self.details if found == key]

    def one(self, key: str, default: str = "") -> str:
        found = self.all(key)
        if len(found) > 1:
            raise ValueError(f"{self.where}: {key} is said twice")
        return found[0] if found else default


@dataclasses.dataclass(frozen=True)
class Script:
    """One scenario file. `regimes` is empty when all apply."""

    path: pathlib.Path
    regimes: tuple[str, ...]
    steps: tuple[Step, ...]


def _without_comment(line: str) -> str:
    """Cuts a comment off; a # inside of JSON or SQL quotes is none."""
    quote = ""
    for i, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#" and (i == 0 or line[i - 1] in " \t"):
            return line[:i].rstrip()
    return line.rstrip()


def parse(path: pathlib.Path) -> Script:
    """Reads a scenario. Raises ValueError naming file and line."""
    steps: list[Step] = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path.name}:{number}"
        line = _without_comment(raw)
        if not line:
            continue
        if not line.startswith(" "):
            word, _, name = line.partition(" ")
            if word not in _KEYS:
                raise ValueError(f"{where}: {word!r} is no directive")
            if bool(name) == (word in _WITHOUT_NAME):
                raise ValueError(f"{where}: {word} {'takes no' if name else 'needs a'} name")
            steps.append(Step(word, name.strip(), (), where))
            continue
        if not steps:
            raise ValueError(f"{where}: nothing that this could belong to")
        step = steps[-1]
        text = line.strip()
        key, _, rest = ("", "", text) if step.word == "sql" else text.partition(" ")
        allowed = _KEYS[step.word]
        if allowed is not None and key not in allowed:
            raise ValueError(f"{where}: {key!r} does not belong to {step.word}")
        steps[-1] = dataclasses.replace(step, details=(*step.details, (key, rest.strip())))
    regimes = tuple(word for s in steps if s.word == "regimes" for word in s.name.split())
    return Script(path, regimes, tuple(s for s in steps if s.word != "regimes"))
