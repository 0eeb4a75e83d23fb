/** What a client gets from the cache: by what answers are told apart, letters, flags, size. */
import t from "tap";
import { reply } from "../../../src/dns/message.ts";
import { nameOf } from "../../../src/dns/name.ts";
import { rdata, record } from "../../../src/dns/records.ts";
import type { RR } from "../../../src/dns/rr.ts";
import { FLAG, TYPE } from "../../../src/dns/types.ts";
import { a, serve } from "./harness.ts";

const OTHER = nameOf("other.example.org.");
const address = (name = OTHER): RR => record(name, TYPE.A, 60, rdata.a("192.0.2.9"));

t.test("type, class, DO and CD tell answers apart; RD, AD, transport, size and letters don't", async (t) => {
  const server = await serve(t, "cache", (q, n) => a(q, 60, `192.0.2.${n}`));
  const last = async (question: string, options = {}): Promise<string> =>
    (await server.text(question, options)).replace(/^A 192\.0\.2\.|\/60$/g, "");
  t.equal(await last("www.example.org A"), "1");
  t.equal(await last("www.example.org A", { flags: FLAG.RD | FLAG.CD }), "2");
  t.equal(await last("www.example.org A", { dnssecOk: true }), "3");
  t.equal(await last("www.example.org A", { dnssecOk: true, flags: FLAG.RD | FLAG.CD }), "4");
  t.equal(await last("www.example.com A"), "5");
  for (const options of [
    {},
    { flags: 0 },
    { flags: FLAG.RD | FLAG.AD },
    { protocol: "tcp" },
    { edns: true },
  ]) {
    t.equal(await last("www.example.org A", options), "1", JSON.stringify(options));
  }
  t.equal(await last("WWW.Example.ORG A"), "1");
  t.equal(server.asked.length, 5);
});

t.test("the question comes back in the client's letters, owners in those of the first answer", async (t) => {
  const server = await serve(t, "cache", (q) => a(q, 60));
  for (const [asked, owner] of [
    ["Www.Example.Org", "Www.Example.Org"],
    ["www.example.org", "Www.Example.Org"],
    ["WWW.EXAMPLE.ORG", "Www.Example.Org"],
  ] as const) {
    const { questions, answers } = await server.ask(`${asked} A`);
    t.equal(questions[0]!.name, asked);
    t.equal(answers[0]!.name, owner);
  }
});

t.test(
  "flags: AA from the cache always, RA as it came, AD for those who ask for it, RD and CD the client's",
  async (t) => {
    const server = await serve(t, "cache", (q) =>
      reply(q, 0, FLAG.RA | FLAG.AD, { answer: [address(q.rawName)] }),
    );
    const flags = async (options: Parameters<typeof server.ask>[1]): Promise<string> => {
      const packet = await server.ask("www.example.org A", options);
      return (["aa", "rd", "ra", "ad", "cd"] as const).filter((flag) => packet[`flag_${flag}`]).join(" ");
    };
    t.equal(await flags({}), "rd ra", "the first reply as it came, without AD");
    t.equal(await flags({}), "aa rd ra");
    t.equal(await flags({ flags: 0 }), "aa ra");
    t.equal(await flags({ flags: FLAG.RD | FLAG.AD }), "aa rd ra ad");
    t.equal(await flags({ dnssecOk: true }), "rd ra ad");
    t.equal(await flags({ dnssecOk: true }), "aa rd ra ad");
    t.ok(
      server.queries.every((query) => query.authenticData),
      "what goes down the chain has AD set",
    );
  },
);

t.test("an OPT record of the source is for this hop alone", async (t) => {
  const server = await serve(t, "cache", (q) =>
    reply(q, 0, 0, { answer: [address(q.rawName)] }).with({
      opt: { udpSize: 4096, dnssecOk: false, options: [{ code: 15, data: "\0\x0f" }] },
    }),
  );
  for (let i = 0; i < 2; i++) t.same((await server.ask("www.example.org A")).additionals, []);
});

t.test("a large answer is kept whole, and cut anew for each client", async (t) => {
  const server = await serve(t, "cache", (q) =>
    reply(q, 0, 0, {
      answer: Array.from({ length: 60 }, (_, i) => record(q.rawName, TYPE.A, 60, rdata.a(`10.0.0.${i}`))),
    }),
  );
  for (let i = 0; i < 2; i++) {
    const small = await server.ask("big.example.org A");
    t.ok(small.flag_tc);
    t.ok(small.answers.length < 60);
    const whole = await server.ask("big.example.org A", { protocol: "tcp" });
    t.notOk(whole.flag_tc);
    t.equal(whole.answers.length, 60);
  }
  t.equal(server.asked.length, 1);
});
