import { directive, problem, readEndpoint, type Endpoint, type Problem } from "../../src/directive/index.ts";

/** Who may have a zone and is told of its changes, or anybody, who isn't told. */
export type Receiver = Endpoint | "*";

const PORT = 53;

const readReceiver = (word: string): Receiver | Problem =>
  word === "*"
    ? word
    : (readEndpoint(word, PORT) ??
      problem(`"${word}" is no IP address, with or without a port: give one, or * for anybody`));

export const directiveTable = directive({
  doc: "Hands zones over to other servers (AXFR), and tells them of changes (NOTIFY).",
  repeat: "each",
  args: { zones: { type: "zone[]", default: "keys", doc: "Zones that it is about, with all below them." } },
  options: {
    to: {
      type: "custom[]",
      takes: "an IP address, with or without a port, or *",
      parse: readReceiver,
      as: "ADDRESS|*",
      repeat: "join",
      doc: "Who may have the zones; * stands for anybody. The port is the one that NOTIFY goes to (53).",
    },
    source: { type: "address", repeat: "once", doc: "The address that NOTIFY is sent from." },
  },
  check: ({ to }) =>
    to.length === 0
      ? problem("'to' is required: say who may have the zones, such as `to *`", undefined, "argument-count")
      : undefined,
});
