/** Annotations of one controller: all begin with its domain. */
import type { OtherObject } from "../../model/types.ts";

/** Reads annotations `PREFIX/NAME` of objects. */
export type Annotations = (object: OtherObject | undefined, name: string) => string | undefined;

/** The first of several prefixes that has the name counts. */
export const annotationsOf =
  (...prefixes: readonly string[]): Annotations =>
  (object, name) => {
    const all = object?.metadata.annotations ?? {};
    const key = prefixes.map((prefix) => `${prefix}/${name}`).find((k) => Object.hasOwn(all, k));
    return key === undefined ? undefined : all[key];
  };

/** Lines `Name value` or `Name: value`, as several controllers write headers; a value in quotes loses them. */
export const headerLines = (text: string | undefined): (readonly [string, string])[] =>
  (text ?? "").split("\n").flatMap((line) => {
    const parts = /^\s*([^\s:]+)(?::\s*|\s+)(.*?)\s*$/.exec(line);
    return parts === null ? [] : [[parts[1] ?? "", (parts[2] ?? "").replace(/^"(.*)"$/, "$1")] as const];
  });
