"""A table as LaTeX: characters escaped, booktabs rules, floats that fit an A4 page."""

import unicodedata

from pipeline.errors import UserError
from pipeline.printing.document import Cell, Document, Panel, Row, shares

CHARACTERS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "[": "{[}",
    "`": r"\textasciigrave{}",
    '"': "''",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "−": r"$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "σ": r"$\sigma$",
    "²": r"$^2$",
    "³": r"$^3$",
    "°": r"$^\circ$",
    "·": r"$\cdot$",
    "†": r"$\dagger$",
    "✓": r"$\checkmark$",
    "…": r"\ldots{}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{SOFT HYPHEN}": r"\-",
}

ACCENTS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327"
LETTERS = "ßæÆœŒøØłŁåÅ"
LINES_PER_PAGE = 56


def escape(text: str) -> str:
    """Text that pdflatex prints as it stands; UserError for a character that its standard fonts lack."""
    return "".join(_character(character, text) for character in text).replace("--", "-{}-")


def _character(character: str, text: str) -> str:
    if character in CHARACTERS:
        return CHARACTERS[character]
    if " " <= character <= "~" or character in LETTERS:
        return character
    base, *marks = unicodedata.normalize("NFD", character)
    if base.isascii() and base.isalpha() and len(marks) == 1 and marks[0] in ACCENTS:
        return character
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    raise UserError(f"'{text}': pdflatex cannot print '{character}' ({name}). Choose another spelling in params.yaml.")


def render(document: Document) -> str:
    """The whole table: one float, or several when the panels do not fit one page; notes under the last."""
    floats = _floats(document)
    needs = ["array", "booktabs"] + (["amssymb"] if any("checkmark" in part for part in floats) else [])
    head = [
        f"% {document.name}: written by pipeline/tables/records.py from metrics.json files; do not edit.",
        "% The preamble needs:",
        *(rf"%   \usepackage{{{package}}}" for package in needs),
    ]
    return "\n".join([*head, *floats]) + "\n"


def _floats(document: Document) -> list[str]:
    pages: list[list[tuple[Panel, tuple[float, ...]]]] = [[]]
    for panel, widths in zip(document.panels, shares(document), strict=True):
        if pages[-1] and sum(other.lines for other, _ in pages[-1]) + panel.lines > LINES_PER_PAGE:
            pages.append([])
        pages[-1].append((panel, widths))
    floats = []
    for number, panels in enumerate(pages):
        first, last = number == 0, number == len(pages) - 1
        body = "\n\n\\medskip\n".join(_panel(panel, widths) for panel, widths in panels)
        caption = rf"\caption{{{escape(document.caption)}}}" + "\n" + rf"\label{{tab:{document.name}}}"
        if not first:
            caption = r"\addtocounter{table}{-1}" + "\n" + rf"\caption{{{escape(document.title)} (continued).}}"
        notes = _notes(document.notes) if last and document.notes else ""
        floats.append(
            "\\begin{table}[tp]\n\\centering\n\\footnotesize\n"
            "\\setlength{\\tabcolsep}{0pt}\n\\setlength{\\belowcaptionskip}{5pt}\n"
            f"{caption}\n\n{body}\n{notes}\\end{{table}}"
        )
    return floats


def _panel(panel: Panel, widths: tuple[float, ...]) -> str:
    labels, width = len(panel.labels), len(panel.labels) + len(panel.columns)
    # Rounded down, so that the shares never exceed the line.
    spec = [rf"w{{{'l' if i < labels else 'c'}}}{{{int(w * 1e4) / 1e4}\linewidth}}" for i, w in enumerate(widths)]
    lines = [rf"\begin{{tabular}}{{{''.join(spec)}}}", r"\toprule"]
    if panel.heading:
        lines.append(rf"\multicolumn{{{width}}}{{l}}{{\textbf{{{escape(panel.heading)}}}}} \\ \midrule")
    spans = [rf"\multicolumn{{{span}}}{{c}}{{{escape(text)}}}" for text, span in panel.groups]
    rules, start = [], labels + 1
    for _, span in panel.groups:
        rules.append(rf"\cmidrule(lr){{{start}-{start + span - 1}}}")
        start += span
    lines.append("& " * labels + " & ".join(spans) + r" \\ " + " ".join(rules))
    lines.append(" & ".join(escape(text) for text in (*panel.labels, *panel.columns)) + r" \\")
    for section in panel.sections:
        lines.append(r"\midrule")
        if section.title:
            lines.append(rf"\multicolumn{{{width}}}{{l}}{{\textit{{{escape(section.title)}}}}} \\")
            lines.append(r"\addlinespace[1pt]")
        lines += [("\\addlinespace[2pt]\n" if line.gap else "") + row(line) for line in section.rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def row(line: Row) -> str:
    """One row of a tabular, cells between ampersands."""
    return " & ".join([*(escape(text) for text in line.labels), *(_cell(cell) for cell in line.cells)]) + r" \\"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    if cell.second:
        text = rf"\underline{{{text}}}"
    if cell.best:
        text = rf"\textbf{{{text}}}"
    if cell.small:
        text += rf"{{\fontsize{{6}}{{7}}\selectfont\,{escape(cell.small)}}}"
    return text


def _notes(notes: tuple[str, ...]) -> str:
    lines = "\n".join(rf"\par {escape(note)}" for note in notes)
    return (
        "\n\\vspace{4pt}\n\\begin{minipage}{\\linewidth}\n"
        "\\scriptsize\\raggedright\\setlength{\\parindent}{0pt}\\setlength{\\parskip}{1.5pt}%\n"
        f"{lines}\n\\end{{minipage}}\n"
    )
