import type { EndpointSlice, Kind, Pod, Service, ServiceImport } from "./objects.ts";

/** All that is known under the name of one service of one namespace. */
export interface ServiceNode {
  readonly service: Service | undefined;
  /** Slices labelled with the service's name, in the order of their arrival. */
  readonly slices: readonly EndpointSlice[];
  readonly imported: ServiceImport | undefined;
  /** Slices from other clusters. */
  readonly importedSlices: readonly EndpointSlice[];
}

export type WritableNode = { -readonly [K in keyof ServiceNode]: ServiceNode[K] };

class NamespaceNode {
  /** The Namespace object is there; what lies in it may come before and go after it. */
  present = false;
  readonly services = new Map<string, WritableNode>();
  readonly slices = new Map<string, EndpointSlice>();
  readonly pods = new Map<string, Pod>();
}

const NO_SLICES: readonly EndpointSlice[] = [];

/** The objects of a cluster by namespace and name. Nodes come with the first object that needs them and go with the last. */
export class Tree {
  readonly namespaces: ReadonlyMap<string, NamespaceNode>;
  readonly #namespaces = new Map<string, NamespaceNode>();

  constructor() {
    this.namespaces = this.#namespaces;
  }

  find(namespace: string, name: string): ServiceNode | undefined {
    return this.#namespaces.get(namespace)?.services.get(name);
  }

  /** The namespace's node, made if need be: `prune` after having changed it. */
  namespace(name: string): NamespaceNode {
    let node = this.#namespaces.get(name);
    if (node === undefined) this.#namespaces.set(name, (node = new NamespaceNode()));
    return node;
  }

  /** The service's node, made if need be: `prune` after having changed it. */
  service(namespace: string, name: string): WritableNode {
    const { services } = this.namespace(namespace);
    let node = services.get(name);
    if (node === undefined) {
      node = { service: undefined, slices: NO_SLICES, imported: undefined, importedSlices: NO_SLICES };
      services.set(name, node);
    }
    return node;
  }

  /** Forgets the nodes, the namespace's and the service's, if nothing is left in them. */
  prune(namespace: string, name?: string): void {
    const room = this.#namespaces.get(namespace);
    if (room === undefined) return;
    const node = name === undefined ? undefined : room.services.get(name);
    if (node !== undefined && node.service === undefined && node.imported === undefined) {
      if (node.slices.length + node.importedSlices.length === 0) room.services.delete(name!);
    }
    const isEmpty = room.services.size + room.slices.size + room.pods.size === 0;
    if (!room.present && isEmpty) this.#namespaces.delete(namespace);
  }

  /** Namespace (empty for the kind Namespace) and name of all objects of a kind. */
  *names(kind: Kind): Iterable<readonly [namespace: string, name: string]> {
    for (const [namespace, node] of this.#namespaces) {
      switch (kind) {
        case "Namespace":
          if (node.present) yield ["", namespace];
          break;
        case "EndpointSlice":
        case "Pod":
          for (const name of (kind === "Pod" ? node.pods : node.slices).keys()) yield [namespace, name];
          break;
        default:
          for (const [name, { service, imported }] of node.services) {
            if ((kind === "Service" ? service : imported) !== undefined) yield [namespace, name];
          }
      }
    }
  }
}
