/** Answers of `netsim route` as JSON, by the contract, and as text. */
import { PASSTHROUGH, changeHeaders } from "../gateway/request.ts";
import type { Answer, GatewayRequest, Headers } from "../gateway/request.ts";
import type { Comparison } from "../gateway/ingress/table.ts";
import { lineOf, objectName } from "../model/source.ts";

/** `name` where the rule of a route has one. */
export function ruleOf({
  rule,
}: Answer): { object: string; name?: string; file: string; line: number } | null {
  if (rule === null) return null;
  const { object, path } = rule;
  const written = path.reduce<unknown>(
    (at, part) => (at as Record<string, unknown> | undefined)?.[part],
    object,
  );
  const name = (written as { name?: unknown } | undefined)?.name;
  return {
    object: objectName(object),
    ...(typeof name === "string" && { name }),
    file: object.source.file,
    line: lineOf(object.source, path),
  };
}

/** The contract's fields; `reason`, `retry`, `upstream`, `bodyLimit` and `notes` where there is something to say. */
export function asJson(answer: Answer, backendHeaders: Headers): object {
  const { status, reason, backend, path, host, requestHeaders, redirect, mirrors, weights, timeouts } =
    answer;
  const { retry, upstream, bodyLimit, notes = [] } = answer;
  return {
    status,
    ...(reason !== undefined && reason !== "" && { reason }),
    backend,
    path,
    host,
    requestHeaders,
    responseHeaders: changeHeaders(backendHeaders, answer.responseChanges),
    redirect,
    mirrors,
    weights,
    timeouts,
    ...(retry !== undefined && { retry }),
    ...(upstream !== undefined && backend !== null && { upstream: upstreamJson(upstream) }),
    ...(bodyLimit !== undefined && { bodyLimit }),
    ...(notes.length > 0 && { notes }),
    rule: ruleOf(answer),
  };
}

/** `tls` is null without TLS, and has no `policy` where nothing says how to check it. */
function upstreamJson({ protocol, tls, isUncheckedTls }: NonNullable<Answer["upstream"]>): object {
  if (tls === undefined) return { protocol, tls: isUncheckedTls ? { checked: false } : null };
  const { hostname, subjectAltNames, authorities, isSystem, policy } = tls;
  return {
    protocol,
    tls: {
      checked: true,
      hostname,
      subjectAltNames,
      authorities: [
        ...(isSystem ? ["System"] : []),
        ...authorities.map((ref) => `${ref.kind} ${ref.namespace}/${ref.name}`),
      ],
      policy: objectName(policy),
    },
  };
}

export function asText(request: GatewayRequest, answer: Answer): string {
  return `${request.method} ${request.scheme}://${request.host}${request.path} -> ${outcome(answer)}\n`;
}

function outcome(answer: Answer): string {
  const { backend, redirect, status, reason, notes = [] } = answer;
  const rule = ruleOf(answer);
  const name = backend === null ? "" : `${backend.namespace}/${backend.service}:${backend.port ?? "?"}`;
  const seen = answer.isPassthrough === true ? "" : ` as http://${answer.host}${answer.path}`;
  const to =
    redirect !== null
      ? `${status} to ${redirect.location}`
      : backend === null
        ? `${status}${reason === undefined || reason === "" ? "" : `: ${reason}`}`
        : `${name}${seen}${upstreamText(answer)}`;
  const shares = Object.entries(answer.weights).filter(([, share]) => share > 0);
  const weights = shares.map(([service, share]) => `${Math.round(share * 1000) / 10} % ${service}`);
  return [
    to,
    ...(rule === null
      ? []
      : [
          `by ${rule.object}${rule.name === undefined ? "" : `, rule ${rule.name}`} (${rule.file}:${rule.line})`,
        ]),
    ...(backend !== null && weights.length > 1 ? [`shares: ${weights.join(", ")}`] : []),
    ...answer.mirrors.map((m) => `and ${m.percent} % to ${m.namespace}/${m.service}`),
    ...notes.filter((note) => note !== PASSTHROUGH || backend !== null),
  ].join("\n  ");
}

function upstreamText({ upstream }: Answer): string {
  if (upstream === undefined) return "";
  const { protocol, tls, isUncheckedTls } = upstream;
  const secure =
    tls !== undefined
      ? `TLS as ${tls.hostname} by ${objectName(tls.policy)}`
      : isUncheckedTls
        ? "TLS, not checked"
        : "";
  const words = [protocol === "http" ? "" : protocol, secure].filter((word) => word !== "");
  return words.length === 0 ? "" : ` (${words.join(", ")})`;
}

/** What each controller would do, one below the other. */
export function comparisonText(request: GatewayRequest, comparisons: readonly Comparison[]): string {
  const lines = comparisons.map(({ controller, answer, ignored }) => {
    const other = ignored.length === 0 ? "" : `\n  without effect: ${ignored.join(", ")}`;
    return `${controller.padEnd(8)} ${outcome(answer)}${other}\n`.replaceAll("\n  ", "\n           ");
  });
  return `${request.method} ${request.scheme}://${request.host}${request.path}\n${lines.join("")}`;
}

export const comparisonJson = (comparisons: readonly Comparison[], backendHeaders: Headers): object =>
  Object.fromEntries(
    comparisons.map(({ controller, answer, ignored }) => [
      controller,
      { ...asJson(answer, backendHeaders), ignored },
    ]),
  );
