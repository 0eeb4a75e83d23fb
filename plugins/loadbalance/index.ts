import type { Message } from "../../src/dns/message.ts";
import { shuffleSections } from "../../src/dns/order.ts";
import type { Query } from "../../src/dns/query.ts";
import { afterMessage, definePlugin, type Context, type Instance, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";
import { preferNetworks } from "./prefer.ts";
import { createWeights } from "./weighted.ts";

/** Changes the order of addresses from answer to answer, so that clients spread over them. */
export const loadbalance: Plugin = definePlugin({
  name: "loadbalance",
  directive: directiveTable,
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
