import { directive } from "../../src/directive/index.ts";

export const table = directive({
  doc: "Tells whose queries are needless steps of a search list.",
  repeat: "once",
  args: {
    address: {
      type: "hostport",
      default: "localhost:9154",
      doc: "Where /ndots is served.",
    },
  },
  options: {
    sample: {
      type: "integer",
      min: 0,
      default: 1000,
      doc: "Queries of a second that are looked at; the others are only counted. 0: all are.",
    },
    top: { type: "integer", min: 1, max: 1000, default: 20, doc: "Rows of each list of /ndots." },
    namespaces: {
      type: "integer",
      min: 1,
      max: 10_000,
      default: 100,
      doc: "Namespaces with series of their own; the rest is `other`.",
    },
    domain: {
      type: "name",
      doc: "The cluster's domain; default that of kubernetes in this server block, else cluster.local.",
    },
    search: {
      type: "name[]",
      repeat: "join",
      doc: "Search domains of the nodes. Others are learned.",
    },
    cpu: { type: "duration", min: "0s", default: "19us", doc: "CPU time of one query." },
  },
});
