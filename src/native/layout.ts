/** How the slab that the receiving thread and JavaScript share is laid out: the same numbers as in native/udp.c. */

/** Datagrams of a batch. */
export const PACKETS = 64;
/** Bytes of a peer's address: a `sockaddr_in6`. */
export const PEER_SIZE = 28;
/** Bytes of the address that was asked: an IPv6 address (IPv4 mapped) and an interface's number. */
export const LOCAL_SIZE = 20;

const HEAD_WORDS = 16;
const RING_WORDS = 64;

/** 32-bit words of the head. */
export const WORD = { READY: 0, TAKEN: 1, DROPPED: 2 } as const;
/** Where the ring of batch numbers begins, in words, and how long it is. */
export const RING = { start: HEAD_WORDS, length: RING_WORDS } as const;

/** 32-bit words of a batch's table. */
export const TABLE = {
  COUNT: 0,
  SOCKET: 1,
  /** Length of each datagram. */
  IN: 16,
  /** Where each reply is, counted from the batch's output. */
  OUT: 16 + PACKETS,
  /** Length of each reply; 0: none. */
  LENGTH: 16 + 2 * PACKETS,
} as const;
const TABLE_WORDS = 16 + 3 * PACKETS;

/** Where the parts of a batch are, in bytes from the slab's start; the table in words. */
export interface BatchPlace {
  readonly index: number;
  readonly table: number;
  readonly peers: number;
  readonly locals: number;
  readonly input: number;
  readonly output: number;
}

/** The places of all batches. `batchBytes` is what each takes, as the binding reckons. */
export function batchPlaces(batches: number, packetSize: number, batchBytes: number): BatchPlace[] {
  return Array.from({ length: batches }, (_, index) => {
    const start = (HEAD_WORDS + RING_WORDS) * 4 + index * batchBytes;
    const peers = start + TABLE_WORDS * 4;
    const locals = peers + PACKETS * PEER_SIZE;
    const input = locals + PACKETS * LOCAL_SIZE;
    return { index, table: start / 4, peers, locals, input, output: input + PACKETS * packetSize };
  });
}
