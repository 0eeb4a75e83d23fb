import type { ClusterObject, Port } from "./objects.ts";

/** More different values than this are not worth to be remembered: there are not that many alike then. */
const MOST = 8192;
const NONE: readonly never[] = [];

/**
 * Returns objects whose parts that many have alike are one and the same in memory: namespaces, lists of ports, empty lists.
 * Of 100,000 Services the most are in few namespaces and expose port 80 under the name `http`.
 */
export function createSharing(): <T extends ClusterObject>(object: T) => T {
  const namespaces = firstOf<string>((text) => text);
  const ports = firstOf<readonly Port[]>((list) =>
    list.map(({ name, protocol, number }) => `${name}/${protocol}/${String(number)}`).join(),
  );
  // A copy has no room to grow, which an array that was filled item by item keeps.
  const exact = (items: readonly string[]): readonly string[] => (items.length === 0 ? NONE : items.slice());

  const share = (object: ClusterObject): ClusterObject => {
    switch (object.kind) {
      case "Namespace":
        return object;
      case "Pod":
        return { ...object, namespace: namespaces(object.namespace) };
      case "Service":
        return {
          ...object,
          namespace: namespaces(object.namespace),
          addresses: exact(object.addresses),
          ports: ports(object.ports),
          external: exact(object.external),
        };
      case "EndpointSlice":
      case "ServiceImport":
        return {
          ...object,
          namespace: namespaces(object.namespace),
          addresses: exact(object.addresses),
          ports: ports(object.ports),
        };
    }
  };
  return share as <T extends ClusterObject>(object: T) => T;
}

/** A function that gives, for each value, the first one that had the same key. */
function firstOf<T>(keyOf: (value: T) => string): (value: T) => T {
  const known = new Map<string, T>();
  return (value) => {
    const key = keyOf(value);
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= MOST) known.clear();
    known.set(key, value);
    return value;
  };
}
