// Runs in the page before Grafana does. It notes the texts that are drawn on canvases, which the page does not contain.
(() => {
  const canvases = new Map(); // canvas -> [{text, isCut}] since it was last cleared
  let changed = performance.now();

  const proto = CanvasRenderingContext2D.prototype;
  const { fillText, clearRect } = proto;

  proto.clearRect = function (...area) {
    canvases.set(this.canvas, []);
    changed = performance.now();
    return clearRect.apply(this, area);
  };

  proto.fillText = function (text, x, y, ...rest) {
    const { width } = this.measureText(text);
    const { a, b, d, e, f } = this.getTransform();
    const before = { right: width, end: width, center: width / 2 }[this.textAlign] ?? 0;
    const isTurned = b !== 0;
    const left = a * (x - before) + e;
    const isOutside = left + a * width < 0 || left > this.canvas.width || d * y + f > this.canvas.height;
    const isCut = !isTurned && left < -1; // the last label of an axis may end outside
    if (!canvases.has(this.canvas)) canvases.set(this.canvas, []);
    if (isTurned || !isOutside) canvases.get(this.canvas).push({ text: String(text), isCut });
    changed = performance.now();
    return fillText.call(this, text, x, y, ...rest);
  };

  // Panels appear, and ask for their data, a while after they have come into view.
  let asked = 0;
  const { fetch } = window;
  window.fetch = async (...args) => {
    asked += 1;
    try {
      return await fetch(...args);
    } finally {
      asked -= 1;
      changed = performance.now();
    }
  };
  new MutationObserver(() => (changed = performance.now())).observe(document, { childList: true, subtree: true });

  const isShown = (element) => element.getClientRects().length > 0 && getComputedStyle(element).visibility !== "hidden";

  // The texts of an element, one for each node of text.
  const textsOf = (root) => {
    const found = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent.trim();
      if (text && isShown(walker.currentNode.parentElement)) found.push([text, walker.currentNode.parentElement]);
    }
    return found;
  };

  // Whether an ancestor within the panel hides a part of the element's text and cannot be scrolled.
  const isCut = (element, panel) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const text = range.getBoundingClientRect();
    for (let at = element; at !== panel.parentElement; at = at.parentElement) {
      const box = at.getBoundingClientRect();
      const style = getComputedStyle(at);
      const cuts = (overflow) => overflow === "hidden" || overflow === "clip";
      if (cuts(style.overflowX) && (text.right > box.right + 1 || text.left < box.left - 1)) return true;
      const margin = 1 + text.height / 3; // a line is taller than its letters
      if (cuts(style.overflowY) && (text.bottom > box.bottom + margin || text.top < box.top - margin)) return true;
      if (["auto", "scroll"].includes(style.overflowX)) return false;
    }
    return false;
  };

  // The URLs of the pictures in the backgrounds of the elements.
  const picturesOf = (root) =>
    [...root.querySelectorAll("*")].flatMap(
      (element) => getComputedStyle(element).backgroundImage.match(/^url\("(https?:.*)"\)$/)?.[1] ?? [],
    );

  const panel = (section) => {
    const texts = textsOf(section);
    const drawn = [...section.querySelectorAll("canvas")].flatMap((canvas) => canvases.get(canvas) ?? []);
    const error = section.querySelector('[aria-label="Panel status"], [data-testid^="data-testid Panel status error"]');
    return {
      title: section.dataset.testid.replace("data-testid Panel header ", ""),
      texts: [...texts.map(([text]) => text), ...drawn.map(({ text }) => text)],
      cut: [
        ...texts.filter(([, element]) => isCut(element, section)).map(([text]) => text),
        ...drawn.filter((text) => text.isCut).map(({ text }) => text),
      ],
      pictures: picturesOf(section),
      error: error ? error.getAttribute("aria-label") || "error" : "",
    };
  };

  const sections = () => [...document.querySelectorAll("[data-testid^='data-testid Panel header']")];
  const loads = () => document.querySelector('[aria-label="Panel loading bar"], [data-testid*="loading bar" i]');

  window.vaeLook = {
    panels: () => sections().map(panel),
    height: () =>
      Math.ceil(
        Math.max(0, ...[...document.querySelectorAll(".react-grid-item")].map((e) => e.getBoundingClientRect().bottom)) + 40,
      ),
    expectChange: () => (changed = performance.now()),
    isSettled: () => !loads() && asked === 0 && performance.now() - changed > 2000,
  };
})();
