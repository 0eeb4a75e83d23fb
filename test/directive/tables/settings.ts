/** Directives that are small: one table each, all in one place. */
import { directive, problem } from "../../../src/directive/index.ts";

export const ready = directive({
  doc: "Answers OK on /ready over HTTP when all plugins are ready.",
  args: { address: { type: "hostport", default: ":8181" } },
  options: {
    monitor: {
      type: "word",
      of: ["until-ready", "continuously"],
      default: "until-ready",
      doc: "Whether a plugin that was ready once is asked again.",
    },
  },
});

export const reload = directive({
  doc: "Takes over a Corefile that has changed.",
  repeat: "first",
  args: {
    interval: { type: "duration", min: "2s", default: "30s" },
    jitter: {
      type: "duration",
      default: "15s",
    },
  },
  block: "ignored",
  check: ({ jitter }) =>
    jitter !== 0 && jitter < 1000 ? problem("the jitter must be 0 or at least 1s") : undefined,
});

export const loop = directive({ doc: "Ends the process where queries come back to it." });
export const whoami = directive({ doc: "Answers with the client's address and port.", repeat: "first" });
export const any = directive({ doc: "Answers ANY queries as RFC 8482 has it.", repeat: "first" });
export const minimal = directive({ doc: "Leaves out of answers what was not asked for.", repeat: "first" });

export const metadata = directive({
  doc: "Collects what plugins know of a query.",
  args: { zones: { type: "zone[]", default: "keys" } },
  options: {},
});

export const loadbalance = directive({
  doc: "Changes the order of addresses in answers.",
  repeat: "merge",
  args: {
    policy: { type: "word", of: ["round_robin", "weighted"], default: "round_robin" },
    file: { type: "path", optional: true },
  },
  options: {
    reload: { type: "duration", default: "30s", doc: "How often the weights' file is looked at; 0: never." },
    prefer: { type: "cidr[]", atLeast: 0, repeat: "join", doc: "Addresses in these networks come first." },
  },
  check({ policy, file, prefer }, at) {
    if (policy === "weighted" && file === undefined)
      return problem("weighted needs the file of weights behind it");
    if (policy !== "weighted" && file !== undefined)
      return problem(`"${file}" is too much: only weighted has a file`);
    if (policy === "weighted" && prefer.length > 0)
      return problem("prefer does not go with weighted", at("prefer"));
    if (policy !== "weighted" && at("reload") !== undefined)
      return problem("reload goes with weighted only", at("reload"));
    return undefined;
  },
});

export const bind = directive({
  doc: "Listens on these addresses only.",
  repeat: "each",
  args: { addresses: { type: "text[]", as: "ADDRESS|INTERFACE" } },
  options: { except: { type: "text[]", as: "ADDRESS|INTERFACE", doc: "But not on these." } },
});

export const chaos = directive({
  doc: "Answers CH TXT queries about the server.",
  repeat: "first",
  args: { version: { type: "text", optional: true }, authors: { type: "text[]", atLeast: 0 } },
  options: {},
});

export const bufsize = directive({
  doc: "Limits the size of answers over UDP.",
  repeat: "first",
  args: { size: { type: "integer", min: 512, max: 4096, default: 1232 } },
  block: "ignored",
});
