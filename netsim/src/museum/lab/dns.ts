/** A network of DNS servers in virtual time: real ones of clusterdns, recursive resolvers of a made world, and clients that ask. */
import {
  createSocketlessServer,
  createWorld,
  decodeMessage,
  encodeQuestion,
  findModel,
  lookup,
  nameText,
  parseResolvConf,
  readRecords,
  replyFrom,
  seededRandom,
  typeText,
  virtualClock,
  type DnsServer,
  type LookupReport,
  type Plugin,
  type Sent,
  type Transport,
  type VirtualClock,
} from "clusterdns";

type Network = "udp" | "tcp";

/** What stands at an address. Undefined: no answer. */
export type Host = (message: Buffer, from: Peer) => Promise<Buffer | undefined>;

export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly network: Network;
}

/** A question that reached an address. */
export interface Arrived {
  readonly at: string;
  readonly from: string;
  readonly name: string;
  readonly type: string;
  readonly network: Network;
  /** Milliseconds since the lab began. */
  readonly ms: number;
}

export interface ServerOptions {
  readonly corefile: string;
  /** Kubernetes objects, in the API's form; default: the namespace `shop`. */
  readonly objects?: readonly object[];
  readonly plugins?: readonly Plugin[];
  /** Called where a plugin wants the process to end. */
  readonly onFatal?: (line: string) => void;
  /** The address that its own questions come from; default: where it stands. */
  readonly source?: string;
}

export interface LookupOptions {
  /** A model's name; default glibc. */
  readonly resolver?: string;
  /** The address of the pod that asks. */
  readonly from?: string;
  /** What becomes of a question before it leaves the pod's node; `lost` never arrives, `closed` is answered by ICMP. */
  readonly fate?: (question: Sent) => "passes" | "lost" | "closed";
}

export interface DnsLab {
  readonly clock: VirtualClock;
  readonly arrived: readonly Arrived[];
  /** Questions under way at an address, and the most that ever were. */
  readonly underWay: (address: string) => { readonly now: number; readonly most: number };
  /** Puts a host at an address, `rtt` ms away, or takes away what is there. Nobody there: silence. */
  place(address: string, host: Host | undefined, rtt?: number): void;
  /** A server that runs a Corefile; it stands nowhere until it is placed. */
  server(address: string, options: ServerOptions): Promise<Host>;
  /** A server of objects alone, at `address`. */
  ask(message: Buffer, to: string, from: Peer, timeout?: number): Promise<Buffer | undefined>;
  lookUp(name: string, resolvConf: string, options?: LookupOptions): Promise<LookupReport>;
  wait(ms: number): Promise<void>;
  /** Runs `main` in virtual time, then ends all servers. Call once. */
  run<T>(main: () => Promise<T>): Promise<T>;
}

/** Where virtual time begins, in seconds since 1970. */
const EPOCH = 1_700_000_000;
/** A pod's way to a server in its cluster and back, in ms. */
const NEAR = 1;
const POD = "10.244.1.7";
/** Ports of clients, and how far those of two lookups are apart. */
const EPHEMERAL = { first: 32_768, count: 28_232 };
const SOCKETS = 32;
const SHOP = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };

export function dnsLab(): DnsLab {
  const clock = virtualClock();
  const random = seededRandom(7);
  const hosts = new Map<string, { readonly host: Host; readonly rtt: number }>();
  const servers: DnsServer[] = [];
  let lookups = 0;
  const arrived: Arrived[] = [];
  const busy = new Map<string, { now: number; most: number }>();
  const until = (ms: number): Promise<void> =>
    new Promise((done) => void clock.at(clock.now() + ms, () => done()));
  const busyAt = (address: string): { now: number; most: number } => {
    const known = busy.get(address) ?? { now: 0, most: 0 };
    busy.set(address, known);
    return known;
  };

  /** There and back. Who stands at the address when the question arrives is asked. */
  async function carry(message: Buffer, to: string, from: Peer): Promise<Buffer | undefined> {
    const rtt = hosts.get(to)?.rtt ?? NEAR;
    await until(rtt / 2);
    const there = hosts.get(to);
    if (there === undefined) return undefined;
    const { question } = decodeMessage(message);
    const name = question === undefined ? "" : nameText(question.name);
    const type = question === undefined ? "" : typeText(question.type);
    arrived.push({ at: to, from: from.address, name, type, network: from.network, ms: clock.now() });
    const load = busyAt(to);
    load.now++;
    load.most = Math.max(load.most, load.now);
    const reply = await there.host(message, from);
    load.now--;
    if (reply === undefined) return undefined;
    await until(rtt / 2);
    return reply;
  }

  const ask: DnsLab["ask"] = (message, to, from, timeout = Infinity) =>
    new Promise((done) => {
      const callOff =
        timeout === Infinity
          ? () => undefined
          : clock.at(clock.now() + timeout, () => {
              done(undefined);
            });
      void carry(message, to, from).then((reply) => {
        if (reply === undefined && timeout !== Infinity) return;
        callOff();
        done(reply);
      });
    });

  return {
    clock,
    arrived,
    underWay: busyAt,
    place(address, host, rtt = NEAR) {
      if (host === undefined) hosts.delete(address);
      else hosts.set(address, { host, rtt });
    },
    async server(address, { corefile, objects = [SHOP], plugins = [], onFatal, source = address }) {
      const server = createSocketlessServer({
        corefile,
        cluster: objects,
        plugins,
        now: () => EPOCH + clock.now() / 1000,
        random,
        carrier: async (message, to) => {
          const reply = await ask(
            message,
            to.address,
            { address: source, port: 40_000, network: to.network },
            to.timeout,
          );
          if (reply === undefined) throw new Error("i/o timeout");
          return reply;
        },
        ...(onFatal === undefined ? {} : { onFatal }),
      });
      await server.listen();
      servers.push(server);
      return async (message, from) => {
        const reply = await server.exchange(message, {
          protocol: from.network,
          address: from.address,
          port: from.port,
        });
        return reply === undefined ? undefined : Buffer.from(reply);
      };
    },
    ask,
    lookUp(name, resolvConf, { resolver = "glibc", from = POD, fate = () => "passes" } = {}) {
      const model = findModel(resolver);
      if (model === undefined) throw new RangeError(`no resolver ${resolver}`);
      const firstPort = (lookups++ * SOCKETS) % EPHEMERAL.count;
      const transport: Transport = {
        async send(question) {
          const what = fate(question);
          const never = new Promise<never>(() => undefined);
          if (what === "lost") return never;
          if (what === "closed") return "refused";
          const message = encodeQuestion(question, question.socket & 0xffff);
          if (message === undefined) return never;
          const port = EPHEMERAL.first + ((firstPort + question.socket) % EPHEMERAL.count);
          const reply = await carry(message, question.server, {
            address: from,
            port,
            network: question.proto,
          });
          if (reply === undefined) return never;
          const decoded = decodeMessage(reply);
          if (decoded.error !== undefined) return never;
          const { rcode, flags, answer, additional } = decoded;
          return replyFrom(question.type, rcode, flags, answer, additional);
        },
        close: () => undefined,
      };
      const conf = parseResolvConf(resolvConf);
      return lookup(model, name, { conf, net: "dual", transport, clock, random });
    },
    wait: until,
    run: (main) => clock.run(main).finally(() => Promise.all(servers.map((server) => server.close()))),
  };
}

/** A recursive resolver of a world that has these records (lines of a zone file with absolute names) and no others. */
export function worldOf(records: string, denialTtl = 30): Host {
  const read = readRecords(records, "records");
  if (typeof read === "string") throw new SyntaxError(read);
  const world = createWorld(read, denialTtl);
  return (message) => Promise.resolve(world.serve(message));
}

/** The same, `ms` late. */
export const late =
  (host: Host, ms: number, clock: VirtualClock): Host =>
  async (message, from) => {
    await new Promise<void>((done) => void clock.at(clock.now() + ms, () => done()));
    return host(message, from);
  };

/** A pod's resolv.conf as kubelets write it by default. */
export const podConf = (
  options: {
    readonly namespace?: string;
    readonly nameservers?: readonly string[];
    readonly search?: readonly string[];
    readonly options?: string;
  } = {},
): string => {
  const {
    namespace = "shop",
    nameservers = [CLUSTER_DNS],
    search = [],
    options: words = "ndots:5",
  } = options;
  const zone = "cluster.local";
  return [
    `search ${[`${namespace}.svc.${zone}`, `svc.${zone}`, zone, ...search].join(" ")}`,
    ...nameservers.map((address) => `nameserver ${address}`),
    ...(words === "" ? [] : [`options ${words}`]),
    "",
  ].join("\n");
};

/** The cluster IP of the DNS Service, NodeLocal's address, and the resolver of the world outside. */
export const CLUSTER_DNS = "10.96.0.10";
export const NODE_DNS = "169.254.20.10";
export const OUTSIDE = "198.18.0.53";

/** A Corefile as kubeadm's, without what only concerns the process; `more` are further lines of the block. */
export const corefile = (more = "cache 30", kubernetes = "pods insecure"): string => `.:53 {
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        ${kubernetes}
        fallthrough in-addr.arpa ip6.arpa
    }
    forward . ${OUTSIDE}
    ${more}
}
`;
