/** The way between the node and the cluster's DNS: what comes goes on after a while, and so does what comes back. Counts the questions. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";

export interface Relay {
  udp: number;
  tcp: number;
}

/** From `at` to `to`, port 53 of each, UDP and TCP, `delay` milliseconds each way. */
export async function relay(at: string, to: string, delay: number): Promise<Relay> {
  const counts: Relay = { udp: 0, tcp: 0 };
  const later = (act: () => void): void => void setTimeout(act, delay);

  const ways = new Map<string, Socket>();
  const udp = createSocket("udp4");
  udp.on("message", (bytes, { address, port }) => {
    counts.udp++;
    const key = `${address}:${port}`;
    let way = ways.get(key);
    if (way === undefined) {
      way = createSocket("udp4");
      ways.set(key, way);
      way.on("message", (reply) => later(() => udp.send(reply, port, address)));
      const socket = way;
      setTimeout(() => {
        ways.delete(key);
        // What came last is still on its way.
        setTimeout(() => socket.close(), 1000 + delay).unref();
      }, 10_000).unref();
    }
    const socket = way;
    later(() => socket.send(bytes, 53, to));
  });
  udp.bind(53, at);
  await once(udp, "listening");

  const tcp = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: to, port: 53, noDelay: true });
    let input = Buffer.alloc(0);
    near.on("data", (chunk) => {
      input = Buffer.concat([input, chunk]);
      for (; input.length >= 2 && input.length >= input.readUInt16BE() + 2; counts.tcp++)
        input = input.subarray(input.readUInt16BE() + 2);
      later(() => far.write(chunk));
    });
    far.on("data", (chunk) => later(() => near.write(chunk)));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      // prettier-ignore
      one.on("error", () => one.destroy());
      one.on("close", () => later(() => other.end()));
    }
  });
  tcp.listen(53, at);
  await once(tcp, "listening");
  udp.unref();
  tcp.unref();
  return counts;
}
