/** Ingresses: their class, their backends, their certificates, and who has a host twice. */
import type { OtherObject, Service } from "../../model/types.ts";
import { fields, list, number, text, texts } from "../../gateway/fields.ts";
import { isDump } from "../context.ts";
import { fix, patch, remove, set } from "../fix.ts";
import { nearest } from "../nearest.ts";
import { evidence, listText, placeOf } from "../place.ts";
import { INGRESS } from "../sources.ts";
import type { Check, Draft } from "../types.ts";

const id = ({ kind, metadata }: OtherObject): string => `${kind} ${metadata.namespace}/${metadata.name}`;
const CLASS = "kubernetes.io/ingress.class";
const DEFAULT = "ingressclass.kubernetes.io/is-default-class";

const classOf = (ingress: OtherObject): string | undefined =>
  text(fields(ingress.spec)["ingressClassName"]) ?? ingress.metadata.annotations[CLASS];

export const ingressClass: Check = {
  id: "NS/ingress-class",
  title: "An Ingress that no controller serves",
  severity: "error",
  why: "A controller serves the Ingresses of its class. One that names a class which there is not, or none where no class is the default, is nobody's: it gets no address, and its hosts answer 404.",
  sources: [INGRESS],
  run: (context) => {
    const classes = context.others("IngressClass");
    // Without a single class the input is an application's manifests, not a cluster's.
    if (classes.length === 0 && !isDump(context)) return [];
    const names = classes.map((c) => c.metadata.name);
    const defaults = classes.filter((c) => c.metadata.annotations[DEFAULT] === "true");
    return context.given.ingresses.flatMap((ingress): Draft[] => {
      const own = classOf(ingress);
      const byAnnotation = fields(ingress.spec)["ingressClassName"] === undefined && own !== undefined;
      if (own === undefined ? defaults.length > 0 : names.includes(own) || byAnnotation) return [];
      const meant = own === undefined ? undefined : nearest(own, names);
      const target = meant ?? (names.length === 1 ? names[0] : undefined);
      const path = ["spec", "ingressClassName"];
      return [
        {
          message:
            own === undefined
              ? "it names no class, and no IngressClass is the default"
              : `there is no IngressClass ${own}`,
          at: placeOf(ingress, own === undefined ? ["spec"] : path),
          evidence: [
            evidence(
              `classes that there are: ${listText(names)}`,
              classes[0] === undefined ? placeOf(ingress) : placeOf(classes[0]),
            ),
          ],
          fix:
            target === undefined
              ? fix("name a class that there is")
              : fix(`name the class ${target}`, patch(ingress, set(path, target))),
        },
      ];
    });
  },
};

interface PathRule {
  readonly ingress: OtherObject;
  readonly host: string;
  readonly path: string;
  readonly type: string;
  readonly at: readonly (string | number)[];
  readonly backend: unknown;
}

function pathsOf(ingress: OtherObject): readonly PathRule[] {
  const spec = fields(ingress.spec);
  const rules = list(spec["rules"]).flatMap((rule, i) =>
    list(fields(fields(rule)["http"])["paths"]).map((path, j): PathRule => ({
      ingress,
      host: (text(fields(rule)["host"]) ?? "*").toLowerCase(),
      path: text(fields(path)["path"]) ?? "/",
      type: text(fields(path)["pathType"]) ?? "",
      at: ["spec", "rules", i, "http", "paths", j, "backend"],
      backend: fields(path)["backend"],
    })),
  );
  const fallback = spec["defaultBackend"];
  if (fallback === undefined) return rules;
  return [
    ...rules,
    { ingress, host: "*", path: "", type: "", at: ["spec", "defaultBackend"], backend: fallback },
  ];
}

export const ingressBackend: Check = {
  id: "NS/ingress-backend",
  title: "An Ingress whose backend is not there",
  severity: "error",
  why: "The controller answers 503 for a path whose Service does not exist in the Ingress's namespace, or has no such port. Backends cannot be in another namespace.",
  sources: [INGRESS],
  run: (context) =>
    context.given.ingresses.flatMap(pathsOf).flatMap(({ ingress, host, path, at, backend }): Draft[] => {
      const ref = fields(fields(backend)["service"]);
      const name = text(ref["name"]);
      if (name === undefined) return [];
      const { namespace } = ingress.metadata;
      const port = fields(ref["port"]);
      const wanted = number(port["number"]) ?? text(port["name"]);
      const service = context.service(namespace, name);
      const where = `${host}${path}`;
      if (service === undefined) {
        const here = context.given.services.filter((s) => s.metadata.namespace === namespace);
        const meant = nearest(
          name,
          here.map((s) => s.metadata.name),
        );
        const elsewhere = context.given.services.find((s) => s.metadata.name === name);
        const text = "name a Service of the Ingress's own namespace";
        return [
          {
            message: `${where} goes to Service ${namespace}/${name}, which is not there`,
            at: placeOf(ingress, [...at, "service", "name"]),
            evidence: [
              evidence(
                `Services of ${namespace}: ${listText(
                  here.map((s) => s.metadata.name),
                  5,
                )}`,
              ),
              ...(elsewhere === undefined
                ? []
                : [
                    evidence(
                      `there is one of that name in ${elsewhere.metadata.namespace}`,
                      placeOf(elsewhere),
                    ),
                  ]),
            ],
            fix:
              meant === undefined
                ? fix(text)
                : fix(`write ${meant}`, patch(ingress, set([...at, "service", "name"], meant))),
            cause: where,
          },
        ];
      }
      if (
        service.spec.ports.some((p) => p.port === wanted || p.name === wanted) ||
        service.spec.type === "ExternalName"
      )
        return [];
      return [portMissing(ingress, service, where, wanted, at)];
    }),
};

function portMissing(
  ingress: OtherObject,
  service: Service,
  where: string,
  wanted: number | string | undefined,
  at: readonly (string | number)[],
): Draft {
  const { ports } = service.spec;
  const target = ports.find((p) => p.targetPort === wanted) ?? (ports.length === 1 ? ports[0] : undefined);
  const all = ports.map((p) => `${p.name === undefined ? "" : `${p.name} `}${p.port}`);
  const place = [...at, "service", "port"];
  return {
    message: `${where} goes to port ${wanted ?? "(none)"} of Service ${service.metadata.namespace}/${service.metadata.name}, which has ${listText(all, 5)}`,
    at: placeOf(ingress, place),
    evidence: [
      evidence(`the Service's ports`, placeOf(service, ["spec", "ports"])),
      ...(target !== undefined && target.targetPort === wanted
        ? [evidence(`${wanted} is its targetPort: an Ingress names the Service's port, not the pod's`)]
        : []),
    ],
    fix:
      target === undefined
        ? fix("name a port that the Service has")
        : fix(`write port number ${target.port}`, patch(ingress, set(place, { number: target.port }))),
    cause: where,
  };
}

export const ingressSecret: Check = {
  id: "NS/ingress-secret",
  title: "An Ingress whose certificate is not there",
  severity: "warning",
  why: "Without its Secret the controller serves its own self-signed certificate, and browsers refuse the host. Told only where the input has Secrets at all.",
  sources: [INGRESS],
  run: ({ given }) => {
    const secrets = given.secrets.map((s) => `${s.metadata.namespace}/${s.metadata.name}`);
    if (secrets.length === 0) return [];
    const made = /^cert-manager\.io\/(cluster-)?issuer$|^kubernetes\.io\/tls-acme$/;
    return given.ingresses.flatMap((ingress) =>
      list(fields(ingress.spec)["tls"]).flatMap((tls, i): Draft[] => {
        const name = text(fields(tls)["secretName"]);
        const { namespace, annotations } = ingress.metadata;
        if (name === undefined || secrets.includes(`${namespace}/${name}`)) return [];
        if (Object.keys(annotations).some((key) => made.test(key))) return [];
        const own = given.secrets
          .filter((s) => s.metadata.namespace === namespace)
          .map((s) => s.metadata.name);
        const meant = nearest(name, own);
        const path = ["spec", "tls", i, "secretName"];
        return [
          {
            message: `there is no Secret ${namespace}/${name} for ${listText(texts(fields(tls)["hosts"]))}`,
            at: placeOf(ingress, path),
            evidence: [evidence(`Secrets of ${namespace}: ${listText(own, 5)}`)],
            fix:
              meant === undefined
                ? fix(`create it: kubectl -n ${namespace} create secret tls ${name} --cert=FILE --key=FILE`)
                : fix(`write ${meant}`, patch(ingress, set(path, meant))),
            cause: name,
          },
        ];
      }),
    );
  },
};

export const ingressTwice: Check = {
  id: "NS/ingress-twice",
  title: "Two Ingresses for one host and path",
  severity: "warning",
  why: "Which of the two gets the requests is the controller's affair: ingress-nginx takes the older one and ignores the other, others the newer, or both in turn.",
  sources: [INGRESS],
  run: ({ given }) => {
    const byPlace = new Map<string, PathRule[]>();
    for (const rule of given.ingresses.flatMap(pathsOf)) {
      const isCanary = rule.ingress.metadata.annotations["nginx.ingress.kubernetes.io/canary"] === "true";
      if (rule.path === "" || isCanary) continue;
      const key = [classOf(rule.ingress) ?? "", rule.host, rule.type, rule.path].join(" ");
      byPlace.set(key, [...(byPlace.get(key) ?? []), rule]);
    }
    return [...byPlace.values()].flatMap((rules): Draft[] => {
      const [first, ...others] = rules as [PathRule, ...PathRule[]];
      const [second] = others;
      if (second === undefined) return [];
      const where = `${first.host}${first.path}`;
      const only = pathsOf(second.ingress).length === 1;
      const entry = second.at.slice(0, -1);
      return [
        {
          message: `${where} is in ${listText([...new Set(rules.map((r) => id(r.ingress)))])}`,
          at: placeOf(second.ingress, entry),
          subjects: rules.map((r) => placeOf(r.ingress, r.at.slice(0, -1))),
          evidence: rules
            .slice(0, 3)
            .map((r) =>
              evidence(
                `${id(r.ingress)} sends it to ${text(fields(fields(r.backend)["service"])["name"]) ?? "a resource"}`,
                placeOf(r.ingress, r.at),
              ),
            ),
          fix: only
            ? fix(`delete ${id(second.ingress)}, or give it a path or host of its own`)
            : fix(`take it out of ${id(second.ingress)}`, patch(second.ingress, remove(entry))),
          cause: where,
        },
      ];
    });
  },
};
