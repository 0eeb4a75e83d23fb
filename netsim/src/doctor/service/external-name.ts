/** ExternalName Services: an alias for a name, and for nothing else. */
import type { OtherObject, Service } from "../../model/types.ts";
import { fields, list, text, texts } from "../../gateway/fields.ts";
import { parseAddress } from "../../service/address.ts";
import type { Context } from "../context.ts";
import { create, fix, patch, remove, set } from "../fix.ts";
import { evidence, placeOf } from "../place.ts";
import { SERVICE } from "../sources.ts";
import type { Check, Draft } from "../types.ts";

const externalNames = ({ given }: Context): readonly { service: Service; target: string }[] =>
  given.services.flatMap((service) =>
    service.spec.type === "ExternalName" ? [{ service, target: service.spec.externalName ?? "" }] : [],
  );

const PATH = ["spec", "externalName"];
const withoutBrackets = (target: string): string => target.replace(/^\[|\]$/g, "");

export const externalNameAddress: Check = {
  id: "NS/external-name-address",
  title: "ExternalName with an IP address",
  severity: "error",
  why: "ExternalName becomes a CNAME record. An address is no name: the answer points to the domain name that is spelt with digits, which does not exist.",
  sources: [SERVICE],
  run: (context) =>
    externalNames(context).flatMap(({ service, target }): Draft[] => {
      const address = parseAddress(withoutBrackets(target));
      if (address === undefined) return [];
      const { name, namespace } = service.metadata;
      const { ports } = service.spec;
      const own = `${name}.${namespace}.svc.${context.kubelet.clusterDomain}.`;
      return [
        {
          message: `it is an alias of ${target}, which is an address and no name`,
          at: placeOf(service, PATH),
          evidence: [
            evidence(`${own} CNAME ${target}., and there is no domain ${target}.`, placeOf(service, PATH)),
          ],
          fix: fix(
            "make it a headless Service without a selector, and write an EndpointSlice with the address",
            patch(
              service,
              set(["spec", "type"], "ClusterIP"),
              set(["spec", "clusterIP"], "None"),
              remove(PATH),
            ),
            create(service, {
              apiVersion: "discovery.k8s.io/v1",
              kind: "EndpointSlice",
              metadata: { name: `${name}-1`, namespace, labels: { "kubernetes.io/service-name": name } },
              addressType: address.family,
              ports: ports.map(({ name: port = "", port: number, protocol }) => ({
                name: port,
                port: number,
                protocol,
              })),
              endpoints: [{ addresses: [address.text] }],
            }),
          ),
        },
      ];
    }),
};

/** The host of what is more than a host: a URL, a port behind it, a path. */
function hostIn(target: string): string | undefined {
  const match = /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/:?#\s]+)(?::\d+)?(?:[/?#].*)?$/i.exec(target.trim());
  return match?.[1];
}

export const externalNamePort: Check = {
  id: "NS/external-name-port",
  title: "ExternalName with a port, a scheme or a path",
  severity: "error",
  why: "A CNAME record holds a name alone. Ports, schemes and paths cannot be in it: the API server refuses it, or the name does not resolve. Clients connect to the port that they choose.",
  sources: [SERVICE],
  run: (context) =>
    externalNames(context).flatMap(({ service, target }): Draft[] => {
      if (parseAddress(withoutBrackets(target)) !== undefined) return [];
      const host = hostIn(target);
      if (host === target && /^[a-z0-9_]([-a-z0-9_.]*[a-z0-9])?\.?$/i.test(target)) return [];
      return [
        {
          message: `externalName "${target}" is more than a name`,
          at: placeOf(service, PATH),
          evidence: [evidence(`the name in it is ${host ?? "not to be found"}`)],
          fix:
            host === undefined || host === target
              ? fix("write the name of a host, nothing else")
              : fix(
                  `write ${host} alone; the port is the client's to choose`,
                  patch(service, set(PATH, host)),
                ),
        },
      ];
    }),
};

interface Edge {
  readonly object: OtherObject;
  readonly host: string;
  readonly backends: readonly { readonly namespace: string; readonly name: string }[];
}

/** Hosts that Ingresses and HTTPRoutes of the cluster serve, with the Services behind them. */
function edges({ given }: Context): readonly Edge[] {
  const ingresses = given.ingresses.flatMap((object) =>
    list(fields(object.spec)["rules"]).flatMap((rule): Edge[] => {
      const host = text(fields(rule)["host"]);
      if (host === undefined) return [];
      const backends = list(fields(fields(rule)["http"])["paths"]).flatMap((p) => {
        const name = text(fields(fields(fields(p)["backend"])["service"])["name"]);
        return name === undefined ? [] : [{ namespace: object.metadata.namespace, name }];
      });
      return [{ object, host, backends }];
    }),
  );
  const routes = given.gatewayObjects
    .filter((o) => o.kind === "HTTPRoute")
    .flatMap((object) => {
      const backends = list(fields(object.spec)["rules"]).flatMap((r) =>
        list(fields(r)["backendRefs"]).flatMap((ref) => {
          const name = text(fields(ref)["name"]);
          return name === undefined
            ? []
            : [{ namespace: text(fields(ref)["namespace"]) ?? object.metadata.namespace, name }];
        }),
      );
      return texts(fields(object.spec)["hostnames"]).map((host): Edge => ({ object, host, backends }));
    });
  return [...ingresses, ...routes];
}

export const externalNameHost: Check = {
  id: "NS/external-name-host",
  title: "ExternalName to a host of the cluster's own edge",
  severity: "warning",
  why: "A client that connects by the Service's name also sends that name: as Host header and as the TLS server name. The proxy at the edge knows only its own hosts: 404, or a certificate that does not fit.",
  sources: [SERVICE],
  run: (context) => {
    const all = edges(context);
    return externalNames(context).flatMap(({ service, target }): Draft[] => {
      const host = target.toLowerCase().replace(/\.$/, "");
      const edge = all.find((e) => e.host.toLowerCase() === host);
      if (edge === undefined) return [];
      const [first, ...rest] = [
        ...new Map(edge.backends.map((b) => [`${b.namespace}/${b.name}`, b])).values(),
      ];
      const own = first && `${first.name}.${first.namespace}.svc.${context.kubelet.clusterDomain}`;
      const text = "connect to the Service behind the host, inside the cluster";
      return [
        {
          message: `${target} is served by the cluster's own edge, which does not know the name ${service.metadata.name}`,
          at: placeOf(service, PATH),
          evidence: [
            evidence(
              `the host is one of ${edge.object.kind} ${edge.object.metadata.namespace}/${edge.object.metadata.name}`,
              placeOf(edge.object),
            ),
            evidence(
              `a client of http://${service.metadata.name}.${service.metadata.namespace}/ sends Host: ${service.metadata.name}.${service.metadata.namespace}`,
            ),
          ],
          fix:
            own === undefined || rest.length > 0
              ? fix(`${text}, or let clients use ${target} itself`)
              : fix(`${text}: ${own}`, patch(service, set(PATH, own))),
        },
      ];
    });
  },
};
