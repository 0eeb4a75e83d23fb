import { CLUSTER, GENERATIONS, TRANSFER, type ClusterView } from "../../src/capabilities.ts";
import { ANYTHING } from "../../src/cluster/generations.ts";
import { zoneOf } from "../../src/cluster/settings.ts";
import { directive, problem } from "../../src/directive/index.ts";
import { MAX_NAME, nameText, type Name } from "../../src/dns/name.ts";
import { definePlugin, type Plugin } from "../../src/plugin.ts";
import { createAnswers, type Answers } from "./answers.ts";
import { transferRecords } from "./transfer.ts";
import type { Look } from "./zone.ts";

/** Shows the external addresses of a cluster's Services, and its headless ones, in a zone for the world outside. */
export const k8sExternal: Plugin = definePlugin({
  name: "k8s_external",
  directive: directive({
    doc: "Shows Services under their external addresses.",
    repeat: "merge",
    args: { zones: { type: "zone[]", default: "keys", doc: "The zones to answer for." } },
    options: {
      apex: {
        type: "name",
        default: "dns",
        surplus: "ignored",
        doc: "The name below which the zone's own records are.",
      },
      ttl: {
        type: "integer",
        min: 0,
        max: 3600,
        default: 5,
        surplus: "ignored",
        doc: "TTL of the addresses, in seconds.",
      },
      headless: { type: "flag", doc: "Headless Services are shown by the addresses of their endpoints." },
      fallthrough: {
        type: "zone[]",
        ifEmpty: ["."],
        doc: "Leaves names that do not exist, of these zones, to the next plugin.",
      },
    },
    check({ zones, apex }) {
      const long = zones.find((zone) => "hostmaster.".length + apex.length - 1 + zone.length > MAX_NAME);
      return long === undefined
        ? undefined
        : problem(`${nameText(long)} is too long: there is no room for names in it`);
    },
  }),
  setup({ zones, apex, ttl, headless, fallthrough = [] }, context) {
    const look: Look = { apex, ttl, headless };
    const mayPass = (name: Name): boolean =>
      fallthrough.length > 0 && zoneOf(fallthrough, name) !== undefined;
    let cluster: ClusterView | undefined;
    let answers: Answers | undefined;

    context.provide(TRANSFER, {
      records: (name, serial) =>
        cluster !== undefined && zones.includes(name)
          ? transferRecords(cluster, look, name, serial)
          : undefined,
    });
    context.provide(GENERATIONS, {
      get numbers() {
        return cluster!.index.generations.numbers;
      },
      slotFor(name, type) {
        const zone = zoneOf(zones, name);
        if (zone === undefined) return undefined;
        // What is left to kubernetes depends on whatever kubernetes makes of it.
        const isShared = zoneOf(cluster!.settings.zones, name) !== undefined && mayPass(name);
        return isShared ? ANYTHING : answers!.slotFor(name, zone, type);
      },
    });

    return {
      answer(query, next) {
        const zone = zoneOf(zones, query.name);
        if (zone === undefined) return next(query);
        return answers!.answer(query, zone, mayPass(query.name)) ?? next(query);
      },
      start() {
        cluster = context.find(CLUSTER)[0];
        if (cluster === undefined) {
          throw new Error(
            "plugin/k8s_external: there is no cluster: add kubernetes to the same server block",
          );
        }
        answers = createAnswers(cluster, zones, look);
      },
    };
  },
});
