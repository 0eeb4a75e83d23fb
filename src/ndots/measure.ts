import { socketTransport, type Endpoint } from "../resolver/sockets.ts";

const TRIES = 9;
/** Milliseconds for each. */
const PATIENCE = 1000;

/** The median time of a few questions for the root's name servers to a server over UDP, in ms; undefined where it does not answer. */
export async function measureRtt(endpoint: Endpoint): Promise<number | undefined> {
  const transport = socketTransport(new Map([["", endpoint]]));
  const times: number[] = [];
  for (let socket = 1; socket <= TRIES; socket++) {
    const sent = performance.now();
    const question = { name: ".", type: "NS", socket, proto: "udp", server: "", connected: true } as const;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((done) => (timer = setTimeout(() => done("late"), PATIENCE)));
    const fate = await Promise.race([transport.send(question), late]);
    clearTimeout(timer);
    if (typeof fate === "object") times.push(performance.now() - sent);
    transport.close(socket);
    // A server that is not there is not asked nine times.
    if (times.length === 0 && socket === 2) return undefined;
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}
