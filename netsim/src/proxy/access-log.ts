/** One line for each request: who asked what, what came of it, and which rule in which file decided. */
import type { Answer } from "../gateway/request.ts";
import { lineOf, objectName } from "../model/source.ts";

export interface Entry {
  readonly client: string;
  readonly method: string;
  /** `http://host/path`, or `tcp://:5432`. */
  readonly url: string;
  readonly protocol: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly answer: Answer | undefined;
  /** `namespace/service:port` of mirrors that were really sent. */
  readonly mirrored: readonly string[];
  /** Tries, the first one included. */
  readonly tries: number;
  /** What went wrong behind the proxy. */
  readonly fault: string | undefined;
}

const printable = (text: string): string =>
  text.replace(/[^\x20-\x7e]|"/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);

/** `127.0.0.1 "GET http://a.example.com/x HTTP/1.1" 200 4ms -> shop/web:80 by HTTPRoute shop/web (routes.yaml:12)`. */
export function accessLine(entry: Entry): string {
  const { client, method, url, protocol, status, milliseconds, answer, mirrored, tries, fault } = entry;
  const said = fault ?? answer?.reason;
  const to =
    answer?.redirect != null
      ? ` -> ${printable(answer.redirect.location)}`
      : answer?.backend == null
        ? ""
        : ` -> ${answer.backend.namespace}/${answer.backend.service}:${answer.backend.port ?? "?"}`;
  const rule = answer?.rule;
  const by =
    rule == null
      ? ""
      : ` by ${objectName(rule.object)} (${rule.object.source.file}:${lineOf(rule.object.source, rule.path)})`;
  const more = [
    ...(tries > 1 ? [`${tries} tries`] : []),
    ...mirrored.map((name) => `mirrored to ${name}`),
    ...(said === undefined || said === "" ? [] : [printable(said)]),
  ];
  return `${client} "${printable(`${method} ${url} ${protocol}`)}" ${status} ${Math.round(milliseconds)}ms${to}${by}${more.length === 0 ? "" : `: ${more.join(", ")}`}`;
}
