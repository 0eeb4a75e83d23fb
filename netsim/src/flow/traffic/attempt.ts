/** One attempt to talk, from the lookup of the name to the last packet. */
import type { Endpoint as Party } from "../../policy/endpoint.ts";
import type { Judged } from "../../trace/connect.ts";
import type { FlowsResponse } from "../types.ts";
import { tellConnection } from "./connection.ts";
import { tellFailure } from "./failures.ts";
import type { Leg, Plan } from "./plan.ts";
import { tellQuery } from "./query.ts";
import { uuid, type Random } from "./random.ts";
import type { Scene } from "./scene.ts";
import { routeOf } from "./segments.ts";
import { createTeller, nobody, type Ends, type Teller } from "./teller.ts";
import { knownAs } from "./verdicts.ts";
import type { Talk } from "./workload.ts";

/** Ports that clients' kernels choose from (net.ipv4.ip_local_port_range). */
const PORTS = { first: 32_768, count: 28_232 };

export function tellAttempt(
  scene: Scene,
  plan: Plan,
  talk: Talk,
  start: bigint,
  random: Random,
): FlowsResponse[] {
  const teller = createTeller(scene.identities, random);
  const port = (): number => PORTS.first + Math.floor(random() * PORTS.count);
  const out: FlowsResponse[] = [];
  const ports = new Map<number, number>();
  for (const query of plan.queries) {
    const at = start + BigInt(Math.round(query.offset));
    const known = ports.get(query.socket);
    const socket = { port: known ?? port(), known: known !== undefined };
    ports.set(query.socket, socket.port);
    out.push(...tellQuery(teller, scene, plan.from, query, at, socket));
  }
  const begin = start + BigInt(Math.round(plan.lookup));
  if (plan.failure !== undefined) return [...out, ...failureOf(teller, scene, plan, talk, begin, port())];
  let client = plan.from;
  for (const leg of plan.legs) {
    const way = choose(leg.ways, random());
    if (way === undefined) break;
    out.push(...tellLeg(teller, scene, plan, talk, { leg, way, client }, begin, random, port()));
    client = way.to;
  }
  return out;
}

/** By the load balancer's probabilities. */
function choose(ways: readonly Judged[], chance: number): Judged | undefined {
  let left = chance * ways.reduce((sum, way) => sum + way.probability, 0);
  return ways.find((way) => (left -= way.probability) < 0) ?? ways.at(-1);
}

interface Taken {
  readonly leg: Leg;
  readonly way: Judged;
  readonly client: Party;
}

function tellLeg(
  teller: Teller,
  scene: Scene,
  { goal, queries }: Plan,
  talk: Talk,
  { leg, way, client }: Taken,
  start: bigint,
  random: Random,
  clientPort: number,
): FlowsResponse[] {
  const { cluster, visibility, mode } = scene;
  const seen = queries.some((q) => q.asked.crossing.learned || visibility === "all");
  const outside = way.to.kind === "external";
  const ends: Ends = {
    client: outside || client.node === way.to.node ? client : way.seen,
    clientPort,
    server: way.to,
    serverPort: way.port,
    protocol: goal.protocol,
    names: outside && seen && leg.asked.name !== undefined ? [leg.asked.name.replace(/\.$/, "")] : [],
    known: outside ? knownAs(way.egress) : [],
  };
  const translated = way.connection?.translated === true;
  const service = { address: leg.asked.address, port: leg.asked.port };
  const before = { ends, time: start, node: client.node, direction: "EGRESS", reply: false } as const;
  const sockets =
    translated && mode === "ebpf" && client.kind === "pod" && goal.protocol !== "SCTP"
      ? [teller.socket(before, service, false), teller.socket(before, service, true)]
      : [];
  const id = { key: "X-Request-Id", value: uuid(random) };
  const connection = tellConnection(teller, {
    ends,
    way,
    route: routeOf(cluster, client, way, scene.everything),
    start: start + BigInt(sockets.length * 5000),
    timeout: talk.timeout,
    http:
      goal.request === undefined
        ? undefined
        : {
            method: talk.method,
            url: `${goal.request.scheme}://${goal.request.host}${goal.request.path}`,
            headers: [...talk.headers, id].sort((a, b) => (a.key < b.key ? -1 : 1)),
            status: talk.status,
            latency: Math.round(talk.latency * (0.75 + random() / 2)),
          },
    request: goal.request,
    // Requests inside of TLS are nobody's to see.
    allVisible: visibility === "all" && goal.request?.scheme === "http",
    audit: scene.audit,
  });
  return [...sockets, ...connection];
}

function failureOf(
  teller: Teller,
  { mode }: Scene,
  { from, goal, failure }: Plan,
  talk: Talk,
  start: bigint,
  clientPort: number,
): FlowsResponse[] {
  const { reason, address, port } = failure!;
  if (from.node === "" || address === undefined || port === 0) return [];
  const ends: Ends = {
    client: from,
    clientPort,
    server: nobody(address, from),
    serverPort: port,
    protocol: goal.protocol,
    names: [],
    known: [],
  };
  const noBackend = [
    "no-endpoints",
    "no-local-endpoints",
    "no-such-service-port",
    "no-such-service",
  ].includes(reason);
  const how = reason === "no-endpoints" || reason === "rejected-by-proxy" ? "refused" : "silence";
  return tellFailure(teller, { ends, start, timeout: talk.timeout, how, ebpf: mode === "ebpf", noBackend });
}
