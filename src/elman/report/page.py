"""A run as a page: one HTML file that needs nothing else, with pictures as SVG, for a desktop, a phone and print."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elman._version import __version__
from elman.learning import Breakdown, Columns, Drawing, Evaluation
from elman.report.plots import svg
from elman.report.tables import best_in_column, shown

# No script, and nothing from elsewhere: a browser is told so, too.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.2rem 1rem 3rem; color: #222; background: #fff;
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p, ul { margin: .4rem 0; }
ul { padding-left: 1.2rem; }
h1, p, li, td, th, code { unicode-bidi: isolate; }
.small { color: #5c5c5c; font-size: .9rem; }
.verdict { border-left: 4px solid #1f4fa3; padding: .5rem .8rem; background: #f3f6fb; }
.wide { overflow-x: auto; }
pre { margin: .4rem 0; padding: .6rem .8rem; background: #f5f5f5; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e4e4e4; }
td { max-width: 24rem; overflow-wrap: break-word; }
.name { white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
thead th { color: #5c5c5c; font-weight: 600; }
.best { font-weight: 700; }
figure { margin: 1rem 0; }
img { display: block; width: 100%; min-width: 36rem; height: auto; }
details summary { cursor: pointer; }
@media print { .wide { overflow: visible; } img { min-width: 0; } }
"""


@dataclass(frozen=True)
class Page:
    """What a page shows, part by part; empty parts are left out.

    Args:
        title: what was trained.
        model: the name of the model's row among the scores.
        command: what makes the same run again.
        data: facts on what was read.
        description: facts on the model.
        evaluation: scores beside the baselines', the verdict, the worst mistakes.
        figures: the pictures.
        settings: each setting's value, by name.
        changed: the names of those that are not the defaults.
    """

    title: str
    model: str
    command: str
    data: Sequence[str]
    description: Sequence[str]
    evaluation: Evaluation | None
    figures: Sequence[Drawing]
    settings: Mapping[str, Any]
    changed: frozenset[str]


def page_text(page: Page) -> str:
    """The page as HTML. Text from users' files is escaped, and steers neither the page nor its direction of writing.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    body = [
        *_evaluation(page),
        *map(figure_html, page.figures),
        *section("Read", [list_html(page.data)] if page.data else []),
        *section("Model", [list_html(page.description)] if page.description else []),
        *section("Settings", [_settings(page)] if page.settings else []),
        *command_html(page.command),
    ]
    return document(page.title, body)


def document(title: str, body: Iterable[str]) -> str:
    """A whole page of the parts in ``body``, below its title."""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<link rel="icon" href="data:,">',
            f"<title>{escaped(title)}</title>",
            f"<style>{STYLE}</style>\n</head>\n<body>",
            f"<h1>{escaped(title)}</h1>",
            f'<p class="small">elman {__version__}</p>',
            *body,
            "</body>\n</html>\n",
        ]
    )


def escaped(value: Any) -> str:
    """Text as HTML shows it, letter by letter: marks that cannot be seen stand as their numbers.

    >>> escaped("<b>\\u202ea\\x00")
    '&lt;b&gt;\\\\u202ea\\\\x00'
    """
    letters = (letter if letter.isprintable() else ascii(letter)[1:-1] for letter in str(value))
    return html.escape("".join(letters))


def section(title: str, content: Sequence[str]) -> list[str]:
    """``content`` below a heading; nothing where there is none."""
    return [f"<h2>{title}</h2>", *content] if content else []


def command_html(command: str) -> list[str]:
    """What makes the same again."""
    return section("Do it again", [f"<pre><code>{escaped(command)}</code></pre>"] if command else [])


def list_html(lines: Iterable[str]) -> str:
    """Lines as a list."""
    return "<ul>" + "".join(f"<li>{escaped(line.strip())}</li>" for line in lines if line.strip()) + "</ul>"


def _evaluation(page: Page) -> list[str]:
    found = page.evaluation
    if found is None:
        return ["<p>There was no test: nothing is known of how good this model is.</p>"]
    rows = [(found.labels.get("model", page.model), found.scores)] + [
        (found.labels[name], row) for name, row in found.baselines.items()
    ]
    facts = {name: value for name, value in found.facts.items() if isinstance(value, int | float | str)}
    return [
        *section("Result", [f'<p class="verdict">{escaped(found.verdict)}</p>']),
        f'<p class="small">{escaped(found.title)}</p>',
        _scores([metric.name for metric in found.metrics], [metric.better for metric in found.metrics], rows),
        *([] if found.breakdown is None else [_breakdown(found.breakdown)]),
        *([list_html(found.notes)] if found.notes else []),
        *([_details("More figures", _table({"": list(facts), "value": list(facts.values())}))] if facts else []),
        *section("Furthest off", [_worst(found.worst)] if found.worst else []),
    ]


def _breakdown(found: Breakdown) -> str:
    means = [
        shown(mean) + (f" ± {deviation:.2g}" if deviation == deviation else "") for mean, deviation in found.mean()
    ]
    rows = [(name, *map(shown, values)) for name, values in found.rows] + [("mean ± standard deviation", *means)]
    head = "".join(f'<th class="number">{escaped(name)}</th>' for name in ("", *found.columns))
    body = "".join(
        f"<tr><th>{escaped(name)}</th>" + "".join(f'<td class="number">{text}</td>' for text in texts) + "</tr>"
        for name, *texts in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<h2>{escaped(found.title)}</h2><div class="wide">{table}</div>'


def _worst(worst: Columns) -> str:
    return _table(worst) if any(worst.values()) else '<p class="small">nothing: all is right</p>'


def _scores(names: Sequence[str], better: Sequence[str], rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    texts = {name: [shown(scores.get(name)) for _, scores in rows] for name in names}
    best = {
        name: best_in_column([scores.get(name) for _, scores in rows], texts[name], "min" if way == "lower" else "max")
        for name, way in zip(names, better, strict=True)
    }
    head = "".join(f'<th class="number">{escaped(name)}</th>' for name in ("", *names))
    lines = []
    for k, (label, _) in enumerate(rows):
        cells = "".join(
            f'<td class="number{" best" if best[name][k] else ""}">{texts[name][k]}{"*" if best[name][k] else ""}</td>'
            for name in names
        )
        lines.append(f"<tr><th>{escaped(label)}</th>{cells}</tr>")
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    marked = any(any(column) for column in best.values())
    return f'<div class="wide">{table}</div>' + ('<p class="small">* best of its column</p>' if marked else "")


def _table(columns: Columns) -> str:
    heads = ((name, ' class="number"' if any(map(_is_number, values)) else "") for name, values in columns.items())
    head = "".join(f"<th{kind}>{escaped(name)}</th>" for name, kind in heads)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in zip(*columns.values(), strict=True))
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(value: Any) -> str:
    if value is None or _is_number(value):
        return f'<td class="number">{shown(value)}</td>'
    return f"<td>{escaped(value)}</td>"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _settings(page: Page) -> str:
    changed = {name: value for name, value in page.settings.items() if name in page.changed}
    others = {name: value for name, value in page.settings.items() if name not in page.changed}
    table = {"": list(changed), "value": list(map(_value, changed.values()))}
    rest = {"": list(others), "value": list(map(_value, others.values()))}
    first = _table(table) if changed else '<p class="small">all as they are by default</p>'
    return first + (_details("those left at their defaults", _table(rest)) if others else "")


def _value(value: Any) -> str:
    return "–" if value is None else "on" if value is True else "off" if value is False else f"{value}"


def _details(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>{content}</details>"


def figure_html(figure: Drawing) -> str:
    """A picture within the page."""
    # An image of its own: no name or style of one meets another's, and no script could run in it.
    data = base64.b64encode(svg(figure).encode()).decode()
    text = escaped(figure.title + (f". {figure.note}" if figure.note else ""))
    return f'<figure class="wide"><img alt="{text}" src="data:image/svg+xml;base64,{data}"></figure>'
