/** The lookups behind a log's or a capture's queries. */
import type { ResolverModel } from "../../resolver/models.ts";
import { readInput, type Progress } from "../audit/read.ts";
import { KIND, Walks, type Client } from "../walk/walks.ts";
import type { MixSpec } from "./mix-file.ts";

export interface LogMix {
  readonly mix: MixSpec;
  /** Names outside of the cluster that were found. */
  readonly existing: readonly string[];
  /** Queries that were read. */
  readonly queries: number;
}

export interface LogMixOptions {
  readonly clusterDomain: string;
  readonly search: readonly string[];
  readonly seconds: number;
  /** Lookups of a pod in a second: a log does not tell when. */
  readonly rate: number;
  readonly ndots: number;
  readonly model: ResolverModel;
}

interface Seen extends Client {
  namespace: string;
  readonly names: Map<string, number>;
}

const MOST_CLIENTS = 20_000;
const MOST_NAMES = 2000;
const MOST_PODS = 500;
const MOST_WALKS = 100_000;

/**
 * Reads what clients looked up, as they wrote it as far as their queries show: a name of which no step of a walk was seen gets a final
 * dot. Rejects with one line where the file can't be read.
 */
export async function readMixFromLog(
  file: string,
  { clusterDomain, search, seconds, rate, ndots, model }: LogMixOptions,
  tell: (progress: Progress) => void,
): Promise<LogMix> {
  const clients = new Map<string, Seen>();
  const existing = new Set<string>();
  let queries = 0;
  const note = (client: Seen, name: string): void => {
    const count = client.names.get(name);
    if (count !== undefined || client.names.size < MOST_NAMES)
      client.names.set(Buffer.from(name, "latin1").latin1Slice(), (count ?? 0) + 1);
  };
  const exists = (name: string): void => {
    if (existing.size < MOST_NAMES) existing.add(Buffer.from(name, "latin1").latin1Slice());
  };
  // A lookup is counted by one of its kinds of questions: AAAA comes along with A.
  const walks = new Walks<Seen>({
    clusterDomain,
    search,
    most: MOST_WALKS,
    sink: {
      wasted: (client, { namespace }) => void (client.namespace = namespace),
      found(client, _dots, name, kind, namespace) {
        if (kind === KIND.AAAA) return;
        if (namespace !== undefined && client.namespace === "") client.namespace = namespace;
        // What another namespace's name says was written to its end.
        const isFull = namespace !== undefined && namespace !== client.namespace;
        note(client, isFull ? `${name}.${namespace}.svc.${clusterDomain}.` : name);
      },
      ended(client, { name }, kind, negative) {
        if (kind === KIND.AAAA) return;
        note(client, name);
        if (!negative) exists(name);
      },
      other(client, name, kind, negative) {
        if (kind === KIND.AAAA) return;
        note(client, name);
        if (!negative) exists(name);
      },
    },
  });
  await readInput(
    file,
    ({ address, name, kind, negative, ms }) => {
      queries++;
      let client = clients.get(address);
      if (client === undefined) {
        const key = clients.size < MOST_CLIENTS ? Buffer.from(address, "latin1").latin1Slice() : "";
        client = clients.get(key) ?? { ...Walks.client(), namespace: "", names: new Map() };
        clients.set(key, client);
      }
      walks.see(client, name, kind, negative, ms);
    },
    tell,
  );
  return {
    mix: { seconds, missing: [], groups: groupsOf(clients.values(), rate, ndots, model) },
    existing: [...existing],
    queries,
  };
}

/** Clients of one namespace are alike. */
function groupsOf(
  clients: Iterable<Seen>,
  rate: number,
  ndots: number,
  model: ResolverModel,
): MixSpec["groups"] {
  const groups = new Map<string, { pods: number; names: Map<string, number> }>();
  let pods = 0;
  for (const { namespace, names } of clients) {
    if (names.size === 0) continue;
    const key = namespace === "" ? "default" : namespace;
    const group = groups.get(key) ?? { pods: 0, names: new Map<string, number>() };
    groups.set(key, group);
    group.pods++;
    pods++;
    for (const [name, count] of names) group.names.set(name, (group.names.get(name) ?? 0) + count);
  }
  const scale = Math.min(1, MOST_PODS / Math.max(1, pods));
  return [...groups].map(([namespace, group]) => ({
    namespace,
    pods: Math.max(1, Math.round(group.pods * scale)),
    rate: rate / scale,
    ndots,
    names: group.names,
    resolvers: [{ model, weight: 1 }],
  }));
}
