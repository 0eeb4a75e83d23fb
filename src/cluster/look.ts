import { fits, join, parseName, ROOT, type Name } from "../dns/name.ts";
import type { RR } from "../dns/rr.ts";
import type { ClusterIndex } from "./cluster-index.ts";
import { nameServers } from "./nameservers.ts";
import type { Outside } from "./outside.ts";
import { readQuestion, type Question, type Schema } from "./question.ts";
import { isReverse } from "./reverse.ts";
import { zoneOf, type Settings } from "./settings.ts";
import { findTargets, type Target } from "./targets.ts";

/** A query's name and the zone that it lies in. */
export interface Asked {
  /** In lower case. */
  readonly name: Name;
  /** In the client's letters, which answers repeat. */
  readonly rawName: Name;
  /** In lower case. */
  readonly zone: Name;
  readonly type: number;
}

/** What a name has of a type. */
export interface Resolution {
  /** `found` with at least one record, else `nodata`; `nxdomain`: there is no such name. */
  readonly outcome: "found" | "nodata" | "nxdomain";
  readonly answer: readonly RR[];
  readonly additional: readonly RR[];
  /** Aliases in `answer` that lead out of the zone: what their targets have belongs directly behind them. */
  readonly outside: readonly Outside[];
  /** The generation that voids it; see `generations.ts`. */
  readonly slot: number;
}

/** One look at the index, for one query. */
export interface Look {
  readonly index: ClusterIndex;
  readonly settings: Settings;
  readonly asked: Asked;
  /** The zone in the client's letters. */
  readonly rawZone: Name;
  readonly schema: Schema;
}

export function lookFor(index: ClusterIndex, settings: Settings, asked: Asked): Look {
  const { zone, rawName } = asked;
  const multicluster = zoneOf(settings.multicluster, zone) !== undefined;
  const rawZone = rawName.slice(rawName.length - zone.length) as Name;
  return { index, settings, asked, rawZone, schema: { multicluster, zonal: settings.zonal } };
}

/** What `name` asks for; undefined where there can be no such name. */
export function questionOf({ asked, schema }: Look, name: Name): Question | undefined {
  const question = readQuestion(name, asked.zone, schema);
  // Below `svc` and `pod`, a reverse zone has nothing.
  return question !== undefined && question.kind !== "" && isReverse(name) ? undefined : question;
}

/** What `name` stands for: undefined where there is no such name, empty where it has nothing. */
export function targetsOf(look: Look, name: Name): readonly Target[] | undefined {
  if (isNameServer(look, name)) {
    return nameServers(look.index, look.settings).map(({ address }) => ({
      host: address,
      port: -1,
      name: "ns.dns",
    }));
  }
  const question = questionOf(look, name);
  return question === undefined
    ? undefined
    : findTargets(look.index, look.settings, question, look.schema.multicluster);
}

/**
 * Whether `name` is `ns.dns.ZONE`, under which the server itself is found. As in CoreDNS, not where the client wrote the zone with a
 * capital, and not for the root zone.
 */
export const isNameServer = ({ asked: { zone }, rawZone }: Look, name: Name): boolean =>
  zone !== ROOT && rawZone === zone && name === NS_DNS + zone;

const NS_DNS = "\x02ns\x03dns";

/** `text`, labels with dots between, as a name in `zone`; undefined where it makes none. */
export function below(text: string, zone: Name): Name | undefined {
  const labels = parseName(text);
  const name = labels === undefined ? undefined : join(labels, zone);
  return name !== undefined && fits(name) ? name : undefined;
}
