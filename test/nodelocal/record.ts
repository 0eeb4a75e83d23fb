/** One recorded run of node-cache, and what of it is compared. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/paths.ts";

export interface Snapshot {
  readonly corefile: string | null;
  readonly "iptables-save": string;
  readonly "ip6tables-save": string;
  readonly "ip addr": string;
}

export interface Query {
  readonly name: string;
  readonly type: string;
  /** `ADDRESS:PORT`, without brackets. */
  readonly to: string;
  readonly proto: "udp" | "tcp";
}

export interface Reply {
  readonly timeout?: boolean;
  readonly rcode?: string;
  readonly flags?: readonly string[];
  readonly answer?: readonly string[];
  readonly authority?: readonly string[];
}

export interface Record {
  readonly id: string;
  readonly what: string;
  readonly args: readonly string[];
  readonly files: Readonly<{ [path: string]: string }>;
  readonly env: Readonly<{ [name: string]: string }>;
  readonly before: { readonly commands: readonly string[]; readonly "resolv.conf": string };
  /** `steps`: [seconds, what, ...]. The texts are the snapshot `running`, the others are in `snapshots`. */
  readonly observed: Snapshot & {
    readonly exit: number;
    readonly steps: readonly (readonly [number, string, ...unknown[]])[];
    readonly queries: readonly { readonly q: Query; readonly r: Reply }[];
    readonly metrics: Readonly<{ [url: string]: Readonly<{ [series: string]: number }> }>;
    readonly snapshots: Readonly<{ [name: string]: Snapshot }>;
  };
}

export const records: readonly Record[] = readFileSync(
  join(root, "test/nodelocal/data/records.jsonl"),
  "utf8",
)
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Record);

/** The rules of `iptables-save`, a list a table; counters, empty tables and the tables' order do not count. */
export function rulesOf(save: string): { [table: string]: string[] } {
  const tables: { [table: string]: string[] } = {};
  let table = "";
  for (const line of save.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    else if (line.startsWith("-A") || (line.startsWith(":") && !line.includes(" ACCEPT ")))
      (tables[table] ??= []).push(line.replace(/ \[\d+:\d+\]$/, ""));
  }
  return Object.fromEntries(Object.entries(tables).sort());
}

/** The addresses of `ip addr` by interface: those that no test gave away aside. */
export function addressesOf(text: string): { [link: string]: string[] } {
  const links: { [link: string]: string[] } = {};
  let link = "";
  for (const line of text.split("\n")) {
    const name = /^(?:\d+|N): ([^:@]+)/.exec(line)?.[1];
    if (name !== undefined) links[(link = name)] = [];
    const address = /^\s+inet6? (\S+)/.exec(line)?.[1];
    // Link-local ones are made of the hardware's address, which is a random one.
    if (address !== undefined && !address.startsWith("fe80:")) links[link]!.push(address);
  }
  for (const list of Object.values(links)) list.sort();
  return links;
}

/** node-cache writes the blocks of stub domains in any order. */
export function corefileOf(text: string | null): string[] | null {
  if (text === null) return null;
  const [template, ...stubs] = text.split(/\n(?=\n\S+:\d+ \{\n {4}errors\n {4}cache 30\n {4}bind)/);
  return [template!.trimEnd(), ...stubs.map((stub) => stub.trim()).sort()];
}
