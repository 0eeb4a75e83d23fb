/** Connections that are passed on as they are: TCPRoute, TLSRoute; and datagrams: UDPRoute. */
import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket as UdpSocket } from "node:dgram";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { upstreamOf } from "../gateway/backends.ts";
import type { GatewayRequest } from "../gateway/request.ts";
import { nameOf } from "./backends.ts";
import type { Outcome, Surroundings } from "./forward.ts";
import { tlsOptions } from "./upstream.ts";

const asRequest = (name: string): GatewayRequest => ({
  host: name,
  path: "/",
  method: "CONNECT",
  headers: {},
  scheme: "https",
  sni: name,
});

/** Joins a client's connection with a backend's; `isPlain` where TLS has been taken off, so that a policy may put it on again. */
export async function joinStream(
  around: Surroundings,
  socket: Socket,
  port: number,
  serverName: string,
  isPlain: boolean,
): Promise<Outcome> {
  const { site, backends, pick, echoAuthority, own } = around;
  const answer = site.route(asRequest(serverName), port, pick);
  const outcome = (status: number, fault?: string): Outcome => {
    if (status !== 200) socket.destroy();
    return { answer, status, mirrored: [], tries: 1, fault };
  };
  socket.on("error", () => socket.destroy());
  const target = answer.backend;
  if (target === null) return outcome(0);
  const address = await backends.addressOf(site.cluster, target);
  if (address === undefined) return outcome(0, `${nameOf(target)}: no endpoint is ready`);
  const known = upstreamOf(site.cluster, target);
  const tls = isPlain ? tlsOptions(site.cluster, known, { address, echoAuthority, own }) : undefined;
  return new Promise((resolve) => {
    const behind =
      tls === undefined
        ? connect(address.port, address.host)
        : connectTls({ ...tls.options, host: address.host, port: address.port });
    behind.once("error", (error) => resolve(outcome(0, `${nameOf(target)}: ${error.message}`)));
    behind.once("close", () => socket.destroy());
    socket.once("close", () => behind.destroy());
    behind.once(tls === undefined ? "connect" : "secureConnect", () => {
      behind.on("error", () => behind.destroy());
      socket.pipe(behind).pipe(socket);
      resolve(outcome(200));
    });
  });
}

/** A client's datagrams go to one backend, and what comes back to the client, for as long as it is not silent. */
const FLOW_TIMEOUT = 30_000;
const MOST_FLOWS = 4096;

export interface UdpFlows {
  take(message: Buffer, from: RemoteInfo): void;
  close(): void;
}

/** `log` hears of each new flow. */
export function createUdpFlows(
  front: UdpSocket,
  port: number,
  around: () => Surroundings,
  log: (client: string, outcome: Outcome) => void,
): UdpFlows {
  const flows = new Map<string, { send(message: Buffer): void; close(): void }>();

  function open(from: RemoteInfo, key: string) {
    const { site, backends, pick } = around();
    const answer = site.route(asRequest(""), port, pick);
    const behind = createSocket("udp4");
    const end = (): void => {
      if (flows.delete(key)) behind.close();
    };
    const timer = setTimeout(end, FLOW_TIMEOUT);
    timer.unref();
    behind.on("error", end);
    behind.on("message", (message) => {
      timer.refresh();
      front.send(message, from.port, from.address, () => undefined);
    });
    const target = answer.backend;
    const address =
      target === null
        ? Promise.resolve(undefined)
        : backends.addressOf(site.cluster, target, "udp").catch(() => undefined);
    void address.then((to) => {
      const fault =
        target !== null && to === undefined ? `${nameOf(target)}: no endpoint is ready` : undefined;
      log(from.address, { answer, status: to === undefined ? 0 : 200, mirrored: [], tries: 1, fault });
    });
    return {
      send(message: Buffer): void {
        timer.refresh();
        void address.then((to) => {
          if (to !== undefined && flows.has(key)) behind.send(message, to.port, to.host, () => undefined);
        });
      },
      close: end,
    };
  }

  return {
    take(message, from) {
      const key = `${from.address}:${from.port}`;
      let flow = flows.get(key);
      if (flow === undefined) {
        if (flows.size >= MOST_FLOWS) flows.values().next().value?.close();
        flow = open(from, key);
        flows.set(key, flow);
      }
      flow.send(message);
    },
    close() {
      for (const flow of flows.values()) flow.close();
    },
  };
}
