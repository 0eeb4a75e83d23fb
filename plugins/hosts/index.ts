import { existsSync, statSync } from "node:fs";
import { Body } from "../../src/dns/body.ts";
import { EMPTY_SECTIONS, Message, replyFlags, type Failure } from "../../src/dns/message.ts";
import { isWithin, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { record } from "../../src/dns/records.ts";
import type { Rdata } from "../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";
import { watchFile, type WatchedFile } from "./file.ts";
import { addressesOf, parseHosts, type HostsTable } from "./table.ts";

/** There is no SOA that a denial could carry. */
const NOT_FOUND: Failure = { kind: "failure", rcode: RCODE.SERVFAIL };

/** Answers that were made, by type and name, are kept until the entries change; at most this many. */
const MAX_KEPT = 10_000;

/** Answers from /etc/hosts or a file like it, and from entries in the Corefile. */
export const hosts: Plugin = definePlugin({
  name: "hosts",
  directive: directiveTable,
  setup(options, context) {
    const { zones, ttl } = options;
    const { log, metrics } = context;
    const path = context.path(options.file);
    const entries = metrics
      .gauge("entries", "The combined number of entries in hosts and Corefile.", ["hostsfile"])
      .at(path);
    const reloaded = metrics
      .gauge("reload_timestamp_seconds", "The timestamp of the last reload of hosts file.")
      .at();
    const withReverse = !options.no_reverse;
    const inline = parseHosts(options.lines.join("\n"), zones, withReverse);
    let table: HostsTable = parseHosts("", zones, withReverse);
    let file: WatchedFile | undefined;
    const kept = new Map<string, Body>();

    const values = (family: "v4" | "v6", name: Name): readonly string[] => {
      const ours = addressesOf(table[family], name);
      const added = addressesOf(inline[family], name);
      return added.length === 0 ? ours : [...ours, ...added];
    };

    const rdataOf = (name: Name, type: number): readonly string[] => {
      if (type === TYPE.A) return values("v4", name);
      if (type === TYPE.AAAA) return values("v6", name);
      return type === TYPE.PTR
        ? [...(table.reverse.get(name) ?? []), ...(inline.reverse.get(name) ?? [])]
        : [];
    };

    const answer = (query: Query): Message | undefined => {
      const { name, type } = query;
      const key = `${type} ${name}`;
      let body = kept.get(key);
      if (body === undefined) {
        const found = rdataOf(name, type);
        if (found.length === 0) return undefined;
        // The owner is in lower case, whatever the letters of the question.
        body = new Body(name, {
          ...EMPTY_SECTIONS,
          answer: found.map((rdata) => record(name, type, ttl, rdata as Rdata)),
        });
        if (kept.size < MAX_KEPT) kept.set(key, body);
      }
      return new Message(name, RCODE.NOERROR, replyFlags(query) | FLAG.AA, body);
    };

    const exists = (name: Name): boolean => values("v4", name).length > 0 || values("v6", name).length > 0;
    const passesOn = (name: Name): boolean =>
      options.fallthrough?.some((zone) => isWithin(name, zone)) === true;
    const isOurs = (name: Name): boolean => zones.some((zone) => isWithin(name, zone));

    return {
      answer(query, next) {
        const { name, type } = query;
        // An address that is not in the file is somebody else's to name, whatever the zones.
        if (type === TYPE.PTR) return answer(query) ?? next(query);
        if (!isOurs(name)) return next(query);
        const found = answer(query);
        if (found !== undefined) return found;
        const isAddress = type === TYPE.A || type === TYPE.AAAA;
        if (!isAddress && options.fallthrough_unsupported && passesOn(name)) return next(query);
        if (exists(name))
          return new Message(query.rawName, RCODE.NOERROR, replyFlags(query) | FLAG.AA, EMPTY_SECTIONS);
        return passesOn(name) ? next(query) : NOT_FOUND;
      },
      start() {
        if (!existsSync(path)) log.warning(`File does not exist: ${options.file}`);
        else if (statSync(path).isDirectory()) log.warning(`Hosts file "${options.file}" is a directory`);
        entries.set(inline.entries);
        file = watchFile(path, options.reload, (text, changed) => {
          table = parseHosts(text, zones, withReverse);
          kept.clear();
          entries.set(table.entries + inline.entries);
          reloaded.set(changed.getTime() / 1000);
          log.debug(`Parsed hosts file into ${table.entries} entries`);
        });
      },
      close: () => file?.close(),
    };
  },
});
