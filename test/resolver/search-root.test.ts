/** `search .`, which systemd writes on nodes with a fully qualified host name (kubernetes/kubernetes#112135). */
import t from "tap";
import { seededRandom, virtualClock } from "../../src/resolver/clock.ts";
import { parseResolvConf } from "../../src/resolver/conf.ts";
import { lookup, type LookupReport } from "../../src/resolver/lookup.ts";
import { findModel } from "../../src/resolver/models.ts";
import { simulatedTransport } from "../../src/resolver/simulate.ts";
import { replyFrom } from "../../src/resolver/wire.ts";
import { nameOf } from "../../src/dns/name.ts";
import { rdata, record } from "../../src/dns/records.ts";
import { FLAG, RCODE, TYPE } from "../../src/dns/types.ts";

const conf = parseResolvConf(
  "search svc.cluster.local cluster.local .\nnameserver 10.96.0.10\noptions ndots:5\n",
);
const address = record(nameOf("google.com."), TYPE.A, 60, rdata.a("192.0.2.1"));

function ask(resolver: string): Promise<LookupReport> {
  const clock = virtualClock();
  const transport = simulatedTransport({
    clock,
    rtt: 1,
    answer: ({ name, type }) => {
      const isThere = name === "google.com.";
      const records = isThere && type === "A" ? [address] : [];
      return Promise.resolve(
        replyFrom(type, isThere ? RCODE.NOERROR : RCODE.NXDOMAIN, FLAG.QR | FLAG.RA | FLAG.RD, records, []),
      );
    },
  });
  const options = { conf, net: "dual", transport, clock, random: seededRandom(1) } as const;
  return clock.run(() => lookup(findModel(resolver)!, "google.com", options));
}

const names = ({ queries }: LookupReport): string[] => [...new Set(queries.map(({ name }) => name))];

t.test("glibc takes the root as it is meant", async (t) => {
  const report = await ask("glibc");
  t.same(report.result.addresses, ["192.0.2.1"]);
});

t.test("musl 1.2.3 makes two dots of it, and fails before the name itself is asked for", async (t) => {
  const report = await ask("musl-1.2.3");
  t.equal(report.result.ok, false);
  t.same(names(report), ["google.com.svc.cluster.local.", "google.com.cluster.local."]);
});

t.test("musl since 1.2.4 passes over it", async (t) => {
  const report = await ask("musl-1.2.5");
  t.same(report.result.addresses, ["192.0.2.1"]);
  t.same(names(report), ["google.com.svc.cluster.local.", "google.com.cluster.local.", "google.com."]);
});
