/** Ports that do not meet: a Service's and its pods', a probe's and its container's. */
import type { Container, ContainerPort, IntOrString, Pod, Service, ServicePort } from "../../model/types.ts";
import type { Context, Group } from "../context.ts";
import { fix, patch, set } from "../fix.ts";
import { nearest } from "../nearest.ts";
import { evidence, listText, placeOf, uniqueBy } from "../place.ts";
import { DEBUG_SERVICE, PROBES, SERVICE } from "../sources.ts";
import type { Check, Draft, Fix } from "../types.ts";
import { portsOf, portText } from "./shared.ts";

interface Met {
  readonly service: Service;
  readonly index: number;
  readonly port: ServicePort;
  readonly pods: readonly Pod[];
  /** Every port that some of the pods declares. */
  readonly declared: readonly ContainerPort[];
}

/** Each port of each Service, with the pods that it leads to. */
function portsMet(context: Context): readonly Met[] {
  return context.given.services.flatMap((service) => {
    if (service.spec.type === "ExternalName") return [];
    const pods = context.selected(service);
    if (pods.length === 0) return [];
    const declared = uniqueBy(pods.flatMap(portsOf), portText);
    return service.spec.ports.map((port, index) => ({ service, index, port, pods, declared }));
  });
}

const targetPath = (index: number) => ["spec", "ports", index, "targetPort"];

function draft({ service, index, pods, declared, port }: Met, message: string, remedy: Fix): Draft {
  const [pod] = pods as [Pod];
  return {
    message,
    at: placeOf(service, targetPath(index)),
    subjects: [placeOf(service)],
    evidence: [
      evidence(
        `${pods.length === 1 ? "the pod declares" : `the ${pods.length} pods declare`} ${declared.length === 0 ? "no ports" : listText(declared.map(portText), 5)}`,
        placeOf(pod),
      ),
    ],
    fix: remedy,
    cause: `${port.port}/${port.protocol}`,
  };
}

const retarget = ({ service, index }: Met, target: IntOrString): Fix =>
  fix(`set targetPort to ${target}`, patch(service, set(targetPath(index), target)));

/** The declared port that was probably meant: the only one, the one with the Service port's name or number, the nearest name. */
function meantPort({ port, declared }: Met): IntOrString | undefined {
  const same = declared.filter((d) => d.protocol === port.protocol);
  const named = same.find((d) => d.name !== undefined && d.name === port.name);
  const near =
    typeof port.targetPort === "string"
      ? nearest(
          port.targetPort,
          same.flatMap((d) => d.name ?? []),
        )
      : undefined;
  const [only] = same.length === 1 ? same : [];
  const equal = same.find((d) => d.containerPort === port.port);
  return near ?? named?.name ?? equal?.containerPort ?? only?.containerPort;
}

export const namedPortMissing: Check = {
  id: "NS/service-port-name",
  title: "targetPort names a port that no container has",
  severity: "error",
  why: "A named targetPort is looked up in each pod. Pods without a port of that name (and that protocol) are no endpoints for it: connections are refused.",
  sources: [SERVICE, DEBUG_SERVICE],
  run: (context) =>
    portsMet(context).flatMap((met): Draft[] => {
      const { port, declared, pods } = met;
      if (typeof port.targetPort !== "string") return [];
      if (declared.some((d) => d.name === port.targetPort)) return [];
      const target = meantPort(met);
      const text = `give a container port of ${pods.length === 1 ? "the pod" : "the pods"} the name ${port.targetPort}`;
      return [
        draft(
          met,
          `it leads port ${port.port} to a port named ${port.targetPort}, which no container has`,
          target === undefined ? fix(text) : retarget(met, target),
        ),
      ];
    }),
};

export const portUnserved: Check = {
  id: "NS/service-port",
  title: "targetPort is none of the pods' ports",
  severity: "warning",
  why: "The Service sends connections to a port that no container of its pods declares, while they declare others. Declaring is not listening, but this is how the wrong number looks: the pod answers with connection refused.",
  sources: [DEBUG_SERVICE, SERVICE],
  run: (context) =>
    portsMet(context).flatMap((met): Draft[] => {
      const { port, declared, pods } = met;
      if (typeof port.targetPort !== "number" || pods.some((p) => portsOf(p).length === 0)) return [];
      // A container without ports beside others may listen anywhere.
      const unsure = pods.some((p) => p.spec.containers.some((c) => (c.ports ?? []).length === 0));
      if (declared.some((d) => d.containerPort === port.targetPort)) return [];
      const target = meantPort(met);
      return [
        {
          ...(unsure && { severity: "note" as const }),
          ...draft(
            met,
            `it leads port ${port.port} to ${port.targetPort}/${port.protocol}, and the pods declare ${listText(declared.map(portText), 5)}`,
            target === undefined
              ? fix("set targetPort to the port that the containers listen on")
              : retarget(met, target),
          ),
        },
      ];
    }),
};

export const protocolMismatch: Check = {
  id: "NS/service-protocol",
  title: "A Service port has another protocol than the container's",
  severity: "error",
  why: "The port's number (or name) is the container's, its protocol is not: a Service for TCP takes no UDP packets. `protocol` is TCP where nothing is written.",
  sources: [SERVICE],
  run: (context) =>
    portsMet(context).flatMap((met): Draft[] => {
      const { service, index, port, declared } = met;
      const same = declared.filter((d) =>
        typeof port.targetPort === "string"
          ? d.name === port.targetPort
          : d.containerPort === port.targetPort,
      );
      if (same.length === 0 || same.some((d) => d.protocol === port.protocol)) return [];
      const { protocol } = same[0]!;
      const free = !service.spec.ports.some(
        (p, i) => i !== index && p.port === port.port && p.protocol === protocol,
      );
      return [
        {
          ...draft(
            met,
            `it takes ${port.port}/${port.protocol}, and the container listens for ${listText(same.map(portText))}`,
            free
              ? fix(
                  `set protocol to ${protocol}`,
                  patch(service, set(["spec", "ports", index, "protocol"], protocol)),
                )
              : fix("correct the protocol of the Service's port or of the container's"),
          ),
          at: placeOf(service, ["spec", "ports", index, "protocol"]),
        },
      ];
    }),
};

const PROBE_FIELDS = ["readinessProbe", "livenessProbe", "startupProbe"] as const;
const PROBE_KINDS = ["httpGet", "tcpSocket", "grpc"] as const;

interface ProbeFault {
  readonly group: Group;
  readonly container: Container;
  readonly path: readonly (string | number)[];
  readonly field: (typeof PROBE_FIELDS)[number];
  readonly port: IntOrString;
}

function probeFaults({ groups }: Context): readonly ProbeFault[] {
  return groups.flatMap((group) =>
    (group.pods[0]?.spec.containers ?? []).flatMap((container, i) =>
      PROBE_FIELDS.flatMap((field) =>
        PROBE_KINDS.flatMap((kind): ProbeFault[] => {
          const probe = container[field]?.[kind];
          const ports = container.ports ?? [];
          // A probe with a host of its own asks somebody else; one that has a number may ask a port that is not declared.
          if (probe === undefined || ("host" in probe && probe.host !== undefined)) return [];
          if (typeof probe.port !== "string" || ports.some((p) => p.name === probe.port)) return [];
          return [
            { group, container, path: ["containers", i, field, kind, "port"], field, port: probe.port },
          ];
        }),
      ),
    ),
  );
}

export const probePort: Check = {
  id: "NS/probe-port",
  title: "A probe names a port that its container has not",
  severity: "error",
  why: "A probe's port name is looked up among the container's own ports. Without it the probe fails for ever: the pod never gets ready, or is restarted again and again.",
  sources: [PROBES],
  run: (context) =>
    probeFaults(context).map(({ group, container, path, field, port }): Draft => {
      const { object, path: base } = group.holder;
      const ports = container.ports ?? [];
      const meant =
        nearest(
          String(port),
          ports.flatMap((p) => p.name ?? []),
        ) ?? (ports.length === 1 ? ports[0]?.containerPort : undefined);
      const text = meant === undefined ? `declare a port named ${port}` : `ask port ${meant}`;
      return {
        message: `the ${field} of container ${container.name} asks port ${port}, and the container declares ${listText(ports.map(portText), 5)}`,
        at: placeOf(object, [...base, ...path]),
        subjects: group.pods.map((p) => placeOf(p)),
        evidence: [evidence(`container ${container.name}`, placeOf(object, [...base, ...path.slice(0, 2)]))],
        fix: meant === undefined ? fix(text) : fix(text, patch(object, set([...base, ...path], meant))),
        cause: `${container.name} ${field}`,
      };
    }),
};
