"""The report in a real browser: it fits a phone, loads nothing, and is drawn by day and night."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.report_lake import empty, filled, report

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
DARK = "--blink-settings=preferredColorScheme=0"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PHONE, DESK = 360, 1280

# The report stands in a frame of the wanted width, for a window cannot be as narrow as a phone.
PROBE = """<!doctype html><meta charset="utf-8"><body style="margin:0"><pre id="found"></pre>
<iframe id="frame" style="width:{width}px;height:900px;border:0" srcdoc="{report}"></iframe>
<script>
const frame = document.getElementById("frame");
function box(e) {{
  const r = e.getBoundingClientRect();
  return [r.left, r.right, r.width, r.height];
}}
frame.onload = () => {{
  const page = frame.contentDocument;
  const closed = page.documentElement.scrollWidth;
  page.querySelectorAll("details").forEach(d => d.open = true);
  const rows = [...page.querySelectorAll("svg.bars g")];
  const texts = [...page.querySelectorAll("svg text")].filter(t => t.textContent);
  const stops = [...page.querySelectorAll("a, summary, .scroll")];
  const scale = svg => svg.getScreenCTM().a;
  document.getElementById("found").textContent = JSON.stringify({{
    closed, open: page.documentElement.scrollWidth,
    overlaps: rows.map(r => [...r.querySelectorAll("text")].map(box))
      .filter(([label, figure]) => label[1] > figure[0]).length,
    outside: texts.map(box).filter(([left, right]) => left < -1 || right > {width} + 1).length,
    smallest: Math.min(...texts.map(t =>
      parseFloat(frame.contentWindow.getComputedStyle(t).fontSize) * scale(t.ownerSVGElement))),
    flat: [...page.querySelectorAll("svg")].map(box).filter(b => b[2] < 100 || b[3] < 30).length,
    charts: page.querySelectorAll("svg").length,
    unreachable: stops.filter(e => e.tabIndex < 0).length, stops: stops.length,
    tall: page.documentElement.scrollHeight,
  }});
}};
</script>"""


class Browser:
    """Chromium without a window, with a profile of its own."""

    def __init__(self, program: str, home: Path) -> None:
        self.program = program
        self.home = home

    def run(self, page: Path, *flags: str) -> subprocess.CompletedProcess[str]:
        """Open a page, do what the flags ask, and end."""
        profile = f"--user-data-dir={self.home / 'profile'}"
        command = [self.program, *FLAGS, profile, *flags, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        assert complaints == []
        return done

    def measure(self, page: Path, width: int) -> dict[str, Any]:
        """What the probe finds in a page laid out at `width` pixels."""
        text = html.escape(page.read_text(encoding="utf-8"))
        probe = self.home / "probe.html"
        probe.write_text(PROBE.format(width=width, report=text), encoding="utf-8")
        dom = self.run(probe, "--dump-dom").stdout
        found = re.search(r'<pre id="found">(\{.*?\})</pre>', dom)
        assert found, "the probe has not run"
        measured: dict[str, Any] = json.loads(found[1])
        return measured

    def picture(self, page: Path, *flags: str) -> list[tuple[int, int, int]]:
        """Every tenth pixel of every tenth row of the page's top."""
        shot = self.home / "shot.png"
        self.run(page, f"--screenshot={shot}", f"--window-size={DESK},1000", *flags)
        return pixels(shot.read_bytes(), 10)


def pixels(png: bytes, step: int) -> list[tuple[int, int, int]]:
    """A sample of the pixels of an 8-bit RGB or RGBA picture that is not interlaced."""
    width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
    assert png[24] == 8
    assert png[28] == 0
    depth = {2: 3, 6: 4}[png[25]]
    data, at = b"", 8
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += size + 12
    rows = unfilter(zlib.decompress(data), width * depth, height, depth)
    return [
        (row[x], row[x + 1], row[x + 2])
        for row in rows[::step]
        for x in range(0, width * depth, depth * step)
    ]


def unfilter(raw: bytes, length: int, height: int, depth: int) -> list[bytearray]:
    """The rows of a picture, with PNG's five filters undone."""
    rows = [bytearray(length)]
    for y in range(height):
        start = y * (length + 1)
        kind, row, above = raw[start], bytearray(raw[start + 1 : start + 1 + length]), rows[-1]
        if kind:
            for x in range(length):
                left = row[x - depth] if x >= depth else 0
                corner = above[x - depth] if x >= depth else 0
                row[x] = (row[x] + guess(kind, left, above[x], corner)) & 255
        rows.append(row)
    return rows[1:]


def guess(kind: int, left: int, up: int, corner: int) -> int:
    """What a filter expects a byte to be."""
    if kind == 4:
        return min((left, up, corner), key=lambda byte: abs(left + up - corner - byte))
    return (0, left, up, (left + up) // 2)[kind]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """Chromium, under the names that Debian and others give it."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no chromium on the PATH: apt-get install chromium")
    return Browser(program, tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on the filled lake, with names as long and as loud as the source's."""
    con = filled()
    con.execute("update emt_silver.stops set stop_name = upper(repeat(stop_name || ' ', 3))")
    con.execute("update emt_silver.lines set name_b = 'INTERCAMBIADOR DE PLAZA ELÍPTICA'")
    con.execute("update ops.rejected_row set reason = repeat(reason || ' ', 4)")
    return report(con, tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_layout_fits(width: int, browser: Browser, made: Path) -> None:
    """Nothing is wider than the page, tables open or closed; no words collide or leave it."""
    found = browser.measure(made, width)
    assert found["closed"] == width
    assert found["open"] == width
    assert found["overlaps"] == 0
    assert found["outside"] == 0
    assert found["smallest"] >= 10.5
    assert found["flat"] == 0
    assert found["charts"] == 8
    assert found["tall"] > 3000


def test_keyboard_reaches_everything(browser: Browser, made: Path) -> None:
    """Links, the tables' switches and the tables' scroll areas take the focus."""
    found = browser.measure(made, DESK)
    assert found["stops"] > 20
    assert found["unreachable"] == 0


def test_an_empty_lake_fits_a_phone(browser: Browser, tmp_path: Path) -> None:
    """Without any row the page still lays out, and has no empty chart."""
    found = browser.measure(report(empty(), tmp_path), PHONE)
    assert found["open"] == PHONE
    assert found["charts"] == 0


def test_it_is_drawn_light_and_dark(browser: Browser, made: Path) -> None:
    """The screenshots hold the page's own grounds and many colours: neither blank nor inverted."""
    light, dark = browser.picture(made), browser.picture(made, DARK)
    for picture, ground in ((light, (0xFB, 0xF9, 0xF4)), (dark, (0x17, 0x16, 0x14))):
        colours = Counter(picture)
        most, times = colours.most_common(1)[0]
        assert most == ground
        assert 0.5 < times / len(picture) < 0.98
        assert len(colours) > 50


def test_it_prints(browser: Browser, made: Path) -> None:
    """On paper the report takes a few pages, closed tables left out."""
    paper = browser.home / "report.pdf"
    browser.run(made, f"--print-to-pdf={paper}", "--no-pdf-header-footer", DARK)
    pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert 4 <= pages <= 8
