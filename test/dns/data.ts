import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseRecord } from "../../src/dns/zonefile/parse.ts";
import type { RR } from "../../src/dns/rr.ts";
import { root } from "../support/paths.ts";

/** Test data of this room: see `data/README.md`. */
export const dataPath = (file: string): string => join(root, "test/dns/data", file);

export const readData = (file: string): string => readFileSync(dataPath(file), "utf8");

/** The values of a file with one JSON value a line. */
export const jsonLines = <T>(file: string): T[] =>
  readData(file)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);

/** The record that `text` holds. Throws where it holds none: the test's own text is wrong then. */
export function rr(text: string): RR {
  const record = parseRecord(text);
  if (record === undefined || "error" in record) throw new Error(`${text}: ${record?.error ?? "no record"}`);
  return record;
}

export const hex = (bytes: string): string => Buffer.from(bytes, "latin1").toString("hex");

export const unhex = (digits: string): string => Buffer.from(digits, "hex").toString("latin1");
