import t from "tap";
import { Body } from "../../../src/dns/body.ts";
import { Message, replyFlags, type Answer } from "../../../src/dns/message.ts";
import { nameOf } from "../../../src/dns/name.ts";
import { rdata, record } from "../../../src/dns/records.ts";
import { TYPE } from "../../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../../src/plugin.ts";
import { serveWorld } from "../../support/world.ts";

const zone = nameOf("example.com.");
const www = nameOf("www.example.com.");
const answer = [record(www, TYPE.A, 60, rdata.a("192.0.2.1"))];
const ns = [record(zone, TYPE.NS, 60, rdata.ns(www))];

const bodies = {
  whole: new Body(www, { answer, authority: ns, additional: answer }),
  bare: new Body(www, { answer, authority: [], additional: [] }),
  referral: new Body(www, { answer: [], authority: ns, additional: answer }),
};

/** Gives one of the bodies, and keeps what came out of the plugins behind it. */
function probe(which: keyof typeof bodies, seen: Answer[]): Plugin[] {
  return [
    definePlugin({
      name: "giver",
      before: ["template"],
      directive: {},
      setup: () => ({
        answer: (query) => new Message(query.rawName, 0, replyFlags(query), bodies[which]),
      }),
    }),
    definePlugin({
      name: "keeper",
      before: ["minimal"],
      directive: {},
      setup: () => ({
        answer(query, next) {
          const given = next(query) as Answer;
          seen.push(given);
          return given;
        },
      }),
    }),
  ];
}

t.test("only answers that have something to leave out are made anew, and each body once", async (t) => {
  for (const which of ["whole", "bare", "referral"] as const) {
    const seen: Answer[] = [];
    const { exchange } = await serveWorld(t, ". {\nminimal\nkeeper\ngiver\n}", {
      plugins: probe(which, seen),
    });
    const { answers, authorities, additionals } = await exchange("www.example.com A");
    t.same(
      [answers.length, authorities.length, additionals.length],
      which === "referral" ? [0, 1, 1] : [1, 0, 0],
      which,
    );
    await exchange("www.example.com A");
    const [first, second] = seen.map((one) => (one.kind === "message" ? one.body : undefined));
    t.equal(first, second, "the same body");
    if (which !== "whole") t.equal(first, bodies[which], "as it came");
  }
});
