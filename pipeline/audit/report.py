"""What an audit found, as data: judged receipts and what they rest on, tables looked into, complaints."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pipeline.audit.cells import ABSENT, FAILS, HOLDS, STATES, Checked
from pipeline.provenance.receipts import Reason, Receipt


@dataclass
class Node:
    """A judged receipt: why it does not hold, which of its outputs are not here, the receipts of its inputs."""

    receipt: Receipt
    reasons: list[Reason]
    missing: list[str]
    needs: list[str]

    @property
    def mark(self) -> str:
        """Fails; or holds, and is here or not."""
        return FAILS if self.reasons else ABSENT if self.missing else HOLDS


@dataclass
class Report:
    """Targets, the judged receipts below them by path, tables looked into by receipt path, and complaints of no receipt.

    `changed`: lines of git's diffs of settings, lock and other sources; told beside the verdict, not part of it.
    """

    targets: list[str]
    roots: list[str] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    makers: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    tables: dict[str, Checked] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything follows from code, settings, packages and data of now."""
        sound = not self.complaints and not any(node.reasons for node in self.nodes.values())
        return sound and not any(checked.problems for checked in self.tables.values())

    @property
    def absent(self) -> list[str]:
        """Files that are not here, judged by their receipts alone."""
        return [path for node in self.nodes.values() for path in node.missing]

    @property
    def settings(self) -> dict[str, int]:
        """`name: old -> new` of changed settings, and how many receipts have the old value."""
        counts: dict[str, int] = {}
        for reason in (reason for node in self.nodes.values() for reason in node.reasons if reason.kind == "setting"):
            text = f"{reason.what}: {reason.text}"
            counts[text] = counts.get(text, 0) + 1
        return counts

    def below(self, path: str) -> list[str]:
        """A receipt and everything that it rests on, each once."""
        found: dict[str, None] = {}
        queue = [path]
        while queue:
            name = queue.pop()
            if name not in found:
                found[name] = None
                queue += reversed(self.nodes[name].needs)
        return list(found)

    def part(self, target: str) -> "Report":
        """The report of one target alone; unreadable receipts concern every target."""
        root = self.makers.get(target)
        known = self.below(root) if root in self.nodes else []
        others = tuple(f"{other}:" for other in self.targets if other != target)
        return replace(
            self,
            targets=[target],
            roots=[root] if known else [],
            nodes={path: self.nodes[path] for path in known},
            complaints=[text for text in self.complaints if not text.startswith(others)],
            tables={path: checked for path, checked in self.tables.items() if path == root},
        )

    def walk(self) -> Iterator[tuple[int, str]]:
        """(depth, receipt path) from the targets down, each receipt once."""
        seen: set[str] = set()
        queue = [(0, path) for path in reversed(self.roots)]
        while queue:
            depth, path = queue.pop()
            if path not in seen:
                seen.add(path)
                yield depth, path
                queue += [(depth + 1, other) for other in reversed(self.nodes[path].needs)]

    def as_json(self) -> dict:
        """The report as data."""
        return {
            "targets": self.targets,
            "holds": self.holds,
            "complaints": self.complaints,
            "settings": self.settings,
            "changed": self.changed,
            "not_present": self.absent,
            "tables": [checked.as_json() for checked in self.tables.values()],
            "receipts": [self._receipt(depth, path) for depth, path in self.walk()],
        }

    def _receipt(self, depth: int, path: str) -> dict:
        node = self.nodes[path]
        return {
            "receipt": path,
            "kind": node.receipt.key["kind"],
            "wildcards": node.receipt.key["wildcards"],
            "depth": depth,
            "state": STATES[node.mark],
            "reasons": [reason._asdict() for reason in node.reasons],
            "rests_on": node.needs,
        }
