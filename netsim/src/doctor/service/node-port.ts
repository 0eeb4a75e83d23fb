/** Ports that a node has only once, and only in a range. */
import type { Service } from "../../model/types.ts";
import type { Context } from "../context.ts";
import { fix, patch, remove, set } from "../fix.ts";
import { evidence, listText, placeOf } from "../place.ts";
import { SERVICE } from "../sources.ts";
import type { Check, Draft } from "../types.ts";
import { serviceId } from "./shared.ts";

interface Range {
  readonly first: number;
  readonly last: number;
  readonly said: string;
}

const USUAL: Range = { first: 30_000, last: 32_767, said: "the default" };

/** What the API server's own pod says, where that is in the input. */
function rangeOf({ given }: Context): Range {
  for (const pod of given.pods) {
    for (const { command = [], args = [] } of pod.spec.containers) {
      const word = [...command, ...args].find((w) => w.startsWith("--service-node-port-range="));
      const match = /=(\d+)-(\d+)$/.exec(word ?? "");
      if (match !== null)
        return {
          first: Number(match[1]),
          last: Number(match[2]),
          said: `Pod ${pod.metadata.namespace}/${pod.metadata.name}`,
        };
    }
  }
  return USUAL;
}

interface Port {
  readonly service: Service;
  readonly index: number;
  readonly port: number;
  readonly protocol: string;
}

const nodePorts = ({ given }: Context): readonly Port[] =>
  given.services.flatMap((service) =>
    service.spec.ports.flatMap(({ nodePort, protocol }, index) =>
      nodePort === undefined || nodePort === 0 ? [] : [{ service, index, port: nodePort, protocol }],
    ),
  );

const path = ({ index }: Port) => ["spec", "ports", index, "nodePort"];
const letChoose = (port: Port, text: string) => fix(text, patch(port.service, remove(path(port))));

export const nodePortRange: Check = {
  id: "NS/node-port-range",
  title: "A nodePort outside of the range",
  severity: "error",
  why: "The API server refuses a Service whose nodePort is not in --service-node-port-range, so it is never created.",
  sources: [SERVICE],
  run: (context) => {
    const range = rangeOf(context);
    return nodePorts(context).flatMap((port): Draft[] => {
      if (range.first <= port.port && port.port <= range.last) return [];
      return [
        {
          message: `nodePort ${port.port} of ${serviceId(port.service)} is not between ${range.first} and ${range.last}`,
          at: placeOf(port.service, path(port)),
          evidence: [evidence(`the range is ${range.first}-${range.last} (${range.said})`)],
          fix: letChoose(port, "leave nodePort out: the API server chooses one, or write one of the range"),
          cause: `${port.port}`,
        },
      ];
    });
  },
};

export const nodePortTwice: Check = {
  id: "NS/node-port-twice",
  title: "A nodePort is used twice",
  severity: "error",
  why: "A port of the nodes belongs to one Service. The API server refuses the second one with the same nodePort and protocol.",
  sources: [SERVICE],
  run: (context) => {
    const byPort = new Map<string, Port[]>();
    for (const port of nodePorts(context)) {
      const key = `${port.port}/${port.protocol}`;
      byPort.set(key, [...(byPort.get(key) ?? []), port]);
    }
    return [...byPort].flatMap(([key, ports]): Draft[] => {
      const [first, ...others] = ports as [Port, ...Port[]];
      if (others.length === 0) return [];
      return [
        {
          message: `${listText(ports.map((p) => serviceId(p.service)))} all want nodePort ${key}`,
          at: placeOf((others[0] as Port).service, path(others[0] as Port)),
          subjects: ports.map((p) => placeOf(p.service, path(p))),
          evidence: [
            evidence(`the first is ${serviceId(first.service)}`, placeOf(first.service, path(first))),
          ],
          fix: fix(
            `let the first keep it, and leave nodePort out of ${listText(others.map((p) => serviceId(p.service)))}`,
            ...others.map((p) => patch(p.service, remove(path(p)))),
          ),
          cause: key,
        },
      ];
    });
  },
};

export const clusterIpTwice: Check = {
  id: "NS/cluster-ip-twice",
  title: "A cluster IP is used twice",
  severity: "error",
  why: "An address belongs to one Service. The API server refuses the second one that asks for it.",
  sources: [SERVICE],
  run: ({ given }) => {
    const byAddress = new Map<string, Service[]>();
    for (const service of given.services)
      for (const ip of service.spec.clusterIPs ?? [])
        if (ip !== "None") byAddress.set(ip, [...(byAddress.get(ip) ?? []), service]);
    return [...byAddress].flatMap(([ip, services]): Draft[] => {
      const [, ...others] = services;
      if (others.length === 0) return [];
      return [
        {
          message: `${listText(services.map(serviceId))} all want the address ${ip}`,
          at: placeOf(others[0] as Service, ["spec", "clusterIP"]),
          subjects: services.map((s) => placeOf(s)),
          evidence: services
            .map((s) => evidence(`${serviceId(s)} has ${ip}`, placeOf(s, ["spec", "clusterIP"])))
            .slice(0, 3),
          fix: fix(
            "leave clusterIP out of all but one: the API server chooses",
            ...others.map((s) => patch(s, ...NO_ADDRESS)),
          ),
          cause: ip,
        },
      ];
    });
  },
};

/** Either field may be written, or both: null is as good as absent in both. */
const NO_ADDRESS = [set(["spec", "clusterIP"], null), set(["spec", "clusterIPs"], null)];
