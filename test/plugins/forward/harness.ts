/** A server with `forward` lines, and upstreams for it. */
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket from "dns-packet";
import type { Test } from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import { FLAG } from "../../../src/dns/types.ts";
import type { Plugin } from "../../../src/plugin.ts";
import {
  addressReply,
  fakeUpstream,
  replyTo,
  type FakeUpstream,
  type Packet,
  type Received,
} from "../../upstream/fake-upstream.ts";

export interface Ask {
  readonly flags?: number;
  readonly protocol?: "udp" | "tcp";
  readonly edns?: number;
  readonly options?: readonly { readonly code: number; readonly data: Buffer }[];
  readonly id?: number;
}

export interface ServeOptions {
  readonly zone?: string;
  readonly beside?: string;
  readonly plugins?: readonly Plugin[];
  readonly random?: () => number;
}

/** `lines`: the `forward` lines of the server block. */
export async function serve(
  t: Test,
  lines: string,
  { zone = ".", beside = "", plugins = [], random }: ServeOptions = {},
) {
  const log: string[] = [];
  const server = createSocketlessServer({
    corefile: `${zone} {\nerrors\n${lines}\n${beside}\n}\n`,
    plugins,
    log: (level, text) => log.push(`[${level}] ${text}`),
    ...(random === undefined ? {} : { random }),
  });
  t.teardown(() => server.close());
  await server.listen();
  const ask = async (
    name: string,
    { flags = FLAG.RD, protocol = "udp", edns, options = [], id = 7 }: Ask = {},
  ): Promise<Packet> => {
    const [qname = "", type = "A"] = name.split(" ");
    const opt = { type: "OPT", name: ".", udpPayloadSize: edns ?? 0, flags: 0, options: [...options] };
    const message = dnsPacket.encode({
      type: "query",
      id,
      flags,
      questions: [{ name: qname, type }],
      additionals: edns === undefined ? [] : [opt],
    });
    const bytes = await server.exchange(message, { protocol });
    return dnsPacket.decode(Buffer.from(bytes!));
  };
  /** The addresses of the answer, or its rcode. */
  const text = async (name: string, options?: Ask): Promise<string> => {
    const { rcode, answers } = await ask(name, options);
    return answers.length === 0 ? rcode : answers.map(({ data }) => String(data)).join(" ");
  };
  const metrics = async (what: RegExp): Promise<Record<string, number>> =>
    Object.fromEntries(
      [...(await server.metrics()).matchAll(/^coredns_(\S+) (\S+)$/gm)]
        .filter(([, key]) => what.test(key!))
        .map(([, key, value]) => [key!, Number(value)]),
    );
  return { ask, text, log, metrics, server };
}

/** Waits until it is so; fails after five seconds. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await isSo()) return;
    await sleep(10);
  }
  throw new Error("it did not come to pass");
}

/** Upstreams that answer with 192.0.2.1, 192.0.2.2, ... */
export const several = (t: Test, n: number): Promise<FakeUpstream[]> =>
  Promise.all(
    Array.from({ length: n }, (_, i) =>
      fakeUpstream(t, ({ packet, send }) => send(addressReply(packet, `192.0.2.${i + 1}`))),
    ),
  );
export const names = (upstreams: readonly FakeUpstream[]): string =>
  upstreams.map(({ name }) => name).join(" ");
export const withRcode =
  (rcode: number, more: Partial<Packet> = {}) =>
  ({ packet, send }: Received): void =>
    send(replyTo(packet, more, rcode));
