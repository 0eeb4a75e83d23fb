import type { ClusterView } from "../../src/capabilities.ts";
import { ANYTHING } from "../../src/cluster/generations.ts";
import { below } from "../../src/cluster/look.ts";
import { externalNameServers } from "../../src/cluster/nameservers.ts";
import { withOutside, type Outside } from "../../src/cluster/outside.ts";
import * as records from "../../src/cluster/records.ts";
import { reverseAddress } from "../../src/cluster/reverse.ts";
import { isExposed, type Target } from "../../src/cluster/targets.ts";
import { reply, type Answer } from "../../src/dns/message.ts";
import { isWithin, parseName, type Name } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import type { RR } from "../../src/dns/rr.ts";
import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";
import type { MaybePromise } from "../../src/plugin.ts";
import { findExternal, readExternal } from "./names.ts";
import { apexOf, nsOf, serverOf, soaOf, type Look } from "./zone.ts";

export interface Answers {
  /** What the zone says, `query` being within it; undefined where there is no such name and the caller wants to know. */
  answer(query: Query, zone: Name, orElse: boolean): MaybePromise<Answer> | undefined;
  /** The slot of the generation that voids the answer to this question; `name` in lower case, within `zone`. */
  slotFor(name: Name, zone: Name, type: number): number;
}

/** Records of the sections, and what has to be asked for to complete them. */
interface Found {
  readonly answer: readonly RR[];
  readonly additional?: readonly RR[];
  readonly outside?: readonly Outside[];
}

const NOTHING: Found = { answer: [] };

/** Answers for external zones. PTR records point into the first of `zones`. */
export function createAnswers(cluster: ClusterView, zones: readonly Name[], look: Look): Answers {
  const { index, settings } = cluster;
  const { ttl, headless } = look;

  const deny = (query: Query, zone: Name, rcode: number): Answer =>
    reply(query, rcode, FLAG.AA, { authority: [soaOf(look, zone, index.externalModified)] });

  const servers = (owner: Name): RR[] =>
    externalNameServers(index, settings, headless).flatMap((address) => {
      const bytes = records.addressBytes(address);
      return bytes === undefined ? [] : [records.address(owner, ttl, bytes)];
    });

  const atApex = ({ type, rawName }: Query, zone: Name): Found => {
    if (type === TYPE.SOA) return { answer: [soaOf(look, zone, index.externalModified)] };
    if (type !== TYPE.NS) return NOTHING;
    return { answer: [nsOf(look, zone)], additional: servers(serverOf(look, rawName)) };
  };

  /** Below the apex, there is the name server and nothing else. */
  const belowApex = ({ name, rawName, type }: Query, zone: Name): Found | undefined => {
    if (name === apexOf(look, zone)) return NOTHING;
    if (name !== serverOf(look, zone)) return undefined;
    return { answer: servers(rawName).filter((rr) => rr.type === type) };
  };

  const addresses = ({ rawName, type }: Query, targets: readonly Target[]): Found => {
    const answer: RR[] = [];
    const outside: Outside[] = [];
    const seen = new Set<string>();
    for (const { host } of targets) {
      const bytes = records.addressBytes(host);
      if (bytes === undefined) {
        const target = parseName(host);
        if (target === undefined) continue;
        answer.push(records.cname(rawName, settings.ttl, target));
        outside.push({ section: "answer", at: answer.length, target, type });
      } else if ((bytes.length === 4) === (type === TYPE.A) && !seen.has(host)) {
        seen.add(host);
        answer.push(records.address(rawName, ttl, bytes));
      }
    }
    return { answer, outside };
  };

  const services = ({ rawName }: Query, zone: Name, targets: readonly Target[]): Found => {
    const weight = Math.max(1, Math.floor(100 / targets.length));
    const answer = new Map<string, RR>();
    const additional = new Map<string, RR>();
    const outside = new Map<Name, readonly Outside[]>();
    for (const { host, port, name } of targets) {
      const bytes = records.addressBytes(host);
      const target = bytes === undefined ? parseName(host) : below(name, zone);
      if (port < 0 || target === undefined) continue;
      const service = `${target}${port}`;
      if (!answer.has(service)) answer.set(service, records.srv(rawName, settings.ttl, weight, port, target));
      if (bytes !== undefined) {
        if (!additional.has(target + bytes))
          additional.set(target + bytes, records.address(target, ttl, bytes));
      } else if (!outside.has(target)) {
        const place = { section: "additional", at: additional.size, target } as const;
        outside.set(target, [
          { ...place, type: TYPE.A },
          { ...place, type: TYPE.AAAA },
        ]);
      }
    }
    return {
      answer: [...answer.values()],
      additional: [...additional.values()],
      outside: [...outside.values()].flat(),
    };
  };

  const pointers = ({ rawName }: Query, address: string): Found | undefined => {
    const shown = index
      .servicesAtExternal(address)
      .filter(({ namespace }) => settings.namespaces.size === 0 || isExposed(index, settings, namespace));
    const targets = new Set(
      shown.flatMap(({ name, namespace }) => below(`${name}.${namespace}`, zones[0]!) ?? []),
    );
    return targets.size === 0
      ? undefined
      : { answer: [...targets].map((target) => records.ptr(rawName, ttl, target)) };
  };

  /** Undefined where there is no such name. */
  const find = (query: Query, zone: Name): Found | undefined => {
    const { name, type } = query;
    const address = type === TYPE.PTR ? reverseAddress(name) : undefined;
    if (address !== undefined) return pointers(query, address);
    const question = readExternal(name, zone);
    const targets = question && findExternal(index, settings, question, headless);
    if (targets === undefined) return undefined;
    if (type === TYPE.A || type === TYPE.AAAA) return addresses(query, targets);
    return type === TYPE.SRV ? services(query, zone, targets) : NOTHING;
  };

  return {
    answer(query, zone, orElse) {
      const { name } = query;
      let found: Found | undefined;
      if (name === zone) {
        found = atApex(query, zone);
      } else if (isWithin(name, apexOf(look, zone))) {
        found = belowApex(query, zone);
        if (found === undefined) return deny(query, zone, RCODE.NXDOMAIN);
      } else {
        found = find(query, zone);
        if (found === undefined && orElse) return undefined;
      }
      if (found === undefined) {
        // While the cluster is not known, nobody can say that a name does not exist.
        return deny(query, zone, index.synced ? RCODE.NXDOMAIN : RCODE.SERVFAIL);
      }
      if (found.answer.length === 0) return deny(query, zone, RCODE.NOERROR);
      const { answer, additional = [], outside = [] } = found;
      const message = reply(query, RCODE.NOERROR, FLAG.AA, { answer, additional });
      return outside.length === 0 ? message : withOutside(query, message, outside);
    },

    slotFor(name, zone, type) {
      const { generations } = index;
      if (name === zone || isWithin(name, apexOf(look, zone))) return ANYTHING;
      const address = type === TYPE.PTR ? reverseAddress(name) : undefined;
      if (address !== undefined) return generations.slotOf("", address);
      const question = readExternal(name, zone);
      return question === undefined
        ? generations.slotOf("", "")
        : generations.slotOf(question.namespace, question.service);
    },
  };
}
