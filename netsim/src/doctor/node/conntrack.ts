/** The connection table against the rate of new connections. */
import { conntrackMax, KUBE_PROXY_TIMEOUTS, sustainableRate } from "../../conntrack/timeouts.ts";
import { fields, number, text } from "../../gateway/fields.ts";
import type { Context } from "../context.ts";
import { fix, patch, set, textChange } from "../fix.ts";
import { evidence, clusterPlace, placeInText, placeOf } from "../place.ts";
import { k8s, KERNEL_CONNTRACK } from "../sources.ts";
import type { Check, Draft, Fix, Place } from "../types.ts";
import { setAll, settings, type Setting } from "./sysctl.ts";

interface Table {
  readonly max: number;
  readonly text: string;
  readonly at: Place;
  enlarge(to: number): Fix;
}

const MAX = ["net.netfilter.nf_conntrack_max", "net.nf_conntrack_max"];
/** kube-proxy's --conntrack-min. */
const LEAST = 131_072;

function tableOf(context: Context): Table {
  const advice = (to: number): string => `set net.netfilter.nf_conntrack_max to ${to}`;
  const said = settings(context).filter((s) => MAX.includes(s.key));
  const [least] = [...said].sort((a, b) => Number(a.value) - Number(b.value)) as [Setting | undefined];
  if (least !== undefined)
    return {
      max: Number(least.value),
      text: `${least.by}: ${least.key} = ${least.value}`,
      at: least.at,
      enlarge: (to) => fix(advice(to), ...setAll(said.map((setting) => ({ setting, wanted: String(to) })))),
    };
  const [proxy] = context.others("KubeProxyConfiguration");
  const conntrack = fields(proxy?.["conntrack"]);
  const min = number(conntrack["min"]);
  if (proxy !== undefined && min !== undefined) {
    const { max, why } = sized(context, min, number(conntrack["maxPerCore"]));
    return {
      max,
      text: why,
      at: placeOf(proxy, ["conntrack", "min"]),
      enlarge: (to) =>
        fix(`set conntrack.min of kube-proxy to ${to}`, patch(proxy, set(["conntrack", "min"], to))),
    };
  }
  const map = context.others("ConfigMap").find((m) => m.metadata.name === "kube-proxy");
  const config = text(fields(map?.data)["config.conf"]);
  const written = /^(\s*min:\s*)(\d+)/m.exec(
    /^conntrack:[^]*?(?=^\S|(?![^]))/m.exec(config ?? "")?.[0] ?? "",
  );
  if (map !== undefined && config !== undefined && written !== null) {
    const [own, before = "", value = ""] = written;
    const perCore = /^\s*maxPerCore:\s*(\d+)/m.exec(config)?.[1];
    const { max, why } = sized(context, Number(value), perCore === undefined ? undefined : Number(perCore));
    return {
      max,
      text: why,
      at: placeInText(map, ["data", "config.conf"], config.slice(0, config.indexOf(own)).split("\n").length),
      enlarge: (to) =>
        fix(
          `set conntrack.min of kube-proxy to ${to}`,
          textChange(map, ["data", "config.conf"], config, config.replace(own, `${before}${to}`)),
        ),
    };
  }
  const { max, why } = sized(context, LEAST, undefined);
  return {
    max,
    text: why,
    at: proxy === undefined ? clusterPlace(context.given) : placeOf(proxy),
    enlarge: (to) => fix(advice(to)),
  };
}

/** As kube-proxy makes it: so much for each core of the smallest node, and `min` at least. */
function sized(
  { given }: Context,
  min: number,
  perCore = PER_CORE,
): { readonly max: number; readonly why: string } {
  const cores = given.nodes.flatMap((n) => coresOf(n.status.capacity?.cpu) ?? []);
  if (cores.length === 0)
    return { max: min, why: `kube-proxy makes the table ${min} at least (conntrack.min)` };
  const least = Math.min(...cores);
  const why = `kube-proxy makes the table ${perCore} for each of ${least} cores, and ${min} at least`;
  return { max: conntrackMax(least, perCore, min), why };
}

const PER_CORE = 32_768;

/** `4`, `3920m`. */
function coresOf(cpu: number | string | undefined): number | undefined {
  const match = /^(\d+)(m?)$/.exec(String(cpu ?? ""));
  return match === null ? undefined : Math.floor(Number(match[1]) / (match[2] === "m" ? 1000 : 1));
}

/** Seconds for which a connection that has ended keeps its entry. */
function lifetime(context: Context): { seconds: number; text: string } {
  const key = "net.netfilter.nf_conntrack_tcp_timeout_time_wait";
  const said = settings(context).find((s) => s.key === key);
  const usual = KUBE_PROXY_TIMEOUTS.tcp.TIME_WAIT ?? 120;
  return said === undefined
    ? { seconds: usual, text: `an ended TCP connection keeps its entry for ${usual} s (TIME_WAIT)` }
    : { seconds: Number(said.value), text: `${said.by}: ${key} = ${said.value}` };
}

/** Room that is left for what lasts longer than TIME_WAIT. */
const HEADROOM = 0.75;

export const conntrackSize: Check = {
  id: "NS/conntrack-size",
  title: "The connection table is too small for the rate of connections",
  severity: "error",
  why: "Every new connection takes an entry, and one that has ended keeps it for two minutes: rate times time is what the table must hold. When it is full the kernel drops packets of new connections. Asked where `--flows` gives the rate.",
  sources: [KERNEL_CONNTRACK, k8s(71261)],
  run: (context) => {
    const { flows } = context.options;
    if (flows === undefined) return [];
    const table = tableOf(context);
    const { seconds, text: why } = lifetime(context);
    const entries = flows * seconds;
    const full = entries > table.max;
    if (entries <= table.max * HEADROOM) return [];
    const to = 2 ** Math.ceil(Math.log2(entries / HEADROOM));
    const found: Draft = {
      severity: full ? "error" : "warning",
      message: full
        ? `${flows} new connections a second need ${entries} entries, and the table has ${table.max}: it is full after ${Math.ceil(table.max / flows)} s`
        : `${flows} new connections a second fill ${Math.round((entries / table.max) * 100)} % of the table of ${table.max}`,
      at: table.at,
      evidence: [
        evidence(table.text, table.at),
        evidence(why),
        evidence(
          `${flows} a second for ${seconds} s are ${entries} entries; the table sustains ${Math.floor(sustainableRate(table.max, seconds))} a second`,
        ),
      ],
      fix: table.enlarge(to),
    };
    return [found];
  },
};
