/** What checks of Services have in common. */
import type { ContainerPort, Labels, Pod, Service } from "../../model/types.ts";
import type { Context } from "../context.ts";

export const serviceId = ({ metadata }: Service): string => `${metadata.namespace}/${metadata.name}`;

export const selectorText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([k, v]) => `${k}=${v}`)
    .join(",");

/** Whether somebody has written endpoints for it, whatever its selector finds: an operator, or another cluster's dump. */
export const withEndpoints = (context: Context, service: Service): boolean =>
  context.slicesOf(service).some((s) => s.derived === undefined && s.endpoints.length > 0);

/** Ports that containers declare, sidecars among the init containers too. */
export const portsOf = ({ spec }: Pod): readonly ContainerPort[] =>
  [...spec.containers, ...(spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always")].flatMap(
    (c) => c.ports ?? [],
  );

export const portText = ({ name, containerPort, protocol }: ContainerPort): string =>
  `${name === undefined ? "" : `${name} `}${containerPort}/${protocol}`;
