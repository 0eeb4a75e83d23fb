/** What the controller of an IngressClass makes of requests, by the rules of the controller that it is. */
import type { Cluster, OtherObject } from "../../model/types.ts";
import { heaviest } from "../request.ts";
import type { Answer, GatewayRequest, Pick } from "../request.ts";
import { serveContour } from "./contour.ts";
import { serveHaproxy } from "./haproxy.ts";
import { serveNginx } from "./nginx.ts";
import { controllerNameOf, readIngresses } from "./rules.ts";
import type { IngressInput, Serve } from "./rules.ts";
import { serveTraefik } from "./traefik.ts";

export const CONTROLLERS = ["nginx", "traefik", "haproxy", "contour"] as const;
export type Controller = (typeof CONTROLLERS)[number];

const SERVE: Readonly<Record<Controller, (input: IngressInput) => Serve>> = {
  nginx: serveNginx,
  traefik: serveTraefik,
  haproxy: serveHaproxy,
  contour: serveContour,
};

/** Domains of their annotations, and what `spec.controller` of an IngressClass begins with. */
const SIGNS: Readonly<
  Record<Controller, { readonly annotations: readonly RegExp[]; readonly controller: RegExp }>
> = {
  nginx: { annotations: [/^nginx\.ingress\.kubernetes\.io\//], controller: /nginx/ },
  traefik: { annotations: [/^traefik\.ingress\.kubernetes\.io\//], controller: /traefik/ },
  haproxy: { annotations: [/^haproxy\.org\//], controller: /haproxy/ },
  contour: {
    annotations: [/^projectcontour\.io\//, /^ingress\.kubernetes\.io\/force-ssl-redirect$/],
    controller: /contour/,
  },
};

export interface IngressTable {
  readonly controller: Controller;
  readonly ingresses: readonly OtherObject[];
  /** What becomes of a request; `pick` chooses among weighted backends. */
  route(request: GatewayRequest, pick?: Pick): Answer;
}

/** By `spec.controller` of the class, then by the class's name; ingress-nginx where neither says. */
export function controllerOf(cluster: Cluster, className: string): Controller {
  const named = controllerNameOf(cluster, className) ?? "";
  return (
    CONTROLLERS.find((c) => SIGNS[c].controller.test(named)) ??
    CONTROLLERS.find((c) => SIGNS[c].controller.test(className)) ??
    "nginx"
  );
}

/** Reads the Ingresses of a class once for many requests. */
export function createIngressTable(
  cluster: Cluster,
  className: string,
  controller: Controller = controllerOf(cluster, className),
): IngressTable {
  const input = readIngresses(cluster, className);
  const serve = SERVE[controller](input);
  return {
    controller,
    ingresses: input.ingresses,
    route: (request, pick = heaviest) => serve(request, pick),
  };
}

export interface Comparison {
  readonly controller: Controller;
  readonly answer: Answer;
  /** Annotations of the Ingress that decided which mean something to another controller only. */
  readonly ignored: readonly string[];
}

/** What each controller would do with one request, were the Ingresses of the class its own. */
export function compareControllers(
  cluster: Cluster,
  className: string,
  request: GatewayRequest,
): Comparison[] {
  return CONTROLLERS.map((controller) => {
    const answer = createIngressTable(cluster, className, controller).route(request);
    const names = Object.keys(answer.rule?.object.metadata.annotations ?? {});
    const others = CONTROLLERS.filter((c) => c !== controller).flatMap((c) => SIGNS[c].annotations);
    const isOwn = (name: string): boolean => SIGNS[controller].annotations.some((sign) => sign.test(name));
    const ignored = names.filter((name) => !isOwn(name) && others.some((sign) => sign.test(name)));
    return { controller, answer, ignored };
  });
}
