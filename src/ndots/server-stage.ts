import type { ResolvConf } from "../resolver/conf.ts";
import type { ResolverModel } from "../resolver/models.ts";
import type { Clock, Net, Random, Transport } from "../resolver/types.ts";
import { written, type Change, type Played, type Stage } from "./remedies.ts";
import { withOptions } from "./resolv-conf.ts";
import { traceLookup, type TracedLookup } from "./trace.ts";

export interface ServerStageOptions {
  readonly conf: ResolvConf;
  readonly net: Net;
  readonly transport: () => Transport;
  readonly clock: Clock;
  readonly random: Random;
}

export interface ServerStage extends Stage {
  lookUp(model: ResolverModel, name: string, change?: Change): Promise<TracedLookup>;
}

/** Remedies are tried with a server that runs somewhere and stays as it is: those of the pod's side alone. */
export function serverStage({ conf, net, transport, clock, random }: ServerStageOptions): ServerStage {
  const lookUp: ServerStage["lookUp"] = (model, name, change = {}) =>
    traceLookup(model, written(name, change), {
      conf: withOptions(conf, change.options ?? []),
      net,
      transport: transport(),
      clock,
      random,
    });
  return {
    lookUp,
    whyNot: ({ plugin, nodelocal }) =>
      plugin !== undefined || nodelocal === true
        ? "the server is as it is: leave --server out to try it in a chain"
        : undefined,
    async play(change, names, models) {
      const played: Played[] = [];
      for (const name of names) {
        for (const model of models) {
          const first = await lookUp(model, name, change);
          played.push({ name, first, again: await lookUp(model, name, change) });
        }
      }
      return played;
    },
  };
}
