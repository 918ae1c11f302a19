"""Draws docs/house.svg from the imports in the tree, and writes the table of rooms in docs/house.md from their first docstrings.

Run in a checkout: python docs/draw_house.py
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Folders from the top of the house to its ground, their rooms from the lowest to the highest.
HOUSE: dict[str, tuple[str, ...]] = {
    "app": ("files", "words", "figures", "folders", "commands"),
    "proofs_check": ("enclosures", "suprema", "references", "theorems"),
    "engine": ("base", "kernels", "space", "dual", "model", "flow", "atoms", "solve"),
    "generated": (),
    "derive": ("read", "prove", "emit"),
}
Arrows = dict[tuple[str, str], bool]  # (importer, imported): whether every such import is inside a function

WIDTH, BAND, SMALL, LEFT, BOX, GAP, LANE = 990, 104, 52, 130, (76, 30), 14, 18
RIGHT = LEFT + 8 * (BOX[0] + GAP)
INK, PALE, WRONG = "#333333", "#F2F4F7", "#C62828"


def imported(tree: ast.AST, package: tuple[str, ...], lazy: bool = False) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Modules of ours that a file imports, as parts of their names without `conicflow`, and whether inside a function."""
    for node in ast.iter_child_nodes(tree):
        names: Iterable[list[str]] = ()
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ["conicflow", *package][: len(package) + 2 - node.level] if node.level else []
            names = [[*above, *(node.module or "").split("."), alias.name] for alias in node.names]
        elif isinstance(node, ast.Constant) and re.fullmatch(r"conicflow(\.\w+)+", str(node.value)):
            names = [str(node.value).split(".")]  # for import_module
        for parts in names:
            if parts[0] == "conicflow":
                yield tuple(part for part in parts[1:] if part), lazy
        yield from imported(node, package, lazy or isinstance(node, ast.FunctionDef))


def room(parts: tuple[str, ...]) -> str:
    """The room of a module: folder/room, or the folder alone for files that stand in none."""
    return "/".join(parts[:2]) if len(parts) > 1 and parts[1] in HOUSE[parts[0]] else parts[0]


def arrows(root: Path) -> Arrows:
    """Who imports whom, of rooms."""
    found: Arrows = {}
    for folder in HOUSE:
        for path in sorted((root / folder).rglob("*.py")):
            package = path.relative_to(root).parts[:-1]
            for parts, lazy in imported(ast.parse(path.read_text(encoding="utf-8")), package):
                if parts and parts[0] in HOUSE and room(parts) != room(package):
                    arrow = room(package), room(parts)
                    found[arrow] = found.get(arrow, True) and lazy
    return found


def within(folder: str, found: Arrows) -> list[tuple[int, int]]:
    """Imports between the rooms of one folder, by their places; of those downwards, none that follows from the others."""
    place = {f"{folder}/{name}": index for index, name in enumerate(HOUSE[folder])}
    pairs = {(place[a], place[b]) for a, b in found if a in place and b in place}
    down = {(a, b) for a, b in pairs if a > b}
    reach = set(down)
    for middle in place.values():  # all that follows, by Warshall's algorithm
        reach |= {(a, b) for a, m in reach if m == middle for n, b in reach if n == middle}
    needed = {(a, b) for a, b in down if not any((a, m) in reach and (m, b) in reach for m in place.values())}
    return sorted(needed | (pairs - down))


def between(found: Arrows) -> list[tuple[str, str, bool]]:
    """Imports between folders, and whether all of them are inside functions."""
    tops: Arrows = {}
    for (a, b), lazy in found.items():
        arrow = a.split("/")[0], b.split("/")[0]
        if arrow[0] != arrow[1]:
            tops[arrow] = tops.get(arrow, True) and lazy
    order = list(HOUSE)
    return sorted(((a, b, lazy) for (a, b), lazy in tops.items()), key=lambda e: (order.index(e[0]), order.index(e[1])))


def tops() -> dict[str, int]:
    """Where the band of every folder begins."""
    places, y = {}, 16
    for folder, rooms in HOUSE.items():
        places[folder] = y
        y += BAND if rooms else SMALL
    return places


def picture(root: Path) -> str:
    """The whole SVG."""
    found, places = arrows(root), tops()
    height = max(places.values()) + BAND
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f"<defs>{_marker('arrow', INK)}{_marker('wrong', WRONG)}</defs>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for folder, y in places.items():
        lines += _band(folder, y, found)
    lines += _lanes(between(found), places)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0,1 L7,4 L0,7" fill="none" stroke="{colour}"/></marker>'
    )


def _line(path: str, wrong: bool, lazy: bool = False) -> str:
    colour, marker = (WRONG, "wrong") if wrong else (INK, "arrow")
    dashes = ' stroke-dasharray="4 3"' if lazy else ""
    return f'<path d="{path}" fill="none" stroke="{colour}"{dashes} marker-end="url(#{marker})"/>'


def _band(folder: str, top: int, found: Arrows) -> Iterator[str]:
    """A folder, its rooms, and the imports between these: as arcs above them, and below them where they run upwards."""
    height = (BAND if HOUSE[folder] else SMALL) - 12
    yield f'<rect x="10" y="{top}" width="{RIGHT - 10}" height="{height}" rx="6" fill="{PALE}"/>'
    yield f'<text x="22" y="{top + height / 2 + 5:g}" font-weight="bold" fill="{INK}">{folder}</text>'
    high, low = top + 32, top + 32 + BOX[1]
    centres = [LEFT + index * (BOX[0] + GAP) + BOX[0] / 2 for index in range(len(HOUSE[folder]))]
    for name, x in zip(HOUSE[folder], centres, strict=True):
        box = f'x="{x - BOX[0] / 2:g}" y="{high}" width="{BOX[0]}" height="{BOX[1]}"'
        yield f'<rect {box} rx="4" fill="white" stroke="{INK}"/>'
        yield f'<text x="{x:g}" y="{high + 20}" text-anchor="middle" fill="{INK}">{name}</text>'
    for a, b in within(folder, found):
        reach = min(12 + 6 * abs(a - b), 30)
        if a > b:
            start, end, rim, bend = centres[a] - 12, centres[b] + 12, high - 1, high - reach
        else:
            start, end, rim, bend = centres[a] + 12, centres[b] - 12, low + 1, low + reach
        yield _line(f"M{start:g},{rim} C{start:g},{bend} {end:g},{bend} {end:g},{rim}", wrong=a < b)


def _lanes(pairs: list[tuple[str, str, bool]], places: dict[str, int]) -> Iterator[str]:
    """Imports between folders, to the right of them: one line each, downwards."""
    order = list(HOUSE)
    leaving, arriving = dict.fromkeys(order, 0), dict.fromkeys(order, 0)
    for index, (a, b, lazy) in enumerate(pairs):
        x = RIGHT + 14 + index * LANE
        top, end = places[a] + 46 + 7 * leaving[a], places[b] + 8 + 7 * arriving[b]
        leaving[a], arriving[b] = leaving[a] + 1, arriving[b] + 1
        yield _line(f"M{RIGHT},{top} H{x} V{end} H{RIGHT + 1}", wrong=order.index(a) > order.index(b), lazy=lazy)


def table(root: Path) -> str:
    """Every folder and room with its law, the first line of its first docstring."""
    rows = ["| room | law |", "|---|---|"]
    for folder, rooms in HOUSE.items():
        for path in (folder, *(f"{folder}/{name}" for name in rooms)):
            source = (root / path / "__init__.py").read_text(encoding="utf-8")
            law = (ast.get_docstring(ast.parse(source)) or "").split("\n")[0]
            law = law.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
            rows.append(f"| {'**' if path == folder else ''}`{path}`{'**' if path == folder else ''} | {law} |")
    return "\n".join(rows)


def with_table(page: str, root: Path) -> str:
    """The page with the table of rooms as the tree has it."""
    between_marks = re.compile(r"(?<=<!-- rooms -->\n).*?(?=<!-- end of rooms -->)", re.DOTALL)
    return between_marks.sub(lambda _: table(root) + "\n", page)


def main() -> None:
    """Write the picture and the table."""
    (ROOT / "docs/house.svg").write_text(picture(ROOT), encoding="utf-8")
    page = ROOT / "docs/house.md"
    page.write_text(with_table(page.read_text(encoding="utf-8"), ROOT), encoding="utf-8")


if __name__ == "__main__":
    main()
