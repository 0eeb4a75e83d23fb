import { hostname } from "node:os";
import { reply } from "../../src/dns/message.ts";
import { nameOf, type Name } from "../../src/dns/name.ts";
import { makeRdata } from "../../src/dns/rdata.ts";
import { CLASS, type Rdata } from "../../src/dns/rr.ts";
import { RCODE, TYPE } from "../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Bytes that one text of a TXT record holds. */
const MAX_TEXT = 255;

const AUTHORS = nameOf("authors.bind.");

/** Texts that are too long are cut. */
const txt = (text: string): Rdata =>
  makeRdata(TYPE.TXT, { texts: [Buffer.from(text, "utf8").subarray(0, MAX_TEXT).latin1Slice()] })!;

/** Answers the questions about the server itself that are asked in class CH. */
export const chaos: Plugin = definePlugin({
  name: "chaos",
  directive: directiveTable,
  setup(options, { host, random, settings }) {
    settings.anyClass = true;
    const version = txt(options.version ?? `CoreDNS-${host.version}`);
    const itself = txt(hostname());
    const written = [...new Set(options.authors)].sort();
    const authors = (written.length > 0 ? written : ["The contributors of clusterdns"]).map(txt);
    const answers = new Map<Name, readonly Rdata[]>([
      [AUTHORS, authors],
      [nameOf("version.bind."), [version]],
      [nameOf("version.server."), [version]],
      [nameOf("hostname.bind."), [itself]],
      [nameOf("id.server."), [itself]],
    ]);

    return {
      answer(query, next) {
        if (query.class !== CLASS.CH || query.type !== TYPE.TXT) return next(query);
        const found = answers.get(query.name);
        if (found === undefined) return next(query);
        const texts = query.name === AUTHORS ? shuffled(found, random) : found;
        const answer = texts.map((rdata) => ({
          name: query.rawName,
          type: TYPE.TXT,
          class: CLASS.CH,
          ttl: 0,
          rdata,
        }));
        return reply(query, RCODE.NOERROR, 0, { answer });
      },
    };
  },
});

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
