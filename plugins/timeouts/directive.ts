import { directive, problem } from "../../src/directive/index.ts";

const time = { type: "duration", bare: "s", min: "1s", max: "24h" } as const;

export const directiveTable = directive({
  doc: "Sets how long connections may take.",
  repeat: "merge",
  options: {
    read: { ...time, doc: "For the first message of a connection; default 3s." },
    write: { ...time, doc: "For an answer; default 5s." },
    idle: { ...time, doc: "Between an answer and the next query; default 10s." },
    maxtcpqueries: {
      type: "custom",
      takes: "-1 or a number of queries from 1 on",
      parse: (word) =>
        /^(-1|\+?0*[1-9]\d{0,8})$/.test(word)
          ? Number(word)
          : problem(`"${word}" is not -1 (any number) or a number of queries from 1 on`),
      doc: "Queries that one TCP connection may bring; -1, the default: any number.",
    },
  },
  check: ({ read, write, idle, maxtcpqueries }) =>
    [read, write, idle, maxtcpqueries].every((each) => each === undefined)
      ? problem("nothing is set: write read, write, idle or maxtcpqueries into its block")
      : undefined,
});
