/** The pages in a real Chromium: nothing in the console, all of it readable on a narrow screen and in the dark. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import t from "tap";
import { file, ndots } from "./cli.ts";

t.setTimeout(180_000);

const found = ["chromium", "chromium-browser", "google-chrome"]
  .flatMap((name) => (process.env["PATH"] ?? "").split(delimiter).map((dir) => join(dir, name)))
  .find((path) => existsSync(path));
const skip = found === undefined ? "no chromium in PATH (Debian: apt-get install chromium)" : false;

/** What is looked at in the page; runs there. */
interface Looks {
  readonly tables: number;
  readonly rows: number;
  readonly pictures: number;
  readonly bars: number;
  /** Width of the whole page, in pixels. */
  readonly width: number;
  /** Letters outside of boxes that scroll: the smallest size, and what runs over the edge. */
  readonly smallest: number;
  readonly cut: readonly string[];
  /** The worst contrasts (WCAG 2.2 §1.4.3, §1.4.11) of letters, and of bars and lines, with the paper. */
  readonly textContrast: number;
  readonly barContrast: number;
}

const LOOK = `(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).slice(0, 3).map(Number);
  const luminance = (color) => {
    const [r, g, b] = rgb(color).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = document.querySelector("rect.paper");
  const ground = paper ? getComputedStyle(paper).fill : getComputedStyle(document.body).backgroundColor;
  const contrast = (color) => {
    const [a, b] = [luminance(color), luminance(ground)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  const texts = all("svg text, p, h1, h2, h3");
  const colorOf = (e) => { const s = getComputedStyle(e); return e instanceof SVGElement ? s.fill : s.color; };
  return {
    tables: all("table").length,
    rows: all("tbody tr").length,
    pictures: all("svg[role=img]").length,
    bars: all("svg rect:not(.paper), svg polyline").length,
    width: Math.max(document.documentElement.scrollWidth, 0),
    smallest: Math.min(...texts.map((e) => parseFloat(getComputedStyle(e).fontSize))),
    cut: texts.filter((e) => { const b = e.getBoundingClientRect(); return b.right > innerWidth + 1 || b.left < -1; }).map((e) => e.textContent),
    textContrast: Math.min(...[...texts, ...all("td")].map((e) => contrast(colorOf(e)))),
    barContrast: Math.min(...all("svg rect:not(.paper)").map((e) => contrast(getComputedStyle(e).fill)), ...all("svg polyline").map((e) => contrast(getComputedStyle(e).stroke))),
  };
})()`;

async function open(
  browser: Browser,
  path: string,
  width: number,
  scheme: "light" | "dark",
): Promise<{ page: Page; said: string[] }> {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme });
  const said: string[] = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(error.message));
  page.on("request", (request) => {
    if (!/^(file|data):/.test(request.url())) said.push(`asked for ${request.url()}`);
  });
  await page.goto(pathToFileURL(path).href);
  return { page, said };
}

void t.test("lookups and replays, as pages and as pictures", { skip }, async (t) => {
  const browser = await chromium.launch({ executablePath: found!, args: ["--no-sandbox"] });
  t.teardown(() => browser.close());
  const [lookupHtml, lookupSvg, replayHtml, replaySvg] = ["l.html", "l.svg", "r.html", "r.svg"].map((name) =>
    file(name, ""),
  ) as [string, string, string, string];
  const lookups = ["api.example.com", "--resolver", "glibc,musl", "--html", lookupHtml, "--svg", lookupSvg];
  t.equal((await ndots(...lookups)).status, 0);
  const replay = [
    "replay",
    "--seconds",
    "5",
    "--nodelocal",
    "--vary",
    "ndots=2,5",
    "--vary",
    "ttl=5,30,300",
    "--html",
    replayHtml,
    "--svg",
    replaySvg,
  ];
  t.equal((await ndots(...replay)).status, 0);

  for (const [path, tables, pictures] of [
    [lookupHtml, 5, 6],
    [lookupSvg, 0, 1],
    [replayHtml, 1, 4],
    [replaySvg, 0, 1],
  ] as const) {
    for (const scheme of ["light", "dark"] as const) {
      for (const width of [400, 1200]) {
        const { page, said } = await open(browser, path, width, scheme);
        const looks = await page.evaluate<Looks>(LOOK);
        const title = `${path.slice(-6)}, ${String(width)} px, ${scheme}`;
        t.same(said, [], `${title}: nothing in the console, nothing loaded from elsewhere`);
        t.equal(looks.tables, tables, `${title}: tables`);
        t.ok(tables === 0 || looks.rows >= 6, `${title}: rows`);
        t.equal(looks.pictures, pictures, `${title}: charts`);
        t.ok(looks.bars > 8, `${title}: bars or lines`);
        t.ok(looks.width <= width, `${title}: ${String(looks.width)} px wide`);
        t.same(looks.cut, [], `${title}: no letters over the edge`);
        t.ok(looks.smallest >= 12, `${title}: letters of ${String(looks.smallest)} px`);
        t.ok(looks.textContrast >= 4.5, `${title}: letters, contrast ${looks.textContrast.toFixed(1)}`);
        t.ok(looks.barContrast >= 3, `${title}: bars, contrast ${looks.barContrast.toFixed(1)}`);
        await page.close();
      }
    }
  }
  const { page } = await open(browser, lookupHtml, 400, "light");
  t.ok(
    await page.evaluate<boolean>(
      `[...document.querySelectorAll(".scroll")].every((box) => box.scrollWidth >= box.clientWidth && box.tabIndex === 0)`,
    ),
    "tables scroll within themselves, also by keys",
  );
  const [light, dark] = await Promise.all(
    (["light", "dark"] as const).map(async (scheme) =>
      (await open(browser, lookupHtml, 400, scheme)).page.evaluate<string>(
        `getComputedStyle(document.body).backgroundColor`,
      ),
    ),
  );
  t.not(light, dark, "the dark is dark");
});
