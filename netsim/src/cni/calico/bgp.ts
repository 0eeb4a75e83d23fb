/**
 * BGP between nodes, route reflectors and routers outside: which sessions there are, as Calico's objects configure BIRD, and
 * which routes each node learns through whom (RFC 4271; reflection by RFC 4456).
 */
import type { Cluster, Labels, OtherObject } from "../../model/types.ts";
import { parseCalicoSelector } from "../../select/calico-selector.ts";
import { isV6, parseAddress } from "../address.ts";
import { fields, others, positive, text, type Fields } from "../fields.ts";
import { addressOf, type NodeFacts } from "../nodes.ts";

const DEFAULT_AS = 64_512;
const CLUSTER_ID = "projectcalico.org/RouteReflectorClusterID";
const AS_ANNOTATION = "projectcalico.org/ASNumber";

/** An end of a session: a node, or an address outside. */
export interface Speaker {
  readonly name: string;
  readonly node: boolean;
  readonly as: number;
  readonly clusterId: string | undefined;
}

/** `client`: which of the two ends the other one takes for its route reflector client. */
export interface Session {
  readonly a: Speaker;
  readonly b: Speaker;
  readonly v6: boolean;
  readonly by: string;
  readonly kind: "mesh" | "ibgp" | "ebgp";
  /** Only `a` is configured (reversePeering: Manual): nothing comes of it unless `b` is too. */
  readonly oneSided?: boolean;
}

export interface Bgp {
  readonly mesh: boolean;
  readonly speakers: readonly Speaker[];
  readonly sessions: readonly Session[];
  /** From whom a node has a route that `origin` announces: its neighbour in BGP; undefined where it has none. */
  learned(node: string, origin: string, v6: boolean): string | undefined;
  /** Whether a router outside has the routes of a node, and by which session. */
  knownOutside(origin: string, v6: boolean): Session | undefined;
}

/** Peers' addresses outside: they are routers. A port may follow: `10.0.0.1:179`, `[fd00::1]:179`. */
export const bgpRouters = (cluster: Cluster): string[] =>
  others(cluster, "BGPPeer").flatMap((p) => peerAddress(fields(p.spec)) ?? []);

function peerAddress(spec: Fields): string | undefined {
  const given = text(spec["peerIP"]) ?? "";
  const plain =
    /^\[([^\]]+)\](?::\d+)?$/.exec(given)?.[1] ??
    (given.split(":").length === 2 ? given.split(":")[0] : given);
  return parseAddress(plain ?? "")?.text;
}

const selector = (given: unknown): ((labels: Labels) => boolean) | undefined => {
  const written = text(given);
  if (written === undefined) return undefined;
  const parsed = parseCalicoSelector(written);
  return typeof parsed === "string" ? () => false : parsed.matches;
};

export function createBgp(cluster: Cluster, nodes: readonly NodeFacts[], overrides: Fields): Bgp {
  const spec = {
    ...fields(others(cluster, "BGPConfiguration").find((o) => o.metadata.name === "default")?.spec),
    ...overrides,
  };
  const mesh = spec["nodeToNodeMeshEnabled"] !== false;
  const defaultAs = positive(spec["asNumber"]) ?? DEFAULT_AS;
  const calicoNodes = new Map(
    others(cluster, "Node").map((o) => [o.metadata.name, fields(fields(o.spec)["bgp"])]),
  );
  const speakerOf = ({ name, node }: NodeFacts): Speaker => {
    const bgp = calicoNodes.get(name) ?? {};
    const { annotations } = node.metadata;
    return {
      name,
      node: true,
      as: positive(annotations[AS_ANNOTATION]) ?? positive(bgp["asNumber"]) ?? defaultAs,
      clusterId: annotations[CLUSTER_ID] ?? text(bgp["routeReflectorClusterID"]),
    };
  };
  const inside = nodes.map((facts) => ({ facts, speaker: speakerOf(facts) }));
  const off = others(cluster, "Installation").some(
    (o) => fields(fields(o.spec)["calicoNetwork"])["bgp"] === "Disabled",
  );
  const sessions = off ? [] : [...(mesh ? meshSessions(inside) : []), ...peerSessions(cluster, inside)];
  const unique = [
    ...new Map(
      sessions
        .filter((s) => s.oneSided !== true || answered(s, sessions))
        .map((s) => [`${[s.a.name, s.b.name].sort().join(" ")} ${s.v6}`, s]),
    ).values(),
  ];
  const outside = unique.filter((s) => !s.a.node || !s.b.node);
  const around = [false, true].map((v6) => aroundOf(unique.filter((s) => s.v6 === v6)));
  const speakers = new Map(inside.map((i) => [i.speaker.name, i.speaker]));
  const spread = new Map<string, ReadonlyMap<string, string>>();
  const learners = (origin: string, v6: boolean): ReadonlyMap<string, string> => {
    const key = `${origin} ${v6}`;
    let found = spread.get(key);
    const speaker = speakers.get(origin);
    if (found === undefined)
      spread.set(key, (found = speaker === undefined ? new Map() : announce(speaker, around[v6 ? 1 : 0]!)));
    return found;
  };
  return {
    mesh: mesh && !off,
    speakers: inside.map((i) => i.speaker),
    sessions: unique,
    learned: (node, origin, v6) => learners(origin, v6).get(node),
    knownOutside: (origin, v6) => {
      const knows = learners(origin, v6);
      return outside.find((s) => s.v6 === v6 && knows.has(s.b.node ? s.a.name : s.b.name));
    },
  };
}

const answered = ({ a, b, v6 }: Session, all: readonly Session[]): boolean =>
  all.some((o) => o.v6 === v6 && o.a.name === b.name && o.b.name === a.name);

interface Inside {
  readonly facts: NodeFacts;
  readonly speaker: Speaker;
}

const kindOf = (a: Speaker, b: Speaker): Session["kind"] => (a.as === b.as ? "ibgp" : "ebgp");
const families = (a: NodeFacts, b: NodeFacts): boolean[] =>
  [false, true].filter((v6) => addressOf(a, v6) !== undefined && addressOf(b, v6) !== undefined);

/** Every pair of nodes that are no route reflectors. */
function meshSessions(nodes: readonly Inside[]): Session[] {
  const members = nodes.filter((n) => n.speaker.clusterId === undefined);
  return members.flatMap((a, i) =>
    members.slice(i + 1).flatMap((b) =>
      families(a.facts, b.facts).map((v6): Session => ({
        a: a.speaker,
        b: b.speaker,
        v6,
        by: "node-to-node mesh",
        kind: a.speaker.as === b.speaker.as ? "mesh" : "ebgp",
      })),
    ),
  );
}

/** BGPPeers: of one node, of selected ones, or of all; with an address, or with selected nodes (from both sides). */
function peerSessions(cluster: Cluster, nodes: readonly Inside[]): Session[] {
  return others(cluster, "BGPPeer").flatMap((peer) => {
    const spec = fields(peer.spec);
    const name = text(spec["node"]);
    const local = selector(spec["nodeSelector"]);
    const froms = nodes.filter((n) =>
      name === undefined ? local?.(labelsOf(n)) !== false : n.facts.name === name,
    );
    const remote = selector(spec["peerSelector"]);
    if (remote !== undefined)
      return froms.flatMap((a) =>
        nodes.filter((b) => b !== a && remote(labelsOf(b))).flatMap((b) => between(a, b, peer)),
      );
    const address = peerAddress(spec);
    if (address === undefined) return [];
    return froms.flatMap((a) => {
      const known = nodes.find((n) => n !== a && addressOf(n.facts, isV6(address)) === address);
      if (known !== undefined) return between(a, known, peer, isV6(address));
      if (addressOf(a.facts, isV6(address)) === undefined || addressOf(a.facts, isV6(address)) === address)
        return [];
      const outside: Speaker = {
        name: address,
        node: false,
        as: positive(spec["asNumber"]) ?? DEFAULT_AS,
        clusterId: undefined,
      };
      return [
        {
          a: a.speaker,
          b: outside,
          v6: isV6(address),
          by: `BGPPeer ${peer.metadata.name}`,
          kind: kindOf(a.speaker, outside),
        },
      ];
    });
  });
}

const labelsOf = ({ facts }: Inside): Labels => facts.node.metadata.labels;

const between = (a: Inside, b: Inside, peer: OtherObject, only?: boolean): Session[] =>
  families(a.facts, b.facts)
    .filter((v6) => only === undefined || v6 === only)
    .map((v6): Session => ({
      a: a.speaker,
      b: b.speaker,
      v6,
      by: `BGPPeer ${peer.metadata.name}`,
      kind: kindOf(a.speaker, b.speaker),
      ...(fields(peer.spec)["reversePeering"] === "Manual" && { oneSided: true }),
    }));

interface Peering {
  readonly peer: Speaker;
  readonly session: Session;
}

/** By name: all peerings, and those over EBGP, which are all that most speakers pass routes on to. */
interface Around {
  readonly all: ReadonlyMap<string, readonly Peering[]>;
  readonly ebgp: ReadonlyMap<string, readonly Peering[]>;
}

function aroundOf(sessions: readonly Session[]): Around {
  const all = new Map<string, Peering[]>();
  const ebgp = new Map<string, Peering[]>();
  const add = (to: Map<string, Peering[]>, name: string, peering: Peering): void => {
    const list = to.get(name);
    if (list === undefined) to.set(name, [peering]);
    else list.push(peering);
  };
  for (const session of sessions)
    for (const [one, peer] of [
      [session.a, session.b],
      [session.b, session.a],
    ] as const) {
      add(all, one.name, { peer, session });
      if (session.kind === "ebgp") add(ebgp, one.name, { peer, session });
    }
  return { all, ebgp };
}

/**
 * Who has the routes of `origin`, and from whom. A speaker passes on what it made itself and what came over EBGP; what came over
 * IBGP it passes on over EBGP, and over IBGP only as a route reflector: from clients to all, from others to clients.
 */
function announce(origin: Speaker, { all, ebgp }: Around): ReadonlyMap<string, string> {
  const from = new Map<string, string>([[origin.name, origin.name]]);
  const queue: { at: Speaker; how: "own" | "ebgp" | "client" | "ibgp" }[] = [{ at: origin, how: "own" }];
  for (let i = 0; i < queue.length; i++) {
    const { at, how } = queue[i]!;
    const mute = how === "ibgp" && at.clusterId === undefined;
    for (const { peer, session } of (mute ? ebgp : all).get(at.name) ?? []) {
      if (from.has(peer.name) || !passes(at, how, peer, session)) continue;
      from.set(peer.name, at.name);
      queue.push({
        at: peer,
        how: session.kind === "ebgp" ? "ebgp" : isClient(peer, at, session) ? "client" : "ibgp",
      });
    }
  }
  return from;
}

/** Whether `reflector` takes `other` for its client: a node of no cluster, or of another one, that no mesh made its peer. */
const isClient = (reflector: Speaker, other: Speaker, session: Session): boolean =>
  session.kind === "ibgp" &&
  other.node &&
  reflector.clusterId !== undefined &&
  reflector.clusterId !== other.clusterId;

function passes(
  at: Speaker,
  how: "own" | "ebgp" | "client" | "ibgp",
  peer: Speaker,
  session: Session,
): boolean {
  if (how === "own" || how === "ebgp" || session.kind === "ebgp") return true;
  return at.clusterId !== undefined && (how === "client" || isClient(at, peer, session));
}
