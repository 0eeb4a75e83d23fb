/** Puts objects, as manifests give them, into an API server. */
import type { ApiServer } from "./apiserver.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly [field: string]: unknown;
}

const clusterScoped = new Set([
  "Namespace",
  "Node",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
]);
const plurals: Readonly<Record<string, string>> = {
  NetworkPolicy: "networkpolicies",
  Ingress: "ingresses",
  IngressClass: "ingressclasses",
};

/** The path of an object, or of the collection that it is in. */
export function pathOf(object: Manifest, what: "object" | "collection" = "object"): string {
  const { apiVersion, kind, metadata } = object;
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const space = clusterScoped.has(kind) ? "" : `/namespaces/${metadata.namespace ?? "default"}`;
  const collection = `${group}${space}/${plurals[kind] ?? `${kind.toLowerCase()}s`}`;
  return what === "collection" ? collection : `${collection}/${metadata.name}`;
}

/** Creates the object or, where it exists, merges it in; then its status, which an API server takes by itself only. Rejects with the server's words. */
export async function apply(api: ApiServer, object: Manifest): Promise<void> {
  const { status, ...rest } = object;
  const created = await api.request("POST", pathOf(object, "collection"), rest);
  // A Service that exists is not always "409 Conflict": its address is "already allocated", a 422.
  const exists = created.status >= 400 && (await api.request("GET", pathOf(object))).status === 200;
  if (exists) await expect(api, "PATCH", pathOf(object), rest);
  else if (created.status >= 300)
    throw new Error(`${object.kind} ${object.metadata.name}: ${JSON.stringify(created.body)}`);
  if (status !== undefined && status !== null && object.kind !== "CustomResourceDefinition") {
    await expect(api, "PATCH", `${pathOf(object)}/status`, { status });
  }
  // Being deleted is nothing that can be written: a finalizer or a grace period keeps the object there.
  if (object.metadata.deletionTimestamp !== undefined) await expect(api, "DELETE", pathOf(object), undefined);
}

/** Deletes at once, without a grace period. */
export async function remove(api: ApiServer, object: Manifest): Promise<void> {
  await expect(api, "DELETE", pathOf(object), {
    apiVersion: "v1",
    kind: "DeleteOptions",
    gracePeriodSeconds: 0,
  });
}

/** `apply` for many: definitions and namespaces first, eight at a time. */
export async function load(api: ApiServer, objects: readonly Manifest[]): Promise<void> {
  const early = (object: Manifest) =>
    object.kind === "Namespace" || object.kind === "CustomResourceDefinition";
  const waves = [objects.filter(early), objects.filter((object) => !early(object))];
  for (const wave of waves) {
    const queue = wave.values();
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (const object of queue) await apply(api, object);
      }),
    );
    for (const object of wave) if (object.kind === "CustomResourceDefinition") await established(api, object);
  }
}

async function expect(api: ApiServer, method: string, path: string, body: unknown): Promise<void> {
  const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const { status, body: answer } = await api.request(method, path, body, { contentType });
  if (status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
}

async function established(api: ApiServer, definition: Manifest): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const { body } = await api.request("GET", pathOf(definition));
    const conditions: { type: string; status: string }[] = body.status?.conditions ?? [];
    if (conditions.some(({ type, status }) => type === "Established" && status === "True")) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`${definition.metadata.name} is not established after 5 s`);
}
