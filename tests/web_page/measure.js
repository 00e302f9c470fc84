// Figures of what is on screen, for test_page.py: small targets, small text, weak contrast, and
// what is wider than the window.
() => {
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && !e.closest(".hidden") && !e.closest("[aria-hidden=true] svg")
    && e.getBoundingClientRect().width > 1;
  const name = (e) => `${e.tagName.toLowerCase()}.${e.className} "${e.textContent.trim().slice(0, 40)}"`;
  const numbers = (colour) => {
    const found = colour.match(/[\d.]+/g).map(Number);
    return found.length === 3 ? [...found, 1] : found;
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const back = numbers(getComputedStyle(at).backgroundColor);
      if (back[3] === 1) return back;
      if (back[3] > 0) return null;
    }
    return [255, 255, 255, 1];
  };
  const contrast = (e) => {
    const back = behind(e);
    if (!back) return 0;
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(back)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const small = [];
  const targets = "a, button, input, select, textarea, summary, [role=button]";
  for (const e of document.querySelectorAll(targets)) {
    const pressed = e.matches("[type=checkbox]") ? e.closest("label") : e;
    if (!shown(pressed)) continue;
    const box = pressed.getBoundingClientRect();
    if (box.width < 55.9 || box.height < 55.9) small.push(`${name(e)} ${box.width} x ${box.height}`);
  }
  const tiny = [];
  const weak = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(e) || e.closest("noscript, script")) continue;
    const size = parseFloat(getComputedStyle(e).fontSize);
    if (size < 17.99) tiny.push(`${name(e)} ${size}`);
    const c = contrast(e);
    if (c < 7) weak.push(`${name(e)} ${c.toFixed(2)}`);
  }
  for (const e of document.querySelectorAll("input, select, textarea")) {
    if (!shown(e)) continue;
    if (parseFloat(getComputedStyle(e).fontSize) < 17.99) tiny.push(name(e));
    if (contrast(e) < 7) weak.push(name(e));
  }
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  return { small, tiny, weak, wide };
}
