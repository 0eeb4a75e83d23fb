/** Where the servers find the cluster: a real API server where there is one, since CoreDNS knows nothing else. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noApiServer, startApiServer } from "../../test/support/apiserver.ts";
import { load, type Manifest } from "../../test/support/apiserver-load.ts";

export interface Source {
  /** The line of the `kubernetes` block. */
  readonly line: string;
  /** Whether CoreDNS can use it. */
  readonly isApiServer: boolean;
  readonly what: string;
  close(): Promise<void>;
}

/** Room for every address of the examples and of 100,000 Services. */
export const SERVICE_RANGES = "--service-cluster-ip-range=10.96.0.0/12,fd00:10:96::/108";

export async function openSource(directory: string, objects: readonly Manifest[]): Promise<Source> {
  if (noApiServer !== false) {
    const line = manifestsLine(join(directory, "manifests"), objects);
    return { line, isApiServer: false, what: "manifests", close: () => Promise.resolve() };
  }
  const api = await startApiServer({ flags: [SERVICE_RANGES] });
  try {
    await load(api, objects);
  } catch (error) {
    await api.close();
    throw error;
  }
  return {
    line: `kubeconfig ${api.kubeconfig} test`,
    isApiServer: true,
    what: "a real kube-apiserver",
    close: () => api.close(),
  };
}

/** Writes the objects into a directory of manifests; gives the line of the `kubernetes` block. */
export function manifestsLine(directory: string, objects: Iterable<Manifest>): string {
  mkdirSync(directory, { recursive: true });
  let documents: string[] = [];
  let files = 0;
  const flush = (): void => {
    const file = join(directory, `${String(files++).padStart(5, "0")}.yaml`);
    // JSON is YAML; the parser is the same.
    writeFileSync(file, documents.join("\n---\n"));
    documents = [];
  };
  for (const object of objects) if (documents.push(JSON.stringify(object)) === 500) flush();
  if (documents.length > 0) flush();
  return `manifests ${directory}`;
}
