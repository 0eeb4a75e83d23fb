import { readFileSync } from "node:fs";
import { CLUSTER, type ClusterView } from "../../src/capabilities.ts";
import { isReverse } from "../../src/cluster/reverse.ts";
import { zoneOf } from "../../src/cluster/settings.ts";
import type { Answer, Message } from "../../src/dns/message.ts";
import { fits, isWithin, join, lower, prepend, ROOT, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { rdata, record } from "../../src/dns/records.ts";
import { parseSearchList } from "../../src/dns/search-list.ts";
import { FLAG, OPCODE, RCODE, TYPE } from "../../src/dns/types.ts";
import { definePlugin, type MaybePromise, type Next, type Plugin } from "../../src/plugin.ts";
import { createExhausted } from "./exhausted.ts";
import { dotsOf, readWalk, type Walk } from "./walk.ts";

/** Pods inherit their nodes' search domains, and so does a server that takes its resolv.conf from its node. */
const RESOLV_CONF = "/etc/resolv.conf";

/**
 * Walks a pod's search list in its place without knowing any pod: the first name that a resolver asks for,
 * `api.example.com.shop.svc.cluster.local`, says which list it goes by.
 */
export const searchpath: Plugin = definePlugin({
  name: "searchpath",
  before: ["acl"],
  directive: {
    doc: "Answers a pod's search-list walk in one round trip, without watching pods.",
    repeat: "once",
    args: {
      zones: { type: "zone[]", atLeast: 0, doc: "The cluster's zones; default: those of kubernetes." },
    },
    options: {
      extra: {
        type: "name[]",
        atLeast: 0,
        doc: `Search domains of the nodes, in their order; default: those of ${RESOLV_CONF} outside of the zones.`,
      },
      min_dots: { type: "integer", min: 0, default: 1, doc: "Names with fewer dots are not walked." },
      except: {
        type: "text[]",
        as: "NAMESPACE",
        repeat: "join",
        doc: "Pods of these namespaces walk themselves.",
      },
    },
  },
  setup({ zones: named, extra: given, min_dots: minDots, except }, context) {
    const shortened = context.metrics.counter(
      "shortened_total",
      "Counter of walks that were answered in one round trip.",
      ["server"],
    );
    const excepted = new Set(except);
    const exhausted = createExhausted(context.now);
    let zones: readonly Name[] = named;
    let extra: readonly Name[] = given ?? [];
    let cluster: ClusterView | undefined;

    /** The walk that a name which does not exist begins, if it is to be walked here. */
    const walkOf = ({ name, rawName, peer }: Query, zone: Name): Walk | undefined => {
      const { index } = cluster!;
      const walk = readWalk(name, rawName, zone);
      if (walk === undefined) return undefined;
      const { base, namespace, service } = walk;
      // A pod's list begins with its own namespace; and what is left of a service that is there, is that service's.
      if (!index.hasNamespace(namespace) || index.find(namespace, service) !== undefined) return undefined;
      if (dotsOf(base) < minDots || excepted.has(namespace)) return undefined;
      const pod = index.podsAt(peer.address)[0];
      return pod === undefined || pod.namespace === namespace ? walk : undefined;
    };

    const onward = (answer: Answer, query: Query, next: Next): MaybePromise<Answer> => {
      if (answer.kind !== "message" || answer.rcode !== RCODE.NXDOMAIN) return answer;
      const zone = zoneOf(zones, query.name);
      const walk = zone === undefined || exhausted.has(query.name) ? undefined : walkOf(query, zone);
      if (walk === undefined || query.depth > 0 || query.opcode !== OPCODE.QUERY) return answer;
      return follow(answer, query, zone!, walk.base, next);
    };

    /** Asks for the other names of the walk in turn; `denial` is the answer to the first. */
    const follow = (
      denial: Message,
      query: Query,
      zone: Name,
      base: Name,
      next: Next,
    ): MaybePromise<Answer> => {
      const services = prepend("svc", zone);
      const names = [services, zone, ...extra, ROOT].map((domain) => join(base, domain)).filter(fits);

      const ask = (name: Name): MaybePromise<Answer> =>
        isWithin(lower(name), zone) ? next(query.with({ name })) : query.lookup(name, query.type);

      /** Undefined: go on. On trouble the client does itself what its resolver does then. */
      const settle = (answer: Answer, name: Name): Answer | undefined => {
        if (answer.kind !== "message") return denial;
        if (answer.rcode === RCODE.NXDOMAIN) return undefined;
        if (answer.rcode !== RCODE.NOERROR) return denial;
        shortened.at(query.scope.server).inc();
        return aliasTo(name, answer, query, denial);
      };

      const walk = (from: number): MaybePromise<Answer> => {
        for (let i = from; i < names.length; i++) {
          const name = names[i]!;
          const result = ask(name);
          if (result instanceof Promise) return result.then((answer) => settle(answer, name) ?? walk(i + 1));
          const settled = settle(result, name);
          if (settled !== undefined) return settled;
        }
        const second = lower(names[0]!);
        const misread = readWalk(second, second, zone);
        if (misread !== undefined && cluster!.index.hasNamespace(misread.namespace)) exhausted.add(second);
        return denial;
      };
      return walk(0);
    };

    return {
      answer(query, next) {
        const result = next(query);
        return result instanceof Promise
          ? result.then((answer) => onward(answer, query, next))
          : onward(result, query, next);
      },
      start() {
        cluster = context.find(CLUSTER)[0];
        if (cluster === undefined) {
          throw new Error(
            "plugin/searchpath: nobody knows the namespaces: add kubernetes to the same server block",
          );
        }
        if (zones.length === 0) zones = cluster.settings.zones.filter((zone) => !isReverse(zone));
        extra = given ?? ownSearchList().filter((domain) => zoneOf(zones, domain) === undefined);
      },
    };
  },
});

/**
 * The answer to another name of the walk as one to the first: behind a CNAME, for no longer than the first name is known not to be
 * there. The alias is made up here, so nobody has authenticated the whole (RFC 4035 §3.2.3).
 */
function aliasTo(name: Name, found: Message, query: Query, denial: Message): Message {
  const { answer, authority, additional } = found.sections;
  const owner = answer[0]?.name;
  const target = owner !== undefined && lower(owner) === lower(name) ? owner : name;
  const ttl = Math.min(
    ...[...(answer.length > 0 ? answer : authority), ...denial.authority].map((rr) => rr.ttl),
  );
  const alias = record(query.rawName, TYPE.CNAME, Number.isFinite(ttl) ? ttl : 0, rdata.cname(target));
  return found.with({
    question: query.rawName,
    flags: found.flags & ~FLAG.AD,
    sections: { answer: [alias, ...answer], authority, additional },
  });
}

function ownSearchList(): readonly Name[] {
  try {
    return parseSearchList(readFileSync(RESOLV_CONF, "utf8"));
  } catch {
    return [];
  }
}
