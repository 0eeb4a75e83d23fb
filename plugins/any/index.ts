import { reply } from "../../src/dns/message.ts";
import { makeRdata } from "../../src/dns/rdata.ts";
import { CLASS } from "../../src/dns/rr.ts";
import { RCODE, TYPE } from "../../src/dns/types.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { directiveTable } from "./directive.ts";

const rdata = makeRdata(TYPE.HINFO, { cpu: "ANY obsoleted", os: "See RFC 8482" })!;

/** Answers queries of type ANY with one small record instead of everything there is (RFC 8482 §4.2). */
export const any: Plugin = definePlugin({
  name: "any",
  directive: directiveTable,
  setup() {
    return {
      answer(query, next) {
        if (query.type !== TYPE.ANY) return next(query);
        const hinfo = { name: query.rawName, type: TYPE.HINFO, class: CLASS.IN, ttl: 8482, rdata };
        return reply(query, RCODE.NOERROR, 0, { answer: [hinfo] });
      },
    };
  },
});
