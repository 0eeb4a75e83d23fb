import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FileReader } from "../../src/corefile/index.ts";
import { root } from "./paths.ts";

/** A Corefile that CoreDNS was started with, and what it did: a line of `test/corefile/data/corefiles.jsonl`. */
export interface RecordedCorefile {
  readonly id: string;
  /** Bytes that are no UTF-8 stand as lone surrogates, U+DC80 to U+DCFF. */
  readonly corefile: string;
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly accept: boolean;
  readonly error?: string;
  /** With `{$PORT}` and the like for ports. */
  readonly banner: readonly string[];
  readonly log: readonly string[];
  readonly no_port_flag?: boolean;
}

export const recorded: readonly RecordedCorefile[] = readFileSync(
  join(root, "test/corefile/data/corefiles.jsonl"),
  "utf8",
)
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as RecordedCorefile);

/** Ports as they were in the environment of the recordings; any numbers do. */
export const ports: Readonly<Record<string, string>> = {
  PORT: "10053",
  PORT2: "10054",
  PORT3: "10055",
  HTTP_PORT: "10080",
  HTTP_PORT2: "10081",
  UPSTREAM_PORT: "10056",
};

/** The text as a program reads it: what is no UTF-8 has become U+FFFD. */
export const decoded = (text: string): string => {
  const parts = text
    .split(/([\udc80-\udcff])/)
    .map((part) =>
      /^[\udc80-\udcff]$/.test(part) ? Buffer.from([part.charCodeAt(0) & 0xff]) : Buffer.from(part),
    );
  return Buffer.concat(parts).toString("utf8");
};

/** Files in memory under `/case`. */
export function filesOf(files: Readonly<Record<string, string>>): FileReader {
  const texts = new Map(Object.entries(files).map(([name, text]) => [join("/case", name), text]));
  const directories = new Set<string>(["/case"]);
  for (const path of texts.keys())
    for (let dir = dirname(path); dir !== "/"; dir = dirname(dir)) directories.add(dir);
  const all = [...texts.keys(), ...directories];
  return {
    read(path) {
      const text = texts.get(path);
      if (text !== undefined) return { text: decoded(text) };
      return { error: directories.has(path) ? "it is a directory" : "it can't be read" };
    },
    exists: (path) => all.includes(path),
    list: (path) => all.filter((each) => dirname(each) === path).map((each) => basename(each)),
  };
}
