/** The source and destination of a Calico rule: selectors over pods and network sets, networks, service accounts, services. */
import type { CalicoEntity, CalicoPolicy, Cluster, Labels } from "../../model/types.ts";
import { parsePrefixOrAddress } from "../../select/cidr.ts";
import { parseCalicoSelector } from "../../select/calico-selector.ts";
import type { CalicoSelector } from "../../select/calico-selector.ts";
import type { Endpoint } from "../endpoint.ts";
import { addresses, isWorkload } from "../peers.ts";
import type { PeerTest } from "../rule.ts";

const NONE: CalicoSelector = { key: "(faulty)", uses: [], matches: () => false };

/** A faulty expression selects nothing; `compile` has reported it. */
export function selector(text: string): CalicoSelector {
  const parsed = parseCalicoSelector(text);
  return typeof parsed === "string" ? NONE : parsed;
}

const SPECIAL = [
  "projectcalico.org/namespace",
  "projectcalico.org/orchestrator",
  "projectcalico.org/serviceaccount",
];

const labelCache = new WeakMap<Endpoint, Labels>();

/** A pod's labels with those that Calico adds. */
export function labelsOf(e: Endpoint): Labels {
  let labels = labelCache.get(e);
  if (labels === undefined) {
    const added = [e.namespace, "k8s", e.serviceAccount];
    labels = { ...e.labels, ...Object.fromEntries(SPECIAL.map((key, i) => [key, added[i] as string])) };
    labelCache.set(e, labels);
  }
  return labels;
}

/** A namespace's labels as namespaceSelector sees them: its name is one. */
export const namespaceLabels = (e: Endpoint): Labels => ({
  ...e.namespaceLabels,
  "projectcalico.org/name": e.namespace,
});

/** Labels of the cluster's service accounts, by `namespace/name`. */
export function accountLabels(cluster: Cluster): (e: Endpoint) => Labels {
  const all = new Map(
    (cluster.others.get("ServiceAccount") ?? []).map((s) => [
      `${s.metadata.namespace}/${s.metadata.name}`,
      s.metadata.labels,
    ]),
  );
  return (e) => all.get(`${e.namespace}/${e.serviceAccount}`) ?? {};
}

const netTest = (nets: readonly string[]): PeerTest => {
  const tests = nets.flatMap((text) => {
    const prefix = parsePrefixOrAddress(text);
    return prefix === undefined ? [] : [addresses(prefix.text)];
  });
  return {
    key: `nets ${nets.join()}`,
    uses: { prefixes: tests.flatMap((t) => t.uses.prefixes ?? []) },
    test: (e, local) => tests.some((t) => t.test(e, local)),
  };
};

/**
 * Whom a selector means: pods (in the policy's own namespace, unless it is global or a namespaceSelector widens it), and
 * the addresses of network sets with such labels. `global()` as namespaceSelector leaves the sets that have no namespace.
 */
function selectorTest(
  text: string,
  wide: string | undefined,
  policy: CalicoPolicy,
  cluster: Cluster,
): PeerTest {
  const labels = selector(text);
  const onlyGlobal = wide !== undefined && /^\s*global\(\)\s*$/.test(wide);
  const where = wide === undefined ? undefined : selector(wide);
  const own = policy.metadata.namespace;
  const inScope = (namespace: string, labelsOfIt: () => Labels): boolean => {
    if (onlyGlobal) return namespace === "";
    if (where !== undefined) return namespace !== "" && where.matches(labelsOfIt());
    return own === "" || namespace === own;
  };
  const byName = new Map(cluster.namespaces.map((n) => [n.metadata.name, n.metadata.labels]));
  const sets = cluster.calicoNetworkSets.filter(
    ({ metadata: m }) =>
      inScope(m.namespace, () => ({ ...byName.get(m.namespace), "projectcalico.org/name": m.namespace })) &&
      labels.matches(m.labels),
  );
  const nets = netTest(sets.flatMap((s) => s.spec.nets ?? []));
  return {
    key: `calico ${own} [${labels.key}] [${wide ?? ""}]`,
    uses: {
      labels: labels.uses,
      prefixes: nets.uses.prefixes ?? [],
      account: labels.uses.includes(SPECIAL[2] as string),
    },
    test: (e, local) =>
      (isWorkload(e) && inScope(e.namespace, () => namespaceLabels(e)) && labels.matches(labelsOf(e))) ||
      nets.test(e, local),
  };
}

function serviceTest(
  services: NonNullable<CalicoEntity["services"]>,
  policy: CalicoPolicy,
  cluster: Cluster,
): PeerTest {
  const namespace = services.namespace ?? policy.metadata.namespace;
  const slices = cluster.endpointSlices.filter(
    (s) =>
      s.metadata.namespace === namespace && s.metadata.labels["kubernetes.io/service-name"] === services.name,
  );
  return netTest(slices.flatMap((s) => s.endpoints.flatMap((e) => e.addresses)));
}

/** All conditions of a source or destination together; undefined when it has none (everybody). */
export function entityTest(
  entity: CalicoEntity | undefined,
  policy: CalicoPolicy,
  cluster: Cluster,
): PeerTest | undefined {
  if (entity === undefined) return undefined;
  const all: PeerTest[] = [];
  const none: PeerTest[] = [];
  if (entity.selector !== undefined || entity.namespaceSelector !== undefined) {
    all.push(selectorTest(entity.selector ?? "all()", entity.namespaceSelector, policy, cluster));
  }
  if (entity.notSelector !== undefined) {
    // It only takes away from those that a selector could mean.
    if (entity.selector === undefined)
      all.push(selectorTest("all()", entity.namespaceSelector, policy, cluster));
    none.push(selectorTest(entity.notSelector, entity.namespaceSelector, policy, cluster));
  }
  if (entity.nets !== undefined && entity.nets.length > 0) all.push(netTest(entity.nets));
  if (entity.notNets !== undefined && entity.notNets.length > 0) none.push(netTest(entity.notNets));
  if (entity.serviceAccounts !== undefined)
    all.push(accountTest(entity.serviceAccounts, entity, policy, cluster));
  if (entity.services !== undefined) all.push(serviceTest(entity.services, policy, cluster));
  if (entity.domains !== undefined && entity.domains.length > 0)
    all.push({ key: "domains", uses: {}, test: () => false });
  if (all.length + none.length === 0) return undefined;
  return {
    key: `all of ${all.map((t) => t.key).join(" and ")} none of ${none.map((t) => t.key).join(" or ")}`,
    uses: {
      labels: [...all, ...none].flatMap((t) => t.uses.labels ?? []),
      prefixes: [...all, ...none].flatMap((t) => t.uses.prefixes ?? []),
      account: [...all, ...none].some((t) => t.uses.account === true),
    },
    test: (e, local) => all.every((t) => t.test(e, local)) && !none.some((t) => t.test(e, local)),
  };
}

function accountTest(
  { names = [], selector: text }: NonNullable<CalicoEntity["serviceAccounts"]>,
  entity: CalicoEntity,
  policy: CalicoPolicy,
  cluster: Cluster,
): PeerTest {
  const by = text === undefined ? undefined : selector(text);
  const labels = accountLabels(cluster);
  const scope = selectorTest("all()", entity.namespaceSelector, policy, cluster);
  return {
    key: `accounts ${names.join()} [${by?.key ?? ""}] ${scope.key}`,
    uses: { account: true },
    test: (e) =>
      isWorkload(e) &&
      scope.test(e, false) &&
      (names.length === 0 || names.includes(e.serviceAccount)) &&
      (by === undefined || by.matches(labels(e))),
  };
}
