/** Objects of a live cluster, as an API server lists them. */
import { request as requestPlain } from "node:http";
import { request } from "node:https";
import type { RequestOptions } from "node:https";

/** What is read, by path; a kind that the cluster has not (404) is skipped. */
const PATHS = [
  "/api/v1/namespaces",
  "/api/v1/nodes",
  "/api/v1/pods",
  "/api/v1/services",
  "/api/v1/serviceaccounts",
  "/apis/discovery.k8s.io/v1/endpointslices",
  "/apis/networking.k8s.io/v1/networkpolicies",
  "/apis/networking.k8s.io/v1/ingresses",
  "/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies",
  "/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies",
  "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies",
  "/apis/cilium.io/v2/ciliumnetworkpolicies",
  "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies",
  "/apis/cilium.io/v2/ciliumcidrgroups",
  "/apis/crd.projectcalico.org/v1/networkpolicies",
  "/apis/crd.projectcalico.org/v1/globalnetworkpolicies",
  "/apis/crd.projectcalico.org/v1/tiers",
  "/apis/crd.projectcalico.org/v1/networksets",
  "/apis/crd.projectcalico.org/v1/globalnetworksets",
  "/apis/crd.projectcalico.org/v1/ippools",
  "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
  "/apis/gateway.networking.k8s.io/v1/gateways",
  "/apis/gateway.networking.k8s.io/v1/httproutes",
  "/apis/gateway.networking.k8s.io/v1/grpcroutes",
  "/apis/gateway.networking.k8s.io/v1beta1/referencegrants",
] as const;

const PAGE = 500;
const TIMEOUT_MS = 30_000;

/** GETs a path and gives status and body. */
export type Get = (path: string) => Promise<{ readonly status: number; readonly body: string }>;

interface List {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly metadata?: { readonly continue?: string };
  readonly items?: readonly object[];
}

/** All lists, a page at a time, as texts of `List` objects. Throws when the API server answers with anything but 200 or 404. */
export async function* listTexts(get: Get): AsyncGenerator<string> {
  for (const path of PATHS) {
    let next = "";
    do {
      const { status, body } = await get(
        `${path}?limit=${PAGE}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`,
      );
      if (status === 404) break;
      if (status !== 200)
        throw new Error(`the API server answered ${status} to ${path}: ${body.slice(0, 200)}`);
      yield body;
      next = (JSON.parse(body) as List).metadata?.continue ?? "";
    } while (next !== "");
  }
}

/** The kubeconfig's cluster (that of `context`, or the current one), or the pod's own when there is none. */
export async function readLive(context?: string): Promise<Buffer> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  config.loadFromDefault();
  if (context !== undefined && context !== "") config.setCurrentContext(context);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined)
    throw new Error(`no cluster${context === undefined ? "" : ` for context ${context}`} in the kubeconfig`);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const pages: Buffer[] = [];
  for await (const text of listTexts((path) => get(new URL(path, server), options)))
    pages.push(Buffer.from(text));
  return Buffer.concat(pages);
}

function get(url: URL, options: RequestOptions): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const ask = url.protocol === "http:" ? requestPlain : request;
    const asked = ask(
      url,
      { ...options, headers: { ...options.headers, accept: "application/json" } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
        );
        response.on("error", reject);
      },
    );
    asked.setTimeout(TIMEOUT_MS, () =>
      asked.destroy(new Error(`the API server did not answer within ${TIMEOUT_MS / 1000} s`)),
    );
    asked.on("error", reject);
    asked.end();
  });
}
