import { KIND, type Kind } from "../walk/walks.ts";

/** A question and its answer, as they stand in a log or went over a wire. One object is used again and again. */
export interface Sighting {
  address: string;
  /** Absolute, in lower case, in presentation form. */
  name: string;
  kind: Kind;
  /** Any rcode but NOERROR. */
  negative: boolean;
  /** How long the answer took, in ms; 0 where that is not known. */
  ms: number;
}

export const newSighting = (): Sighting => ({
  address: "",
  name: "",
  kind: KIND.OTHER,
  negative: false,
  ms: 0,
});

export const kindOf = (type: string): Kind =>
  type === "A" ? KIND.A : type === "AAAA" ? KIND.AAAA : KIND.OTHER;

const DASH = " - ";
const COLON = 58;
const BRACKET = 91;

/**
 * Reads a line of the `log` plugin's formats `common` and `combined`, CoreDNS's or ours, whatever stands in front of it (level, time, pod's
 * name) and also within a JSON line:
 *
 *     [INFO] 10.244.1.7:41122 - 3401 "A IN api.example.com.shop.svc.cluster.local. udp 60 false 512" NXDOMAIN qr,aa,rd 153 0.000112s
 *
 * False where it is none; then `into` holds nothing of use.
 */
export function readLogLine(line: string, into: Sighting): boolean {
  const dash = line.indexOf(DASH);
  if (dash < 0) return false;
  const from = Math.max(line.lastIndexOf(" ", dash - 1), line.lastIndexOf('"', dash - 1)) + 1;
  const port = line.lastIndexOf(":", dash - 1);
  if (port <= from) return false;
  const quote = line.indexOf('"', dash + DASH.length);
  const type = quote + 1;
  const typeEnd = line.indexOf(" ", type);
  const name = line.indexOf(" ", typeEnd + 1) + 1;
  const nameEnd = line.indexOf(" ", name);
  const end = line.indexOf('"', nameEnd);
  if (quote < 0 || typeEnd < 0 || name === 0 || nameEnd < 0 || end < 0) return false;
  const rcode = end + 2;
  const rcodeEnd = line.indexOf(" ", rcode);
  const flagsEnd = line.indexOf(" ", rcodeEnd + 1);
  const took = line.indexOf(" ", flagsEnd + 1) + 1;
  if (rcodeEnd < 0 || flagsEnd < 0 || took === 0) return false;
  const seconds = parseFloat(line.slice(took, took + 16));
  if (!(seconds >= 0) || line.charCodeAt(nameEnd - 1) !== 46) return false;
  into.address = line.charCodeAt(from) === BRACKET ? line.slice(from + 1, port - 1) : line.slice(from, port);
  if (into.address === "" || line.charCodeAt(port) !== COLON) return false;
  into.name = line.slice(name, nameEnd).toLowerCase();
  into.kind = kindOf(line.slice(type, typeEnd));
  into.negative = !line.startsWith("NOERROR", rcode);
  into.ms = seconds * 1000;
  return true;
}
