/** `fromEntities` and `toEntities`: names for reserved identities. */
import { identityTest, CLUSTER, CLUSTER_NAME, requirement } from "./identity.ts";
import type { PeerTest } from "../rule.ts";

const reserved = (name: string): PeerTest => identityTest([requirement("reserved", name, "Exists")]);

const insiders = ["host", "remote-node", "init", "ingress", "health", "unmanaged", "kube-apiserver"].map(
  reserved,
);

/** Undefined stands for everybody. */
const ENTITIES: Readonly<Record<string, readonly PeerTest[] | undefined>> = {
  world: ["world", "world-ipv4", "world-ipv6"].map(reserved),
  "world-ipv4": [reserved("world-ipv4")],
  "world-ipv6": [reserved("world-ipv6")],
  host: [reserved("host")],
  init: [reserved("init")],
  ingress: [reserved("ingress")],
  "remote-node": [reserved("remote-node")],
  health: [reserved("health")],
  unmanaged: [reserved("unmanaged")],
  none: [reserved("none")],
  "kube-apiserver": [reserved("kube-apiserver")],
  cluster: [...insiders, identityTest([requirement("any", CLUSTER, "In", [CLUSTER_NAME])])],
  "cluster-mesh": [...insiders, identityTest([requirement("any", CLUSTER, "Exists")])],
};

const EVERYBODY: PeerTest = { key: "everybody", uses: {}, test: () => true };

export const isEntity = (name: string): boolean => name === "all" || Object.hasOwn(ENTITIES, name);

export const entityTests = (name: string): readonly PeerTest[] =>
  name === "all" ? [EVERYBODY] : (ENTITIES[name] ?? []);
