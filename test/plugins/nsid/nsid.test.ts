import { hostname } from "node:os";
import t from "tap";
import { serveWorld, type Packet } from "../../support/world.ts";

const WORLD = { "www.example.com": ["192.0.2.1"] };
const asking = (codes: readonly number[]): Partial<Packet> => ({
  additionals: [
    {
      type: "OPT",
      name: ".",
      udpPayloadSize: 1232,
      flags: 0,
      options: codes.map((code) => ({ code, data: Buffer.alloc(0) })),
    } as never,
  ],
});
const optionsOf = ({ additionals }: Packet): [number, string][] =>
  additionals.flatMap((rr) =>
    rr.type === "OPT"
      ? (rr.options ?? []).map(({ code, data }): [number, string] => [Number(code), String(data)])
      : [],
  );

t.test("whoever asks is told", async (t) => {
  const { exchange } = await serveWorld(t, ". {\nnsid node 7\nworld\n}", { world: WORLD });
  t.same(optionsOf(await exchange("www.example.com A", undefined, asking([3]))), [[3, "node 7"]]);
  t.same(optionsOf(await exchange("www.example.com A", undefined, asking([]))), []);
  t.same((await exchange("www.example.com A")).additionals, [], "no EDNS, no OPT");
});

t.test("by the host's name where nothing is said", async (t) => {
  const { exchange } = await serveWorld(t, ". {\nnsid\nworld\n}", { world: WORLD });
  t.same(optionsOf(await exchange("www.example.com A", undefined, asking([3]))), [[3, hostname()]]);
});
