/**
 * Canaries of ingress-nginx: a second Ingress for the same host and path, marked `canary: "true"`, takes some of the requests, by a
 * header, a cookie, then a weight. https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#canary
 */
import type { Cluster } from "../../model/types.ts";
import { header } from "../request.ts";
import type { Answer, GatewayRequest, Pick } from "../request.ts";
import { annotationsOf } from "./annotations.ts";
import { matchPattern } from "./nginx-paths.ts";
import { isEmpty, targetOf } from "./rules.ts";
import type { PathRule } from "./rules.ts";

const annotation = annotationsOf("nginx.ingress.kubernetes.io");

/** The answer of the main rule, with the canary's backend where it takes the request. */
export function withCanary(
  cluster: Cluster,
  answer: Answer,
  main: PathRule,
  canaries: readonly PathRule[],
  request: GatewayRequest,
  pick: Pick,
): Answer {
  const canary = canaries.find(({ host, path }) => host === main.host && path === main.path);
  const target = canary === undefined ? undefined : targetOf(cluster, canary);
  if (canary === undefined || target === undefined || answer.backend === null || isEmpty(cluster, target))
    return answer;
  const decided = byHeader(canary, request) ?? byCookie(canary, request);
  const share = weightOf(canary);
  const weights = decided === undefined ? [1 - share, share] : decided ? [0, 1] : [1, 0];
  const isCanary = pick(weights) === 1;
  return {
    ...answer,
    backend: isCanary ? target : answer.backend,
    weights: { [answer.backend.service]: weights[0] ?? 1, [target.service]: weights[1] ?? 0 },
    rule: isCanary ? { object: canary.ingress, path: canary.at } : answer.rule,
  };
}

function byHeader({ ingress }: PathRule, request: GatewayRequest): boolean | undefined {
  const name = annotation(ingress, "canary-by-header");
  const value = name === undefined ? undefined : header(request.headers, name);
  if (value === undefined) return undefined;
  const wanted = annotation(ingress, "canary-by-header-value");
  if (wanted !== undefined && wanted !== "") return value === wanted ? true : undefined;
  const expression = annotation(ingress, "canary-by-header-pattern");
  if (expression !== undefined && expression !== "")
    return matchPattern(expression, value, true) ? true : undefined;
  return value === "always" ? true : value === "never" ? false : undefined;
}

function byCookie({ ingress }: PathRule, request: GatewayRequest): boolean | undefined {
  const name = annotation(ingress, "canary-by-cookie");
  if (name === undefined) return undefined;
  const cookies = (header(request.headers, "cookie") ?? "").split(";").map((pair) => pair.trim());
  const value = cookies.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
  return value === "always" ? true : value === "never" ? false : undefined;
}

/** Share of 1. */
function weightOf({ ingress }: PathRule): number {
  const total = Math.max(100, Number(annotation(ingress, "canary-weight-total") ?? 100) || 100);
  const weight = Number(annotation(ingress, "canary-weight") ?? 0);
  return Number.isFinite(weight) ? Math.min(1, Math.max(0, weight / total)) : 0;
}
