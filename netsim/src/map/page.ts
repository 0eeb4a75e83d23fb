/** The map of a cluster as one HTML file: the page that was built beforehand, with the cluster in it. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Cluster } from "../model/types.ts";
import { escape, THEME } from "../page/page.ts";
import { ARTICLE_CSS } from "../trace/article.ts";
import { takeSnapshot } from "./snapshot.ts";

/** `dist/web` of the package, from its sources as from what is built of them. */
function built(name: string): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, "package.json")) && dirname(dir) !== dir) dir = dirname(dir);
  return join(dir, "dist/web", name);
}

/** The page that maps are made of. Throws where it was not built (`npm run setup` does it). */
export function mapTemplate(): string {
  const file = built("map.html");
  if (existsSync(file)) return readFileSync(file, "utf8");
  throw new Error(`${file} is not there: run \`npm run setup\` at the top of the checkout`);
}

export function mapPage(cluster: Cluster, title: string, template = mapTemplate()): string {
  const data = gzipSync(JSON.stringify(takeSnapshot(cluster)), { level: 9 }).toString("base64");
  const theme = `${THEME}\n${ARTICLE_CSS}`;
  // The policy of the page lets nothing run and nothing colour it but what it was made with.
  const hash = `'sha256-${createHash("sha256").update(theme).digest("base64")}'`;
  return template
    .replace("@THEME_HASH@", () => hash)
    .replace(/\s*\/\* THEME \*\/\s*/, () => theme)
    .replace(/\s*\/\* CLUSTER \*\/\s*/, () => data)
    .replaceAll("@TITLE@", () => escape(title));
}
