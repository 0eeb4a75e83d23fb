/** Requests to an Ingress controller or a Gateway that are written as YAML. */
import { createIngressTable } from "../../gateway/ingress/table.ts";
import type { Answer, GatewayRequest } from "../../gateway/request.ts";
import { manifests, service } from "./cluster.ts";

export interface Ask {
  readonly host?: string;
  readonly path?: string;
  readonly scheme?: "http" | "https";
}

export const request = ({ host = "test.com", path = "/", scheme = "https" }: Ask = {}): GatewayRequest => ({
  host,
  path,
  scheme,
  method: "GET",
  headers: {},
});

const SERVICES = ["app", "web", "admin"]
  .map((name, i) => service(`shop/${name}`, `10.96.20.${i + 1}`))
  .join("");

/** ingress-nginx with these Ingresses, which name Services `app`, `web` and `admin` of `shop`. */
export function nginx(ingresses: string): (ask: Ask) => Answer {
  const table = createIngressTable(manifests(SERVICES + ingresses), "nginx");
  return (ask) => table.route(request(ask));
}

/** `path pathType service` for each rule of `host`. */
export const ingress = (
  name: string,
  paths: readonly string[],
  { annotations = {}, host = "test.com", tls = false }: IngressOptions = {},
): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ${name}
  namespace: shop
  annotations: ${JSON.stringify(
    Object.fromEntries(
      Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
    ),
  )}
spec:
  ingressClassName: nginx
${tls ? `  tls: [{ hosts: [${host}], secretName: cert }]` : ""}
  rules:
  - host: ${host}
    http:
      paths:
${paths
  .map((text) => {
    const [path = "/", type = "Prefix", backend = "app"] = text.split(" ");
    return `      - { path: ${JSON.stringify(path)}, pathType: ${type}, backend: { service: { name: ${backend}, port: { number: 80 } } } }`;
  })
  .join("\n")}
---`;

export interface IngressOptions {
  /** Without `nginx.ingress.kubernetes.io/`. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly host?: string;
  readonly tls?: boolean;
}
