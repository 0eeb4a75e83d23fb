import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's root, from the sources as from the compiled tree. */
export const root: string = find(dirname(fileURLToPath(import.meta.url)));

function find(dir: string): string {
  return existsSync(join(dir, "tsconfig.base.json")) ? dir : find(dirname(dir));
}
