import t from "tap";
import { serveWorld, type Packet } from "../../support/world.ts";

const MANY = Array.from({ length: 60 }, (_, i) => `192.0.2.${i}`);
const saying = (size: number): Partial<Packet> => ({
  additionals: [{ type: "OPT", name: ".", udpPayloadSize: size, flags: 0, options: [] } as never],
});

t.test("a client takes no more than it may", async (t) => {
  const { exchange } = await serveWorld(t, ". {\nbufsize 700\nworld\n}", {
    world: { "many.example.com": MANY },
  });
  const sizeOf = ({ additionals }: Packet): unknown =>
    (additionals[0] as { udpPayloadSize?: number }).udpPayloadSize;
  const large = await exchange("many.example.com A", undefined, saying(4096));
  t.equal(sizeOf(large), 700);
  t.equal(large.flag_tc, true);
  t.ok(large.answers.length < 60);
  const small = await exchange("none.example.com A", undefined, saying(600));
  t.equal(sizeOf(small), 600, "less stays less");
  t.same((await exchange("none.example.com A")).additionals, []);
});
