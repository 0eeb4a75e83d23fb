/** The words of a flow's line: what kind of event, which verdict, its summary. */
import { POLICY_MATCHES, SOCKET_POINTS, TRACE_POINTS, dropReason } from "./names.ts";
import type { Paint } from "./paint.ts";
import type { Flow, PolicyRef } from "./types.ts";

const [DROP, CAPTURE, TRACE, POLICY_VERDICT, TRACE_SOCK] = [1, 3, 4, 5, 7];

/** `to-endpoint`, `http-request`, `Policy denied`, `policy-verdict:L3-L4 INGRESS`, ... */
export function flowType(f: Flow): string {
  if (f.l7 !== undefined) {
    const type = String(f.l7.type ?? "UNKNOWN_L7_TYPE").toLowerCase();
    if (f.l7.dns !== undefined) return `dns-${type} ${f.l7.dns.observation_source ?? ""}`;
    return `${f.l7.http === undefined ? "l7" : "http"}-${type}`;
  }
  const { type, sub_type: subType = 0 } = f.event_type ?? {};
  switch (type) {
    case TRACE:
      return TRACE_POINTS[subType & 0xff] ?? String(subType & 0xff);
    case DROP:
      return dropReason(subType);
    case POLICY_VERDICT: {
      const match = POLICY_MATCHES[f.policy_match_type ?? 0] ?? "unknown";
      return `policy-verdict:${match} ${f.traffic_direction ?? "TRAFFIC_DIRECTION_UNKNOWN"}`;
    }
    case CAPTURE:
      return String(f.debug_capture_point ?? "DBG_CAPTURE_POINT_UNKNOWN");
    case TRACE_SOCK:
      return SOCKET_POINTS[subType] ?? "SOCK_XLATE_POINT_UNKNOWN";
    default:
      return "UNKNOWN";
  }
}

const by = (policies: readonly PolicyRef[] = []): string => {
  const named = policies.filter(({ kind, name }) => kind !== undefined && name !== undefined);
  return named.length === 0 ? "" : ` BY ${named.map(({ name, kind }) => `${name} (${kind})`).join(", ")}`;
};

/** A policy's verdict reads ALLOWED, DENIED or AUDITED, and says by which policies where that is wanted. */
export function verdictText(f: Flow, policyNames: boolean, paint: Paint): string {
  const verdict = f.verdict ?? "VERDICT_UNKNOWN";
  const isPolicy = f.event_type?.type === POLICY_VERDICT;
  const direction = f.traffic_direction;
  const allowed = direction === "EGRESS" ? f.egress_allowed_by : f.ingress_allowed_by;
  const denied = direction === "EGRESS" ? f.egress_denied_by : f.ingress_denied_by;
  const text = (word: string, policies: readonly PolicyRef[] | undefined): string => {
    if (!isPolicy) return String(verdict);
    return policyNames && (direction === "EGRESS" || direction === "INGRESS") ? word + by(policies) : word;
  };
  switch (verdict) {
    case "FORWARDED":
    case "REDIRECTED":
      return paint("green", text("ALLOWED", allowed));
    case "DROPPED":
    case "ERROR":
      return paint("red", text("DENIED", denied));
    case "AUDIT":
      return paint("yellow", text("AUDITED", denied));
    case "TRACED":
    case "TRANSLATED":
      return paint("yellow", verdict);
    default:
      return String(verdict);
  }
}

export function summaryOf(f: Flow, paint: Paint): string {
  const id = f.ip_trace_id?.trace_id;
  const auth = f.auth_type;
  const authText =
    auth === undefined ? "" : `; Auth: ${paint(auth === "TEST_ALWAYS_FAIL" ? "red" : "green", String(auth))}`;
  return `${id === undefined ? "" : `IP Trace ID: ${id}; `}${f.Summary ?? ""}${authText}`;
}
