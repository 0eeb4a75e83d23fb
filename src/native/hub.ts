/** Sockets towards other servers, read in batches by one thread: see native/upstream.c. */
import { getSystemErrorName } from "node:util";
import type { Binding } from "./binding.ts";

declare const hubBrand: unique symbol;
/** A receiving thread and its sockets. */
export interface NativeHub {
  readonly [hubBrand]: true;
}

/** What upstream.c gives. Sockets have numbers, which are ours to choose. */
export interface HubBinding {
  hubSize(): number;
  openHub(slab: Buffer, notify: () => void): NativeHub;
  /** Descriptor, port and address of our end; or a negative error number and which call it was of. */
  connectSocket(
    hub: NativeHub,
    address: string,
    port: number,
    source: string,
  ): [descriptor: number, port: number, address?: string];
  /** Takes what has come into the slots; how many. */
  takeDatagrams(hub: NativeHub): number;
  /** Sends what the table says over one socket; an error's number, or 0. */
  sendDatagrams(hub: NativeHub, descriptor: number, count: number): number;
  closeSocket(descriptor: number): void;
  closeHub(hub: NativeHub): void;
}

/** The same numbers as in native/upstream.c. */
const SLOTS = 128;
const SLOT_SIZE = 65536 + 192;
const BATCH = 64;
const RECEIVED = 0;
const RECEIVED_WORDS = 3;
const TO_SEND = RECEIVED + SLOTS * RECEIVED_WORDS;
const TO_SEND_WORDS = 2;
const OUTPUT = 4096;
const OUTPUT_SIZE = 65536;
const INPUT = OUTPUT + OUTPUT_SIZE;
const STAGES = ["socket", "bind", "connect"] as const;

export interface HubSocket {
  readonly address: string;
  readonly port: number;
  /** Sends a datagram with others of this turn. The bytes are copied. */
  send(packet: Buffer): void;
  close(): void;
}

export interface HubEvents {
  /** The bytes are good until this returns. */
  received(packet: Buffer): void;
  failed(error: NodeJS.ErrnoException): void;
}

export interface Hub {
  /** Opens a socket that is connected; `source` is our address, if it matters. Throws what the system says. */
  connect(address: string, port: number, source: string | undefined, events: HubEvents): HubSocket;
}

/** A hub that is there as long as it has sockets. */
export function createHub(binding: Binding): Hub {
  let open: OpenHub | undefined;
  return {
    connect(address, port, source, events) {
      const hub = (open ??= new OpenHub(binding, () => {
        open = undefined;
      }));
      return hub.connect(address, port, source ?? "", events);
    },
  };
}

interface Member {
  readonly descriptor: number;
  readonly events: HubEvents;
  /** Datagrams of this turn that are not sent yet: where they are in the output, and their lengths. */
  readonly waiting: number[];
}

class OpenHub {
  readonly #binding: Binding;
  readonly #onEmpty: () => void;
  readonly #slab: Buffer;
  readonly #words: Int32Array;
  readonly #hub: NativeHub;
  readonly #members = new Map<number, Member>();
  /** Members with datagrams to send, and how much of the output they take. */
  #senders: Member[] = [];
  #used = 0;
  readonly #flush = (): void => this.#send();
  readonly #taken: (Member | undefined)[] = [];

  constructor(binding: Binding, onEmpty: () => void) {
    this.#binding = binding;
    this.#onEmpty = onEmpty;
    this.#slab = Buffer.allocUnsafeSlow(binding.hubSize());
    const { buffer, byteOffset } = this.#slab;
    this.#words = new Int32Array(buffer, byteOffset, OUTPUT >> 2);
    this.#hub = binding.openHub(this.#slab, () => this.#take());
  }

  connect(address: string, port: number, source: string, events: HubEvents): HubSocket {
    const made = this.#binding.connectSocket(this.#hub, address, port, source);
    const [descriptor, ownPort, ownAddress] = made;
    if (ownAddress === undefined) {
      if (this.#members.size === 0) this.#end();
      throw systemError(-descriptor, STAGES[ownPort] ?? "connect");
    }
    const member: Member = { descriptor, events, waiting: [] };
    this.#members.set(descriptor, member);
    return {
      address: ownAddress,
      port: ownPort,
      send: (packet) => this.#gather(member, packet),
      close: () => this.#close(member),
    };
  }

  #close(member: Member): void {
    if (this.#members.get(member.descriptor) !== member) return;
    this.#send();
    this.#members.delete(member.descriptor);
    this.#binding.closeSocket(member.descriptor);
    if (this.#members.size === 0) this.#end();
  }

  #end(): void {
    this.#onEmpty();
    this.#binding.closeHub(this.#hub);
  }

  #take(): void {
    const words = this.#words;
    const count = this.#binding.takeDatagrams(this.#hub);
    // Found before anything is done: a socket that is closed meanwhile may leave its number to a new one.
    const members = this.#taken;
    for (let i = 0; i < count; i++) members[i] = this.#members.get(words[RECEIVED + i * RECEIVED_WORDS]!);
    for (let i = 0; i < count; i++) {
      const member = members[i];
      if (member === undefined || this.#members.get(member.descriptor) !== member) continue;
      const entry = RECEIVED + i * RECEIVED_WORDS;
      const start = INPUT + i * SLOT_SIZE;
      const number = words[entry + 2]!;
      if (number === 0) member.events.received(this.#slab.subarray(start, start + words[entry + 1]!));
      else member.events.failed(systemError(number, "recvmmsg"));
    }
  }

  #gather(member: Member, packet: Buffer): void {
    if (this.#used + packet.length > OUTPUT_SIZE || member.waiting.length === 2 * BATCH) this.#send();
    packet.copy(this.#slab, OUTPUT + this.#used);
    if (this.#senders.length === 0) setImmediate(this.#flush);
    if (member.waiting.length === 0) this.#senders.push(member);
    member.waiting.push(this.#used, packet.length);
    this.#used += packet.length;
  }

  #send(): void {
    const senders = this.#senders;
    this.#senders = [];
    this.#used = 0;
    const failures: (() => void)[] = [];
    for (const { descriptor, events, waiting } of senders) {
      this.#words.set(waiting, TO_SEND);
      const number = this.#binding.sendDatagrams(this.#hub, descriptor, waiting.length / TO_SEND_WORDS);
      waiting.length = 0;
      if (number !== 0) failures.push(() => events.failed(systemError(number, "send")));
    }
    // Who is told of a failure may send at once: when the output is no more in use.
    for (const tell of failures) tell();
  }
}

function systemError(number: number, syscall: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall, errno: -number });
}
