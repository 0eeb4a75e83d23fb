/**
 * HAProxy's own controller (`haproxy.org/ingress-controller`), version 3: hosts and paths are looked up in maps, first the whole path,
 * then the longest prefix; a Prefix stands in both maps (`/foo` and `/foo/`), what is ImplementationSpecific is a prefix of characters.
 * A host that is known takes the request even when none of its paths does.
 * Documentation: https://github.com/haproxytech/kubernetes-ingress/blob/master/documentation/annotations.md (path-rewrite,
 * ssl-redirect, ssl-redirect-code, ssl-redirect-port, timeout-server, request-redirect, request-set-header, response-set-header, set-host) and
 * .../documentation/ingressclass.md
 */
import { upstreamOf } from "../backends.ts";
import { expression } from "../expressions.ts";
import { fields, list } from "../fields.ts";
import { changeHeaders, hostName, pathOnly, queryOf, refused } from "../request.ts";
import type { Answer, GatewayRequest } from "../request.ts";
import { annotationsOf, headerLines } from "./annotations.ts";
import { parseGoDuration } from "./durations.ts";
import { defaultRule, isEmpty, isUnder, passedThrough, redirected, serverName, targetOf } from "./rules.ts";
import type { IngressInput, PathRule, Serve } from "./rules.ts";

const annotation = annotationsOf("haproxy.org", "ingress.kubernetes.io");

export function serveHaproxy({ cluster, ingresses, rules }: IngressInput): Serve {
  // A path whose Service is not there has no backend to stand in the maps with.
  const known = rules.filter((rule) => targetOf(cluster, rule) !== undefined);
  const hosts = [...new Set(known.map(({ host }) => host))];
  const fallback = ingresses.find((ingress) => defaultRule(ingress) !== undefined);

  return (request) => {
    const path = pathOnly(request.path);
    const host = serverName(hosts, hostName(request.host));
    const here = known.filter((rule) => rule.host === host);
    const isPassed = here.some(({ ingress }) => annotation(ingress, "ssl-passthrough") === "true");
    if (request.scheme === "https" && isPassed) return passedThrough(cluster, here, request);
    const rule = choose(here, path) ?? (fallback === undefined ? undefined : defaultRule(fallback));
    if (rule === undefined) return refused(request, 404, reason(request));
    return redirectOf(rule, request) ?? proxy(rule, request);
  };

  function reason({ host, path }: GatewayRequest): string {
    const lost = rules.find(
      (rule) =>
        targetOf(cluster, rule) === undefined &&
        (rule.host === "" || serverName([rule.host], hostName(host)) !== undefined) &&
        choose([rule], pathOnly(path)) !== undefined,
    );
    if (lost === undefined) return "no map has the path, and there is no default backend";
    return `the path of ${lost.ingress.metadata.name} is in no map: its Service is not there`;
  }

  function proxy(rule: PathRule, request: GatewayRequest): Answer {
    const { ingress, at } = rule;
    const seen = {
      path: rewritten(annotation(ingress, "path-rewrite"), request.path),
      host: annotation(ingress, "set-host") ?? request.host,
      rule: { object: ingress, path: at },
    };
    const backend = targetOf(cluster, rule);
    if (backend === undefined || isEmpty(cluster, backend))
      return { ...refused(request, 503, "the backend has no server"), ...seen };
    const change = (name: string) => ({ set: headerLines(annotation(ingress, name)), add: [], remove: [] });
    return {
      ...refused(request, 200, ""),
      status: 200,
      backend,
      ...seen,
      requestHeaders: changeHeaders(request.headers, [change("request-set-header")]),
      responseChanges: [change("response-set-header")],
      weights: { [backend.service]: 1 },
      timeouts: { backendRequest: parseGoDuration(annotation(ingress, "timeout-server")) ?? 50_000 },
      upstream: { ...upstreamOf(cluster, backend), tls: undefined },
    };
  }
}

/** Three look-ups in this order: whole paths of Exact, whole paths of prefixes, the longest prefix. */
function choose(rules: readonly PathRule[], path: string): PathRule | undefined {
  const bare = ({ path: own }: PathRule): string => own.replace(/\/$/, "");
  const prefixes = rules.filter(({ pathType }) => pathType !== "Exact");
  return (
    rules.find((rule) => rule.pathType === "Exact" && rule.path === path) ??
    prefixes.find((rule) => rule.path !== "/" && bare(rule) === path) ??
    prefixes
      .filter((rule) =>
        rule.pathType === "Prefix" || rule.path === "/"
          ? isUnder(path, rule.path)
          : path.startsWith(bare(rule)),
      )
      .sort((a, b) => keyLength(b) - keyLength(a))[0]
  );
}

/** Length of the key in the map: a Prefix stands there with its slash. */
const keyLength = ({ path, pathType }: PathRule): number =>
  path.replace(/\/$/, "").length + (pathType === "Prefix" || path === "/" ? 1 : 0);

/** Lines `PATH`, or `EXPRESSION FORMAT` with `\1`: each replaces the whole path that the expression is found in; the query stays. */
function rewritten(lines: string | undefined, requestPath: string): string {
  let path = pathOnly(requestPath);
  for (const line of (lines ?? "").split("\n")) {
    const words = line.trim().split(/\s+/);
    if (words[0] === undefined || words[0] === "" || words.length > 2) continue;
    const [pattern, format] = words.length === 2 ? [words[0], words[1] ?? ""] : ["(.*)", words[0]];
    const found = expression(pattern).find(path);
    if (found !== undefined)
      path = format.replace(/\\(\d)/g, (_, digit: string) => found.groups[Number(digit)] ?? "");
  }
  return path + queryOf(requestPath);
}

/** `ssl-redirect` is on where the Ingress has `spec.tls`, to port 8443 with 302 unless said otherwise. */
function redirectOf(rule: PathRule, request: GatewayRequest): Answer | undefined {
  const { ingress } = rule;
  const wanted = annotation(ingress, "ssl-redirect");
  const isOn = wanted === undefined ? list(fields(ingress.spec)["tls"]).length > 0 : wanted === "true";
  if (request.scheme === "http" && isOn) {
    const port = annotation(ingress, "ssl-redirect-port") ?? "8443";
    const to = `https://${hostName(request.host)}:${port}${request.path}`;
    return redirected(request, rule, codeOf(annotation(ingress, "ssl-redirect-code")), to, "ssl-redirect");
  }
  const other = annotation(ingress, "request-redirect");
  if (other === undefined || other === "") return undefined;
  const [, scheme = "http", host = other] = /^(?:(https?):\/\/)?(.*)$/.exec(other) ?? [];
  // The host itself is not sent in a circle.
  if (host === request.host) return undefined;
  const code = codeOf(annotation(ingress, "request-redirect-code"));
  return redirected(request, rule, code, `${scheme}://${host}${request.path}`, "request-redirect");
}

function codeOf(text: string | undefined): number {
  const code = Number(text ?? 302);
  return [301, 302, 303, 307, 308].includes(code) ? code : 302;
}
