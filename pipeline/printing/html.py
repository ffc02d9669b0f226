"""A table as one HTML file: no scripts, no network, prints on A4."""

from html import escape
from pathlib import Path

from pipeline.printing.document import Cell, Document, Panel, Row, shares

START, END = "<!-- table -->", "<!-- end of table -->"


def style_of(module: str) -> str:
    """The style sheet beside a module file; it counts as part of the module's code (`pipeline.provenance.fingerprint`)."""
    return "\n" + Path(module).with_suffix(".css").read_text(encoding="utf-8")


def page(title: str, body: str, style: str = "") -> str:
    """A whole HTML document around `body`."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{style_of(__file__)}{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def badge(simulated: bool) -> str:
    """The badge beside the title of every page with simulated cameras; empty for others."""
    return ' <span class="badge">simulated cameras</span>' if simulated else ""


def render(document: Document) -> str:
    """The table as a page of its own; `between` cuts the table out of it."""
    head = f"<h1>{escape(document.title)}{badge(document.simulated)}</h1>\n"
    caption = f"<p>{escape(document.caption)}</p>"
    panels = "\n".join(_panel(panel, widths) for panel, widths in zip(document.panels, shares(document), strict=True))
    notes = "".join(f"<li>{escape(note)}</li>\n" for note in document.notes)
    return page(document.title, f'{head}{START}\n{caption}\n{panels}\n<ul class="notes">\n{notes}</ul>\n{END}')


def between(text: str) -> str:
    """The table of a page made by `render`, for use inside another page."""
    return text.partition(START)[2].partition(END)[0].strip()


def _panel(panel: Panel, widths: tuple[float, ...]) -> str:
    starts, position = set(), 0
    groups = f'<th class="label" colspan="{len(panel.labels)}"></th>'
    for text, span in panel.groups:
        groups += f'<th class="group" colspan="{span}"><span>{escape(text)}</span></th>'
        starts.add(position)
        position += span
    labels = "".join(f'<th class="label">{escape(label)}</th>' for label in panel.labels)
    columns = "".join(f"<th>{escape(column)}</th>" for column in panel.columns)
    width = len(panel.labels) + len(panel.columns)
    bodies = ""
    for section in panel.sections:
        title = f'<tr class="title"><th colspan="{width}">{escape(section.title)}</th></tr>\n' if section.title else ""
        bodies += f"<tbody>\n{title}{''.join(_row(row, starts) for row in section.rows)}</tbody>\n"
    caption = f"<caption>{escape(panel.heading)}</caption>\n" if panel.heading else ""
    grid = "<colgroup>" + "".join(f'<col style="width:{width:.1%}">' for width in widths) + "</colgroup>\n"
    head = f"<thead>\n<tr>{groups}</tr>\n<tr>{labels}{columns}</tr>\n</thead>\n"
    return f'<div class="scroll"><table>\n{caption}{grid}{head}{bodies}</table></div>'


def _row(row: Row, starts: set[int]) -> str:
    names = [name for name, on in (("gap", row.gap), ("quiet", row.quiet)) if on]
    labels = "".join(f'<th class="label" scope="row">{escape(label)}</th>' for label in row.labels)
    cells = "".join(_cell(cell, index in starts) for index, cell in enumerate(row.cells))
    return f"<tr{_classes(names)}>{labels}{cells}</tr>\n"


def _cell(cell: Cell, start: bool) -> str:
    names = [name for name, on in (("start", start), ("best", cell.best), ("second", cell.second)) if on]
    small = f"<small>{escape(cell.small)}</small>" if cell.small else ""
    return f"<td{_classes(names)}><span>{escape(cell.text)}</span>{small}</td>"


def _classes(names: list[str]) -> str:
    return f' class="{" ".join(names)}"' if names else ""
