"""A table as one HTML file: no scripts, no network, prints on A4."""

from html import escape

from pipeline.printing.document import Cell, Document, Panel, Row, shares

STYLE = """
:root { --ink: #1b1f24; --soft: #5c6670; --line: #c9d0d6; --faint: #eef1f3; --accent: #7a4a00; --badge: #fff3dc; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 28px 64px; }
h1 { font-size: 27px; line-height: 1.25; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 44px 0 8px; padding-top: 18px; border-top: 1px solid var(--line); }
h3 { font-size: 15.5px; margin: 26px 0 8px; }
p { margin: 0 0 12px; max-width: 82ch; }
.badge { display: inline-block; background: var(--badge); color: var(--accent); border: 1px solid #ecd3a2;
  border-radius: 999px; padding: 1px 11px; font-size: 12.5px; font-weight: 600; vertical-align: 3px;
  white-space: nowrap; }
.scroll { overflow-x: auto; margin: 0 0 20px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; line-height: 1.35;
  font-variant-numeric: tabular-nums lining-nums; border: solid var(--ink);
  border-width: 2px 0; }
caption { text-align: left; font-weight: 650; font-size: 14.5px; padding: 0 0 6px; }
th, td { padding: 4px 7px; text-align: center; font-weight: 400; white-space: nowrap; }
th.label { text-align: left; }
thead th { color: var(--soft); font-size: 12.5px; }
thead th.group { color: var(--ink); font-weight: 650; font-size: 13.5px; }
thead th.group span { display: block; border-bottom: 1px solid var(--line); padding-bottom: 3px; margin: 0 4px; }
thead tr:last-child th { border-bottom: 1px solid var(--ink); padding-bottom: 5px; }
tbody tr.title th { text-align: left; font-style: italic; color: var(--soft); padding-top: 9px; }
tbody + tbody { border-top: 1px solid var(--line); }
tbody tr:not(.title):hover { background: var(--faint); }
tr.gap > * { padding-top: 9px; }
tr.quiet > td, tr.quiet > th + th { color: var(--soft); }
td.start { border-left: 1px solid var(--faint); }
td.second span { text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 3px; }
td.best { font-weight: 700; color: inherit; }
small { font-size: 11px; color: var(--soft); font-weight: 400; padding-left: 3px; }
ul.notes { list-style: none; margin: 0; padding: 0; font-size: 12.5px; line-height: 1.5; color: var(--soft); }
ul.notes li { margin: 0 0 3px; max-width: 120ch; }
footer { margin-top: 48px; padding-top: 12px; border-top: 1px solid var(--line); font-size: 12.5px;
  color: var(--soft); }
@page { size: A4; margin: 14mm; }
@media print { body { font-size: 10pt; } main { padding: 0; max-width: none; } h2 { margin-top: 24px; break-after: avoid; }
  h3, h2 + p { break-after: avoid; }
  table { font-size: 7.6pt; break-inside: avoid; } th, td { padding: 2px 3px; } thead th, caption { font-size: 7.6pt; }
  thead th.group { font-size: 8pt; } .scroll { overflow: visible; } figure { break-inside: avoid; } }
"""
START, END = "<!-- table -->", "<!-- end of table -->"


def page(title: str, body: str, style: str = "") -> str:
    """A whole HTML document around `body`."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
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
