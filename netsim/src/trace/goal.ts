/** What people write as TO: `http://api.payments/orders`, `db.data:5432`, `data/db-0:5432`, `10.0.0.1:53/UDP`. */
import { parseAddress } from "../service/address.ts";

/** A request that an HTTP proxy on the way would see. */
export interface Request {
  readonly scheme: string;
  /** The :authority. */
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Goal {
  readonly text: string;
  /** `namespace/name` of a pod, workload or Service; a name; an address; or no such thing. */
  readonly kind: "object" | "name" | "address" | "nonsense";
  readonly host: string;
  readonly port: number | undefined;
  readonly protocol: "TCP" | "UDP" | "SCTP";
  readonly request: Request | undefined;
}

const PORTS: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
  postgres: 5432,
  postgresql: 5432,
  mysql: 3306,
  redis: 6379,
  rediss: 6379,
  mongodb: 27017,
  amqp: 5672,
  nats: 4222,
  kafka: 9092,
  ldap: 389,
  ldaps: 636,
  smtp: 25,
  ftp: 21,
  ssh: 22,
  dns: 53,
};
const HTTP = new Set(["http", "https", "ws", "wss"]);

export interface GoalOptions {
  /** Takes the place of a port in the text. */
  readonly port?: number;
  readonly protocol?: Goal["protocol"];
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function parseGoal(
  text: string,
  { port, protocol, method = "GET", headers = {} }: GoalOptions = {},
): Goal {
  const url = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text);
  const scheme = url?.[1]?.toLowerCase();
  if (scheme !== undefined && !URL.canParse(text))
    return { text, kind: "nonsense", host: text, port, protocol: "TCP", request: undefined };
  if (scheme !== undefined) {
    const parsed = new URL(text);
    const host = unbracketed(decodeURIComponent(parsed.hostname));
    // The URL parser drops the default port of the schemes that it knows.
    const given = parsed.port === "" ? PORTS[scheme] : Number(parsed.port);
    const path = `${parsed.pathname === "" ? "/" : parsed.pathname}${parsed.search}`;
    return {
      text,
      ...hostOf(host),
      port: port ?? given,
      protocol: protocol ?? (scheme === "udp" ? "UDP" : "TCP"),
      request: HTTP.has(scheme) ? { scheme, host: parsed.host, path, method, headers } : undefined,
    };
  }
  const whole = parseAddress(text);
  const match = whole === undefined ? PARTS.exec(text) : null;
  const [, host = text, number, proto] = match ?? [];
  const wanted = PROTOCOLS.find((p) => p === proto?.toUpperCase());
  return {
    text,
    ...hostOf(unbracketed(host), number === undefined ? undefined : Number(number)),
    port: port ?? (number === undefined ? undefined : Number(number)),
    protocol: protocol ?? wanted ?? "TCP",
    request: undefined,
  };
}

const PROTOCOLS = ["TCP", "UDP", "SCTP"] as const;
const PARTS = /^(\[[^\]]+\]|[^:]+):(\d{1,5})(?:\/(TCP|UDP|SCTP))?$/i;

const unbracketed = (host: string): string => host.replace(/^\[|\]$/g, "");

function hostOf(host: string, port = 80): Pick<Goal, "kind" | "host"> {
  if (host === "" || /[\s:]/.test(host.replace(/^[0-9a-f:.]+$/i, "")) || port < 1 || port > 65_535)
    return { kind: "nonsense", host };
  const address = parseAddress(host);
  if (address !== undefined) return { kind: "address", host: address.text };
  return { kind: host.includes("/") ? "object" : "name", host };
}
