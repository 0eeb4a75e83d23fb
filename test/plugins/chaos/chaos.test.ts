import { hostname } from "node:os";
import t from "tap";
import { serveWorld } from "../../support/world.ts";

type Exchange = Awaited<ReturnType<typeof serveWorld>>["exchange"];

const texts = async (exchange: Exchange, name: string): Promise<string[]> => {
  const { answers, rcode } = await exchange(name, undefined, {
    questions: [{ name, type: "TXT", class: "CH" }],
  } as never);
  return answers.length === 0 ? [rcode] : answers.map((rr) => String((rr as { data: unknown }).data));
};

t.test("what the server says of itself", async (t) => {
  const { exchange } = await serveWorld(t, ". {\nchaos v1 bert anna bert\nworld\n}", {});
  t.same(await texts(exchange, "version.bind"), ["v1"]);
  t.same(await texts(exchange, "VERSION.server"), ["v1"]);
  t.same((await texts(exchange, "authors.bind")).sort(), ["anna", "bert"]);
  t.same(await texts(exchange, "id.server"), [hostname()]);
  t.same(await texts(exchange, "nothing.bind"), ["NXDOMAIN"], "the next plugin's");
});

t.test("a version is never longer than a text can be", async (t) => {
  const { exchange } = await serveWorld(t, `. {\nchaos ${"x".repeat(300)} ${"y".repeat(300)}\n}`, {});
  t.same(await texts(exchange, "version.bind"), ["x".repeat(255)]);
  t.same(await texts(exchange, "authors.bind"), ["y".repeat(255)]);
});
