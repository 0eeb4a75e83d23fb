import { hostname } from "node:os";
import { nsid as option } from "../../src/dns/edns.ts";
import type { Message } from "../../src/dns/message.ts";
import type { Query } from "../../src/dns/query.ts";
import { OPTION } from "../../src/dns/types.ts";
import { afterMessage, definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Puts the server's identifier into answers to clients that ask for it (RFC 5001). */
export const nsid: Plugin = definePlugin({
  name: "nsid",
  directive: directiveTable,
  setup({ data }) {
    const identifier = option(data.length > 0 ? data.join(" ") : hostname());

    const identify = (message: Message, query: Query): Message => {
      // As CoreDNS: an OPT record that is made here has DO set.
      const opt = message.opt ?? { udpSize: query.udpSize, dnssecOk: true, options: [] };
      const others = opt.options.filter(({ code }) => code !== OPTION.NSID);
      return message.with({ opt: { ...opt, options: [...others, identifier] } });
    };

    return {
      answer: (query, next) =>
        query.options.some(isNsid) ? afterMessage(next(query), query, identify) : next(query),
    };
  },
});

const isNsid = ({ code }: { code: number }): boolean => code === OPTION.NSID;
