/**
 * What Ingress and Gateway API objects can say, found out by saying it: each capability is an experiment that is run through the
 * evaluators here. It is expressed in the fields of the objects, or for Ingress in annotations of a controller, or not at all.
 */
import { loadObjects } from "../../model/reader.ts";
import type { Attempt } from "./attempt.ts";
import { EDGE } from "./edge.ts";
import { HTTP } from "./http.ts";
import { createIngressTable, CONTROLLERS } from "../ingress/table.ts";
import type { Controller } from "../ingress/table.ts";
import { gatewaysOf } from "../listeners.ts";
import type { GatewayRequest } from "../request.ts";
import { createGatewayTable } from "../route.ts";

export interface Capability {
  readonly name: string;
  readonly gateway: boolean;
  readonly how: string;
  /** In the fields of the object, for every controller. */
  readonly ingress: boolean;
  /** Controllers that have it by their own annotations, or by their own reading of ImplementationSpecific. */
  readonly annotated: readonly Controller[];
}

const REQUEST: GatewayRequest = {
  host: "a.example.com",
  path: "/",
  method: "GET",
  headers: {},
  scheme: "http",
};

function isShown({ objects, shows }: Attempt, controller: Controller | undefined): boolean {
  const cluster = loadObjects(objects);
  if (controller !== undefined) {
    const table = createIngressTable(cluster, "edge", controller);
    return shows((request = {}) => table.route({ ...REQUEST, ...request }), cluster);
  }
  const [gateway] = gatewaysOf(cluster);
  if (gateway === undefined) return false;
  const table = createGatewayTable(cluster, gateway);
  return shows(({ port = 80, ...request } = {}) => table.route({ ...REQUEST, ...request }, port), cluster);
}

/** Runs all experiments. */
export const capabilities = (): Capability[] =>
  [...HTTP, ...EDGE].map(({ name, how, gateway, ingress, annotated }) => {
    // What is in the fields must be so for every controller.
    const byFields = CONTROLLERS.every((controller) => isShown(ingress, controller));
    return {
      name,
      how,
      gateway: isShown(gateway, undefined),
      ingress: byFields,
      annotated: byFields
        ? []
        : CONTROLLERS.filter((controller) => {
            const attempt = annotated[controller];
            return attempt !== undefined && isShown(attempt, controller);
          }),
    };
  });

const NAMES: Readonly<Record<Controller, string>> = {
  nginx: "ingress-nginx",
  traefik: "Traefik",
  haproxy: "HAProxy",
  contour: "Contour",
};

/** As a table in Markdown. */
export function capabilitiesText(rows: readonly Capability[]): string {
  const cells = rows.map(({ name, ingress, annotated, gateway, how }) => [
    name,
    ingress ? "yes" : annotated.length > 0 ? `only ${annotated.map((c) => NAMES[c]).join(", ")}` : "no",
    gateway ? `yes: ${how}` : "no",
  ]);
  const all = [["", "Ingress", "Gateway API"], ...cells];
  const widths = [0, 1, 2].map((i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(all[0] ?? []), rule, ...cells.map(line)].join("\n");
}
