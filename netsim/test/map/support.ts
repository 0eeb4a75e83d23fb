/** What the tests of pages have in common: a browser, a page that tells of every fault, and maps. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import t from "tap";
import { mapPage } from "../../src/map/page.ts";
import { loadFiles } from "../../src/model/load.ts";

const program = ["chromium", "chromium-browser", "google-chrome"]
  .flatMap((name) => (process.env["PATH"] ?? "").split(delimiter).map((dir) => join(dir, name)))
  .find((path) => existsSync(path));
export const skip = program === undefined ? "no chromium in PATH (Debian: apt-get install chromium)" : false;

let at = dirname(fileURLToPath(import.meta.url));
while (!existsSync(join(at, "web/build.mjs"))) at = dirname(at);
export const netsimRoot = at;
export const data = (name: string): string => join(netsimRoot, "test/map/data", name);

const dir = mkdtempSync(join(tmpdir(), "netsim-map-"));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

/** What runs in browsers, built when it is older than its sources. */
export function built(name: "map.html" | "netsim.js"): string {
  const { status, stderr } = spawnSync(process.execPath, [join(netsimRoot, "web/build.mjs")], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return join(netsimRoot, "dist/web", name);
}

export function fileOf(name: string, text: string): string {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
}

export function mapOf(name: string, files: readonly string[]): string {
  built("map.html");
  return fileOf(`${name.replace(/\W/g, "-")}.html`, mapPage(loadFiles(files), `Map of ${name}`));
}

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: program!, args: ["--no-sandbox"] });

export interface Opened {
  readonly page: Page;
  /** What a page without a fault leaves empty: console, errors, requests to elsewhere. */
  readonly said: string[];
}

export async function open(
  browser: Browser,
  file: string,
  {
    width = 1200,
    scheme = "light",
    hash = "",
  }: { width?: number; scheme?: "light" | "dark"; hash?: string } = {},
): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme });
  const said: string[] = [];
  page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => said.push(error.message));
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) said.push(`asked for ${request.url()}`);
  });
  await page.goto(`${pathToFileURL(file).href}${hash}`);
  return { page, said };
}

/** A map that has come up. */
export async function openMap(...given: Parameters<typeof open>): Promise<Opened> {
  const opened = await open(...given);
  await opened.page.waitForSelector("html[data-ready]", { timeout: 30_000 });
  return opened;
}

/** Width of the whole page in pixels, where nothing that scrolls by itself counts. */
export const widthOf = (page: Page): Promise<number> =>
  page.evaluate<number>("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)");
