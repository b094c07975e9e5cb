"""Every kind of control under keyboard focus and while pressed, as its pixels show it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.pages.site import Site
from tests.pages.test_tour import addresses

MODES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced colours": {"color_scheme": "light", "forced_colors": "active"},
}
STATES = {"focused": ["focus", "focus-visible"], "pressed": ["active", "focus", "focus-visible"]}

CHOOSE = """([known, sheets]) => {
  for (const box of document.querySelectorAll("details")) {
    const sheet = box.querySelector(":scope > .sheet");
    box.open = sheets ? box.matches(".person") || box === document.querySelector(".sure") : !sheet;
  }
  const chosen = [];
  const near = (a, b) => a.left < b.right + 9 && b.left < a.right + 9
    && a.top < b.bottom + 9 && b.top < a.bottom + 9;
  for (const it of document.querySelectorAll("[data-looked-at]")) delete it.dataset.lookedAt;
  for (const it of document.querySelectorAll(
    "a[href], button, summary, input, select, textarea, [tabindex='0']")) {
    const within = it.closest("nav, .sheet, .list, .contents, .tabs, .choice, .search");
    const type = ["checkbox", "radio", "file"].includes(it.type) ? it.type : "";
    const place = within ? within.classList[0] ?? "nav" : "";
    const kind = [place, it.tagName, type, ...it.classList].join(" ").trim();
    const rects = it.getClientRects(), box = it.getBoundingClientRect();
    const middle = [box.left + box.width / 2, box.top + box.height / 2];
    if (known.includes(kind) || rects.length !== 1 || box.height < 4) continue;
    const top = document.elementFromPoint(...middle);
    if (!top || !(it.contains(top) || top.closest("label")?.control === it)) continue;
    if (box.bottom > innerHeight - 10) continue;
    if (chosen.some((other) => other.kind === kind || near(other, box))) continue;
    it.setAttribute("data-looked-at", "");
    chosen.push({ kind, left: box.left, top: box.top, right: box.right, bottom: box.bottom });
  }
  return chosen;
}"""
"""Choose one control of each kind not known yet, so far from each other that no rings meet."""

COMPARE = """async ([before, after, boxes, border]) => {
  const read = async (shot) => {
    const bytes = Uint8Array.from(atob(shot), (it) => it.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes]));
    const ink = new OffscreenCanvas(image.width, image.height).getContext("2d");
    ink.drawImage(image, 0, 0);
    return ink.getImageData(0, 0, image.width, image.height);
  };
  const [old, fresh] = [await read(before), await read(after)];
  const light = (colour) => colour.map((it) => it / 255)
    .map((it) => it <= .04045 ? it / 12.92 : ((it + .055) / 1.055) ** 2.4)
    .reduce((sum, it, index) => sum + it * [.2126, .7152, .0722][index], .05);
  const pixel = (x, y) => {
    if (x < 0 || y < 0 || x >= old.width || y >= old.height) return 0;
    const from = 4 * (y * old.width + x);
    const [a, b] = [old, fresh].map((it) => it.data.subarray(from, from + 3));
    if (a[0] === b[0] && a[1] === b[1] && a[2] === b[2]) return 0;
    const [c, d] = [light([...a]), light([...b])];
    return Math.max(c, d) / Math.min(c, d);
  };
  const span = (from, to) => Array.from({ length: Math.max(1, to - from) }, (_, it) => from + it);
  const found = {};
  for (const box of boxes) {
    const [left, top] = [Math.ceil(box.left), Math.ceil(box.top)];
    const [right, bottom] = [Math.floor(box.right), Math.floor(box.bottom)];
    const [w, h] = [right - left, bottom - top];
    const along = span(Math.round(left + w * .3), Math.round(right - w * .3));
    const down = span(Math.round(top + h * .3), Math.round(bottom - h * .3));
    const ringed = (places, one) => places
      .filter((it) => span(0, 10).some((by) => pixel(...one(it, by)) >= 3)).length / places.length;
    const sides = {
      above: ringed(along, (x, by) => [x, top - 1 - by]),
      below: ringed(along, (x, by) => [x, bottom + by]),
      left: ringed(down, (y, by) => [left - 1 - by, y]),
      right: ringed(down, (y, by) => [right + by, y]),
    };
    const wrong = Object.entries(sides).filter(([, part]) => part < .9)
      .map(([side]) => `no ring ${side}`);
    const within = [span(left + border, right - border), span(top + border, bottom - border)];
    const cross = [[along, within[1]], [within[0], down]];
    const changed = cross.flatMap(([xs, ys]) => ys.flatMap((y) => xs.map((x) => pixel(x, y))))
      .filter((it) => it > 1.05).length;
    if (changed > 4) wrong.push(`${changed} of ${w * h} pixels inside changed`);
    if (wrong.length) found[box.kind] = wrong;
  }
  return found;
}"""
"""What is wrong with the ring around each box, and with what is inside it, apart from its corners
and a `border` of that many pixels. A ring has three times the contrast of what was there before."""


class Eye:
    """Looks at each kind of control once, in one mode; `wrong` is what it found."""

    def __init__(self, site: Site, mode: str) -> None:
        size = {"width": 1280, "height": 1100}
        self.page = site.visit(viewport=size, java_script_enabled=False)  # nothing moves by itself
        self.page.emulate_media(reduced_motion="reduce", **MODES[mode])
        self.border = 3 if mode == "forced colours" else 0  # the browser's own colour, if focused
        self.blank = site.browser.new_page()
        self.protocol = self.page.context.new_cdp_session(self.page)
        self.protocol.send("DOM.enable")
        self.protocol.send("CSS.enable")
        self.known: list[str] = []
        self.wrong: dict[str, list[str]] = {}

    def look_at(self, address: str) -> None:
        self.page.goto(address)
        for sheets in (False, True):
            while chosen := self.page.evaluate(CHOOSE, [self.known, sheets]):
                self._compare(chosen)
                self.known += [box["kind"] for box in chosen]

    def _compare(self, chosen: list[Any]) -> None:
        root = self.protocol.send("DOM.getDocument")["root"]["nodeId"]
        of = {"nodeId": root, "selector": "[data-looked-at]"}
        nodes = self.protocol.send("DOM.querySelectorAll", of)["nodeIds"]
        plain = self._shot()
        for state, classes in STATES.items():
            self._force(nodes, classes)
            shots = [plain, self._shot(), chosen, self.border]
            for kind, wrong in self.blank.evaluate(COMPARE, shots).items():
                self.wrong.setdefault(kind, []).append(f"{state}: {', '.join(wrong)}")
        self._force(nodes, [])

    def _force(self, nodes: list[int], classes: list[str]) -> None:
        for node in nodes:
            forced = {"nodeId": node, "forcedPseudoClasses": classes}
            self.protocol.send("CSS.forcePseudoState", forced)

    def _shot(self) -> str:
        quick = {"optimizeForSpeed": True}
        return str(self.protocol.send("Page.captureScreenshot", quick)["data"])


@pytest.fixture(scope="module")
def looked_at(served: Site) -> list[str]:
    """The pages that have one of each kind of control."""
    served.begin()
    of = (
        r"/",
        r"/calls/.*",
        r"/campaigns/new",
        r"/campaigns/diwali",
        r"/destinations/.{36}",
        r"/api/docs",
    )
    every = addresses(served)
    return [next(path for path in every if re.fullmatch(one, path)) for one in of]


@pytest.mark.parametrize("mode", MODES)
def test_every_control_keeps_its_look_and_has_a_ring(
    site: Site, looked_at: list[str], mode: str
) -> None:
    eye = Eye(site, mode)
    for path in looked_at:
        eye.look_at(site.url + path)
    assert eye.wrong == {}
    assert len(eye.known) > 25, eye.known
