import { problem } from "../../src/directive/index.ts";
import { directive } from "../../src/directive/index.ts";
import type { Message } from "../../src/dns/message.ts";
import { shuffleSections } from "../../src/dns/order.ts";
import type { Query } from "../../src/dns/query.ts";
import { afterMessage, definePlugin, type Context, type Instance, type Plugin } from "../../src/plugin.ts";
import { preferNetworks } from "./prefer.ts";
import { createWeights } from "./weighted.ts";

/** Changes the order of addresses from answer to answer, so that clients spread over them. */
export const loadbalance: Plugin = definePlugin({
  name: "loadbalance",
  directive: directive({
    usage: "loadbalance [round_robin | weighted WEIGHTFILE] { reload DURATION ; prefer CIDR... }",
    doc: "Mixes the order of A, AAAA and MX records.",
    repeat: "last",
    args: {
      policy: { type: "word", of: ["round_robin", "weighted"], default: "round_robin" },
      file: { type: "path", optional: true },
    },
    options: {
      reload: {
        type: "duration",
        min: "0s",
        default: "30s",
        doc: "How often the weight file is looked at; 0s: never.",
      },
      prefer: { type: "cidr[]", repeat: "join", doc: "Addresses in these networks come first." },
    },
    check({ policy, file, prefer }, at) {
      if (policy === "weighted" && file === undefined)
        return problem("weighted needs a weight file: weighted WEIGHTFILE");
      if (policy === "round_robin" && file !== undefined)
        return problem(`round_robin takes no argument: leave out "${file}"`);
      if (policy === "round_robin" && at("reload") !== undefined)
        return problem("reload goes with weighted only: leave it out", at("reload"));
      if (policy === "weighted" && prefer.length > 0)
        return problem("prefer goes with round_robin only: leave it out", at("prefer"));
      return undefined;
    },
  }),
  setup({ policy, file, reload, prefer }, context) {
    if (policy === "weighted") return createWeights(context.path(file!), file!, reload, context);
    return prefer.length === 0 ? roundRobin(context) : preferring(context, preferNetworks(prefer));
  },
});

function roundRobin({ random }: Context): Instance {
  const seed = (): number => (random() * 0xffffffff) | 1;
  const mix = (message: Message, query: Query): Message => {
    if (!isMixed(message, query)) return message;
    const { answers, authorities, additionals } = message.body;
    return answers + authorities + additionals < 2 ? message : message.with({ shuffle: seed() });
  };
  return { answer: (query, next) => afterMessage(next(query), query, mix) };
}

function preferring({ random }: Context, prefer: ReturnType<typeof preferNetworks>): Instance {
  const order = (message: Message, query: Query): Message => {
    if (!isMixed(message, query)) return message;
    const mixed = shuffleSections(message.sections, (random() * 0xffffffff) | 1);
    return message.with({
      sections: { ...mixed, answer: prefer(mixed.answer), additional: prefer(mixed.additional) },
    });
  };
  return { answer: (query, next) => afterMessage(next(query), query, order) };
}

/** Errors keep their order. */
function isMixed(message: Message, _query: Query): boolean {
  return message.rcode === 0;
}
