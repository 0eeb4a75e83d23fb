import type { Binding, NativeGroup } from "./binding.ts";
import { batchPlaces, LOCAL_SIZE, PACKETS, PEER_SIZE, RING, TABLE, WORD, type BatchPlace } from "./layout.ts";

/** A batch of datagrams as `onBatch` gets it: read them where they are, write replies into the output. */
export interface Slab {
  readonly bytes: Buffer;
  readonly words: Int32Array;
}

export interface GroupOptions {
  readonly descriptors: readonly number[];
  /** Longest datagram that is taken whole. */
  readonly packetSize: number;
  /** Bytes that the replies of one batch may take. */
  readonly outputSize: number;
  /** Batches on the way at once. */
  readonly batches: number;
  /** Replies leave from the address that was asked (a socket bound to all addresses). */
  readonly withLocal: boolean;
  /** Called with each batch. When it returns, the replies noted in the table are sent. */
  onBatch(slab: Slab, place: BatchPlace): void;
}

/** A datagram's sender and the address that it came to: what a reply needs later. */
export interface ReturnPath {
  readonly socket: number;
  readonly peer: Buffer;
  readonly local: Buffer;
}

/** Sockets that are served in batches; see native/udp.c. */
export interface UdpGroup {
  /** The way back to the sender of datagram `i` of a batch, to be kept as long as one likes. */
  returnPath(place: BatchPlace, i: number): ReturnPath;
  /** Sends a datagram with others of this turn, in one system call. The bytes are copied. */
  send(path: ReturnPath, bytes: Buffer): void;
  /** Datagrams that the kernel did not take. */
  dropped(): number;
  /** Stops receiving; what was received is handed over first. */
  stop(): void;
  /** Closes the sockets. */
  close(): void;
}

/** The last batch is ours: for what is sent later. */
const SPARE = 1;

export function startGroup(binding: Binding, options: GroupOptions): UdpGroup {
  const { packetSize, outputSize, onBatch } = options;
  const batches = options.batches + SPARE;
  const bytes = Buffer.allocUnsafeSlow(binding.slabSize(batches, packetSize, outputSize));
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const slab: Slab = { bytes, words };
  const headBytes = binding.slabSize(0, packetSize, outputSize);
  const places = batchPlaces(batches, packetSize, (bytes.length - headBytes) / batches);
  const spare = places[batches - 1]!;
  let gathered = 0;
  let gatheredBytes = 0;
  let scheduled = false;
  let closed = false;

  const drain = (): void => {
    for (let taken = words[WORD.TAKEN]!; taken !== Atomics.load(words, WORD.READY);) {
      const place = places[words[RING.start + ((taken >>> 0) % RING.length)]!]!;
      taken = (taken + 1) | 0;
      words[WORD.TAKEN] = taken;
      onBatch(slab, place);
      binding.submit(group, place.index);
    }
  };

  const group: NativeGroup = binding.start(
    options.descriptors,
    bytes,
    batches,
    packetSize,
    outputSize,
    options.withLocal ? 1 : 0,
    SPARE,
    drain,
  );

  const flush = (): void => {
    scheduled = false;
    if (gathered === 0 || closed) return;
    words[spare.table + TABLE.COUNT] = gathered;
    gathered = 0;
    gatheredBytes = 0;
    binding.send(group, spare.index);
  };

  return {
    returnPath(place, i) {
      const peer = place.peers + i * PEER_SIZE;
      const local = place.locals + i * LOCAL_SIZE;
      return {
        socket: words[place.table + TABLE.SOCKET]!,
        peer: Buffer.from(bytes.subarray(peer, peer + PEER_SIZE)),
        local: Buffer.from(bytes.subarray(local, local + LOCAL_SIZE)),
      };
    },
    send(path, reply) {
      if (closed || reply.length > outputSize) return;
      const socketChanges = gathered > 0 && words[spare.table + TABLE.SOCKET] !== path.socket;
      if (socketChanges || gathered === PACKETS || gatheredBytes + reply.length > outputSize) flush();
      words[spare.table + TABLE.SOCKET] = path.socket;
      words[spare.table + TABLE.OUT + gathered] = gatheredBytes;
      words[spare.table + TABLE.LENGTH + gathered] = reply.length;
      path.peer.copy(bytes, spare.peers + gathered * PEER_SIZE);
      path.local.copy(bytes, spare.locals + gathered * LOCAL_SIZE);
      reply.copy(bytes, spare.output + gatheredBytes);
      gathered++;
      gatheredBytes += reply.length;
      if (!scheduled) {
        scheduled = true;
        setImmediate(flush);
      }
    },
    dropped: () => Atomics.load(words, WORD.DROPPED),
    stop() {
      binding.stop(group);
      drain();
    },
    close() {
      if (closed) return;
      flush();
      closed = true;
      binding.close(group);
    },
  };
}
