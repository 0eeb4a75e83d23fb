/** The objects of `test/cluster/data`, in the API's form. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import type { Manifest } from "./apiserver-load.ts";
import { root } from "./paths.ts";

export const fixtureDirectory: string = join(root, "test/cluster/data");

export function fixtureCluster(): Manifest[] {
  const files = readdirSync(fixtureDirectory).filter((name) => name.endsWith(".yaml"));
  const documents = files
    .sort()
    .flatMap((name) => loadAll(readFileSync(join(fixtureDirectory, name), "utf8")));
  return documents.filter((document) => document !== null && document !== undefined) as Manifest[];
}
