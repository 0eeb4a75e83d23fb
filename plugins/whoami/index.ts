import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";
import { makeRdata } from "../../src/dns/rdata.ts";
import { prepend, ROOT } from "../../src/dns/name.ts";
import { reply } from "../../src/dns/message.ts";
import type { RR } from "../../src/dns/rr.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

/** Answers every query with the client's address, port and protocol: what reaches the server, seen from the server. */
export const whoami: Plugin = definePlugin({
  name: "whoami",
  directive: directiveTable,
  setup() {
    return {
      answer(query) {
        const { peer, rawName: name, class: class_ } = query;
        const type = peer.family === 4 ? TYPE.A : TYPE.AAAA;
        const service = prepend(`_${peer.protocol}`, name);
        const additional: RR[] = [
          { name, type, class: class_, ttl: 0, rdata: makeRdata(type, { address: peer.address })! },
          {
            name: service,
            type: TYPE.SRV,
            class: class_,
            ttl: 0,
            rdata: makeRdata(TYPE.SRV, { priority: 0, weight: 0, port: peer.port, target: ROOT })!,
          },
        ];
        return reply(query, RCODE.NOERROR, FLAG.AA, { additional });
      },
    };
  },
});
