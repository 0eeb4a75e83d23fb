/** UDP on the batched native socket: the same as udp.ts at half the CPU. */
import type { Peer } from "../dns/query.ts";
import { nativeBinding, type Binding } from "../native/binding.ts";
import { startGroup, type Slab, type UdpGroup } from "../native/group.ts";
import { PEER_SIZE, TABLE, type BatchPlace } from "../native/layout.ts";
import { addressAt, familyAt, portAt } from "../native/sockaddr.ts";
import type { Bound, Descriptors } from "./descriptors.ts";
import { PENDING, type Engine, type Sink } from "./engine.ts";
import { listenError, type ListenAt, type Listener } from "./listener.ts";
import { plainPeer } from "./peer.ts";

/** Longer datagrams are cut, as in CoreDNS: a query has no need of more. */
const MAX_QUERY = 512;
const MAX_REPLY = 65507;
/** Room for the replies of one batch: the largest reply, and ordinary ones for the rest. */
const OUTPUT = 192 * 1024;
/** Batches on the way between thread and JavaScript. */
const BATCHES = 4;

/** Opens `threads` sockets on one address, each with its own receiving thread. Undefined where there is no native binding for it. */
export function listenUdpNative(
  at: ListenAt,
  engine: Engine,
  threads: number,
  descriptors: Descriptors,
): Listener | undefined {
  const { binding } = nativeBinding();
  const groups: UdpGroup[] = [];
  const sockets: Bound[] = [];
  const close = (): void => {
    for (const group of groups) group.close();
    for (const socket of sockets) descriptors.release(socket);
  };
  try {
    for (let i = 0; i < threads; i++) {
      const bound = descriptors.bind("udp", { ...at, port: sockets[0]?.port ?? at.port });
      if (bound === undefined || binding === undefined) return undefined;
      sockets.push(bound);
      groups.push(serveSocket(binding, bound, at, engine));
    }
  } catch (error) {
    for (const group of groups) group.stop();
    close();
    throw listenError("udp", at, error as NodeJS.ErrnoException);
  }
  const { address, port } = sockets[0]!;
  return {
    engine,
    address,
    port,
    closeConnections: () => undefined,
    async close(graceMs) {
      for (const group of groups) group.stop();
      const end = performance.now() + graceMs;
      while (engine.router.pending > 0 && performance.now() < end)
        await new Promise((resolve) => setTimeout(resolve, 10));
      // What was answered last goes out with the next turn.
      await new Promise((resolve) => setImmediate(resolve));
      close();
    },
  };
}

function serveSocket(
  binding: Binding,
  { descriptor, port, address }: Bound,
  at: ListenAt,
  engine: Engine,
): UdpGroup {
  const peer = new SlabPeer(address, port);
  const spill = Buffer.allocUnsafeSlow(MAX_REPLY);
  let place: BatchPlace;
  let index = 0;

  const sink = (): Sink => {
    const path = group.returnPath(place, index);
    return {
      reply(bytes) {
        if (bytes !== undefined) group.send(path, bytes);
      },
      stream: () => undefined,
    };
  };

  const group = startGroup(binding, {
    descriptors: [descriptor],
    packetSize: MAX_QUERY,
    outputSize: OUTPUT,
    batches: BATCHES,
    withLocal: at.address === "" || address === "0.0.0.0" || address === "::",
    onBatch({ bytes, words }: Slab, batch) {
      place = batch;
      peer.bytes = bytes;
      const { table } = batch;
      const count = words[table + TABLE.COUNT]!;
      let used = 0;
      for (index = 0; index < count; index++) {
        const start = batch.input + index * MAX_QUERY;
        peer.at = batch.peers + index * PEER_SIZE;
        if (used + MAX_REPLY <= OUTPUT) {
          const length = engine.serve(
            bytes,
            start,
            start + words[table + TABLE.IN + index]!,
            peer,
            bytes,
            batch.output + used,
            sink,
          );
          words[table + TABLE.OUT + index] = used;
          words[table + TABLE.LENGTH + index] = length > 0 ? length : 0;
          if (length > 0) used += length;
          continue;
        }
        // Many large replies: they go out by themselves.
        words[table + TABLE.LENGTH + index] = 0;
        const length = engine.serve(
          bytes,
          start,
          start + words[table + TABLE.IN + index]!,
          peer,
          spill,
          0,
          sink,
        );
        if (length !== PENDING && length > 0)
          group.send(group.returnPath(batch, index), spill.subarray(0, length));
      }
    },
  });
  return group;
}

/** The sender of a datagram, read from the slab as long as that is not used again. */
class SlabPeer implements Peer {
  readonly protocol = "udp";
  readonly localPort: number;
  readonly #bound: string;
  bytes: Buffer = Buffer.alloc(0);
  at = 0;

  constructor(address: string, port: number) {
    this.#bound = address;
    this.localPort = port;
  }
  get family(): 4 | 6 {
    return familyAt(this.bytes, this.at);
  }
  get address(): string {
    return addressAt(this.bytes, this.at);
  }
  get port(): number {
    return portAt(this.bytes, this.at);
  }
  get localAddress(): string {
    return this.#bound;
  }
  keep(): Peer {
    return plainPeer(
      "udp",
      { address: this.address, port: this.port },
      { address: this.localAddress, port: this.localPort },
    );
  }
}
