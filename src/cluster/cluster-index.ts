import { Generations } from "./generations.ts";
import { MultiMap } from "./multimap.ts";
import type { ClusterObject, EndpointSlice, Kind, Pod, Service, ServiceImport } from "./objects.ts";
import { isSame } from "./same.ts";
import { createSharing } from "./share.ts";
import type { ClusterSink, Listing } from "./source.ts";

/** All that is known under the name of one service of one namespace. */
export interface ServiceNode {
  readonly service: Service | undefined;
  /** Slices labelled with the service's name, in the order of their arrival. */
  readonly slices: readonly EndpointSlice[];
  readonly imported: ServiceImport | undefined;
  /** Slices from other clusters. */
  readonly importedSlices: readonly EndpointSlice[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

class NamespaceNode {
  /** The Namespace object is there; what lies in it may come before and go after it. */
  present = false;
  readonly services = new Map<string, Writable<ServiceNode>>();
  readonly slices = new Map<string, EndpointSlice>();
  readonly pods = new Map<string, Pod>();
}

const NO_SLICES: readonly EndpointSlice[] = [];
const NO_SERVICES: ReadonlyMap<string, ServiceNode> = new Map();

export interface IndexOptions {
  /** The kinds that the source will list; the index is synchronised when all have been. */
  readonly kinds: readonly Kind[];
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A change of a service's endpoints is answered from now on, `seconds` after what caused it (SIG Scalability: DNS programming latency). */
  readonly onProgrammed?: (service: Service, seconds: number) => void;
}

/**
 * The cluster as DNS looks at it: objects by name and by address.
 *
 * It is a source's sink. A change costs the work of the object that changed: it counts up the generations of what may now be
 * answered differently (see `generations.ts`) and sets the time that SOA serials show. What comes in again unchanged is
 * no change. Names are matched as they are: those of Kubernetes are lower case.
 */
export class ClusterIndex implements ClusterSink {
  readonly generations: Generations = new Generations();
  /** Unix time in seconds of the last change of a service, of endpoints or of a pod's address; 0 before the first. */
  modified = 0;
  /** The same for changes (not for coming or going) of what is imported from other clusters, */
  importsModified = 0;
  /** and for changes of known services that show in their external addresses. */
  externalModified = 0;

  readonly #now: () => number;
  readonly #onProgrammed: IndexOptions["onProgrammed"];
  readonly #share = createSharing();
  readonly #namespaces = new Map<string, NamespaceNode>();
  readonly #byClusterAddress = new MultiMap<Service>();
  readonly #byExternalAddress = new MultiMap<Service>();
  readonly #byEndpointAddress = new MultiMap<EndpointSlice>();
  readonly #byPodAddress = new MultiMap<Pod>();
  readonly #unlisted: Set<Kind>;
  #whenSynced: (() => void)[] = [];

  constructor({ kinds, now, onProgrammed }: IndexOptions) {
    this.#now = now;
    this.#onProgrammed = onProgrammed;
    this.#unlisted = new Set(kinds);
  }

  /** Every kind has been listed once. */
  get synced(): boolean {
    return this.#unlisted.size === 0;
  }

  /** Calls `then` once the index is synchronised: at once where it is. */
  whenSynced(then: () => void): void {
    if (this.synced) then();
    else this.#whenSynced.push(then);
  }

  hasNamespace(name: string): boolean {
    return this.#namespaces.get(name)?.present === true;
  }

  /** Names of all namespaces that anything is known of, present or not. */
  namespaces(): Iterable<string> {
    return this.#namespaces.keys();
  }

  servicesIn(namespace: string): ReadonlyMap<string, ServiceNode> {
    return this.#namespaces.get(namespace)?.services ?? NO_SERVICES;
  }

  find(namespace: string, name: string): ServiceNode | undefined {
    return this.#namespaces.get(namespace)?.services.get(name);
  }

  /** Services that have this text among their cluster IPs. */
  servicesAt(address: string): readonly Service[] {
    return this.#byClusterAddress.get(address);
  }

  /** Services that have this text among their external addresses. */
  servicesAtExternal(address: string): readonly Service[] {
    return this.#byExternalAddress.get(address);
  }

  /** Slices of this cluster's services that have this text among their addresses. */
  slicesAt(address: string): readonly EndpointSlice[] {
    return this.#byEndpointAddress.get(address);
  }

  podsAt(address: string): readonly Pod[] {
    return this.#byPodAddress.get(address);
  }

  put(object: ClusterObject, trigger?: number): void {
    switch (object.kind) {
      case "Namespace":
        return this.#setNamespace(object.name, true);
      case "Service":
        return this.#setService(object.namespace, object.name, this.#share(object));
      case "EndpointSlice":
        this.#setSlice(object.namespace, object.name, this.#share(object));
        if (trigger !== undefined) this.#measure(object, trigger);
        return;
      case "Pod":
        // A pod that begins to end is answered until it is gone, unless it was never known.
        if (!object.terminating) this.#setPod(object.namespace, object.name, this.#share(object));
        return;
      case "ServiceImport":
        return this.#setImport(object.namespace, object.name, this.#share(object));
    }
  }

  remove(kind: Kind, namespace: string, name: string): void {
    switch (kind) {
      case "Namespace":
        return this.#setNamespace(name, false);
      case "Service":
        return this.#setService(namespace, name, undefined);
      case "EndpointSlice":
        return this.#setSlice(namespace, name, undefined);
      case "Pod":
        return this.#setPod(namespace, name, undefined);
      case "ServiceImport":
        return this.#setImport(namespace, name, undefined);
    }
  }

  list(kind: Kind): Listing {
    const gone = new Map<string, readonly [string, string]>();
    for (const [namespace, name] of this.#known(kind)) gone.set(`${namespace}/${name}`, [namespace, name]);
    return {
      put: (object) => {
        if (gone.size > 0)
          gone.delete(object.kind === "Namespace" ? `/${object.name}` : `${object.namespace}/${object.name}`);
        this.put(object);
      },
      end: () => {
        for (const [namespace, name] of gone.values()) this.remove(kind, namespace, name);
        this.#listed(kind);
      },
    };
  }

  *#known(kind: Kind): Iterable<readonly [string, string]> {
    for (const [namespace, node] of this.#namespaces) {
      if (kind === "Namespace") {
        if (node.present) yield ["", namespace];
      } else if (kind === "EndpointSlice" || kind === "Pod") {
        for (const name of (kind === "Pod" ? node.pods : node.slices).keys()) yield [namespace, name];
      } else {
        for (const [name, { service, imported }] of node.services) {
          if ((kind === "Service" ? service : imported) !== undefined) yield [namespace, name];
        }
      }
    }
  }

  #listed(kind: Kind): void {
    if (!this.#unlisted.delete(kind) || !this.synced) return;
    // What was SERVFAIL for want of knowledge is NXDOMAIN from now on.
    this.generations.bumpAll();
    const waiting = this.#whenSynced;
    this.#whenSynced = [];
    for (const then of waiting) then();
  }

  #setNamespace(name: string, present: boolean): void {
    if (this.hasNamespace(name) === present) return;
    this.#namespace(name).present = present;
    this.#prune(name);
    this.generations.bumpAll();
  }

  #setService(namespace: string, name: string, service: Service | undefined): void {
    const old = this.find(namespace, name)?.service;
    if (isSame(old, service)) return;
    this.#node(namespace, name).service = service;
    reindex(this.#byClusterAddress, old, old?.addresses, service, service?.addresses);
    reindex(this.#byExternalAddress, old, old?.external, service, service?.external);
    this.#void(namespace, name, old?.addresses, service?.addresses);
    this.#voidAddresses(old?.external, service?.external);
    const known = old !== undefined && service !== undefined;
    if (!known || !isSame({ ...old, external: service.external }, service)) this.modified = this.#seconds();
    if (known && !(isSame(old.external, service.external) && isSame(old.ports, service.ports))) {
      this.externalModified = this.#seconds();
    }
    this.#prune(namespace, name);
  }

  #setSlice(namespace: string, name: string, slice: EndpointSlice | undefined): void {
    const old = this.#namespaces.get(namespace)?.slices.get(name);
    if (isSame(old, slice)) return;
    const { slices } = this.#namespace(namespace);
    if (slice === undefined) slices.delete(name);
    else slices.set(name, slice);
    // A slice without a service has no names: it must not be found by its addresses either.
    const local = (one: EndpointSlice | undefined): EndpointSlice | undefined =>
      one?.service === "" ? undefined : one;
    reindex(
      this.#byEndpointAddress,
      local(old),
      local(old)?.addresses,
      local(slice),
      local(slice)?.addresses,
    );
    for (const one of [old, slice]) {
      if (one === undefined) continue;
      for (const [service, key] of [
        [one.service, "slices"],
        [one.imports, "importedSlices"],
      ] as const) {
        if (service === "") continue;
        const node = this.#node(namespace, service);
        node[key] = one === slice ? [...node[key], one] : node[key].filter((other) => other !== one);
        this.#void(namespace, service, one.addresses);
        this.#prune(namespace, service);
      }
    }
    this.modified = this.#seconds();
    if (old !== undefined && slice !== undefined && slice.imports !== "")
      this.importsModified = this.#seconds();
    this.#prune(namespace);
  }

  #setPod(namespace: string, name: string, pod: Pod | undefined): void {
    const old = this.#namespaces.get(namespace)?.pods.get(name);
    if (isSame(old, pod)) return;
    const { pods } = this.#namespace(namespace);
    if (pod === undefined) pods.delete(name);
    else pods.set(name, pod);
    const before = old === undefined ? undefined : [old.address];
    const after = pod === undefined ? undefined : [pod.address];
    reindex(this.#byPodAddress, old, before, pod, after);
    if (old?.address !== pod?.address) {
      this.#voidAddresses(before, after);
      this.modified = this.#seconds();
    }
    this.#prune(namespace);
  }

  #setImport(namespace: string, name: string, imported: ServiceImport | undefined): void {
    const old = this.find(namespace, name)?.imported;
    if (isSame(old, imported)) return;
    this.#node(namespace, name).imported = imported;
    this.#void(namespace, name);
    if (old !== undefined && imported !== undefined) this.importsModified = this.#seconds();
    else this.modified = this.#seconds();
    this.#prune(namespace, name);
  }

  #measure(slice: EndpointSlice, trigger: number): void {
    const service = this.find(slice.namespace, slice.service)?.service;
    if (service !== undefined) this.#onProgrammed?.(service, (this.#now() - trigger) / 1000);
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000);
  }

  #void(namespace: string, name: string, ...addresses: (readonly string[] | undefined)[]): void {
    this.generations.bump(this.generations.slotOf(namespace, name));
    this.#voidAddresses(...addresses);
  }

  /** Answers that are found by an address have the slot of ("", address). */
  #voidAddresses(...lists: (readonly string[] | undefined)[]): void {
    for (const list of lists) {
      for (const address of list ?? []) this.generations.bump(this.generations.slotOf("", address));
    }
  }

  #namespace(name: string): NamespaceNode {
    let node = this.#namespaces.get(name);
    if (node === undefined) this.#namespaces.set(name, (node = new NamespaceNode()));
    return node;
  }

  #node(namespace: string, name: string): Writable<ServiceNode> {
    const { services } = this.#namespace(namespace);
    let node = services.get(name);
    if (node === undefined) {
      node = { service: undefined, slices: NO_SLICES, imported: undefined, importedSlices: NO_SLICES };
      services.set(name, node);
    }
    return node;
  }

  /** Forgets nodes that nothing is left of. */
  #prune(namespace: string, name?: string): void {
    const room = this.#namespaces.get(namespace);
    if (room === undefined) return;
    const node = name === undefined ? undefined : room.services.get(name);
    if (node !== undefined && node.service === undefined && node.imported === undefined) {
      if (node.slices.length + node.importedSlices.length === 0) room.services.delete(name!);
    }
    if (!room.present && room.services.size + room.slices.size + room.pods.size === 0)
      this.#namespaces.delete(namespace);
  }
}

function reindex<V extends object>(
  map: MultiMap<V>,
  old: V | undefined,
  oldKeys: readonly string[] | undefined,
  value: V | undefined,
  keys: readonly string[] | undefined,
): void {
  if (old !== undefined) for (const key of new Set(oldKeys)) map.delete(key, old);
  if (value !== undefined) for (const key of new Set(keys)) map.add(key, value);
}
