/** The cluster that the servers serve: that of examples/cluster and as many Services as a small company has. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import type { Manifest } from "../test/support/apiserver-load.ts";
import { root } from "../test/support/paths.ts";

export const NAMESPACES: readonly string[] = Array.from({ length: 10 }, (_, i) => `team-${i}`);
/** Services with an address, in each namespace. */
export const SERVICES = 15;
/** Headless ones, three endpoints each, in each namespace. */
export const HEADLESS = 2;
/** Endpoints of the one large headless Service, `big.team-0`. */
export const BIG = 60;

/** The last two numbers of a Service's address in 10.96.0.0/16. */
const clusterIp = (namespace: number, service: number): string => `10.96.${64 + namespace}.${10 + service}`;

const namespace = (name: string): Manifest => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

const service = (namespace: string, name: string, clusterIP: string): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ name: "http", port: 80, protocol: "TCP" }] },
});

/** `addresses` in 10.244.0.0/16, given by number. */
const slice = (namespace: string, name: string, first: number, addresses: number): Manifest => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: `${name}-1`, namespace, labels: { "kubernetes.io/service-name": name } },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  endpoints: Array.from({ length: addresses }, (_, i) => ({
    addresses: [`10.244.${(first + i) >> 8}.${(first + i) & 255}`],
    hostname: `${name}-${i}`,
    conditions: { ready: true },
  })),
});

/** All objects, in the API's form. */
export function clusterObjects(): Manifest[] {
  const made = NAMESPACES.flatMap((team, n) => [
    namespace(team),
    ...Array.from({ length: SERVICES }, (_, i) => service(team, `api-${i}`, clusterIp(n, i))),
    ...Array.from({ length: HEADLESS }, (_, i) => [
      service(team, `db-${i}`, "None"),
      slice(team, `db-${i}`, 4096 + (n * HEADLESS + i) * 4, 3),
    ]).flat(),
  ]);
  return [
    ...exampleObjects(),
    ...made,
    service(NAMESPACES[0]!, "big", "None"),
    slice(NAMESPACES[0]!, "big", 8192, BIG),
  ];
}

function exampleObjects(): Manifest[] {
  const directory = join(root, "examples/cluster");
  const documents = readdirSync(directory)
    .filter((file) => file.endsWith(".yaml"))
    .sort()
    .flatMap((file) => loadAll(readFileSync(join(directory, file), "utf8")) as Manifest[]);
  return documents.flatMap((document) =>
    document.kind === "List" ? (document["items"] as Manifest[]) : [document],
  );
}

/** Services by thousands for the figures of scale, two endpoints each. */
export function* manyServices(count: number): Generator<Manifest> {
  const spaces = Math.ceil(count / 500);
  for (let n = 0; n < spaces; n++) yield namespace(`space-${n}`);
  for (let i = 0; i < count; i++) {
    const space = `space-${i % spaces}`;
    yield service(space, `service-${i}`, `10.${97 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`);
    yield slice(space, `service-${i}`, (i * 2) & 0xffff, 2);
  }
}
