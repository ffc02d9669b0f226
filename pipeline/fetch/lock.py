"""data/sources.lock.yaml: digests of files as first fetched. The tool writes it, people commit it; changed files are refused.

File name -> {sha256, size, url, etag, modified, date, tool, trust, stated_by, repinned}. Trust, strongest first: `upstream`
(the publisher states the digest), `object_id` (git or the Hub does), `two_third_parties`, `third_party` (people who have a
copy), `name_prefix` (a hash in the file's name), `tofu` (nobody does: trusted on first use).
"""

from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import UserError
from pipeline.exclusive import exclusive
from pipeline.files import write_text

TRUST = ("upstream", "object_id", "two_third_parties", "third_party", "name_prefix", "tofu")
HEAD = (
    "# Written by `python -m pipeline.fetch`; commit it. What each word means: docs/fetching.md. Never edit by hand.\n"
)


class Lock:
    """The pins in one lock file; several processes may use it at once."""

    def __init__(self, path: Path):
        self.path = path

    def pin(self, name: str) -> dict | None:
        """The pin of a file, None if it was never fetched. UserError when the lock cannot be read."""
        return self._read().get(name)

    def check(self, name: str, sha256: str, repin: str | None, label: str | None = None) -> None:
        """Raise UserError when another digest is pinned and `repin` gives no reason; `label`: the file's name in the message."""
        pinned = self.pin(name)
        if pinned and pinned["sha256"] != sha256 and not repin:
            raise UserError(
                f"{label or name}: its SHA-256 is {sha256}, but {self.path} pins {pinned['sha256']} "
                f"({pinned['size']:,} bytes, seen {pinned['date']} at {pinned['url']}, trust {pinned['trust']}). Either the "
                "download is damaged or the file changed at its source; nothing was replaced. If you know why it changed, add "
                '--repin "REASON".'
            )

    def note(self, name: str, record: dict, repin: str | None = None, label: str | None = None) -> dict:
        """Pin a file unless the same bytes are pinned; return its pin. A changed pin keeps the old one and the reason."""
        with exclusive(self.path.with_name(f".{self.path.name}.lock"), f"{self.path}: in use; waiting ..."):
            self.check(name, record["sha256"], repin, label)
            pins = self._read()
            pinned = pins.get(name)
            if pinned and pinned["sha256"] == record["sha256"]:
                if TRUST.index(pinned["trust"]) <= TRUST.index(record["trust"]):
                    return pinned
                # The same bytes, and somebody states their digest now: that is stronger than trust on first use.
                record = pinned | {key: record[key] for key in ("trust", "stated_by")}
            elif pinned:
                before = {key: value for key, value in pinned.items() if key != "repinned"}
                reason = {"reason": repin, "date": today(), "before": before}
                record = record | {"repinned": [*pinned.get("repinned", []), reason]}
            self._write(pins | {name: record})
            return record

    def _read(self) -> dict:
        import yaml

        try:
            content = yaml.safe_load(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UserError(
                f"{self.path}: cannot be read ({error.strerror}), expected a file. Restore it with git."
            ) from error
        except (UnicodeDecodeError, yaml.YAMLError) as error:
            raise UserError(f"{self.path}: not valid YAML ({error}). Restore it with git.") from error
        pins = {} if content is None else content
        needed = {"sha256", "size", "url", "date", "trust"}
        if not isinstance(pins, dict) or not all(
            isinstance(pin, dict) and needed <= pin.keys() for pin in pins.values()
        ):
            raise UserError(f"{self.path}: is not what `python -m pipeline.fetch` writes. Restore it with git.")
        return pins

    def _write(self, pins: dict) -> None:
        import yaml

        write_text(self.path, HEAD + yaml.safe_dump(pins, sort_keys=True, allow_unicode=True, width=120))


def today() -> str:
    """The date, in UTC."""
    return datetime.now(UTC).date().isoformat()
