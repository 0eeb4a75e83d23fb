/**
 * What the API server checks of Ingress and the Gateway API's routes, by their OpenAPI schemas and validations. The objects stay
 * as they are written: the gateway room reads them itself.
 */
import { any, checked, integer, list, need, oneOf, port, record, string, typeName } from "./read.ts";
import type { At, Read } from "./read.ts";

/** Reads `spec` for its faults, and gives back the whole object. */
const keeping = (spec: Read<object>): Read<object> => {
  const shape = record<{ spec: object }>({ spec: need(spec) });
  return (value, at) => {
    shape(value, at);
    return value as object;
  };
};

/* ---- Ingress (networking.k8s.io/v1) ---- */

interface ServiceBackend {
  readonly name: string;
  readonly port?: { readonly name?: string; readonly number?: number };
}

const serviceBackend = checked(
  record<ServiceBackend>(
    {
      name: need(string),
      port: record<NonNullable<ServiceBackend["port"]>>({ name: string, number: port }, {}),
    },
    {},
  ),
  ({ port: { name, number } = {} }, at) => {
    if ((name === undefined) === (number === undefined))
      at.error("needs port.name or port.number, and not both");
  },
);

interface Backend {
  readonly service?: ServiceBackend;
  readonly resource?: unknown;
}

const backend = checked(
  record<Backend>({ service: serviceBackend, resource: any }, {}),
  ({ service, resource }, at) => {
    if ((service === undefined) === (resource === undefined))
      at.error("needs service or resource, and not both");
  },
);

interface IngressPath {
  readonly path?: string;
  readonly pathType: string;
  readonly backend: Backend;
}

const ingressPath = checked(
  record<IngressPath>(
    {
      path: string,
      pathType: need(oneOf("Exact", "Prefix", "ImplementationSpecific")),
      backend: need(backend),
    },
    {},
  ),
  ({ path = "", pathType }, at) => {
    if (pathType !== "ImplementationSpecific" && !path.startsWith("/"))
      at.error(`path must begin with a slash where pathType is ${pathType}, not ${JSON.stringify(path)}`);
  },
);

interface IngressSpec {
  readonly defaultBackend?: Backend;
  readonly rules?: readonly object[];
}

export const ingress = keeping(
  checked(
    record<IngressSpec & { ingressClassName?: string; tls?: readonly object[] }>(
      {
        ingressClassName: string,
        defaultBackend: backend,
        tls: list(
          record<{ hosts?: readonly string[]; secretName?: string }>(
            { hosts: list(string), secretName: string },
            {},
          ),
        ),
        rules: list(
          record<{ host?: string; http?: object }>(
            {
              host: string,
              http: record<{ paths: readonly IngressPath[] }>({ paths: need(list(ingressPath)) }, {}),
            },
            {},
          ),
        ),
      },
      {},
    ),
    ({ defaultBackend, rules = [] }, at) => {
      if (defaultBackend === undefined && rules.length === 0) at.error("needs rules or a defaultBackend");
    },
  ),
);

/* ---- Gateway API ---- */

const parentRef = record<{ name: string; namespace?: string; sectionName?: string; port?: number }>({
  name: need(string),
  namespace: string,
  sectionName: string,
  port,
});

const backendRef = record<{
  name: string;
  namespace?: string;
  port?: number;
  weight?: number;
  filters?: unknown;
}>({
  name: need(string),
  namespace: string,
  port,
  weight: integer(0, 1_000_000),
  filters: any,
});

const valueMatch = record<{ name: string; value: string; type?: string }>({
  name: need(string),
  value: need(string),
  type: oneOf("Exact", "RegularExpression"),
});

const pathMatch = checked(
  record<{ type?: string; value?: string }>({
    type: oneOf("Exact", "PathPrefix", "RegularExpression"),
    value: string,
  }),
  ({ type = "PathPrefix", value = "/" }, at) => {
    if (type !== "RegularExpression" && !value.startsWith("/"))
      at.error(`value must begin with a slash, not ${JSON.stringify(value)}`);
  },
);

/** HTTPRoute has a method's name here, GRPCRoute a mapping. */
const method: Read<unknown> = (value, at: At) => {
  if (typeof value === "string" || (typeof value === "object" && !Array.isArray(value))) return value;
  at.error(`must be a method, not ${typeName(value)}`);
  return undefined;
};

const routeMatch = record<object>({
  path: pathMatch,
  headers: list(valueMatch),
  queryParams: list(valueMatch),
  method,
} as never);

const rule = record<object>({
  matches: list(routeMatch),
  filters: list(record<{ type: string }>({ type: need(string) })),
  backendRefs: list(backendRef),
} as never);

export const route = keeping(
  record<object>({ parentRefs: list(parentRef), hostnames: list(string), rules: list(rule) } as never),
);

const listener = record<{ name: string; port: number; protocol: string; hostname?: string }>({
  name: need(string),
  port: need(port),
  protocol: need(string),
  hostname: string,
});

export const gateway = keeping(
  record<{ gatewayClassName: string; listeners?: readonly object[] }>({
    gatewayClassName: need(string),
    listeners: list(listener),
  }),
);
