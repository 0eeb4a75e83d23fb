import { networkInterfaces } from "node:os";
import { CLUSTER, type ClusterView } from "../../src/capabilities.ts";
import { zoneOf } from "../../src/cluster/settings.ts";
import { reply, type Message } from "../../src/dns/message.ts";
import { nameOf } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { rdata, record } from "../../src/dns/records.ts";
import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { learnFamily, type Family } from "./learn.ts";

/** In the SOA record of a denial that nobody's zone stands behind. */
const SERVER = nameOf("localhost.");
const MAILBOX = nameOf("nobody.invalid.");

/** Spares upstreams the questions for addresses that no client of the cluster could reach. */
export const family: Plugin = definePlugin({
  name: "family",
  before: ["forward"],
  directive: {
    doc: "Answers that outside names have no addresses of the family that the cluster hasn't.",
    repeat: "once",
    args: {
      family: { type: "word", of: ["ipv4", "ipv6", "auto"], doc: "The cluster's family; auto: learn it." },
      zones: { type: "zone[]", default: "keys", doc: "Names in these zones only." },
    },
    options: {
      except: {
        type: "name[]",
        as: "ZONE",
        repeat: "join",
        doc: "Zones whose names are looked up all the same.",
      },
      ttl: {
        type: "integer",
        min: 1,
        max: 86400,
        default: 300,
        doc: "How long clients may keep the answer, in seconds.",
      },
    },
  },
  setup({ family: wanted, zones, except, ttl }, context) {
    const answered = context.metrics.counter(
      "answered_total",
      "Counter of queries that were answered without asking an upstream.",
      ["server"],
    );
    let cluster: ClusterView | undefined;
    let own: readonly string[] = [];

    const familyNow = (): Family | undefined => {
      if (wanted !== "auto") return wanted;
      return cluster?.index.synced === true ? learnFamily(cluster.index.families, own) : undefined;
    };

    const isSpared = (query: Query): boolean => {
      const { type, name, origin } = query;
      if (type !== TYPE.A && type !== TYPE.AAAA) return false;
      // What another plugin looks up for an answer of the other type (dns64) is needed.
      if (origin.type !== type || (familyNow() ?? "") !== (type === TYPE.AAAA ? "ipv4" : "ipv6"))
        return false;
      // Whoever validates would find this a forgery (RFC 4035 §5.4).
      if (query.dnssecOk) return false;
      return zoneOf(zones, name) !== undefined && zoneOf(except, name) === undefined;
    };

    const deny = (query: Query): Message => {
      const timers = { refresh: 3600, retry: 1200, expire: 604800, minimum: ttl };
      // The zone that the name is in is not known here: RFC 2308 §3 wants the SOA of one, so the name stands for it.
      const soa = record(query.rawName, TYPE.SOA, ttl, rdata.soa(SERVER, MAILBOX, 1, timers));
      return reply(query, RCODE.NOERROR, FLAG.RA, { authority: [soa] });
    };

    return {
      answer(query, next) {
        if (!isSpared(query)) return next(query);
        answered.at(query.scope.server).inc();
        return deny(query);
      },
      start() {
        if (wanted !== "auto") return;
        cluster = context.find(CLUSTER)[0];
        if (cluster === undefined) {
          throw new Error(
            "plugin/family: auto learns from kubernetes: add that to the same server block, or say ipv4 or ipv6",
          );
        }
        own = ownAddresses();
      },
    };
  },
});

const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((list = []) =>
    list.filter(({ internal }) => !internal).map(({ address }) => address),
  );
