import t from "tap";
import { createSocketlessServer } from "../../../src/api/create-server.ts";
import { definePlugin } from "../../../src/plugin.ts";
import { serveWorld } from "../../support/world.ts";

const WORLD = { "www.example.com": ["192.0.2.1"], "broken.example.com": ["SERVFAIL"] };

t.test("flags of queries and answers", async (t) => {
  const wants: boolean[] = [];
  const witness = definePlugin({
    name: "witness",
    before: ["world"],
    directive: {},
    setup: () => ({
      answer(query, next) {
        wants.push(query.recursionDesired);
        return next(query);
      },
    }),
  });
  const serve = async (rules: string) =>
    (
      await serveWorld(t, `. {\nheader {\n${rules}\n}\nwitness\nworld\n}`, {
        world: WORLD,
        plugins: [witness],
      })
    ).exchange;

  const set = await serve("response set aa\nresponse clear ra");
  t.match(await set("www.example.com A"), { flag_aa: true, flag_ra: false, flag_rd: true });
  t.match(
    await set("broken.example.com A"),
    { flag_aa: false, rcode: "SERVFAIL" },
    "an answer of the server's own",
  );

  const clear = await serve("query clear rd");
  t.match(await clear("www.example.com A"), { flag_rd: false });
  t.equal(wants.at(-1), false, "the following plugins see it");
  t.match(await clear("broken.example.com A"), { flag_rd: false, rcode: "SERVFAIL" });

  const both = await serve("response set rd aa\nresponse clear aa");
  t.match(await both("www.example.com A", undefined, { flags: 0 }), { flag_rd: true, flag_aa: false });
});

t.test("without a rule there is nothing to do", async (t) => {
  const server = createSocketlessServer({ corefile: ". {\nheader {\n}\nwhoami\n}" });
  await t.rejects(server.listen(), { message: /^Corefile:2: header: there is no rule: write one/ });
  await server.close();
});
