/** A cluster made up from a seed: pods in namespaces, and NetworkPolicies of all sorts. The same seed, the same cluster. */

export interface Shape {
  readonly seed: number;
  readonly pods: number;
  readonly policies: number;
  readonly namespaces: number;
}

/** mulberry32: small, and good enough to mix labels. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PORTS = [
  { name: "http", containerPort: 8080, protocol: "TCP" },
  { name: "http", containerPort: 80, protocol: "TCP" },
  { name: "https", containerPort: 8443, protocol: "TCP" },
  { name: "grpc", containerPort: 9000, protocol: "TCP" },
  { name: "metrics", containerPort: 9090, protocol: "TCP" },
  { name: "metrics", containerPort: 9102, protocol: "TCP" },
  { name: "sql", containerPort: 5432, protocol: "TCP" },
  { name: "dns", containerPort: 53, protocol: "UDP" },
] as const;
const NAMES = [...new Set(PORTS.map((p) => p.name))];
const TIERS = ["front", "mid", "data"];
const TEAMS = ["retail", "finance", "platform", "growth", "risk"];

/** Kubernetes objects: Namespaces, Pods with addresses, NetworkPolicies (a fifth with ipBlocks, a fifth with named ports). */
export function generate({ seed, pods, policies, namespaces }: Shape): object[] {
  const next = random(seed);
  const int = (n: number): number => Math.floor(next() * n);
  const pick = <T>(list: readonly T[]): T => list[int(list.length)] as T;
  const chance = (p: number): boolean => next() < p;
  const out: object[] = [];
  const spaces = Array.from({ length: namespaces }, (_, i) => `team-${String(i).padStart(3, "0")}`);
  for (const name of spaces) {
    const labels = { team: pick(TEAMS), env: pick(["prod", "staging"]), "kubernetes.io/metadata.name": name };
    out.push({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
  }
  for (let i = 0; i < pods; i++) {
    const namespace = spaces[i % namespaces] as string;
    const labels: Record<string, string> = {
      app: `app-${int(12)}`,
      tier: pick(TIERS),
      "pod-template-hash": int(2 ** 31).toString(16),
    };
    if (chance(0.3)) labels["version"] = pick(["v1", "v2"]);
    const node = int(200);
    const ip = `10.${244 + (node >>> 7)}.${node & 127}.${2 + (Math.floor(i / 200) % 250)}`;
    out.push({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `pod-${i}`, namespace, labels },
      spec: {
        nodeName: `node-${node}`,
        containers: [
          {
            name: "main",
            image: "registry.example/app:1",
            ports: [PORTS[int(12) < 6 ? 0 : int(PORTS.length)], PORTS[4 + int(2)]],
          },
        ],
      },
      status: {
        phase: "Running",
        podIP: ip,
        podIPs: [{ ip }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    });
  }
  const podSelector = () => {
    const kind = int(4);
    if (kind === 0) return {};
    if (kind === 1) return { matchLabels: { app: `app-${int(12)}` } };
    if (kind === 2)
      return {
        matchLabels: { tier: pick(TIERS) },
        matchExpressions: [{ key: "version", operator: pick(["Exists", "DoesNotExist"]) }],
      };
    return {
      matchExpressions: [
        { key: "app", operator: pick(["In", "NotIn"]), values: [`app-${int(12)}`, `app-${int(12)}`] },
      ],
    };
  };
  const namespaceSelector = () =>
    chance(0.5)
      ? { matchLabels: { team: pick(TEAMS) } }
      : { matchLabels: { env: pick(["prod", "staging"]) } };
  const ipBlock = () => {
    const second = 244 + int(2);
    const third = int(128);
    return chance(0.5)
      ? {
          ipBlock: {
            cidr: `10.${second}.${third & ~7}.0/21`,
            except: [`10.${second}.${third}.${int(4) * 64}/26`],
          },
        }
      : { ipBlock: { cidr: `10.${second}.${third}.${int(2) * 128}/25` } };
  };
  const peer = (block: boolean): object => {
    if (block) return ipBlock();
    if (chance(0.4)) return { podSelector: podSelector() };
    return chance(0.5)
      ? { namespaceSelector: namespaceSelector() }
      : { namespaceSelector: namespaceSelector(), podSelector: podSelector() };
  };
  const port = (named: boolean): object => {
    if (named) return { port: pick(NAMES), protocol: "TCP" };
    return chance(0.2)
      ? { port: 8000, endPort: 9000, protocol: "TCP" }
      : { port: pick(PORTS).containerPort, protocol: "TCP" };
  };
  for (let i = 0; i < policies; i++) {
    const [block, named] = [i % 5 === 0, i % 5 === 1];
    const side = (key: "from" | "to") =>
      Array.from({ length: 1 + int(3) }, (_, r) => ({
        [key]: Array.from({ length: 1 + int(2) }, (_, p) => peer(block && r + p === 0)),
        ...(chance(0.7) && { ports: Array.from({ length: 1 + int(2) }, (_, p) => port(named && p === 0)) }),
      }));
    const types = chance(0.3) ? ["Ingress", "Egress"] : [chance(0.7) ? "Ingress" : "Egress"];
    const egress = types.includes("Egress")
      ? { egress: [...side("to"), { ports: [{ port: 53, protocol: "UDP" }] }] }
      : {};
    out.push({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: `policy-${i}`, namespace: spaces[i % namespaces] },
      spec: {
        podSelector: podSelector(),
        policyTypes: types,
        ...(types.includes("Ingress") && { ingress: side("from") }),
        ...egress,
      },
    });
  }
  return out;
}
