/** A cluster made of manifests in the test, and questions to it. */
import { load } from "js-yaml";
import { ClusterIndex } from "../../src/cluster/cluster-index.ts";
import { resolve } from "../../src/cluster/resolve.ts";
import { objectsSource } from "../../src/cluster/objects-source.ts";
import { KINDS, type ClusterObject } from "../../src/cluster/objects.ts";
import { primaryZone } from "../../src/cluster/reverse.ts";
import { zoneOf, type Settings } from "../../src/cluster/settings.ts";
import type { Wanted } from "../../src/cluster/source.ts";
import { kindOf, trim } from "../../src/cluster/trim.ts";
import { lower, nameOf } from "../../src/dns/name.ts";
import { recordText } from "../../src/dns/records.ts";
import { parseType } from "../../src/dns/types.ts";

export const EVERYTHING: Wanted = {
  kinds: KINDS,
  labels: undefined,
  namespaceLabels: undefined,
  fields: { podNames: false, zones: true, podLabels: true },
};

export function settingsOf(change: Partial<Settings> = {}): Settings {
  const zones = change.zones ?? ["cluster.local.", "in-addr.arpa.", "ip6.arpa."].map(nameOf);
  return {
    zones,
    primary: primaryZone(zones)!,
    multicluster: [],
    namespaces: new Set(),
    pods: "disabled",
    ttl: 5,
    ignoreEmpty: false,
    zonal: false,
    localAddresses: () => [],
    ...change,
  };
}

/** Objects of one YAML stream, as the API has them. */
export const objectsOf = (yaml: string): unknown[] => yaml.split(/^---$/m).map((text) => load(text));

export function trimmed(yaml: string, wanted: Wanted = EVERYTHING): ClusterObject {
  const [object] = objectsOf(yaml);
  return trim(kindOf(object)!, object, wanted)!;
}

export function indexOf(yaml: string, wanted: Wanted = EVERYTHING): ClusterIndex {
  const index = new ClusterIndex({ kinds: wanted.kinds, now: () => 1_700_000_000_000 });
  objectsSource(objectsOf(yaml), Date.now).watch(wanted, index);
  return index;
}

/** The answer as lines: records, `+` before additional ones, `-> NAME` where an outside name is to be looked up, or NODATA or NXDOMAIN. */
export function ask(index: ClusterIndex, question: string, settings: Settings = settingsOf()): string[] {
  const [text = "", type = ""] = question.split(" ");
  const rawName = nameOf(text);
  const name = lower(rawName);
  const zone = zoneOf(settings.zones, name)!;
  const found = resolve(index, settings, { name, rawName, zone, type: parseType(type)! });
  if (found.outcome !== "found") return [found.outcome.toUpperCase()];
  const lines = found.answer.map(recordText);
  for (const { at } of [...found.outside].reverse()) lines.splice(at, 0, "-> outside");
  return [...lines, ...found.additional.map((rr) => `+ ${recordText(rr)}`)];
}
