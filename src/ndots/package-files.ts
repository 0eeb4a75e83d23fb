import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file or directory that comes with the package, such as `corefiles/kubeadm`: found from the sources as from the compiled tree. */
export function packageFile(name: string): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    if (existsSync(join(dir, "package.json")) && existsSync(join(dir, "corefiles"))) return join(dir, name);
    if (dirname(dir) === dir) return name;
  }
}
