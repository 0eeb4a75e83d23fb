/** A pod and its chain, as they are and with something changed. */
import { registry } from "../../../plugins/index.ts";
import { seededRandom, until, virtualClock, type VirtualClock } from "../../resolver/clock.ts";
import type { ResolvConf } from "../../resolver/conf.ts";
import type { Net, Random } from "../../resolver/types.ts";
import type { KubeObject } from "../objects.ts";
import { written, type Change, type Played, type Stage } from "../remedies.ts";
import { withOptions } from "../resolv-conf.ts";
import { traceLookup } from "../trace.ts";
import { openChain, type Chain, type Legs, type Visit } from "./chain.ts";
import { askingPod, clusterDnsAddress } from "./cluster-facts.ts";
import { hasKubernetes, playable, withAutopath, withSearchpath } from "./corefiles.ts";
import { podTransport } from "./pod.ts";
import type { World } from "./world.ts";

export interface Lab {
  readonly namespace: string;
  /** Such as `cluster.local`. */
  readonly clusterDomain: string;
  readonly objects: readonly KubeObject[];
  readonly world: World;
  readonly legs: Legs;
  /** Text of the cluster DNS's Corefile, and of NodeLocal's: whether it stands in the way is `withNodeLocal`. */
  readonly corefile: string;
  readonly nodelocal: string;
  readonly withNodeLocal: boolean;
  readonly conf: ResolvConf;
  readonly net: Net;
  readonly seed: number;
}

/** Address of the pod that asks. */
const POD = "10.244.255.7";
/** Longer than anything is kept, in ms. */
const UNTIL_FORGOTTEN = 3 * 3_600_000;
const SECOND = 1000;

/** Remedies are tried in chains in virtual time, each in one of its own. */
export function labStage(lab: Lab): Stage {
  return {
    whyNot: ({ plugin, nodelocal }) =>
      nodelocal === true && lab.withNodeLocal
        ? "there is one already"
        : plugin === undefined
          ? undefined
          : whyNotPlugin(plugin, lab.corefile),
    async play(change, names, models) {
      const clock = virtualClock();
      const random = seededRandom(lab.seed);
      const chain = await openLab(lab, change, clock, random);
      const conf = withOptions(lab.conf, change.options ?? []);
      const ask: Ask = (model, name) => {
        const visits: (readonly Visit[])[] = [];
        const transport = podTransport(chain, POD, clock, visits);
        const options = { conf, net: lab.net, transport, clock, random };
        return traceLookup(model, written(name, change), options, visits);
      };
      const all = async (): Promise<Played[]> => {
        const played: Played[] = [];
        for (const name of names) {
          for (const model of models) {
            const first = await ask(model, name);
            await until(clock, clock.now() + SECOND);
            const again = await ask(model, name);
            await until(clock, clock.now() + UNTIL_FORGOTTEN);
            played.push({ name, first, again });
          }
        }
        return played;
      };
      return clock.run(all).finally(() => chain.close());
    },
  };
}

type Ask = (model: Parameters<typeof traceLookup>[0], name: string) => ReturnType<typeof traceLookup>;

function whyNotPlugin(plugin: "autopath" | "searchpath", corefile: string): string | undefined {
  const entry = registry.order.find(({ name }) => name === plugin);
  if (entry?.load === undefined) return `no ${plugin} plugin in this build`;
  if (!hasKubernetes(corefile)) return "no kubernetes block in the Corefile";
  return new RegExp(`^\\s*${plugin}\\b`, "m").test(corefile) ? "it is in the Corefile already" : undefined;
}

/** Those of the pod's search domains that are its node's. */
const nodeSearches = ({ conf, clusterDomain }: Lab): string[] =>
  conf.search.filter((domain) => !`.${domain}`.endsWith(`.${clusterDomain}`));

/** The lab's chain after the change. */
function openLab(
  lab: Lab,
  { plugin, nodelocal }: Change,
  clock: VirtualClock,
  random: Random,
): Promise<Chain> {
  const { corefile } = lab;
  const cluster =
    plugin === "autopath"
      ? withAutopath(corefile)
      : plugin === "searchpath"
        ? withSearchpath(corefile, nodeSearches(lab))
        : corefile;
  return openChain({
    corefiles: {
      cluster: playable(cluster),
      nodelocal: lab.withNodeLocal || nodelocal === true ? playable(lab.nodelocal) : undefined,
    },
    clusterDns: clusterDnsAddress(lab.objects),
    objects: [...lab.objects, askingPod(lab.namespace, POD)],
    world: lab.world,
    legs: lab.legs,
    clock,
    random,
  });
}
