/** Maglev's tables against those that Cilium's own code made. */
import { createHash } from "node:crypto";
import t from "tap";
import { parseAddress, type Address } from "../../src/service/address.ts";
import { flowHash, lookup3Final, lookup3Mix, type Triple } from "../../src/service/ebpf/flow-hash.ts";
import {
  backendKey,
  maglevSeeds,
  maglevTable,
  permutation,
  type MaglevBackend,
} from "../../src/service/ebpf/maglev.ts";
import { murmur3 } from "../../src/service/ebpf/murmur3.ts";
import { lines } from "./support.ts";

interface Recorded extends Omit<MaglevBackend, "address"> {
  readonly addr: string;
  readonly hashString: string;
  readonly offset: number;
  readonly skip: number;
}

interface Removal {
  readonly removedId: number;
  readonly sha256_le32: string;
  readonly entriesOfRemoved: number;
  readonly otherEntriesChanged: number;
  readonly table?: readonly number[];
}

interface TableLine {
  readonly set: string;
  readonly m: number;
  readonly backends: readonly Recorded[];
  readonly sha256_le32: string;
  readonly first32: readonly number[];
  readonly table?: readonly number[];
  readonly removals?: readonly Removal[];
}

interface MurmurLine {
  readonly murmur3_x64_128: string;
  readonly seed: number;
  readonly h1: string;
  readonly h2: string;
}

const recorded = lines<TableLine | MurmurLine>("maglev-cilium.jsonl");
const tables = recorded.filter((line): line is TableLine => "m" in line);
const vectors = recorded.filter((line): line is MurmurLine => "h1" in line);

t.test("murmur3", (t) => {
  t.ok(vectors.length > 3);
  for (const { murmur3_x64_128: input, seed, h1, h2 } of vectors)
    t.same(
      murmur3(input, seed).map((half) => half.toString(16).padStart(16, "0")),
      [h1, h2],
      JSON.stringify(input),
    );
  t.equal(maglevSeeds().murmur, vectors[0]?.seed);
  t.end();
});

for (const { set, m, backends: raw, ...want } of tables) {
  t.test(`${set}, ${m} slots`, (t) => {
    const backends = raw.map((each) => ({ ...each, address: each.addr }));
    for (const backend of backends) {
      t.equal(backendKey(backend), backend.hashString);
      t.same(permutation(backend, m), { offset: backend.offset, skip: backend.skip });
    }
    const table = maglevTable(backends, m);
    t.same([...table.subarray(0, 32)], want.first32);
    t.equal(digest(table), want.sha256_le32, "every entry");
    if (want.table !== undefined) t.same([...table], want.table);
    t.equal(digest(maglevTable([...backends].reverse(), m)), want.sha256_le32, "whatever the order");
    for (const removal of want.removals ?? []) {
      const left = maglevTable(
        backends.filter(({ id }) => id !== removal.removedId),
        m,
      );
      t.equal(digest(left), removal.sha256_le32, `without ${removal.removedId}`);
      if (removal.table !== undefined) t.same([...left], removal.table);
      const moved = [...table].filter((id, slot) => id !== removal.removedId && id !== left[slot]).length;
      t.equal(moved, removal.otherEntriesChanged, "as few of the others move");
    }
    t.end();
  });
}

t.test("nobody to send to", (t) => {
  t.same(
    [...maglevTable([], 251)],
    Array.from({ length: 251 }, () => 0),
  );
  t.end();
});

t.test("lookup3's mixing gives the hashes that its author published", (t) => {
  const input = Buffer.from("Four score and seven years ago");
  t.equal(hashlittle(input, 0), 0x17770551);
  t.equal(hashlittle(input, 1), 0xcd628161);
  t.end();
});

t.test("a flow's slot depends on its client and port, and spreads evenly", (t) => {
  const seeds = maglevSeeds();
  const slots = 251;
  const counts = new Array<number>(slots).fill(0);
  const flows = slots * 40;
  for (let i = 0; i < flows; i++) {
    const flow = {
      source: parseAddress("198.51.100.7") as Address,
      sourcePort: 1024 + i,
      port: 80,
      protocol: 6,
    };
    const slot = flowHash(flow, seeds) % slots;
    counts[slot] = (counts[slot] ?? 0) + 1;
  }
  const chi = counts.reduce((sum, count) => sum + (count - 40) ** 2 / 40, 0);
  t.ok(chi < 330, `chi-square ${chi.toFixed(0)} with 250 degrees of freedom`);
  const v6 = (text: string) => ({
    source: parseAddress(text) as Address,
    sourcePort: 5,
    port: 80,
    protocol: 17,
  });
  t.not(flowHash(v6("2001:db8::1"), seeds), flowHash(v6("2001:db8::2"), seeds));
  t.end();
});

function digest(table: Uint32Array): string {
  const bytes = Buffer.alloc(table.length * 4);
  table.forEach((id, slot) => bytes.writeUInt32LE(id, slot * 4));
  return createHash("sha256").update(bytes).digest("hex");
}

/** lookup3.c's hashlittle, from the two mixing functions. */
function hashlittle(bytes: Buffer, seed: number): number {
  const start = (0xdeadbeef + bytes.length + seed) | 0;
  let state: Triple = [start, start, start];
  let at = 0;
  const padded = Buffer.concat([bytes, Buffer.alloc(12)]);
  const add = ([a, b, c]: Triple): Triple => [
    (a + padded.readUInt32LE(at)) | 0,
    (b + padded.readUInt32LE(at + 4)) | 0,
    (c + padded.readUInt32LE(at + 8)) | 0,
  ];
  for (; bytes.length - at > 12; at += 12) state = lookup3Mix(add(state));
  return lookup3Final(add(state));
}
