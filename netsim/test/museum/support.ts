import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Facts } from "../../src/museum/types.ts";

/** By exhibit: what is reported, and whether the facts say so. */
export type Expected = Readonly<
  Record<string, readonly (readonly [text: string, isSo: (broken: Facts, mended: Facts) => boolean])[]>
>;

/** A fact that must be a number; NaN where it is none, which compares with nothing. */
export const number = (facts: Facts, name: string): number => {
  const value = facts[name];
  return typeof value === "number" ? value : NaN;
};

/** Whether there are facts whose names begin so, and all of them are so. */
export function all(facts: Facts, prefix: string, isSo: (value: number) => boolean): boolean {
  const names = Object.keys(facts).filter((name) => name.startsWith(prefix));
  return names.length > 0 && names.every((name) => isSo(number(facts, name)));
}

const find = (dir: string): string =>
  existsSync(join(dir, "docs/museum")) && existsSync(join(dir, "package.json")) ? dir : find(dirname(dir));

/** Where the exhibits' pages are. */
export const pages = (): string => join(find(dirname(fileURLToPath(import.meta.url))), "docs/museum");
