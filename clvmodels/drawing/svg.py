"""Figures as SVG for the inside of a page."""

import hashlib
import re
from io import StringIO

from matplotlib.figure import Figure

from clvmodels.drawing.style import PALETTE, styled


@styled
def to_svg(figure: Figure) -> str:
    """Return a figure as SVG for the inside of a page: equal figures give equal text, with ids of their own.

    Colours are CSS variables with a fallback, so that a page may change them; text stays text, in the page's font.
    """
    buffer = StringIO()
    figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _inline(buffer.getvalue(), str(figure.get_label()))


def _inline(svg: str, label: str) -> str:
    svg = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL
    )
    svg = _own_ids(svg, hashlib.blake2b(svg.encode(), digest_size=4).hexdigest())
    for name, colour in PALETTE.items():
        svg = svg.replace(colour, f"var(--{name}, {colour})")
    box = re.search(r'viewBox="[^"]*"', svg)
    title = f"<title>{_escaped(label)}</title>"
    style = "stroke-linejoin: round; stroke-linecap: butt"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {box and box[0]}'
    opened = f'{head} role="img" aria-label="{_escaped(label)}" style="{style}">{title}'
    return re.sub(r"\n\s*", "\n", opened + svg[svg.index(">") + 1 :])


def _own_ids(svg: str, name: str) -> str:
    """Keep the ids that something refers to, with a name of this figure before them."""
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: f' id="f{name}-{found[1]}"' if found[1] in used else "", svg)
    return re.sub(r'(url\(|href=")#', rf"\1#f{name}-", svg)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
