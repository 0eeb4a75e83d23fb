/** Traces and matrices as pages and pictures, in Chromium: readable at any width, by day and by night, and nothing else asked for. */
import type { Page } from "playwright-core";
import t from "tap";
import { loadFiles } from "../../src/model/load.ts";
import { traceHtml, traceSvg } from "../../src/trace/picture.ts";
import { trace } from "../../src/trace/trace.ts";
import { netsim } from "../cli/support.ts";
import { data, fileOf, launch, open, skip, widthOf } from "./support.ts";

t.setTimeout(120_000);

/** The least contrast of letters with what is behind them (WCAG 2.2 §1.4.3), the smallest letters, and what is cut off. */
const LOOK = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const luminance = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const behind = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const box = at instanceof SVGElement && at.tagName === "text" ? at.parentElement.querySelector("rect.box") ?? document.querySelector("rect.paper") : at;
      const style = box && getComputedStyle(box);
      const color = box instanceof SVGElement ? style.fill : style?.backgroundColor;
      if (color && rgb(color)[3] === 255) return rgb(color);
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("p, h1, th, td, li, strong, code, pre, span, text")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.getClientRects().length > 0 && !e.matches(".label, .way text, .way text *"));
  const contrast = (e) => { const s = getComputedStyle(e); const [a, b] = [luminance(rgb(e instanceof SVGElement ? s.fill : s.color)), luminance(behind(e))]; return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); };
  const least = texts.map((e) => [contrast(e), e.outerHTML.slice(0, 120)]).sort((a, b) => a[0] - b[0])[0];
  const cut = texts.filter((e) => !e.closest(".scroll, pre")).filter((e) => { const b = e.getBoundingClientRect(); return b.right > innerWidth + 1 || b.left < -1; }).map((e) => e.outerHTML.slice(0, 120));
  return { contrast: least[0], worst: least[1], smallest: Math.min(...texts.map((e) => parseFloat(getComputedStyle(e).fontSize))), cut, count: texts.length };
})()`;

interface Looks {
  readonly contrast: number;
  readonly worst: string;
  readonly smallest: number;
  readonly cut: readonly string[];
  readonly count: number;
}

const ground = (page: Page): Promise<string> =>
  page.evaluate<string>(
    `(() => { const paper = document.querySelector("rect.paper"); return paper ? getComputedStyle(paper).fill : getComputedStyle(document.body).backgroundColor; })()`,
  );

void t.test("pages and pictures", { skip }, async (t) => {
  const browser = await launch();
  t.teardown(() => browser.close());
  const shop = loadFiles([data("shop.yaml")]);
  const allowed = await trace(shop, "shop/web", "http://api.payments/orders");
  const denied = await trace(shop, "payments/db", "api:80");
  const matrix = netsim(["matrix", data("shop.yaml"), "--format", "html"]);
  t.equal(matrix.status, 0);
  const pages = {
    "an allowed trace": fileOf("allowed.html", traceHtml(allowed)),
    "a denied trace": fileOf("denied.html", traceHtml(denied)),
    "a matrix": fileOf("matrix.html", matrix.stdout),
    "a picture": fileOf("denied.svg", traceSvg(denied)),
  };
  for (const [name, file] of Object.entries(pages)) {
    const grounds: string[] = [];
    for (const scheme of ["light", "dark"] as const)
      for (const width of [400, 1200]) {
        const { page, said } = await open(browser, file, { width, scheme });
        const looks = await page.evaluate<Looks>(LOOK);
        const title = `${name}, ${width} px, ${scheme}`;
        t.same(said, [], `${title}: nothing in the console, nothing loaded from elsewhere`);
        t.ok(looks.count > 8, `${title}: ${looks.count} texts`);
        t.ok(looks.contrast >= 4.5, `${title}: contrast ${looks.contrast.toFixed(1)} of ${looks.worst}`);
        t.ok(looks.smallest >= 12, `${title}: letters of ${looks.smallest} px`);
        // A picture is as wide as it is; pages are as wide as the screen.
        if (!file.endsWith(".svg")) {
          t.ok((await widthOf(page)) <= width, `${title}: nothing over the edge`);
          t.same(looks.cut, [], `${title}: no letters over the edge`);
        }
        grounds.push(await ground(page));
        await page.close();
      }
    t.not(grounds[0], grounds[2], `${name}: the dark is dark`);
  }

  const { page } = await open(browser, pages["a denied trace"]);
  t.equal(await page.locator("li.hop").count(), denied.hops.length, "every hop");
  t.match(await page.textContent(".remedy"), /To change:.*shop\.yaml:\d+/s, "what to change, and where");
  t.equal(await page.locator("svg.way circle.bad").count(), 1, "where it ended, at a glance");
  await page.close();

  const { page: heat } = await open(browser, pages["a matrix"], { width: 400 });
  const cells = await heat.evaluate<Record<string, string>>(
    `Object.fromEntries([...document.querySelectorAll("td")].map((c) => c.title.split(": ")).filter((x) => x[0]))`,
  );
  t.equal(cells["shop/web → payments/api"], "6 of 12 open", "half of the ports from every pod to every pod");
  t.equal(cells["payments/api → payments/db"], "4 of 4 open");
  t.equal(cells["shop/web → payments/db"], "0 of 6 open");
  t.equal(cells["payments/api → payments/batch"], "nothing to connect to");
  const colors = await heat.evaluate<string[]>(
    `["●", "◐", "·"].map((mark) => getComputedStyle([...document.querySelectorAll("td")].find((c) => c.textContent === mark)).backgroundColor)`,
  );
  t.equal(new Set(colors).size, 3, "open, half open and closed have colours of their own");
  const pods = netsim(["matrix", data("shop.yaml"), "--by", "pod", "--format", "html"]);
  const { page: wide } = await open(browser, fileOf("pods.html", pods.stdout), { width: 360 });
  const box = await wide.evaluate<{ inner: number; outer: number; keys: number; page: number }>(
    `(() => { const box = document.querySelector(".scroll"); return { inner: box.scrollWidth, outer: box.clientWidth, keys: box.tabIndex, page: document.documentElement.scrollWidth }; })()`,
  );
  t.ok(box.inner > box.outer && box.page <= 360, "a wide table scrolls within itself");
  t.equal(box.keys, 0, "also by keys");
});
