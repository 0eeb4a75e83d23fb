/** A chain as the command line describes it. */
import { readFileSync } from "node:fs";
import type { RR } from "../dns/rr.ts";
import { measureRtt } from "../ndots/measure.ts";
import type { Legs } from "../ndots/chain/chain.ts";
import { outsideNames } from "../ndots/chain/cluster-facts.ts";
import { kubeadm, nodelocal } from "../ndots/chain/corefiles.ts";
import type { Lab } from "../ndots/chain/lab.ts";
import { createWorld, inventedRecords, readRecords } from "../ndots/chain/world.ts";
import { readObjects, type KubeObject } from "../ndots/objects.ts";
import { packageFile } from "../ndots/package-files.ts";
import { CLUSTER_DOMAIN, readEndpoint, type ChainFlags } from "./ndots-options.ts";

/** What the flags of a chain stand for; the rest of a lab is the pod's. */
export type ChainParts = Pick<
  Lab,
  "objects" | "world" | "legs" | "corefile" | "nodelocal" | "withNodeLocal"
> & {
  /** What the world outside is made of. */
  readonly records: readonly RR[];
};

/** Round-trip times in ms where none are given: on a node, between nodes, to a resolver nearby. */
const USUAL_RTT = { node: 0.1, cluster: 1, upstream: 20 } as const;
/** TTL of what is made up, in seconds. */
const TTL = 300;

/** Reads what the flags name, or says in one line what is wrong. `names` are looked up by a pod of `namespace`. */
export async function readChain(
  flags: ChainFlags,
  names: readonly string[],
  namespace: string,
): Promise<ChainParts | string> {
  const texts = {
    corefile: flags.conf === undefined ? kubeadm() : readText(flags.conf),
    nodelocal: flags.nodelocalConf === undefined ? nodelocal() : readText(flags.nodelocalConf),
  };
  for (const text of Object.values(texts)) if (typeof text !== "string") return text.error;
  const manifests = flags.manifests ?? packageFile("examples/cluster");
  let objects: readonly KubeObject[];
  try {
    const read = await readObjects(manifests);
    if (read.problems.length > 0) return read.problems[0]!;
    objects = read.objects;
  } catch (error) {
    return `--manifests ${manifests}: ${(error as Error).message.split("\n")[0]!}`;
  }
  const records = readWorld(flags.records, outsideNames(objects, namespace, CLUSTER_DOMAIN, names));
  if (typeof records === "string") return records;
  const legs = await readLegs(flags.rtt);
  if (typeof legs === "string") return legs;
  return {
    objects,
    records,
    world: createWorld(records),
    legs,
    ...(texts as Record<keyof typeof texts, string>),
    withNodeLocal: flags.nodelocal,
  };
}

function readText(file: string): string | { readonly error: string } {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return { error: `${file}: ${(error as Error).message.split("\n")[0]!}` };
  }
}

function readWorld(file: string | undefined, names: readonly string[]): readonly RR[] | string {
  if (file === undefined) return inventedRecords(names, TTL);
  const text = readText(file);
  if (typeof text !== "string") return text.error;
  return readRecords(text, file);
}

/** `LEG=MS` or `LEG=ADDR:PORT`, each. */
async function readLegs(words: readonly string[]): Promise<Legs | string> {
  const rtt: Record<keyof Legs, number> = { ...USUAL_RTT };
  for (const word of words) {
    const [, leg, value] = /^(node|cluster|upstream)=(.+)$/.exec(word) ?? [];
    if (leg === undefined || value === undefined)
      return `--rtt ${word}: write LEG=MS or LEG=ADDR:PORT, LEG being node, cluster or upstream`;
    let ms: number | undefined = /^\d+(\.\d+)?(ms)?$/.test(value) ? parseFloat(value) : undefined;
    if (ms === undefined) {
      const endpoint = readEndpoint(value);
      if (endpoint === undefined) return `--rtt ${word}: ${value} is neither milliseconds nor ADDR:PORT`;
      ms = await measureRtt(endpoint);
      if (ms === undefined) return `--rtt ${word}: no answer from there`;
    }
    rtt[leg as keyof Legs] = ms;
  }
  return { node: { rtt: rtt.node }, cluster: { rtt: rtt.cluster }, upstream: { rtt: rtt.upstream } };
}
