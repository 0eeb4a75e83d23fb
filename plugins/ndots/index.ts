import { CLUSTER } from "../../src/capabilities.ts";
import type { Answer } from "../../src/dns/message.ts";
import { nameOf, nameText } from "../../src/dns/name.ts";
import type { Query } from "../../src/dns/query.ts";
import { RCODE, TYPE } from "../../src/dns/types.ts";
import { Ledger, type Party } from "../../src/ndots/walk/ledger.ts";
import { summarize } from "../../src/ndots/walk/summary.ts";
import { KIND, type Kind } from "../../src/ndots/walk/walks.ts";
import { definePlugin, type HttpResponse, type Plugin } from "../../src/plugin.ts";
import { createCounters, type NamespaceCells } from "./counters.ts";
import { createOwners } from "./owners.ts";
import { Sampler } from "./sampler.ts";
import { table } from "./table.ts";

/** Walks and addresses that are remembered: some 20 MB when there are as many. */
const MOST_WALKS = 20_000;
const MOST_CLIENTS = 10_000;

/** Tells whose queries are needless steps of a search list: by metrics, and at /ndots. */
export const ndots: Plugin = definePlugin({
  name: "ndots",
  before: ["local"],
  directive: table,
  setup({ address, sample, top, namespaces, domain, search, cpu }, context) {
    const { host, log, metrics } = context;
    const sampler = new Sampler(sample);
    const began = context.now();
    let ledger: Ledger | undefined;
    let cellsOf: (namespace: string | undefined) => NamespaceCells = () => NO_CELLS;
    let release: (() => Promise<void>) | undefined;

    const open = (): Ledger => {
      const view = context.find(CLUSTER)[0];
      cellsOf = createCounters(metrics, namespaces, (name) => view?.index.hasNamespace(name) ?? true);
      return new Ledger({
        clusterDomain: nameText(domain ?? view?.settings.primary ?? nameOf("cluster.local.")).slice(0, -1),
        search: search.map(nameText),
        ownerOf: createOwners(view?.settings.pods === "verified" ? view.index : undefined),
        mostWalks: MOST_WALKS,
        mostClients: MOST_CLIENTS,
        onWaste: ({ namespace }, { owner }, questions, ms) => {
          const cells = cellsOf(owner?.namespace ?? namespace);
          cells.needless.value += questions;
          cells.seconds.value += ms / 1000;
        },
      });
    };

    const page = (): HttpResponse => {
      const summary = summarize(ledger!, { cpuMicroseconds: cpu * 1000, rtt: 0 }, top);
      const body = JSON.stringify({ since: new Date(began * 1000).toISOString(), ...summary }, undefined, 2);
      return { status: 200, type: "application/json", body: `${body}\n` };
    };

    const look = (query: Query, answer: Answer, seconds: number): void => {
      // What the server asks itself is nobody's search list.
      const negative = query.depth > 0 ? undefined : isNegative(answer);
      if (negative === undefined || !sampler.picks(query.received)) return;
      const { weight } = sampler;
      ledger!.weight = weight;
      const name = nameText(query.name);
      const party = ledger!.see(query.peer.address, name, kindOf(query), negative, seconds * 1000);
      cellsOf(namespaceOf(party)).queries.value += weight;
    };

    return {
      observe(query, answer, seconds) {
        // All that nearly every query costs.
        sampler.seen++;
        if (sampler.left > 0 || query.received >= sampler.until) look(query, answer, seconds);
      },
      async start() {
        ledger = open();
        // An address that can't be opened stops nothing.
        release = await host.http(address.text, "/ndots", page).catch((error: Error) => {
          log.error(`/ndots is not served: ${error.message}`);
          return undefined;
        });
      },
      close: () => release?.(),
    };
  },
});

const NO_CELL = { value: 0, inc: () => undefined, set: () => undefined };
const NO_CELLS: NamespaceCells = { queries: NO_CELL, needless: NO_CELL, seconds: NO_CELL };

/** Undefined: there was no answer. */
function isNegative(answer: Answer): boolean | undefined {
  if (answer.kind === "message") return answer.rcode !== RCODE.NOERROR;
  return answer.kind === "failure" ? true : undefined;
}

const kindOf = ({ type }: Query): Kind =>
  type === TYPE.A ? KIND.A : type === TYPE.AAAA ? KIND.AAAA : KIND.OTHER;

/** Of who asks: the pod's, else the one that its walks told last. */
function namespaceOf({ owner, account }: Party): string | undefined {
  return owner?.namespace ?? account.namespaces.keys().next().value;
}
