import { Families } from "./families.ts";
import { Generations } from "./generations.ts";
import { MultiMap } from "./multimap.ts";
import type { ClusterObject, EndpointSlice, Kind, Pod, Service, ServiceImport } from "./objects.ts";
import { isSame } from "./same.ts";
import { createSharing } from "./share.ts";
import type { ClusterSink, Listing } from "./source.ts";
import { Tree, type ServiceNode } from "./tree.ts";

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
  readonly families: Families = new Families();
  /** Unix time in seconds of the last change of a service, of endpoints or of a pod's address; 0 before the first. */
  modified = 0;
  /** The same for changes (not for coming or going) of what is imported from other clusters, */
  importsModified = 0;
  /** and for changes of known services that show in their external addresses. */
  externalModified = 0;

  readonly #now: () => number;
  readonly #onProgrammed: IndexOptions["onProgrammed"];
  readonly #share = createSharing();
  readonly #tree = new Tree();
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
    return this.#tree.namespaces.get(name)?.present === true;
  }

  /** Names of all namespaces that anything is known of, present or not. */
  namespaces(): Iterable<string> {
    return this.#tree.namespaces.keys();
  }

  servicesIn(namespace: string): ReadonlyMap<string, ServiceNode> {
    return this.#tree.namespaces.get(namespace)?.services ?? NO_SERVICES;
  }

  find(namespace: string, name: string): ServiceNode | undefined {
    return this.#tree.find(namespace, name);
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
    for (const [namespace, name] of this.#tree.names(kind))
      gone.set(`${namespace}/${name}`, [namespace, name]);
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
    this.#tree.namespace(name).present = present;
    this.#tree.prune(name);
    // Until the first list of everything is complete, answers are not kept, and after it all are void.
    if (this.synced) this.generations.bumpAll();
  }

  #setService(namespace: string, name: string, service: Service | undefined): void {
    const old = this.find(namespace, name)?.service;
    if (isSame(old, service)) return;
    this.#tree.service(namespace, name).service = service;
    this.#reindex(this.#byClusterAddress, old, old?.addresses, service, service?.addresses);
    reindex(this.#byExternalAddress, old, old?.external, service, service?.external);
    this.#void(namespace, name, old?.addresses, service?.addresses);
    this.#voidAddresses(old?.external, service?.external);
    const known = old !== undefined && service !== undefined;
    if (!known || !isSame({ ...old, external: service.external }, service)) this.modified = this.#seconds();
    if (known && !(isSame(old.external, service.external) && isSame(old.ports, service.ports))) {
      this.externalModified = this.#seconds();
    }
    this.#tree.prune(namespace, name);
  }

  #setSlice(namespace: string, name: string, slice: EndpointSlice | undefined): void {
    const old = this.#tree.namespaces.get(namespace)?.slices.get(name);
    if (isSame(old, slice)) return;
    const { slices } = this.#tree.namespace(namespace);
    if (slice === undefined) slices.delete(name);
    else slices.set(name, slice);
    // A slice without a service has no names: it must not be found by its addresses either.
    const local = (one: EndpointSlice | undefined): EndpointSlice | undefined =>
      one?.service === "" ? undefined : one;
    this.#reindex(
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
        const node = this.#tree.service(namespace, service);
        node[key] = one === slice ? [...node[key], one] : node[key].filter((other) => other !== one);
        this.#void(namespace, service, one.addresses);
        this.#tree.prune(namespace, service);
      }
    }
    this.modified = this.#seconds();
    if (old !== undefined && slice !== undefined && slice.imports !== "")
      this.importsModified = this.#seconds();
    this.#tree.prune(namespace);
  }

  #setPod(namespace: string, name: string, pod: Pod | undefined): void {
    const old = this.#tree.namespaces.get(namespace)?.pods.get(name);
    if (isSame(old, pod)) return;
    const { pods } = this.#tree.namespace(namespace);
    if (pod === undefined) pods.delete(name);
    else pods.set(name, pod);
    const before = old === undefined ? undefined : [old.address];
    const after = pod === undefined ? undefined : [pod.address];
    this.#reindex(this.#byPodAddress, old, before, pod, after);
    if (old?.address !== pod?.address) {
      this.#voidAddresses(before, after);
      this.modified = this.#seconds();
    }
    this.#tree.prune(namespace);
  }

  #setImport(namespace: string, name: string, imported: ServiceImport | undefined): void {
    const old = this.find(namespace, name)?.imported;
    if (isSame(old, imported)) return;
    this.#tree.service(namespace, name).imported = imported;
    this.#void(namespace, name);
    if (old !== undefined && imported !== undefined) this.importsModified = this.#seconds();
    else this.modified = this.#seconds();
    this.#tree.prune(namespace, name);
  }

  /** For the addresses that the cluster itself uses. */
  #reindex<V extends object>(
    map: MultiMap<V>,
    old: V | undefined,
    oldAddresses: readonly string[] = [],
    value: V | undefined,
    addresses: readonly string[] = [],
  ): void {
    reindex(map, old, oldAddresses, value, addresses);
    this.families.add(oldAddresses, -1);
    this.families.add(addresses, 1);
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
